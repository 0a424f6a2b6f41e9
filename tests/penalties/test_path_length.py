"""Path length of generators whose Jacobian is known."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.penalties import path_length_penalty, path_lengths
from tests.penalties.cases import keys


def _noise():
    """Draw what the keys of five examples give for images [2, 2, 2], over the root of 4 pixels."""
    draw = jax.vmap(lambda key: jax.random.normal(key, (2, 2, 2), jnp.float64))
    return np.asarray(jax.jit(draw)(keys(5))) / 2


def _random(*shape):
    return np.random.default_rng(0).normal(size=shape)


def _lengths(generate, latents):
    return np.asarray(jax.jit(lambda latents: path_lengths(generate, latents, keys(5)))(latents))


def test_linear_generator():
    """G(z) = A z has Jᵀy = Aᵀy at every z."""
    weights, latents = _random(3, 2, 2, 2), _random(5, 3)
    with jax.enable_x64(True):
        value = _lengths(lambda z: jnp.einsum("bd,dhwc->bhwc", z, weights), latents)
        products = np.einsum("dhwc,bhwc->bd", weights, _noise())
    np.testing.assert_allclose(value, np.linalg.norm(products, axis=1), rtol=1e-9)


def test_styles_are_summed_over_features_and_averaged_over_layers():
    weights, styles = _random(3, 4, 2, 2, 2), _random(5, 3, 4)
    with jax.enable_x64(True):
        value = _lengths(lambda w: jnp.einsum("bld,ldhwc->bhwc", w, weights), styles)
        products = np.einsum("ldhwc,bhwc->bld", weights, _noise())
    expected = np.sqrt(np.square(products).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_quadratic_generator_at_each_examples_latents():
    """G(z) = (A z)² has Jᵀy = Aᵀ(2 A z ⊙ y)."""
    weights, latents = _random(3, 8), _random(5, 3)
    with jax.enable_x64(True):
        value = _lengths(lambda z: jnp.square(z @ weights).reshape(-1, 2, 2, 2), latents)
        products = (2 * latents @ weights * _noise().reshape(5, 8)) @ weights.T
    np.testing.assert_allclose(value, np.linalg.norm(products, axis=1), rtol=1e-9)


def test_noise_is_scaled_by_the_root_of_the_pixels():
    """E l² of the identity on H W C numbers is C: each of them adds 1 / (H W)."""
    latents = jnp.zeros((4096, 4 * 2 * 3))
    generate = lambda latents: latents.reshape(-1, 4, 2, 3)
    value = jax.jit(lambda: path_lengths(generate, latents, keys(4096)))()
    np.testing.assert_allclose(jnp.mean(jnp.square(value)), 3.0, rtol=0.03)


def test_an_example_does_not_depend_on_the_rest_of_the_batch_nor_on_compilation():
    weights, latents = _random(3, 4).astype(np.float32), _random(4, 3).astype(np.float32)
    value = partial(path_lengths, lambda z: jnp.tanh(z @ weights))
    whole = jax.jit(value)(latents, keys(4))
    np.testing.assert_allclose(value(latents[1:3], keys(4)[1:3]), whole[1:3], rtol=1e-5)


def test_gradients_of_the_generator_and_of_what_made_the_styles_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    mapping, synthesis, latents = _random(3, 4), _random(4, 8), _random(5, 3)

    def value(mapping, synthesis):
        styles = jnp.tanh(latents @ mapping)

        def generate(styles):
            return jax.nn.softplus(styles @ synthesis).reshape(-1, 2, 2, 2)

        lengths = path_lengths(generate, styles, keys(5))
        return path_length_penalty(lengths=lengths, average=0.7).mean(), lengths

    with jax.enable_x64(True):
        noise = torch.tensor(_noise())
        grad = jax.jit(jax.value_and_grad(value, argnums=(0, 1), has_aux=True))
        (_, lengths), gradients = grad(mapping, synthesis)

    mapping, synthesis = (torch.tensor(x, requires_grad=True) for x in (mapping, synthesis))
    styles = torch.tanh(torch.tensor(latents) @ mapping)
    images = torch.nn.functional.softplus(styles @ synthesis).reshape(-1, 2, 2, 2)
    (slopes,) = torch.autograd.grad((images * noise).sum(), styles, create_graph=True)
    theirs = slopes.square().sum(dim=1).sqrt()
    penalty = (theirs - 0.7).square().mean()
    np.testing.assert_allclose(lengths, theirs.detach().numpy(), rtol=1e-8)
    for ours, gradient in zip(
        gradients, torch.autograd.grad(penalty, (mapping, synthesis)), strict=True
    ):
        np.testing.assert_allclose(ours, gradient, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_lengths_are_float32_and_finite_at_extremes_and_where_a_generator_is_flat(dtype):
    @jax.jit
    @jax.value_and_grad
    def value(scale):
        generate = lambda latents: scale * latents.reshape(-1, 2, 2, 1)
        lengths = path_lengths(generate, jnp.ones((3, 4), dtype), keys(3))
        assert lengths.dtype == jnp.float32
        return path_length_penalty(lengths=lengths, average=1.0).sum()

    for scale in (0.0, 1e4, -1e4):
        assert all(jnp.isfinite(part) for part in value(jnp.asarray(scale, dtype)))


def test_the_average_is_a_constant():
    lengths = jnp.array([1.0, 4.0])
    value = lambda average: path_length_penalty(lengths=lengths, average=average).sum()
    assert jax.value_and_grad(value)(2.0) == (5.0, 0.0)
    assert path_length_penalty(lengths=lengths.astype("float16"), average=2.0).dtype == jnp.float32


def test_other_shapes_are_refused():
    generate = lambda latents: latents
    with pytest.raises(ValueError, match=r"needs latents \[B, D\] or \[B, L, D\], got \(3,\)"):
        path_lengths(generate, jnp.zeros(3), keys(3))
    with pytest.raises(
        ValueError, match=r"^path_lengths needs .* one key per example, got .*\(2,\)"
    ):
        path_lengths(generate, jnp.zeros((3, 2)), keys(2))
