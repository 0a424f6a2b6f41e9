"""Values, derivatives and meaning of the gradient penalties."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import losses, penalties
from gan_jax.penalties import gradient_penalty, r1_penalty, r2_penalty

PENALTIES = [r1_penalty, r2_penalty, gradient_penalty]
every_penalty = pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: penalty.__name__)


def _keys(number, seed=0):
    return jax.random.split(jax.random.key(seed), number)


def _samples(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)


def _bowl(samples):
    """D(x) = 1/2 ||x||², whose gradient is x."""
    return 0.5 * jnp.sum(jnp.square(samples), axis=range(1, samples.ndim))


def _network(parameters, samples):
    hidden = jnp.tanh(samples.reshape(len(samples), -1) @ parameters["hidden"])
    return jax.nn.softplus(hidden) @ parameters["output"]


def _parameters(seed=1, dtype=np.float32):
    random = np.random.default_rng(seed)
    return {
        "hidden": random.normal(size=(4, 3)).astype(dtype),
        "output": random.normal(size=3).astype(dtype),
    }


def _of_parameters(penalty, real, fake):
    """Return the penalty as a function of the critic's parameters."""
    return lambda parameters: penalty(
        critic=partial(_network, parameters), real=real, fake=fake, keys=_keys(len(real)), step=0
    )


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (r1_penalty, lambda norm: norm**2 / 2),
        (r2_penalty, lambda norm: norm**2 / 2),
        (gradient_penalty, lambda norm: (norm - 1) ** 2),
        (partial(gradient_penalty, target=2.0), lambda norm: (norm - 2) ** 2),
    ],
    ids=["r1", "r2", "one_centred", "two_centred"],
)
def test_linear_critic_is_penalised_for_its_weights_wherever_it_stands(penalty, expected):
    real, fake = _samples(5, 2, 3)

    @jax.jit
    def value(weights):
        def critic(samples):
            return jnp.einsum("bij,ij->b", samples, weights) + 3.0

        return penalty(critic=critic, real=real, fake=fake, keys=_keys(5))

    for scale in (0.0, 0.1, 1.0, 7.0):
        weights = scale * np.arange(6.0, dtype=np.float32).reshape(2, 3)
        norm = np.linalg.norm(weights)
        np.testing.assert_allclose(value(weights), np.full(5, expected(norm)), rtol=1e-5)


def test_r1_looks_at_real_and_r2_at_fake_each_example_by_itself():
    real, fake = _samples(3, 4, 4, 2)
    call = {"critic": _bowl, "real": real, "fake": fake, "keys": _keys(3)}
    np.testing.assert_allclose(r1_penalty(**call), np.sum(real**2, (1, 2, 3)) / 2, rtol=1e-5)
    np.testing.assert_allclose(r2_penalty(**call), np.sum(fake**2, (1, 2, 3)) / 2, rtol=1e-5)


def test_values_agree_with_finite_differences_of_the_critic():
    real, fake = _samples(3, 4).astype(np.float64)
    parameters = _parameters(dtype=np.float64)

    def critic(x):
        return np.log1p(np.exp(np.tanh(x @ parameters["hidden"]))) @ parameters["output"]

    def squared_norm(x):
        steps = 1e-5 * np.eye(4)
        return sum(((critic(x + step) - critic(x - step)) / 2e-5) ** 2 for step in steps)

    with jax.enable_x64(True):
        alpha = np.asarray(jax.vmap(jax.random.uniform)(_keys(3)))[:, None]
        between = alpha * real + (1 - alpha) * fake
        for penalty, reference in (
            (r1_penalty, squared_norm(real) / 2),
            (r2_penalty, squared_norm(fake) / 2),
            (gradient_penalty, (np.sqrt(squared_norm(between)) - 1) ** 2),
        ):
            value = _of_parameters(penalty, real, fake)(parameters)
            np.testing.assert_allclose(value, reference, rtol=1e-7)


def test_pytree_samples_have_one_norm_over_all_leaves():
    real = {"nodes": jnp.ones((2, 3)), "edges": jnp.ones((2, 2, 2))}
    fake = jax.tree.map(jnp.zeros_like, real)
    call = {
        "critic": lambda graph: 3.0 * graph["nodes"][:, 0] + 2.0 * graph["edges"].sum((1, 2)),
        "real": real,
        "fake": fake,
        "keys": _keys(2),
    }
    np.testing.assert_allclose(r1_penalty(**call), np.full(2, 12.5))
    np.testing.assert_allclose(r2_penalty(**call), np.full(2, 12.5))
    np.testing.assert_allclose(gradient_penalty(**call), np.full(2, 16.0), rtol=1e-6)


