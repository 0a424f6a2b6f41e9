"""The smallest GAN: which penalties make it converge, by the eigenvalues of its dynamics.

Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?"
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses
from gan_jax.penalties import gradient_penalty, r1_penalty, r2_penalty


def _dirac_gan(pair, *penalties):
    """Linearise both players' gradient descent where real and fake are one point at zero.

    The generator is a point at `position`, the discriminator `D(x) = slope x`. Return the function
    from the penalties' weight to the eigenvalues.
    """

    def field(game, gamma):
        position, slope = game

        def generator_loss(position):
            return pair.generator(slope * position, jnp.zeros(()))

        def discriminator_loss(slope):
            call = {
                "real": jnp.zeros(1),
                "fake": position[None],
                "keys": jax.random.split(jax.random.key(0), 1),
            }
            terms = [
                penalty(critic=lambda samples: slope * samples, **call)[0] for penalty in penalties
            ]
            return pair.discriminator(jnp.zeros(()), slope * position) + gamma * sum(terms)

        return -jnp.stack([jax.grad(generator_loss)(position), jax.grad(discriminator_loss)(slope)])

    jacobian = jax.jit(jax.jacfwd(field))

    def eigenvalues(gamma):
        with jax.enable_x64(True):
            return np.sort_complex(np.linalg.eigvals(np.asarray(jacobian(np.zeros(2), gamma))))

    return eigenvalues


@pytest.mark.parametrize(
    ("pair", "rate"),
    [(losses.non_saturating, 0.5), (losses.relativistic, 0.5), (losses.wasserstein, 1.0)],
    ids=["non_saturating", "relativistic", "wasserstein"],
)
def test_dirac_gan_circles_without_and_converges_with_zero_centred_penalties(pair, rate):
    np.testing.assert_allclose(_dirac_gan(pair)(0.0), np.array([-1j, 1j]) * rate, atol=1e-12)

    for zero_centred, strength in (
        ([r1_penalty], 1),
        ([r2_penalty], 1),
        ([r1_penalty, r2_penalty], 2),
    ):
        eigenvalues = _dirac_gan(pair, *zero_centred)
        for gamma in (0.4, 3.0):
            damping = strength * gamma / 2
            root = np.sqrt(complex(damping**2 - rate**2))
            expected = np.sort_complex([-damping - root, -damping + root])
            np.testing.assert_allclose(eigenvalues(gamma), expected, atol=1e-12)
            assert (eigenvalues(gamma).real < 0).all()


def test_dirac_gan_does_not_converge_with_the_one_centred_penalty():
    assert _dirac_gan(losses.wasserstein, gradient_penalty)(10.0).real.max() > 0
