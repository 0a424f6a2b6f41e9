"""Values of the gradient penalties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.penalties import gradient_penalty, r1_penalty, r2_penalty, wgan_div_penalty
from tests.penalties.cases import GRADIENT, OF_NORM, bowl, each, keys, points, samples

VALUES = {
    **{name: (penalty, OF_NORM[name]) for name, penalty in GRADIENT.items()},
    "two_centred": (partial(gradient_penalty, target=2.0), lambda norm: (norm - 2) ** 2),
    "one_sided_at_two": (
        partial(gradient_penalty, target=2.0, one_sided=True),
        lambda norm: max(0, norm - 2) ** 2,
    ),
    "wgan_div_of_square": (
        partial(wgan_div_penalty, coefficient=0.5, power=2.0),
        lambda norm: norm**2 / 2,
    ),
}


def _values(critic, real, fake):
    """Return what each penalty says of a critic, by name."""
    call = {
        "critic": critic,
        "real": real,
        "fake": fake,
        "keys": keys(len(jax.tree.leaves(real)[0])),
    }
    return each(lambda name: GRADIENT[name](**call), GRADIENT)


@pytest.fixture(scope="module")
def linear():
    """Evaluate the penalties of D(x) = w x + 3 at some w."""
    real, fake = samples(5, 2, 3)

    @jax.jit
    def values(weights):
        critic = lambda samples: jnp.einsum("bij,ij->b", samples, weights) + 3.0
        call = {"critic": critic, "real": real, "fake": fake, "keys": keys(5)}
        return each(lambda name: VALUES[name][0](**call), VALUES)

    weights = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    scaled = [scale * weights for scale in (0.0, 0.1, 1.0, 7.0)]
    return [(np.linalg.norm(weights), values(weights)) for weights in scaled]


@pytest.mark.parametrize("name", VALUES)
def test_linear_critic_is_penalised_for_its_weights_wherever_it_stands(name, linear):
    for norm, values in linear:
        expected = np.full(5, VALUES[name][1](norm))
        np.testing.assert_allclose(values[name], expected, rtol=1e-5, atol=1e-9)


@pytest.fixture(scope="module")
def quadratic():
    """Evaluate the penalties of D(x) = 1/2 xᵀ A x, and the norms of its gradients A x̂."""
    real, fake = samples(3, 4, dtype=np.float64)
    matrix = np.random.default_rng(1).normal(size=(4, 4))
    matrix += matrix.T
    critic = lambda x: 0.5 * jnp.einsum("bi,ij,bj->b", x, matrix, x)
    with jax.enable_x64(True):
        values = jax.tree.map(np.asarray, jax.jit(partial(_values, critic))(real, fake))
        where = points(GRADIENT, real, fake)
    return values, {name: np.linalg.norm(point @ matrix, axis=1) for name, point in where.items()}


@pytest.mark.parametrize("name", GRADIENT)
def test_quadratic_critic_in_closed_form(name, quadratic):
    values, norms = quadratic
    assert values[name].dtype == np.float64
    np.testing.assert_allclose(values[name], OF_NORM[name](norms[name]), rtol=1e-9, atol=1e-11)


def test_r1_looks_at_real_and_r2_at_fake_each_example_by_itself():
    real, fake = samples(3, 4, 4, 2)
    call = {"critic": bowl, "real": real, "fake": fake, "keys": keys(3)}
    np.testing.assert_allclose(r1_penalty(**call), np.sum(real**2, (1, 2, 3)) / 2, rtol=1e-5)
    np.testing.assert_allclose(r2_penalty(**call), np.sum(fake**2, (1, 2, 3)) / 2, rtol=1e-5)


def test_values_agree_with_finite_differences_of_the_critic():
    real, fake = samples(3, 4, dtype=np.float64)
    weights = np.random.default_rng(1).normal(size=(4, 3))

    def critic(samples, tanh=np.tanh):
        return (tanh(samples @ weights) ** 3).sum(axis=1)

    def squared_norm(samples):
        steps = 1e-5 * np.eye(4)
        slopes = [(critic(samples + step) - critic(samples - step)) / 2e-5 for step in steps]
        return np.square(slopes).sum(axis=0)

    with jax.enable_x64(True):
        alpha = np.asarray(jax.vmap(jax.random.uniform)(keys(3)))[:, None]
        values = jax.jit(partial(_values, partial(critic, tanh=jnp.tanh)))(real, fake)
    between = alpha * real + (1 - alpha) * fake
    for name, reference in (
        ("r1", squared_norm(real) / 2),
        ("r2", squared_norm(fake) / 2),
        ("two_sided", (np.sqrt(squared_norm(between)) - 1) ** 2),
    ):
        np.testing.assert_allclose(values[name], reference, rtol=1e-7)


def test_pytree_samples_have_one_norm_over_all_leaves():
    """The gradient is 3 at one of three nodes, and 2 at four edges: its norm is 5."""
    real = {"nodes": jnp.ones((2, 3)), "edges": jnp.ones((2, 2, 2))}

    def critic(graph):
        return 3.0 * graph["nodes"][:, 0] + 2.0 * graph["edges"].sum((1, 2))

    values = jax.jit(partial(_values, critic))(real, jax.tree.map(jnp.zeros_like, real))
    for name, value in values.items():
        expected = OF_NORM[name](np.full(2, 5.0))
        np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=name)


def test_patch_maps_are_summed():
    real, fake = samples(2, 4, 4, 1)
    critics = (lambda images: 0.5 * images**2, bowl)
    values = jax.jit(lambda *sample: [_values(critic, *sample) for critic in critics])(real, fake)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), *values)


def test_a_critic_that_mixes_examples_is_differentiated_as_a_whole():
    real, _ = samples(3, 4)

    def critic(samples):
        sums = samples.sum(axis=1)
        return sums * sums.mean()

    expected = 0.5 * 4 * (2 * real.sum(axis=1).mean()) ** 2
    np.testing.assert_allclose(
        r1_penalty(critic=critic, real=real, mixes_examples=True), np.full(3, expected), rtol=1e-5
    )


def test_squares_are_summed_in_float32():
    """In bfloat16 a sum of ones stops at 256; in float16 the square of 300 is infinite."""
    assert r1_penalty(critic=bowl, real=jnp.ones((1, 5000), "bfloat16")) == 2500
    assert r1_penalty(critic=bowl, real=jnp.full((1, 2), 300, "float16")) == 90000
