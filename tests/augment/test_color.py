"""The matrices of the colour operations, and what they do to colour and to grey images."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import (
    COLOR,
    brightness,
    contrast,
    hue_rotation,
    luma_flip,
    recolor,
    saturation,
)

MANY = 4000
AXIS = np.ones(3) / np.sqrt(3)
LUMA = np.outer(AXIS, AXIS)


def _draw(operation):
    return np.asarray(jax.jit(jax.vmap(operation))(jax.random.split(jax.random.key(0), MANY)))


def _affine(linear, offset=0.0):
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = offset
    return matrix


def _rotated(angle):
    """Rotate around the luma axis, by Rodrigues' formula for each basis vector."""
    columns = [
        v * np.cos(angle)
        + np.cross(AXIS, v) * np.sin(angle)
        + AXIS * (AXIS @ v) * (1 - np.cos(angle))
        for v in np.eye(3)
    ]
    return np.stack(columns, axis=1)


def test_the_group_is_that_of_the_paper_in_its_order():
    assert (brightness, contrast, luma_flip, hue_rotation, saturation) == COLOR


@pytest.mark.parametrize("operation", COLOR)
def test_each_draw_is_its_formula(operation):
    for key in jax.random.split(jax.random.key(5), 5):
        normal = float(jax.random.normal(key))
        angle = float(jax.random.uniform(key, minval=-np.pi, maxval=np.pi))
        flipped = bool(jax.random.bernoulli(key))
        expected = {
            brightness: _affine(np.eye(3), 0.2 * normal),
            contrast: _affine(2 ** (0.5 * normal) * np.eye(3)),
            luma_flip: _affine(np.eye(3) - 2 * flipped * LUMA),
            hue_rotation: _affine(_rotated(angle)),
            saturation: _affine(LUMA + 2**normal * (np.eye(3) - LUMA)),
        }[operation]
        np.testing.assert_allclose(operation(key), expected, rtol=1e-5, atol=1e-6)


def test_hue_of_a_third_of_a_turn_moves_red_to_green(key):
    drawn = float(jax.random.uniform(key, minval=-1, maxval=1))
    third = hue_rotation(key, limit=2 * np.pi / 3 / drawn)
    colours = np.eye(3, dtype=np.float32)[None]
    np.testing.assert_allclose(
        recolor(jnp.asarray(colours), third), colours[:, [1, 2, 0]], atol=1e-6
    )


@pytest.mark.parametrize(
    ("operation", "read", "distribution"),
    [
        (brightness, lambda m: m[:, 1, 3], stats.norm(0, 0.2)),
        (contrast, lambda m: np.log2(m[:, 2, 2]), stats.norm(0, 0.5)),
        (saturation, lambda m: np.log2(m[:, 0, 0] - m[:, 0, 1]), stats.norm(0, 1)),
        (partial(saturation, deviation=0.3), lambda m: np.log2(m[:, 0, 0] - m[:, 0, 1]), stats.norm(0, 0.3)),
        (
            hue_rotation,
            lambda m: np.arctan2((m[:, 1, 0] - m[:, 0, 1]) * 3**0.5, np.trace(m, axis1=1, axis2=2) - 2),
            stats.uniform(-np.pi, 2 * np.pi),
        ),
    ],
)  # fmt: skip
def test_draws_have_the_distribution_of_the_paper(operation, read, distribution):
    assert stats.kstest(read(_draw(operation)), distribution.cdf).pvalue > 0.01


def test_luma_flips_are_fair():
    signs, counts = np.unique(np.round(_draw(luma_flip)[:, 0].sum(axis=1)), return_counts=True)
    assert signs.tolist() == [-1, 1]
    assert stats.chisquare(counts).pvalue > 0.01


def test_recolour_multiplies_every_pixel():
    random = np.random.default_rng(0)
    image, matrix = random.uniform(-1, 1, (4, 6, 3)), random.normal(size=(4, 4))
    expected = np.empty_like(image)
    for i in range(4):
        for j in range(6):
            expected[i, j] = matrix[:3, :3] @ image[i, j] + matrix[:3, 3]
    with jax.enable_x64(True):
        value = recolor(jnp.asarray(image), jnp.asarray(matrix))
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_grey_is_the_mean_of_a_colour_image_of_equal_channels():
    random = np.random.default_rng(0)
    image = random.uniform(-1, 1, (4, 6, 1)).astype(np.float32)
    matrix = random.normal(size=(4, 4)).astype(np.float32)
    coloured = recolor(jnp.repeat(jnp.asarray(image), 3, axis=-1), jnp.asarray(matrix))
    grey = recolor(jnp.asarray(image), jnp.asarray(matrix))
    np.testing.assert_allclose(
        grey, np.mean(coloured, axis=-1, keepdims=True), rtol=1e-5, atol=1e-6
    )


def test_hue_and_saturation_leave_grey_alone_and_a_luma_flip_makes_a_negative():
    image = jnp.linspace(-1, 1, 12).reshape(3, 4, 1)
    keys = jax.random.split(jax.random.key(0), 8)
    for operation in (hue_rotation, saturation):
        for key in keys[:3]:
            np.testing.assert_allclose(recolor(image, operation(key)), image, atol=1e-6)
    signs = {round(float(recolor(image, luma_flip(key))[0, 0, 0])) for key in keys}
    assert signs == {-1, 1}


@pytest.mark.parametrize("channels", [2, 4])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(ValueError, match=f"images with 1 or 3 channels, got {channels}"):
        recolor(jnp.zeros((4, 4, channels)), jnp.eye(4))
