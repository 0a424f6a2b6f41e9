import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import layers


def made(shape, gamma=0.7, dtype=jnp.float32, **keywords):
    """Return the layer, maps, and variables with a gamma that lets the attention through."""
    layer = layers.SelfAttention(**keywords)
    maps = jax.random.normal(jax.random.key(1), shape, dtype)
    variables = jax.jit(layer.init)(jax.random.key(0), maps)
    assert float(variables["params"]["gamma"]) == 0
    variables["params"]["gamma"] = jnp.full((), gamma)
    return layer, maps, variables


def pooled(maps):
    """Take maxima over squares of 2 by 2, which an odd edge cuts short."""
    height, width = (-(-size // 2) for size in maps.shape[1:3])
    rows = [
        maps[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(1, 2))
        for i in range(height)
        for j in range(width)
    ]
    return np.stack(rows, axis=1)


def reference(params, maps):
    kernels = {name: np.asarray(params[name]["kernel"])[0, 0] for name in ("query", "key", "value", "output")}  # fmt: skip
    maps = np.asarray(maps, np.float64)
    query = (maps @ kernels["query"]).reshape(len(maps), -1, maps.shape[-1] // 8)
    key, value = pooled(maps @ kernels["key"]), pooled(maps @ kernels["value"])
    scores = np.exp(query @ key.transpose(0, 2, 1))
    seen = scores / scores.sum(axis=-1, keepdims=True) @ value @ kernels["output"]
    return maps + np.asarray(params["gamma"]) * seen.reshape(maps.shape)


@pytest.mark.parametrize("size", [(4, 6), (7, 5), (1, 1)])
def test_it_is_its_formula_at_even_and_odd_sizes(size):
    with jax.enable_x64(True):
        layer, maps, variables = made((2, *size, 16), dtype=jnp.float64)
        outputs = jax.jit(layer.apply)(variables, maps)
        np.testing.assert_allclose(outputs, reference(variables["params"], maps), rtol=1e-9)


def test_it_starts_as_the_identity_and_gamma_learns_first():
    layer, maps, variables = made((2, 4, 4, 8), gamma=0.0)
    np.testing.assert_array_equal(layer.apply(variables, maps), maps)
    gradient = jax.jit(jax.grad(lambda v: jnp.sum(jnp.sin(layer.apply(v, maps)))))(variables)
    gradient = gradient["params"]
    assert gradient.pop("gamma")
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient))


def test_a_pixel_sees_all_of_its_own_example():
    layer, maps, variables = made((2, 4, 4, 8))
    jacobian = jax.jit(jax.grad(lambda x: layer.apply(variables, x)[0, 0, 0].sum()))(maps)
    assert jacobian[0].any(axis=-1).sum() > 8
    assert jacobian[0, 2:, 2:].any()
    assert not jacobian[1].any()


def test_derivatives_of_the_first_and_second_order():
    with jax.enable_x64(True):
        layer, maps, variables = made((1, 3, 2, 8), dtype=jnp.float64)
        variables = jax.tree.map(lambda a: a.astype(jnp.float64), variables)
        check_grads(jax.jit(layer.apply), (variables, maps), order=2, modes=("rev",))


def test_members_of_a_population_are_apart():
    layer, maps, variables = made((2, 4, 4, 8))
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), variables)
    together = jax.jit(jax.vmap(layer.apply, (0, None)))(many, maps)
    for i in range(2):
        alone = layer.apply(jax.tree.map(lambda leaf, i=i: leaf[i], many), maps)
        np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-6)


def test_its_convolutions_can_be_spectral():
    layer, maps, variables = made((2, 4, 4, 8), conv=layers.SpectralConv)
    assert set(variables["spectral_stats"]) == {"query", "key", "value", "output"}
    assert set(variables["params"]) == {"query", "key", "value", "output", "gamma"}
    assert all(set(variables["params"][name]) == {"kernel"} for name in variables["spectral_stats"])
    _, moved = layer.apply(variables, maps, mutable=["spectral_stats"])
    assert not np.allclose(
        moved["spectral_stats"]["value"]["u"], variables["spectral_stats"]["value"]["u"]
    )


def test_half_precision():
    layer, maps, variables = made((2, 4, 4, 8), dtype=jnp.bfloat16)
    half = layers.SelfAttention(dtype=jnp.bfloat16)
    assert layer.apply(variables, maps).dtype == jnp.float32
    outputs = half.apply(variables, maps)
    assert outputs.dtype == jnp.bfloat16
    exact = reference(variables["params"], maps)
    np.testing.assert_allclose(outputs.astype(jnp.float32), exact, atol=0.05)
    assert jnp.isfinite(half.apply(variables, 1e3 * maps)).all()


def test_scores_of_half_precision_are_taken_in_full():
    # Channel 0 asks with 17, channel 1 answers 19 or 18.875: scores of 323 and 320.875, which
    # bfloat16 would round to 324 and 320. Channel 2 is 1 where the answer is 19.
    maps = jnp.zeros((1, 2, 4, 8), jnp.bfloat16).at[..., 0].set(17).at[..., 1].set(18.875)
    maps = maps.at[:, :, :2, 1].set(19).at[:, :, :2, 2].set(1)
    layer = layers.SelfAttention(dtype=jnp.bfloat16)
    params = jax.tree.map(jnp.zeros_like, layer.init(jax.random.key(0), maps))["params"]
    for name, taken, put in (("query", 0, 0), ("key", 1, 0), ("value", 2, 0), ("output", 0, 3)):
        params[name]["kernel"] = params[name]["kernel"].at[0, 0, taken, put].set(1.0)
    params["gamma"] = jnp.ones(())
    weight = layer.apply({"params": params}, maps)[..., 3].astype(jnp.float32)
    np.testing.assert_allclose(weight, 1 / (1 + np.exp(-2.125)), rtol=1e-2)


@pytest.mark.parametrize("shape", [(2, 4, 4, 12), (2, 4, 4, 4), (2, 8)])
def test_maps_it_cannot_take_are_named(shape):
    with pytest.raises(
        ValueError, match=r"attention takes floats \[B, H, W, C\], C a multiple of 8"
    ):
        layers.SelfAttention().init(jax.random.key(0), jnp.ones(shape))