def test_patch_maps_are_summed():
    real, fake = _samples(2, 4, 4, 1)
    call = {"critic": lambda images: 0.5 * images**2, "real": real, "fake": fake, "keys": _keys(2)}
    np.testing.assert_allclose(r1_penalty(**call), r1_penalty(**{**call, "critic": _bowl}))


def test_a_critic_that_mixes_examples_is_differentiated_as_a_whole():
    real, _ = _samples(3, 4)

    def critic(samples):
        sums = samples.sum(axis=1)
        return sums * sums.mean()

    expected = 0.5 * 4 * (2 * real.sum(axis=1).mean()) ** 2
    np.testing.assert_allclose(
        r1_penalty(critic=critic, real=real), np.full(3, expected), rtol=1e-5
    )


def test_alpha_is_one_uniform_number_per_example_shared_by_its_pixels_and_leaves():
    number = 4096
    real = {"a": jnp.ones((number, 2)), "b": jnp.ones((number, 1))}
    fake = jax.tree.map(jnp.zeros_like, real)

    def squared_alpha(weights):
        def critic(tree):
            pixels = jnp.concatenate([tree["a"], tree["b"]], axis=1)
            return 0.5 * jnp.square(pixels) @ weights

        return gradient_penalty(critic=critic, real=real, fake=fake, keys=_keys(number), target=0.0)

    first, *others = jax.jit(jax.vmap(squared_alpha))(jnp.eye(3))
    for other in others:
        np.testing.assert_allclose(first, other, rtol=1e-4, atol=1e-5)
    alpha = np.sort(np.sqrt(first))
    assert len(np.unique(alpha)) > number - 10
    # Kolmogorov-Smirnov at the 0.1 % level
    assert np.abs(alpha - (np.arange(number) + 0.5) / number).max() < 1.95 / np.sqrt(number)


def test_alpha_one_is_real_and_zero_is_fake():
    real, fake = jnp.full((2, 3), 5.0), jnp.full((2, 3), 2.0)
    alpha = jax.vmap(jax.random.uniform)(_keys(2))
    norm = np.sqrt(3.0) * (5.0 * alpha + 2.0 * (1 - alpha))
    penalty = gradient_penalty(critic=_bowl, real=real, fake=fake, keys=_keys(2))
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, rtol=1e-5)


@every_penalty
def test_an_example_does_not_depend_on_the_rest_of_the_batch(penalty):
    real, fake = _samples(6, 4)
    keys = _keys(6)
    value = jax.jit(partial(penalty, critic=partial(_network, _parameters())))
    whole = value(real=real, fake=fake, keys=keys)
    for part in (slice(0, 3), slice(3, 6), np.array([4, 0, 1])):
        some = value(real=real[part], fake=fake[part], keys=keys[part])
        np.testing.assert_allclose(some, whole[part], rtol=1e-5)


@every_penalty
def test_samples_are_constants(penalty):
    real, fake = _samples(3, 4)

    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def gradients(real, fake):
        return penalty(critic=_bowl, real=real, fake=fake, keys=_keys(3)).sum()

    assert all((gradient == 0).all() for gradient in gradients(real, fake))


@every_penalty
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_one_float32_value_per_example(penalty, dtype):
    real, fake = _samples(3, 1000)
    value = jax.jit(partial(penalty, critic=_bowl, keys=_keys(3)))
    exact, rounded = (
        value(real=real, fake=fake),
        value(real=real.astype(dtype), fake=fake.astype(dtype)),
    )
    assert (rounded.shape, rounded.dtype) == ((3,), jnp.float32)
    np.testing.assert_allclose(rounded, exact, rtol=1e-2)


def test_squares_are_summed_in_float32():
    """In bfloat16 a sum of ones stops at 256; in float16 the square of 300 is infinite."""
    assert r1_penalty(critic=_bowl, real=jnp.ones((1, 5000), "bfloat16")) == 2500
    assert r1_penalty(critic=_bowl, real=jnp.full((1, 2), 300, "float16")) == 90000


@every_penalty
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_extreme_samples_give_finite_values_and_gradients(penalty, dtype):
    @jax.jit
    @jax.value_and_grad
    def value_and_gradient(scale, real, fake):
        def critic(samples):
            return scale * _bowl(samples)

        return penalty(critic=critic, real=real, fake=fake, keys=_keys(2)).sum()

    for extreme in (1e4, -1e4):
        samples = jnp.full((2, 4), extreme, dtype)
        value, gradient = value_and_gradient(jnp.ones((), dtype), samples, -samples)
        assert value > 1e4
        assert jnp.isfinite(value)
        assert jnp.isfinite(gradient)


@every_penalty
def test_a_flat_critic_has_a_finite_gradient(penalty):
    real, fake = _samples(2, 4)
    parameters = jax.tree.map(jnp.zeros_like, _parameters())
    of_parameters = _of_parameters(penalty, real, fake)
    expected = 1.0 if penalty is gradient_penalty else 0.0
    np.testing.assert_allclose(of_parameters(parameters), expected, rtol=1e-5)
    gradients = jax.jit(jax.grad(lambda parameters: of_parameters(parameters).sum()))(parameters)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


