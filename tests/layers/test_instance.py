import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax import layers


class Normalized(nn.Module):
    """A network of the layer alone."""

    affine: bool = False
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, maps):
        return layers.instance_norm(train=True, dtype=self.dtype, affine=self.affine)(maps)


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_it_is_its_formula_by_hand():
    maps = jnp.array([1.0, 5.0, 3.0, 3.0]).reshape(1, 2, 2, 1)
    expected = np.array([-2.0, 2.0, 0.0, 0.0]).reshape(1, 2, 2, 1) / np.sqrt(2 + 1e-5)
    np.testing.assert_allclose(Normalized().apply({}, maps), expected, rtol=1e-6)


@pytest.mark.parametrize("affine", [False, True])
def test_torch_says_the_same_to_second_order(affine):
    torch = pytest.importorskip("torch")
    maps, params = normal(3, 4, 5, 2), {}
    if affine:
        params = {"InstanceNorm_0": {"scale": np.array([2.0, -0.5]), "bias": np.array([1.0, 3.0])}}
    with jax.enable_x64(True):

        def squares(params, maps):
            run = lambda x: Normalized(affine).apply({"params": params}, x)
            slopes = jax.grad(lambda x: jnp.sum(jnp.sin(run(x))))(maps)
            return jnp.sum(jnp.sin(run(maps))) + jnp.sum(slopes**2), run(maps)

        run = jax.jit(jax.value_and_grad(squares, argnums=(0, 1), has_aux=True))
        (value, ours), gradients = jax.tree.map(np.asarray, run(params, maps))

    given = jax.tree.map(lambda leaf: torch.tensor(leaf, requires_grad=True), (params, maps))
    weights = [given[0]["InstanceNorm_0"][name] for name in ("scale", "bias")] if affine else []
    weights = dict(zip(("weight", "bias"), weights, strict=False))
    theirs = torch.nn.functional.instance_norm(given[1].permute(0, 3, 1, 2), **weights)
    theirs = theirs.permute(0, 2, 3, 1)
    (slopes,) = torch.autograd.grad(torch.sin(theirs).sum(), given[1], create_graph=True)
    total = torch.sin(theirs).sum() + (slopes**2).sum()
    total.backward()
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(value, total.detach(), rtol=1e-11)
    for leaf, other in zip(jax.tree.leaves(gradients), jax.tree.leaves(given), strict=True):
        np.testing.assert_allclose(leaf, other.grad, rtol=1e-8, atol=1e-10)


def test_channels_and_examples_are_apart_and_forget_their_level_and_contrast():
    maps = jnp.asarray(normal(4, 5, 3, 2), jnp.float32)
    run = jax.jit(lambda maps: Normalized().apply({}, maps))
    outputs = run(maps)
    np.testing.assert_allclose(outputs.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(outputs.std(axis=(1, 2)), 1, rtol=1e-4)
    np.testing.assert_array_equal(run(maps.at[1:].multiply(7.0))[0], outputs[0])
    np.testing.assert_array_equal(run(maps.at[..., 1].set(0.0))[..., 0], outputs[..., 0])
    np.testing.assert_allclose(run(50 * maps + 9), outputs, atol=1e-4)
    flat = run(jnp.full((1, 4, 4, 1), 3.0))
    np.testing.assert_array_equal(flat, jnp.zeros_like(flat))


def test_a_level_far_from_zero_takes_no_digits():
    maps = 1e4 + normal(2, 16, 16, 3)
    given = maps.astype(np.float32).astype(np.float64)
    exact = (given - given.mean(axis=(1, 2), keepdims=True)) / given.std(axis=(1, 2), keepdims=True)
    outputs = Normalized().apply({}, jnp.asarray(given, jnp.float32))
    np.testing.assert_allclose(outputs, exact, atol=0.02)


def test_half_precision_normalises_by_statistics_in_full():
    # In bfloat16 the sum of these 64 numbers, and so their mean, would be off by more than they
    # differ.
    maps = jnp.tile(jnp.array([256.0, 258.0]), 32).reshape(1, 8, 8, 1)
    half = maps.astype(jnp.bfloat16)
    for outputs in (Normalized().apply({}, half), Normalized(dtype=jnp.bfloat16).apply({}, maps)):
        assert outputs.dtype == jnp.bfloat16
        np.testing.assert_array_equal(outputs.astype(jnp.float32), maps - 257)


def test_parameters_are_two_numbers_a_channel_or_none():
    maps = jnp.asarray(normal(1, 2, 2, 3), jnp.float32)
    assert Normalized().init(jax.random.key(0), maps) == {}
    params = Normalized(affine=True).init(jax.random.key(0), maps)["params"]["InstanceNorm_0"]
    np.testing.assert_array_equal(params["scale"], np.ones(3))
    np.testing.assert_array_equal(params["bias"], np.zeros(3))


@pytest.mark.parametrize("shape", [(2, 1, 1, 3), (2, 3), (2, 1, 3)])
def test_a_single_pixel_is_refused(shape):
    with pytest.raises(ValueError, match=r"maps \[B, ..., C\] of two pixels or more, got \[2, "):
        Normalized().init(jax.random.key(0), jnp.ones(shape))
