"""Augmentations of any image, with any key, probability and matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax import augment
from tests.fuzz.arrays import arrays, is_float, outcome, shapes

PLAIN = {
    name: getattr(augment, name)
    for name in (
        "diff_augment", "random_brightness", "random_contrast", "random_cutout", "random_saturation", "random_translation",
    )
}  # fmt: skip
PLAIN["bg"] = augment.adaptive_augment(0.5, color=())
PLAIN["c"] = augment.adaptive_augment(0.5, blitting=(), geometry=())
KEYS = st.sampled_from(("key", "raw", "many", "number"))


def key_of(kind):
    key = jax.random.key(3)
    return {
        "key": key,
        "raw": jax.random.key_data(key),
        "many": jax.random.split(key, 2),
        "number": 3,
    }[kind]


@pytest.mark.parametrize("name", PLAIN)
@given(image=arrays(), kind=KEYS)
def test_images(name, image, kind):
    found = outcome(jax.eval_shape, PLAIN[name], key_of(kind), image)
    usable = is_float(image) and image.ndim == 3 and image.size > 0
    usable = usable and (name != "c" or image.shape[2] in (1, 3))
    if isinstance(found, str):
        assert not usable or kind in ("many", "number")
    else:
        assert usable
        assert kind in ("key", "raw")
        assert (found.shape, found.dtype) == (image.shape, image.dtype)


@given(image=arrays(), matrix=arrays(shapes(1, 3)) | arrays((3, 3)) | arrays((4, 4)))
def test_matrices(image, matrix):
    usable = (
        is_float(image) and image.ndim == 3 and image.size > 0 and matrix.dtype != jnp.complex64
    )
    for move, size in ((augment.blit, 3), (augment.warp, 3), (augment.recolor, 4)):
        good = usable and matrix.shape == (size, size) and (size == 3 or image.shape[2] in (1, 3))
        found = outcome(jax.eval_shape, move, image, matrix)
        assert isinstance(found, str) == (not good), found
        assert isinstance(found, str) or (found.shape, found.dtype) == (image.shape, image.dtype)


NUMBERS = st.sampled_from(
    (
        float("nan"),
        float("inf"),
        -1,
        -0.1,
        0,
        0.5,
        1,
        2,
        np.float32(0.5),
        jnp.float32(2),
        jnp.float32(0.2),
        jnp.ones(2),
    )
)


@given(value=NUMBERS)
def test_numbers(value):
    number = jnp.ndim(value) == 0
    share = number and 0 <= value <= 1
    image = jnp.ones((2, 2, 1))
    for make, accepted in (
        (lambda: augment.adaptive_augment(value), share),
        (lambda: augment.pseudo_augment(jax.random.key(0), image, image, value), share),
        (lambda: augment.adapt_probability(value, 0.5, batch_size=4), share),
        (lambda: augment.adapt_probability(0.5, value, batch_size=4), number and -1 <= value <= 1),
        (lambda: augment.instance_noise(value), number and 0 <= value < float("inf")),
        (
            lambda: augment.random_contrast(jax.random.key(0), image, low=value),
            number and value <= 1.5,
        ),
    ):
        assert isinstance(outcome(make), str) == (not accepted)


@given(real=arrays(), fake=arrays(), same=st.booleans())
def test_pseudo(real, fake, same):
    fake = real if same else fake
    found = outcome(augment.pseudo_augment, jax.random.key(0), real, fake, 0.5)
    alike = (real.shape, real.dtype) == (fake.shape, fake.dtype)
    assert isinstance(found, str) == (not alike)
    if alike:
        assert any(np.array_equal(found, each) for each in (real, fake))
