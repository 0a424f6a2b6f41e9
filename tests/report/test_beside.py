import numpy as np
import pytest

from gan_jax.report import draw_beside


def test_each_example_is_beside_itself():
    columns = [
        np.full((4, 56, 56, 1), 10 * k, np.uint8) + np.uint8([[[[0]]], [[[1]]], [[[2]]], [[[3]]]])
        for k in (1, 2)
    ]
    picture = draw_beside(*columns, times=2)
    places = range(2 + 28, picture.shape[1], 58)
    rows = [[int(picture[y, x, 0]) for x in places] for y in (30, 88)]
    assert rows == [[10, 20, 11, 21], [12, 22, 13, 23]]


def test_small_and_grey_images_fit_beside_large_and_coloured_ones():
    small = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    large = np.zeros((1, 56, 56, 3), np.uint8)
    picture = draw_beside(small, large)
    assert picture.shape == (60, 118, 3)
    corners = picture[[3, 3, 57, 57], [3, 57, 3, 57]]
    np.testing.assert_array_equal(corners, np.repeat([[0], [1], [2], [3]], 3, axis=1))


def test_floats_are_images_from_minus_one_to_one():
    picture = draw_beside(np.ones((1, 56, 56, 1)), np.zeros((1, 56, 56, 1), np.uint8))
    assert picture[30, 30, 0] == 255


def test_what_does_not_fit_is_refused():
    image = np.zeros((1, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match="of one length, not 1, 2"):
        draw_beside(image, np.zeros((2, 4, 4, 1), np.uint8))
    with pytest.raises(ValueError, match="3 x 3 do not fit beside those of 4 x 4"):
        draw_beside(np.zeros((1, 3, 3, 1), np.uint8), image)
