"""The square in the middle, resized without aliasing."""

import math

import numpy as np
import pytest

from gan_jax.data.resizing import check_fit, fit
from gan_jax.errors import UsageError


def lanczos(size, target):
    """Return the matrix [target, size] of the filter, from its formula."""
    scale = max(1.0, size / target)
    rows = []
    for index in range(target):
        centre = (index + 0.5) * size / target
        x = (np.arange(size) + 0.5 - centre) / scale
        weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)
        rows.append(weights / weights.sum())
    return np.array(rows)


@pytest.mark.parametrize(("size", "target"), [(20, 7), (16, 4), (8, 8), (5, 12), (28, 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_is_lanczos_to_within_rounding(size, target, channels):
    image = np.random.default_rng(0).integers(0, 256, (size, size, channels), np.uint8)
    matrix = lanczos(size, target)
    wanted = np.einsum("ih,hwc,jw->ijc", matrix, image.astype(float), matrix)
    found = fit(image, resolution=target)
    assert found.shape == (target, target, channels)
    # Pillow rounds and clips after each of the two directions.
    between = np.clip(np.einsum("hwc,jw->hjc", image.astype(float), matrix), 0, 255)
    clipped = np.clip(np.einsum("ih,hjc->ijc", matrix, between), 0, 255)
    assert np.abs(found - clipped).max() < 1.6
    assert np.abs(clipped - wanted).mean() < 5


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [
        ((4, 8), (0, 4), (2, 6)),
        ((9, 4), (2, 6), (0, 4)),  # of an odd margin the smaller half is before
        ((4, 4), (0, 4), (0, 4)),
    ],
)
def test_cuts_the_square_in_the_middle(shape, rows, columns):
    image = np.arange(math.prod(shape), dtype=np.uint8).reshape(*shape, 1)
    np.testing.assert_array_equal(fit(image, resolution=4), image[slice(*rows), slice(*columns)])


def test_does_not_alias():
    checks = (255 * (np.indices((64, 64)).sum(axis=0) % 2)).astype(np.uint8)[..., None]
    small = fit(checks, resolution=16).astype(int)
    assert np.abs(small - 127.5).max() < 4  # every fourth pixel would be all black


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_what_is_even_stays(value):
    image = np.full((10, 14, 3), value, np.uint8)
    for resolution in (3, 10, 23):
        assert set(fit(image, resolution=resolution).ravel().tolist()) == {value}


def test_left_as_it_is_where_nothing_is_asked_or_to_be_done():
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    assert fit(image) is image
    np.testing.assert_array_equal(fit(image, resolution=6, channels=3), image)


def test_channels():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [77, 77, 77]]], np.uint8)
    grey = fit(colours, channels=1)
    assert grey.ravel().tolist() == [76, 150, 29, 77]  # 0.299, 0.587, 0.114 of 255
    np.testing.assert_array_equal(fit(grey, channels=3), np.repeat(grey, 3, axis=2))
    assert fit(grey, channels=1) is grey
    assert fit(colours.repeat(3, axis=0), resolution=2, channels=1).shape == (2, 2, 1)


@pytest.mark.parametrize(
    ("resolution", "channels", "line"),
    [
        (0, None, "resolution is 0, it must be a whole number from 1 to 8192"),
        (-4, None, "resolution is -4"),
        (9000, None, "resolution is 9000"),
        (32.0, None, r"resolution is 32\.0"),
        (True, None, "resolution is True"),
        ("32", None, "resolution is '32'"),
        (None, 2, "channels is 2, it must be 1 or 3"),
        (None, True, "channels is True"),
        (None, "3", "channels is '3'"),
    ],
)
def test_other_settings_are_refused(resolution, channels, line):
    with pytest.raises(UsageError, match=line):
        check_fit(resolution, channels)
    check_fit(None, None)
    check_fit(64, 3)
