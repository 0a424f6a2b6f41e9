"""DiffAugment against its formulas in numpy, and how its draws are distributed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import (
    compose,
    diff_augment,
    random_brightness,
    random_contrast,
    random_cutout,
    random_saturation,
    random_translation,
)

PARTS = (random_brightness, random_saturation, random_contrast, random_translation, random_cutout)
SHAPES = ((28, 28, 1), (32, 32, 3), (16, 24, 3))


def _image(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def _uniform(key, low, high):
    return low + (high - low) * np.asarray(jax.random.uniform(key))


def _brightness(key, image):
    return image + _uniform(key, -0.5, 0.5)


def _saturation(key, image):
    mean = image.mean(axis=2, keepdims=True)
    return (image - mean) * _uniform(key, 0, 2) + mean


def _contrast(key, image):
    return (image - image.mean()) * _uniform(key, 0.5, 1.5) + image.mean()


def _translation(key, image):
    shifted = np.zeros_like(image)
    reach = [int(size / 8 + 0.5) for size in image.shape[:2]]
    shift = [
        int(jax.random.randint(k, (), 0, 2 * most + 1)) - most
        for k, most in zip(jax.random.split(key), reach, strict=True)
    ]
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            row, column = i + shift[0], j + shift[1]
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                shifted[i, j] = image[row, column]
    return shifted


def _cutout(key, image):
    slices = []
    for k, size in zip(jax.random.split(key), image.shape[:2], strict=True):
        side = int(size / 2 + 0.5)
        start = int(jax.random.randint(k, (), 0, size + 1 - side % 2)) - side // 2
        slices.append(slice(max(start, 0), min(start + side, size)))
    image = image.copy()
    image[tuple(slices)] = 0
    return image


REFERENCES = (_brightness, _saturation, _contrast, _translation, _cutout)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("part", "reference"), [*zip(PARTS, REFERENCES, strict=True)])
def test_each_part_is_its_formula(part, reference, shape):
    image = _image(shape)
    with jax.enable_x64(True):
        for seed in range(4):
            key = jax.random.key(seed)
            value = part(key, jnp.asarray(image))
            np.testing.assert_allclose(value, reference(key, image), rtol=1e-12, atol=1e-12)


def test_the_whole_is_colour_then_translation_then_cutout():
    image = _image((16, 24, 3))
    with jax.enable_x64(True):
        for key in jax.random.split(jax.random.key(0), 4):
            expected = image
            for reference, part_key in zip(REFERENCES, jax.random.split(key, 5), strict=True):
                expected = reference(part_key, expected)
            value = diff_augment(key, jnp.asarray(image))
            np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


def test_composition_applies_the_first_named_first_and_nothing_at_all_is_allowed(key):
    def double(key, image):
        return 2 * image

    def draw(key, image):
        return image + jax.random.uniform(key)

    first, last = jax.random.split(key)
    image = jnp.zeros((2, 2, 1))
    assert float(compose(draw, double)(key, image)[0, 0, 0]) == 2 * jax.random.uniform(first)
    assert float(compose(double, draw)(key, image)[0, 0, 0]) == jax.random.uniform(last)
    assert compose()(key, image) is image


def test_a_grey_pixel_has_no_saturation_and_a_flat_image_no_contrast(key):
    grey = jnp.tile(jnp.linspace(-1, 1, 4)[:, None, None], (1, 4, 3))
    np.testing.assert_allclose(random_saturation(key, grey), grey, atol=1e-7)
    one_channel = jnp.asarray(_image((4, 4, 1)), jnp.float32)
    np.testing.assert_array_equal(random_saturation(key, one_channel), one_channel)
    np.testing.assert_allclose(random_contrast(key, 0 * grey + 0.3), 0 * grey + 0.3, atol=1e-7)


@pytest.mark.parametrize(
    ("part", "image", "read", "low", "high"),
    [
        (random_brightness, [[[0.0, 0.0]]], lambda y: y[:, 0, 0, 0], -0.5, 0.5),
        (random_saturation, [[[-1.0, 1.0]]], lambda y: y[:, 0, 0, 1], 0.0, 2.0),
        (random_contrast, [[[-1.0], [1.0]]], lambda y: y[:, 0, 1, 0], 0.5, 1.5),
    ],
)
def test_factors_are_uniform(key, part, image, read, low, high):
    outputs = jax.vmap(part, in_axes=(0, None))(jax.random.split(key, 4000), jnp.array(image))
    draws = np.asarray(read(outputs))
    assert stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > 0.01
    assert draws.min() < low + 0.01 * (high - low)
    assert draws.max() > high - 0.01 * (high - low)


def test_shifts_are_uniform_over_whole_pixels_both_ways(key):
    # One bright pixel, 3 rows and 2 columns of reach: it never leaves the image.
    image = jnp.zeros((24, 16, 1)).at[12, 8, 0].set(1.0)
    outputs = jax.vmap(random_translation, in_axes=(0, None))(jax.random.split(key, 3500), image)
    where = np.argwhere(np.asarray(outputs[..., 0]))[:, 1:] - [12, 8]
    counts = {}
    for shift in map(tuple, where.tolist()):
        counts[shift] = counts.get(shift, 0) + 1
    assert set(counts) == {(row, column) for row in range(-3, 4) for column in range(-2, 3)}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_the_hole_is_half_as_high_and_wide_and_its_centre_uniform(key):
    # Sides 4 and 3: the first has its centre between pixels, 9 places, the second on one of 6.
    ones = jnp.ones((8, 6, 1))
    outputs = jax.vmap(random_cutout, in_axes=(0, None))(jax.random.split(key, 5400), ones)
    holes = np.asarray(outputs[..., 0]) == 0
    rows, columns = holes.any(axis=2), holes.any(axis=1)
    np.testing.assert_array_equal(holes, rows[:, :, None] & columns[:, None, :])
    heights, row_places = np.unique(rows.sum(axis=1), return_counts=True)
    assert heights.tolist() == [2, 3, 4]  # clipped by the upper or lower border, or whole
    assert stats.chisquare(row_places, 5400 / 9 * np.array([2, 2, 5])).pvalue > 0.01
    widths, column_places = np.unique(columns.sum(axis=1), return_counts=True)
    assert widths.tolist() == [2, 3]
    assert stats.chisquare(column_places, 5400 / 6 * np.array([2, 4])).pvalue > 0.01


def test_constants_can_be_others_and_zero_leaves_the_image_alone(key):
    image = jnp.asarray(_image((6, 6, 3)), jnp.float32)
    for part in (random_translation, random_cutout):
        np.testing.assert_array_equal(part(key, image, ratio=0.0), image)
    np.testing.assert_array_equal(random_brightness(key, image, reach=0.0), image)
    assert not random_saturation(key, image, low=0.0, high=0.0).var(axis=-1).max() > 1e-12
    hole = jax.vmap(partial(random_cutout, ratio=1.0), in_axes=(0, None))
    whole = hole(jax.random.split(key, 60), jnp.ones((6, 6, 1)))
    assert (whole.sum(axis=(1, 2, 3)) == 0).any()


@pytest.mark.parametrize("part", [random_translation, random_cutout])
@pytest.mark.parametrize("ratio", [-0.1, 1.5, float("nan")])
def test_ratios_outside_their_range_are_named(key, part, ratio):
    with pytest.raises(
        ValueError, match=rf"{part.__name__}: ratio must be in \[0, 1\], got {ratio}"
    ):
        part(key, jnp.zeros((4, 4, 1)), ratio=ratio)
