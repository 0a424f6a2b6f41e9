"""Values of the gradient penalties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.penalties import gradient_penalty, r1_penalty, r2_penalty


def _keys(number):
    return jax.random.split(jax.random.key(0), number)


def _samples(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)


def _bowl(samples):
    """D(x) = 1/2 ||x||², whose gradient is x."""
    return 0.5 * jnp.sum(jnp.square(samples), axis=range(1, samples.ndim))


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
    weights = np.random.default_rng(1).normal(size=(4, 3))

    def critic(samples, tanh=np.tanh):
        return (tanh(samples @ weights) ** 3).sum(axis=1)

    def squared_norm(samples):
        steps = 1e-5 * np.eye(4)
        slopes = [(critic(samples + step) - critic(samples - step)) / 2e-5 for step in steps]
        return np.square(slopes).sum(axis=0)

    with jax.enable_x64(True):
        alpha = np.asarray(jax.vmap(jax.random.uniform)(_keys(3)))[:, None]
        between = alpha * real + (1 - alpha) * fake
        for penalty, reference in (
            (r1_penalty, squared_norm(real) / 2),
            (r2_penalty, squared_norm(fake) / 2),
            (gradient_penalty, (np.sqrt(squared_norm(between)) - 1) ** 2),
        ):
            jax_critic = partial(critic, tanh=jnp.tanh)
            value = penalty(critic=jax_critic, real=real, fake=fake, keys=_keys(3))
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


def test_squares_are_summed_in_float32():
    """In bfloat16 a sum of ones stops at 256; in float16 the square of 300 is infinite."""
    assert r1_penalty(critic=_bowl, real=jnp.ones((1, 5000), "bfloat16")) == 2500
    assert r1_penalty(critic=_bowl, real=jnp.full((1, 2), 300, "float16")) == 90000


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
