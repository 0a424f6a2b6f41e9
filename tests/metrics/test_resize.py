"""Both resizes against the implementations that published figures were computed with."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.metrics import clean_bicubic, tf1_bilinear
from tests.metrics.reference import torch_fidelity

SHAPES = [(1, 1), (2, 3), (32, 32), (37, 53), (299, 299), (300, 298), (640, 411)]


def images(height, width, channels=3, count=1):
    shape = (count, height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def pillow(image, size):
    """Resize as clean-FID does: each channel as floats."""
    channels = [
        np.asarray(
            Image.fromarray(np.float32(channel)).resize((size, size), Image.Resampling.BICUBIC)
        )
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), 0, 255)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tf1_bilinear_is_torch_fidelitys(shape):
    torch = pytest.importorskip("torch")
    reference = torch_fidelity("interpolate_compat_tensorflow")

    batch = images(*shape, count=2)
    expected = reference.interpolate_bilinear_2d_like_tensorflow1x(
        torch.from_numpy(np.float32(batch).transpose(0, 3, 1, 2)),
        size=(299, 299),
        align_corners=False,
    )
    resized = tf1_bilinear(batch, 299)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected.numpy().transpose(0, 2, 3, 1), atol=1e-4)


@pytest.mark.parametrize("size", [8, 299])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_clean_bicubic_is_pillows(shape, size):
    (image,) = images(*shape)
    resized = clean_bicubic(image[None], size)
    assert (resized.shape, resized.dtype) == ((1, size, size, 3), np.float32)
    np.testing.assert_allclose(resized[0], pillow(image, size), atol=3e-4)


@pytest.mark.parametrize(
    ("resize", "expected"),
    [
        # Positions 0, 1/2, 1 and 3/2, of which the last has nothing to its right.
        (tf1_bilinear, [0, 50, 100, 100]),
        # The kernel is 111/128 at a distance of 1/4, 29/128 at 3/4 and -9/128 at 5/4; what it
        # gives the two pixels is scaled to 1, and only 255 or more is cut.
        (clean_bicubic, [0, 2900 / 140, 11100 / 140, 11100 / 102]),
    ],
    ids=["tf1-bilinear", "clean-bicubic"],
)
def test_a_row_of_two_pixels(resize, expected):
    row = np.uint8([0, 100]).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(resize(row, 4)[0, :, :, 0], [expected] * 4, atol=1e-5)


def test_only_the_clean_one_smooths_what_gets_smaller():
    stripes = np.zeros((1, 16, 16, 1), np.uint8)
    stripes[:, :, ::2] = 255
    np.testing.assert_array_equal(tf1_bilinear(stripes, 8), np.full((1, 8, 8, 1), 255))
    assert np.ptp(clean_bicubic(stripes, 8)[:, :, 2:-2]) < 1
    np.testing.assert_allclose(clean_bicubic(stripes, 8).mean(), 127.5, atol=1)


@pytest.mark.parametrize("resize", [tf1_bilinear, clean_bicubic], ids=lambda resize: resize.name)
def test_images_of_the_right_size_stay_as_they_are(resize):
    batch = images(29, 29)
    np.testing.assert_array_equal(resize(batch, 29), batch)


def test_names_tell_them_apart():
    assert (tf1_bilinear.name, clean_bicubic.name) == ("tf1-bilinear", "clean-bicubic")
