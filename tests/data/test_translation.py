"""Tasks made of data sets: what is paired with what, and what is in which half."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gan_jax.data import Dataset, Pairs, Unpaired, load
from gan_jax.data.styles import bold, content_bytes, dark_on_light, outline, thin, tinted
from gan_jax.data.translation import aligned, coloured, outlines, smaller, unaligned
from gan_jax.errors import UsageError


def dataset_of(images, labels=None):
    labels = np.zeros(len(images), np.int32) if labels is None else labels
    return Dataset("made", "train", images, labels, 10, tuple("0123456789"), "made up")


def noise(count, height=9, width=7, channels=1):
    shape = (count, height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_outlines_are_pairs_with_the_images(digits):
    pairs = outlines(digits)
    assert isinstance(pairs, Pairs)
    assert pairs.images is digits.images
    assert pairs.labels is digits.labels
    np.testing.assert_array_equal(pairs.sources, outline(digits.images))
    shares = (pairs.sources > 0).mean(axis=(1, 2, 3))
    assert shares.min() > 0.1
    assert shares.max() < 0.6  # a digit is to be seen in them
    assert (pairs.name, pairs.split) == ("digits-outlines", "train")
    assert pairs.origin == f"outlines of {digits.origin}"


def bicubic(size, target):
    """Return the matrix [target, size] of the filter, from its formula with a = -1/2."""
    scale = size / target
    rows = []
    for index in range(target):
        x = np.abs((np.arange(size) + 0.5 - (index + 0.5) * scale) / scale)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0.0))
        rows.append(weights / weights.sum())
    return np.array(rows)


@pytest.mark.parametrize(("shape", "factor"), [((28, 28, 1), 2), ((28, 28, 1), 4), ((8, 12, 3), 2)])
def test_smaller_images_are_bicubic_to_within_rounding(shape, factor):
    images = noise(5, *shape)
    pairs = smaller(dataset_of(images), factor)
    rows, columns = (bicubic(side, side // factor) for side in shape[:2])
    across = np.clip(np.einsum("jw,nhwc->nhjc", columns, images.astype(float)), 0, 255)
    wanted = np.clip(np.einsum("ih,nhjc->nijc", rows, across), 0, 255)
    assert pairs.sources.shape == wanted.shape
    assert pairs.sources.dtype == np.uint8
    assert np.abs(pairs.sources - wanted).max() < 1.6  # Pillow rounds after each direction
    assert pairs.images is images
    assert pairs.name == f"made-smaller-{factor}"


@pytest.mark.parametrize(
    ("factor", "line"),
    [
        (1, "factor is 1, it must be a whole number from 2"),
        (2.0, r"factor is 2\.0"),
        (True, "factor is True"),
        (3, "the images of made are 7x9, no multiple of the factor 3"),
    ],
)
def test_factors_that_do_not_fit(factor, line):
    with pytest.raises(UsageError, match=line):
        smaller(dataset_of(noise(2)), factor)


def test_colours_are_of_the_contents(digits):
    pairs = coloured(digits)
    assert pairs.sources is digits.images
    np.testing.assert_array_equal(pairs.images.max(axis=3, keepdims=True), digits.images)
    order = np.random.default_rng(0).permutation(len(digits.labels))[:100]
    part = coloured(dataset_of(digits.images[order]))
    np.testing.assert_array_equal(part.images, pairs.images[order])
    other = coloured(digits, seed=1)
    assert (other.images != pairs.images).any(axis=(1, 2, 3)).mean() > 0.95
    high, low = content_bytes(digits.images, 2, use="hue").T.astype(int)
    np.testing.assert_array_equal(pairs.images, tinted(digits.images, (256 * high + low) / 65536))
    assert pairs.reversed.images is digits.images


def test_colours_may_follow_from_the_label(digits):
    pairs = coloured(digits, digits.labels / digits.num_classes)
    white = digits.images[..., 0] == 255
    for label in range(10):
        chosen = white & (digits.labels == label)[:, None, None]
        assert len(np.unique(pairs.images[chosen], axis=0)) == 1
    with pytest.raises(ValueError, match=r"a finite hue for each, got \[1437, 8, 8, 1\] and \[3\]"):
        coloured(digits, np.zeros(3))
    with pytest.raises(ValueError, match="a finite hue for each"):
        coloured(digits, np.full(1437, np.nan))
    with pytest.raises(UsageError, match="the images of made are in colour, and grey ones are"):
        coloured(dataset_of(noise(2, channels=3)))


def test_aligned_styles_are_pairs(digits):
    pairs = aligned(digits, thin, partial(dark_on_light, seed=4))
    np.testing.assert_array_equal(pairs.sources, thin(digits.images))
    np.testing.assert_array_equal(pairs.images, dark_on_light(digits.images, seed=4))
    assert pairs.labels is digits.labels
    assert pairs.name == "digits-thin-dark-on-light"


def keys_of(*parts):
    return [
        (image.tobytes(), int(label))
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    ]


def same(images):
    return images


def test_unaligned_halves_have_no_image_in_common(digits):
    both = unaligned(digits, same, same)
    assert isinstance(both, Unpaired)
    first, second = keys_of(both.source), keys_of(both)
    assert abs(len(first) - len(second)) <= 1
    assert not set(first) & set(second)
    assert sorted(first + second) == sorted(keys_of(digits))
    place = {key: index for index, key in enumerate(keys_of(digits))}
    for half in (first, second):
        assert [place[key] for key in half] == sorted(place[key] for key in half)
    shares = np.bincount(both.labels, minlength=10) / np.bincount(digits.labels, minlength=10)
    assert (abs(shares - 0.5) < 0.2).all()


def test_each_half_has_its_style(digits):
    plain, styled = unaligned(digits, same, same), unaligned(digits, thin, bold)
    np.testing.assert_array_equal(styled.source.images, thin(plain.source.images))
    np.testing.assert_array_equal(styled.images, bold(plain.images))
    np.testing.assert_array_equal(styled.labels, plain.labels)
    assert (styled.source.name, styled.name) == ("digits-thin", "digits-bold")
    assert styled.origin == f"bold, half of {digits.origin}"


def test_copies_are_in_the_same_half():
    for copies in ([1, 5, 2, 2, 7, 1, 1, 3, 1], [9, 1, 0, 0, 0, 0, 0, 0, 0], [1, 9, *[0] * 7]):
        images = np.repeat(noise(9), copies, axis=0)
        both = unaligned(dataset_of(images), same, same)
        first, second = set(keys_of(both.source)), set(keys_of(both))
        assert len(first) + len(second) == np.count_nonzero(copies)
        assert not first & second
    with pytest.raises(UsageError, match="made has no two images that differ, for two halves"):
        unaligned(dataset_of(np.zeros((6, 4, 4, 1), np.uint8)), same, same)


DIGESTS = """
import hashlib
from functools import partial
from gan_jax.data import load
from gan_jax.data.styles import dark_on_light, light_on_dark
from gan_jax.data.translation import coloured, unaligned
test = load("digits", split="test")
both = unaligned(test, partial(light_on_dark, seed=5), dark_on_light)
arrays = [*both.arrays.values(), coloured(test, seed=7).images]
digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
"""


def test_another_process_makes_the_same():
    here: dict = {}
    exec(DIGESTS, here)
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS + "print(digest)"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == here["digest"]
