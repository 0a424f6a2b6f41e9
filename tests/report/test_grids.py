import ml_dtypes
import numpy as np
import pytest
from PIL import Image

from gan_jax.report import display_scale, image_grid, save_png


def test_puts_images_in_reading_order():
    images = np.stack([np.full((2, 3, 1), value, np.uint8) for value in (10, 20, 30, 40)])
    grid = image_grid(images, columns=2, padding=0)
    expected = [[10, 10, 10, 20, 20, 20]] * 2 + [[30, 30, 30, 40, 40, 40]] * 2
    np.testing.assert_array_equal(grid[..., 0], expected)


def test_pads_around_and_between_and_leaves_missing_places_empty():
    grid = image_grid(np.full((3, 4, 4, 3), 200, np.uint8), columns=2, padding=1)
    assert grid.shape == (2 * 4 + 3, 2 * 4 + 3, 3)
    assert (grid == 200).all(axis=-1).sum() == 3 * 16
    assert len(np.unique(grid)) == 2
    assert (grid[6:, 6:] == grid[0, 0]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_minus_one_to_one_onto_the_bytes(channels):
    values = np.array([-1.0, 0.0, 1.0, -7.0, 7.0, np.nan], np.float32)
    images = np.broadcast_to(values.reshape(6, 1, 1, 1), (6, 1, 1, channels))
    grid = image_grid(images, columns=6, padding=0)
    expected = np.array([0, 128, 255, 0, 255, 0], np.uint8)
    np.testing.assert_array_equal(grid[0], np.repeat(expected[:, None], channels, axis=1))


def test_every_byte_survives_the_way_to_floats_and_back():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    floats = images.astype(np.float32) / 127.5 - 1.0
    np.testing.assert_array_equal(image_grid(floats, padding=0), images[0])


def test_takes_bfloat16():
    grid = image_grid(np.ones((1, 2, 2, 1), ml_dtypes.bfloat16), padding=0)
    assert (grid == 255).all()


def test_enlarges_by_repeating_pixels():
    images = np.array([[0, 255], [255, 0]], np.uint8).reshape(1, 2, 2, 1)
    grid = image_grid(images, scale=3, padding=0)
    np.testing.assert_array_equal(grid[..., 0], np.kron(images[0, ..., 0], np.ones((3, 3))))


@pytest.mark.parametrize("channels", [1, 3])
def test_smooth_enlargement_keeps_to_each_image(channels):
    images = np.zeros((2, 8, 8, channels), np.uint8)
    images[1] = 255
    grid = image_grid(images, columns=2, scale=7, padding=0, smooth=True)
    assert grid.shape == (56, 112, channels)
    assert (grid[:, :56] == 0).all()
    assert (grid[:, 56:] == 255).all()


def test_smooth_enlargement_has_values_in_between():
    images = np.array([[0, 255]], np.uint8).reshape(1, 1, 2, 1)
    row = image_grid(images, scale=8, padding=0, smooth=True)[0, :, 0]
    assert (np.diff(row.astype(int)) >= 0).all()
    assert len(np.unique(row)) > 4


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((28, 28, 1)), r"\(28, 28, 1\)"),
        (np.zeros((1, 28, 28, 2)), r"\(1, 28, 28, 2\)"),
        (np.zeros((0, 28, 28, 1)), r"\(0, 28, 28, 1\)"),
        (np.zeros((1, 2, 2, 1), np.int32), "int32"),
    ],
)
def test_says_what_is_wrong_with_the_images(images, message):
    with pytest.raises(ValueError, match=message):
        image_grid(images)


@pytest.mark.parametrize("height", [1, 8, 28, 32, 55, 56, 128])
def test_display_scale_is_the_smallest_that_reaches_56_pixels(height):
    scale = display_scale(height)
    assert scale * height >= 56
    assert scale == 1 or (scale - 1) * height < 56


@pytest.mark.parametrize("channels", [1, 3])
def test_png_reads_back(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    save_png(tmp_path / "samples" / "step_1.png", image)
    with Image.open(tmp_path / "samples" / "step_1.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)
    assert [path.name for path in (tmp_path / "samples").iterdir()] == ["step_1.png"]
