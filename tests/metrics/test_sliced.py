"""Sliced Wasserstein distances against closed forms and SciPy's of one dimension."""

import numpy as np
import pytest
import scipy.stats

from gan_jax.metrics import laplacian_sliced_wasserstein, sliced, sliced_wasserstein_distance


def _points(seed, count, dimensions=3):
    return np.random.default_rng(seed).normal(size=(count, dimensions))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_translation_on_a_line_is_its_length(order):
    points = _points(0, 20, 1)
    assert sliced_wasserstein_distance(points, points[::-1] - 3, order=order) == pytest.approx(3)


def test_by_hand():
    # 0 and 4 against 1, 1 and 4: moving 1 by a half, and 3 by a sixth.
    points = [[0.0], [4.0]], [[1.0], [1.0], [4.0]]
    assert sliced_wasserstein_distance(*points, order=1) == pytest.approx(1 / 2 + 3 / 6)
    assert sliced_wasserstein_distance(*points) == pytest.approx((1 / 2 + 9 / 6) ** 0.5)


@pytest.mark.parametrize("counts", [(30, 30), (30, 47), (1, 5)])
def test_agrees_with_scipy_in_each_direction(counts):
    a, b = _points(0, counts[0]), _points(1, counts[1]) + 0.3
    ours = sliced_wasserstein_distance(a, b, directions=40, order=1, seed=3)
    drawn = np.random.RandomState(3).standard_normal((3, 40))
    directions = (drawn / np.linalg.norm(drawn, axis=0)).T
    expected = np.mean([scipy.stats.wasserstein_distance(a @ u, b @ u) for u in directions])
    assert ours == pytest.approx(expected, rel=1e-10)


def test_a_translation_in_d_dimensions_is_shortened_by_their_root():
    # The mean of (u.v)² over directions u is |v|² / D.
    points = _points(0, 10, 4)
    distance = sliced_wasserstein_distance(points, points + 2, directions=20_000)
    assert distance == pytest.approx(2, rel=0.02)


def test_copies_are_at_distance_0():
    points = _points(0, 9)
    assert sliced_wasserstein_distance(points, points[::-1]) == 0
    assert sliced_wasserstein_distance(points, np.tile(points, (2, 1))) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (([[1.0]], [[1.0, 2.0]]), {}, "points_a have 1 dimensions and points_b have 2"),
        ((np.zeros((0, 2)), [[1.0, 2.0]]), {}, "at least 1 samples, not 0"),
        (([[1.0]], [[np.nan]]), {}, "points_b hold NaN"),
        (([[1.0]], [[1.0]]), {"directions": 0}, "not 0 and 2"),
        (([[1.0]], [[1.0]]), {"order": 0}, "not 512 and 0"),
    ],
)
def test_bad_input(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein_distance(*arguments, **settings)


def _images(seed, count=6, size=(36, 33), channels=2):
    noise = np.random.default_rng(seed).integers(0, 256, (count, *size, channels))
    return noise.astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "smallest", "heights"),
    [((28, 28), 16, [28]), ((32, 40), 16, [32, 16]), ((36, 33), 8, [36, 18, 9]), ((7, 7), 16, [7])],
)
def test_levels_of_a_pyramid(size, smallest, heights):
    images = np.random.default_rng(0).normal(size=(2, *size, 2))
    levels = sliced._laplacian_pyramid(images, smallest)
    assert [level.shape[1] for level in levels] == heights
    rebuilt = levels[-1]
    for level in levels[-2::-1]:
        spread = np.zeros_like(level)
        spread[:, ::2, ::2] = rebuilt
        rebuilt = level + 4 * sliced._blur(spread)
    np.testing.assert_allclose(rebuilt, images, atol=1e-10)


def test_a_pyramid_of_a_plain_image_has_nothing_but_its_smallest_level():
    first, second = sliced._laplacian_pyramid(np.full((1, 32, 32, 1), 5.0), 16)
    assert np.abs(first).max() < 1e-12
    np.testing.assert_allclose(second, 5)


def test_each_fault_shows_at_its_level():
    rng = np.random.default_rng(0)

    def waves():
        phases = rng.uniform(0, 2 * np.pi, (40, 1, 1, 1))
        return np.broadcast_to(np.cos(np.arange(32)[:, None] / 4 + phases), (40, 32, 32, 1))

    def grain():
        return 0.3 * rng.normal(size=(40, 32, 32, 1))

    settings = {"patches": 32, "directions": 64}
    real = waves() + grain()
    floor, rotated, smooth = (
        laplacian_sliced_wasserstein(real, fake, **settings)
        for fake in (
            waves() + grain(),
            waves().swapaxes(1, 2) + grain(),
            waves(),
        )
    )
    assert list(floor) == [32, 16]
    assert smooth[32] > 3 * floor[32]
    assert smooth[16] < 2 * floor[16]
    assert rotated[16] > 3 * floor[16]
    assert rotated[32] < 2 * floor[32]


def test_brightness_and_contrast_are_normalised_away():
    real = _images(0).astype(np.float64)
    settings = {"patches": 4, "directions": 8}
    plain = laplacian_sliced_wasserstein(real, _images(1), **settings)
    changed = laplacian_sliced_wasserstein(3 * real + 5, _images(1), **settings)
    for level, distance in plain.items():
        assert changed[level] == pytest.approx(distance, rel=1e-4)


@pytest.mark.parametrize(
    ("real", "fake", "settings", "message"),
    [
        (_images(0), _images(0)[:, :20], {}, "do not compare"),
        (_images(0, size=(6, 9)), _images(0), {}, r"real images .* at least 7, not \[6, 6, 9, 2\]"),
        (_images(0), _images(0, count=0), {}, "fake images must be"),
        (_images(0), _images(0) * np.nan, {}, "fake images hold NaN"),
        (_images(0), _images(0), {"smallest": 4}, "a level of 4 has no patches of 7"),
    ],
)
def test_bad_images(real, fake, settings, message):
    with pytest.raises(ValueError, match=message):
        laplacian_sliced_wasserstein(real, fake, **settings)
