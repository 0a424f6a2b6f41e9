import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import layers

CASES = [((2, 5, 4, 3), 1), ((1, 4, 7, 2), 3), ((2, 2, 3, 1), 1), ((1, 3, 3, 2), 0)]


def padded(array, width, mode="reflect"):
    return np.pad(array, ((0, 0), (width, width), (width, width), (0, 0)), mode)


@pytest.mark.parametrize(("shape", "width"), CASES)
def test_it_is_the_reflection_of_numpy_and_its_gradient_sums_the_images_of_a_pixel(shape, width):
    random = np.random.default_rng(0)
    images = random.normal(size=shape)
    with jax.enable_x64(True):
        outputs, back = jax.vjp(lambda x: layers.reflection_pad(x, width), jnp.asarray(images))
        np.testing.assert_array_equal(outputs, padded(images, width))
        weights = random.normal(size=outputs.shape)
        (gradient,) = back(jnp.asarray(weights))
    # Where each pixel of the padded image came from.
    places = padded(np.arange(images.size).reshape(shape), width)
    expected = np.zeros(images.size)
    np.add.at(expected, places.ravel(), weights.ravel())
    np.testing.assert_allclose(gradient, expected.reshape(shape), rtol=1e-12, atol=1e-12)


def test_torch_says_the_same():
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).normal(size=(2, 6, 5, 3))
    theirs = torch.nn.functional.pad(torch.tensor(images).permute(0, 3, 1, 2), (3,) * 4, "reflect")
    with jax.enable_x64(True):
        ours = layers.reflection_pad(jnp.asarray(images), 3)
    np.testing.assert_array_equal(ours, theirs.permute(0, 2, 3, 1))


def test_derivatives_of_the_first_and_second_order():
    with jax.enable_x64(True):
        images = jnp.asarray(np.random.default_rng(0).normal(size=(1, 3, 4, 2)))
        run = lambda x: jnp.sum(jnp.sin(layers.reflection_pad(x, 2)) ** 3)
        check_grads(run, (images,), order=2)


def test_members_of_a_population_are_apart():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 4, 5, 2)), jnp.float32)
    together = jax.jit(jax.vmap(lambda x: layers.reflection_pad(x, 2)))(images)
    for member, alone in zip(together, images, strict=True):
        np.testing.assert_array_equal(member, padded(alone, 2))


def test_nothing_is_gathered_or_scattered():
    value = lambda x: jnp.sum(jnp.sin(layers.reflection_pad(x, 3)))
    text = jax.jit(jax.grad(value)).lower(jnp.ones((2, 8, 8, 4))).compile().as_text()
    assert " gather(" not in text
    assert " scatter(" not in text


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.uint8])
def test_the_dtype_stays(dtype):
    assert layers.reflection_pad(jnp.ones((1, 3, 3, 1), dtype), 2).dtype == dtype


@pytest.mark.parametrize(("shape", "width"), [((1, 3, 5, 1), 3), ((3, 3, 1), 1), ((1, 3, 3, 1), -1)])  # fmt: skip
def test_what_cannot_be_mirrored_is_named(shape, width):
    with pytest.raises(ValueError, match=r"a width from 0 to less than H and W, got \[.*\] and "):
        layers.reflection_pad(jnp.ones(shape), width)
