import numpy as np
import pytest

from gan_jax.report import class_grid


def tiles(grid, rows, columns, size):
    """Return the value in the middle of each tile."""
    step = size + 2
    return grid[2 + size // 2 :: step, 2 + size // 2 :: step][:rows, :columns]


def test_each_class_has_its_row_with_its_first_images():
    images = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (10, 20, 30, 40, 60)])
    grid = class_grid(images, [2, 0, 2, 2, 0], 4, columns=2)[:, -14:]
    assert grid.shape == (4 * 6 + 2, 2 * 6 + 2, 1)
    ground = grid[0, 0, 0]
    expected = [[20, 60], [ground, ground], [10, 30], [ground, ground]]
    np.testing.assert_array_equal(tiles(grid[..., 0], 4, 2, 4), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_takes_floats_and_enlarges(channels):
    grid = class_grid(np.ones((3, 4, 4, channels)), [0, 1, 1], 2, columns=3, scale=2, smooth=True)
    grid = grid[:, -32:]
    assert grid.shape == (2 * 10 + 2, 3 * 10 + 2, channels)
    assert (grid[4:8, 4:8] == 255).all()
    assert (grid[4:8, 14:] == grid[0, 0]).all()


def test_each_row_begins_with_the_name_of_its_class():
    images = np.zeros((1, 28, 28, 3), np.uint8)
    numbers, named = (
        class_grid(images, [0], 3, names=names, columns=4, scale=2)
        for names in (None, ["1", "", "0"])
    )
    margin = slice(0, -4 * 58 - 2)
    rows, others = (np.split(grid[1:-1, margin], 3) for grid in (numbers, named))
    assert 10 < rows[0].shape[1] < 40
    np.testing.assert_array_equal(rows[0], others[2])
    np.testing.assert_array_equal(rows[1], others[0])
    assert (rows[0] > 200).any()
    assert (rows[0] != rows[1]).any()
    assert (others[1] == numbers[0, 0]).all()
    assert (named[:, margin][:, -2:] == numbers[0, 0]).all()


def test_there_is_a_name_for_each_class():
    with pytest.raises(ValueError, match="there are 2 names of 3 classes"):
        class_grid(np.zeros((1, 4, 4, 1)), [0], 3, names=["a", "b"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"one for each of 3 images, not int64 \[2\]"),
        ([0.0, 1.0, 2.0], r"labels must be integers.*not float64"),
        ([0, 1, 5], "label 5 is none of the classes 0 to 4"),
        ([0, 1, -1], "label -1 is none"),
    ],
)
def test_says_what_is_wrong_with_the_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        class_grid(np.zeros((3, 4, 4, 1)), labels, 5)
