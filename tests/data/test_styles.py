"""Looks of images: outlines, thin and bold lines, textures and colours."""

import colorsys
import hashlib

import numpy as np
import pytest
from scipy import ndimage

from gan_jax.data import load, styles
from gan_jax.data.styles import (
    bold,
    content_bytes,
    dark_on_light,
    light_on_dark,
    outline,
    thin,
    tinted,
)

CROSS = ndimage.generate_binary_structure(2, 1)


def noise(count, height=9, width=7, channels=1):
    shape = (count, height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def drawn(*rows):
    """Read a picture: `#` is 255, `.` is 0."""
    return np.array([[255 * (mark == "#") for mark in row] for row in rows], np.uint8)[None, ..., None]  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def large(digits):
    """Return a few digits of MNIST's size."""
    return np.kron(digits.images[:40, 1:, 1:], np.ones((1, 4, 4, 1), np.uint8))


SQUARE = drawn(
    ".......",
    ".......",
    "..###..",
    "..###..",
    "..###..",
    ".......",
    ".......",
)


def test_the_outline_of_a_square_is_a_ring_around_it():
    around = drawn(
        ".......",
        "..###..",
        ".#...#.",
        ".#...#.",
        ".#...#.",
        "..###..",
        ".......",
    )
    np.testing.assert_array_equal(outline(SQUARE), around)
    np.testing.assert_array_equal(outline(SQUARE // 5), around)  # it is as steep as any there


def test_the_outline_of_a_hole_is_in_the_hole():
    within = drawn("......", "..##..", ".#..#.", ".#..#.", "..##..", "......")
    hole = ~drawn("......", "......", "..##..", "..##..", "......", "......")
    np.testing.assert_array_equal(outline(hole), drawn("......", "......", "..##..", "..##..", "......", "......"))  # fmt: skip
    np.testing.assert_array_equal(outline(~hole), within)


@pytest.mark.parametrize("between", [1, 60, 126, 127, 128, 129, 200, 254])
def test_a_soft_step_has_one_line_too(between):
    step = np.array([0, 0, 0, between, 255, 255, 255], np.uint8)
    lines = outline(np.tile(step, (5, 1))[None, ..., None], share=0.5)
    assert set(lines.sum(axis=2).ravel().tolist()) == {255}
    assert lines[0, 0, 2:4].any()


def test_an_even_image_has_no_outline_and_colours_have_edges():
    even = np.full((3, 5, 5, 1), 200, np.uint8)
    assert not outline(even).any()
    colours = np.zeros((1, 7, 7, 3), np.uint8)
    colours[..., 1:2] = SQUARE
    colours[..., 2] = 90
    np.testing.assert_array_equal(outline(colours), outline(SQUARE))


def over(function, image, footprint=CROSS):
    beyond = {"grey_erosion": 255, "grey_dilation": 0}[function.__name__]
    return function(image, footprint=footprint, mode="constant", cval=beyond)


def slowly_outlined(image, share):
    image = image[..., 0].astype(int)
    low, high = over(ndimage.grey_erosion, image), over(ndimage.grey_dilation, image)
    steep = (high - low > 0) & (high - low >= share * (high - low).max())
    return (255 * (steep & (high - image >= image - low))).astype(np.uint8)[..., None]


def slowly_thinned(image):
    image = image[..., 0].astype(int)
    eroded = over(ndimage.grey_erosion, image)
    opened = over(ndimage.grey_dilation, eroded)
    assert (opened <= image).all()
    return (eroded + (image - opened)).astype(np.uint8)[..., None]


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_outlines_are_what_scipy_makes_of_the_formula(large, share):
    for images in (noise(20), large, noise(3, 1, 6), noise(3, 2, 1)):
        expected = [slowly_outlined(image, share) for image in images]
        np.testing.assert_array_equal(outline(images, share=share), expected)


def test_thin_and_bold_are_what_scipy_makes_of_the_formula(large):
    for images in (noise(20), large, noise(3, 1, 6), noise(3, 2, 1)):
        np.testing.assert_array_equal(thin(images), [slowly_thinned(image) for image in images])
        np.testing.assert_array_equal(
            bold(images), [255 - slowly_thinned(255 - image) for image in images]
        )


def test_lines_get_thinner_down_to_one_or_two_pixels():
    one, two, three, four = (drawn(*["." * 4 + "#" * n + "." * 4] * 6) for n in range(1, 5))
    for line, wanted in ((one, one), (two, two)):
        np.testing.assert_array_equal(thin(line), wanted)
    np.testing.assert_array_equal(thin(three)[0, 0, :, 0], drawn(".....#.....")[0, 0, :, 0])
    np.testing.assert_array_equal(thin(four)[0, 0, :, 0], drawn(".....##.....")[0, 0, :, 0])
    np.testing.assert_array_equal(bold(one)[0, 0, :, 0], drawn("...###...")[0, 0, :, 0])


def test_gaps_of_one_or_two_pixels_stay_open():
    for gap in ("#.#", "#..#"):
        row = drawn(*["...." + gap + "...."] * 6)
        wanted = drawn(*["...#" + gap + "#..."] * 6)
        np.testing.assert_array_equal(bold(row), wanted)


def test_soft_lines_get_thinner_too():
    row = np.array([0, 0, 110, 253, 253, 110, 0, 0], np.uint8)
    line = np.tile(row, (6, 1))[None, ..., None]
    assert thin(line)[0, 2, :, 0].tolist() == [0, 0, 0, 253, 253, 0, 0, 0]
    assert bold(line)[0, 2, :, 0].tolist() == [0, 110, 253, 253, 253, 253, 110, 0]


def test_thin_is_never_brighter_and_no_digit_is_lost(digits):
    thinned, thickened = thin(digits.images), bold(digits.images)
    assert (thinned <= digits.images).all()
    assert (thickened >= digits.images).all()
    ink = [images.reshape(len(images), -1).sum(axis=1) for images in (thinned, digits.images, thickened)]  # fmt: skip
    assert (ink[0] > 0.2 * ink[1]).all()
    assert ink[0].mean() < 0.9 * ink[1].mean()
    assert ink[2].mean() > 1.1 * ink[1].mean()


def test_textures_are_ink_on_a_ground():
    """`x (255 - g) + (1 - x) g`, g from 0 to 63 by pixel or by row."""
    images = np.concatenate([np.zeros((1, 9, 7, 1), np.uint8), np.full((1, 9, 7, 1), 255, np.uint8), noise(6)])  # fmt: skip
    chalk, pen = light_on_dark(images, seed=3), dark_on_light(images, seed=3)
    (dark, light), (paper, ink) = chalk[:2, ..., 0].astype(int), pen[:2, ..., 0].astype(int)
    assert 50 < dark.max() <= 63
    assert 192 <= light.min() < 205
    assert ink.max() <= 63
    assert paper.min() >= 192
    assert (np.ptp(ink, axis=1) == 0).all()
    assert len(np.unique(dark)) > 30
    for image, found, row in zip(images, pen, range(8), strict=True):
        start = hashlib.shake_128(b"3 stripes " + image.tobytes()).digest(9)
        grain = (np.frombuffer(start, np.uint8) & 63)[:, None, None].astype(float)
        share = image / 255
        assert np.abs(share * grain + (1 - share) * (255 - grain) - found).max() <= 0.5 + 1e-9, row


def test_what_is_drawn_is_of_the_image_the_seed_and_the_use_alone(digits):
    images = digits.images[:50]
    whole = content_bytes(images, 12)
    assert whole.shape == (50, 12)
    np.testing.assert_array_equal(content_bytes(images[::-1], 12)[::-1], whole)
    np.testing.assert_array_equal(content_bytes(images, 5), whole[:, :5])
    assert content_bytes(images[:1], 4, seed=2, use="x").tobytes() == (
        hashlib.shake_128(b"2 x " + images[0].tobytes()).digest(4)
    )
    others = [content_bytes(images, 12, seed=1), content_bytes(images, 12, use="hue")]
    assert all((each == whole).mean() < 0.03 for each in others)
    counts = np.bincount(content_bytes(digits.images, 64).ravel() >> 4, minlength=16)
    expected = counts.mean()
    assert ((counts - expected) ** 2 / expected).sum() < 44.3  # 15 degrees of freedom, p = 1e-4


def test_large_data_sets_are_worked_on_in_parts(monkeypatch, large):
    changes = (outline, thin, bold, light_on_dark, dark_on_light)
    whole = [change(large) for change in changes] + [tinted(large, np.linspace(0, 1, 40))]
    monkeypatch.setattr(styles, "_CHUNK_BYTES", 7 * large[0].nbytes)
    parts = [change(large) for change in changes] + [tinted(large, np.linspace(0, 1, 40))]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("change", [outline, thin, bold, light_on_dark, dark_on_light])
@pytest.mark.parametrize("images", [np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4, 1)), np.zeros((0, 4, 4, 1), np.uint8)])  # fmt: skip
def test_styles_are_of_bytes(change, images):
    with pytest.raises(ValueError, match=r"images must be uint8 \[N, H, W, C\], N at least 1, got"):
        change(images)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ValueError, match=r"share is .*, it must be above 0 and at most 1"):
        outline(noise(1), share=share)


def test_a_colour_is_its_hue_by_the_grey():
    hues = np.linspace(-1, 2, 37)
    images = noise(37, 16, 16)
    found = tinted(images, hues)
    assert (found.shape, found.dtype) == ((37, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(found.max(axis=3), images[..., 0])
    for image, colours, hue in zip(images, found, hues, strict=True):
        weights = 64 / 255 + 191 / 255 * np.array(colorsys.hsv_to_rgb(hue % 1, 1, 1))
        assert np.abs(image * weights - colours).max() <= 1.0