@every_penalty
def test_parameter_derivatives_are_those_of_finite_differences_twice_over(penalty):
    with jax.enable_x64(True):
        real, fake = _samples(3, 4).astype(np.float64)
        of_parameters = _of_parameters(penalty, real, fake)
        value = jax.jit(lambda parameters: of_parameters(parameters).sum())
        parameters = (_parameters(dtype=np.float64),)
        check_grads(value, parameters, order=1, modes=["rev"], rtol=1e-6)
        check_grads(jax.jit(jax.grad(value)), parameters, order=1, modes=["fwd"], rtol=1e-6)


@every_penalty
def test_jit_is_eager(penalty):
    of_parameters = _of_parameters(penalty, *_samples(3, 4))
    eager, compiled = of_parameters(_parameters()), jax.jit(of_parameters)(_parameters())
    np.testing.assert_allclose(compiled, eager, rtol=1e-5)


@every_penalty
def test_vmap_and_scan_over_critics_are_a_loop(penalty):
    of_parameters = _of_parameters(penalty, *_samples(3, 4))
    population = [_parameters(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *population)
    looped = np.stack([of_parameters(parameters) for parameters in population])
    np.testing.assert_allclose(jax.vmap(of_parameters)(stacked), looped, rtol=1e-5)
    _, scanned = jax.lax.scan(lambda carry, critic: (carry, of_parameters(critic)), 0, stacked)
    np.testing.assert_allclose(scanned, looped, rtol=1e-5)


@pytest.mark.parametrize(
    ("fake_shape", "number_of_keys"), [((4, 2), 3), ((3, 1), 3), ((1, 2), 3), ((3, 2), 1)]
)
def test_gradient_penalty_refuses_what_would_broadcast(fake_shape, number_of_keys):
    with pytest.raises(ValueError, match="same shapes and one key per example") as error:
        gradient_penalty(
            critic=_bowl,
            real=jnp.zeros((3, 2)),
            fake=jnp.zeros(fake_shape),
            keys=_keys(number_of_keys),
        )
    assert "(3, 2)" in str(error.value)
    assert str(fake_shape) in str(error.value)
    assert f"keys ({number_of_keys},)" in str(error.value)
    assert "\n" not in str(error.value)


def test_gradient_penalty_refuses_a_single_key():
    with pytest.raises(ValueError, match="one key per example"):
        gradient_penalty(
            critic=_bowl, real=jnp.zeros((3, 2)), fake=jnp.zeros((3, 2)), keys=jax.random.key(0)
        )


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
            call = {"real": jnp.zeros(1), "fake": position[None], "keys": _keys(1)}
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


def test_package_works_alone_under_another_name(tmp_path):
    shutil.copytree(Path(penalties.__file__).parent, tmp_path / "borrowed")
    run = subprocess.run(
        [sys.executable, "-c", "import borrowed, sys; print(*sys.modules)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(run.stdout.split()) & {"gan_jax", "flax", "orbax", "tensorflow_datasets"}


@every_penalty
def test_values_and_parameter_gradients_agree_with_pytorch(penalty):
    torch = pytest.importorskip("torch")
    real, fake = _samples(3, 4).astype(np.float64)
    parameters = _parameters(dtype=np.float64)
    with jax.enable_x64(True):
        alpha = np.array(jax.vmap(jax.random.uniform)(_keys(3)))[:, None]
        of_parameters = _of_parameters(penalty, real, fake)
        ours = of_parameters(parameters)
        our_gradients = jax.grad(lambda parameters: of_parameters(parameters).sum())(parameters)

    point = {
        r1_penalty: real,
        r2_penalty: fake,
        gradient_penalty: alpha * real + (1 - alpha) * fake,
    }[penalty]
    samples = torch.tensor(point, requires_grad=True)
    hidden = torch.tensor(parameters["hidden"], requires_grad=True)
    output = torch.tensor(parameters["output"], requires_grad=True)
    logits = torch.nn.functional.softplus(torch.tanh(samples @ hidden)) @ output
    (slopes,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    if penalty is gradient_penalty:
        theirs = (slopes.norm(2, dim=1) - 1) ** 2
    else:
        theirs = slopes.square().sum(dim=1) / 2
    their_gradients = torch.autograd.grad(theirs.sum(), (hidden, output))

    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-8)
    np.testing.assert_allclose(our_gradients["hidden"], their_gradients[0].numpy(), rtol=1e-8)
    np.testing.assert_allclose(our_gradients["output"], their_gradients[1].numpy(), rtol=1e-8)
