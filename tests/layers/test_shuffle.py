"""Where each channel goes, and what PyTorch and a transposed convolution say of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers


def maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("factor", "features"), [(1, 3), (2, 1), (2, 3), (3, 2)])
def test_every_number_is_where_the_formula_puts_it(factor, features):
    given = maps(2, 3, 4, factor**2 * features)
    shuffled = np.asarray(layers.pixel_shuffle(given, factor=factor))
    assert shuffled.shape == (2, 3 * factor, 4 * factor, features)
    for b, y, x, c in np.ndindex(shuffled.shape):
        (h, i), (w, j) = divmod(y, factor), divmod(x, factor)
        assert shuffled[b, y, x, c] == given[b, h, w, (factor * i + j) * features + c]


@pytest.mark.parametrize("factor", [2, 3])
def test_torch_has_the_channels_in_another_order(factor):
    torch = pytest.importorskip("torch")
    features = 5
    given = maps(2, 3, 4, factor**2 * features)
    channels = np.arange(factor**2 * features).reshape(features, factor, factor)
    order = np.empty(channels.size, int)
    order[channels.transpose(1, 2, 0).ravel()] = np.arange(channels.size)
    theirs = torch.nn.functional.pixel_shuffle(
        torch.tensor(given[..., order]).permute(0, 3, 1, 2), factor
    )
    expected = theirs.permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(layers.pixel_shuffle(given, factor=factor), expected)


def test_weights_made_for_torch_are_brought_here_as_the_docstring_says():
    torch = pytest.importorskip("torch")
    given, kernel = maps(1, 2, 3, 4), maps(4, 12)
    theirs = torch.nn.functional.pixel_shuffle(
        torch.tensor(given @ kernel).permute(0, 3, 1, 2), 2
    ).permute(0, 2, 3, 1)
    brought = kernel.reshape(4, 3, 2, 2).transpose(0, 2, 3, 1).reshape(4, 12)
    np.testing.assert_allclose(
        layers.pixel_shuffle(given @ brought), theirs.numpy(), rtol=1e-5, atol=1e-6
    )


def test_after_a_convolution_it_is_a_transposed_convolution():
    given, kernel = (maps(*shape).astype(np.float64) for shape in ((2, 3, 4, 5), (5, 8)))
    # [I, i, j, O] to [i, j, I, O], turned around as lax has kernels.
    window = kernel.reshape(5, 2, 2, 2).transpose(1, 2, 0, 3)[::-1, ::-1]
    with jax.enable_x64(True):
        expected = layers.conv_transpose(*map(jnp.asarray, (given, window)), (2, 2), "VALID")
        shuffled = layers.pixel_shuffle(given @ kernel)
    np.testing.assert_allclose(shuffled, expected, rtol=1e-12)


def test_a_population_and_gradients():
    given = maps(3, 2, 2, 2, 8)
    together = jax.vmap(layers.pixel_shuffle)(given)
    np.testing.assert_array_equal(together, np.stack([layers.pixel_shuffle(x) for x in given]))
    weights = maps(2, 4, 4, 2)
    gradient = jax.grad(lambda x: jnp.vdot(weights, layers.pixel_shuffle(x)))(given[0])
    # It moves numbers and loses none, so its transpose moves them back.
    np.testing.assert_array_equal(layers.pixel_shuffle(gradient), weights)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.int32])
def test_the_dtype_stays(dtype):
    assert layers.pixel_shuffle(jnp.ones((1, 1, 1, 4), dtype)).dtype == dtype


def test_an_empty_batch_stays_empty():
    assert layers.pixel_shuffle(jnp.zeros((0, 2, 2, 4))).shape == (0, 4, 4, 1)


@pytest.mark.parametrize("shape", [(1, 2, 2, 6), (2, 2, 4), (1, 0, 2, 4), (1, 2, 2, 0)])
def test_maps_it_cannot_take_are_named(shape):
    with pytest.raises(ValueError, match="C a multiple of 4") as error:
        layers.pixel_shuffle(jnp.zeros(shape))
    assert str(list(shape)) in str(error.value)


@pytest.mark.parametrize("factor", [0, -2, 2.0, "2"])
def test_factors_it_cannot_take_are_named(factor):
    with pytest.raises(ValueError, match="factor must be a whole number of 1 or more, got"):
        layers.pixel_shuffle(jnp.zeros((1, 2, 2, 4)), factor=factor)
