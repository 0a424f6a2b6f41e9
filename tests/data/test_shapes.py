import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import data


def points_of(distribution, count=20_000):
    sample = jax.jit(distribution.sample, static_argnums=1)
    return np.asarray(sample(jax.random.key(0), count), np.float64)


def test_a_line_is_uniform_along_and_normal_across():
    points = points_of(data.line(length=4.0, angle=0.3, standard_deviation=0.02))
    along = points @ [math.cos(0.3), math.sin(0.3)]
    across = points @ [-math.sin(0.3), math.cos(0.3)]
    assert stats.kstest(across / 0.02, "norm").pvalue > 1e-3
    # The noise along it hardly shows: the variance is 4^2 / 12 + 0.02^2.
    assert stats.kstest(along, stats.uniform(-2, 4).cdf).pvalue > 1e-3
    assert along.var() == pytest.approx(16 / 12 + 0.02**2, rel=0.02)
    assert abs(np.corrcoef(along, across)[0, 1]) < 0.03


def test_the_density_of_a_line_by_hand_and_by_scipy():
    line = data.line(length=2.0, angle=0.0, standard_deviation=0.1)
    # In the middle 1/2 along, and 1 / (0.1 sqrt(2 pi)) across; at an end half of it.
    middle = math.log(0.5 / (0.1 * math.sqrt(2 * math.pi)))
    found = line.log_density(jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.1]]))
    np.testing.assert_allclose(found, [middle, middle - math.log(2), middle - 0.5], atol=1e-6)
    x = np.linspace(-1.5, 1.5, 41)
    along = (stats.norm.cdf((x + 1) / 0.1) - stats.norm.cdf((x - 1) / 0.1)) / 2
    with jax.enable_x64(True):
        found = line.log_density(jnp.asarray(np.stack([x, 0.05 + 0 * x], axis=1)))
    expected = np.log(along) + stats.norm(scale=0.1).logpdf(0.05)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_line_that_is_no_longer_than_thick_is_a_gaussian():
    line = data.line(length=1e-3, standard_deviation=1.0)
    points = np.random.default_rng(0).normal(size=(20, 2))
    with jax.enable_x64(True):
        found = line.log_density(jnp.asarray(points))
    np.testing.assert_allclose(found, stats.multivariate_normal([0, 0]).logpdf(points), atol=1e-6)


def test_a_spiral_goes_round_and_outwards():
    points = points_of(data.spiral(turns=1.5, standard_deviation=1e-4))
    radii = np.linalg.norm(points, axis=1)
    assert stats.kstest(radii, stats.uniform(1 / 3, 2 / 3).cdf).pvalue > 1e-3
    # The angles of scikit-learn's swiss roll: 1.5 pi at the inner end, 4.5 pi at the outer.
    angles = np.arctan2(*points.T[::-1])
    np.testing.assert_allclose(np.exp(1j * angles), np.exp(4.5j * np.pi * radii), atol=0.01)


def test_moons_are_two_half_circles_that_mirror_each_other():
    points = points_of(data.moons(standard_deviation=0.01))
    upper = np.linalg.norm(points + np.array([0.5, 0.25]), axis=1)
    lower = np.linalg.norm(points - np.array([0.5, 0.25]), axis=1)
    is_upper = np.abs(upper - 1) < np.abs(lower - 1)
    assert is_upper.mean() == pytest.approx(0.5, abs=0.015)
    assert np.abs(np.where(is_upper, upper, lower) - 1).max() < 0.05
    is_clear = np.abs(upper - lower) > 0.2
    assert points[is_upper & is_clear, 1].min() > -0.3
    assert points[~is_upper & is_clear, 1].max() < 0.3
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.02)


def test_the_curves_have_no_density():
    assert data.spiral().log_density is None
    assert data.moons().log_density is None


@pytest.mark.parametrize(("squares", "width", "black"), [(4, 1.0, 8), (3, 0.3, 5)])
def test_a_checkerboard_is_uniform_on_its_black_squares(squares, width, black):
    board = data.checkerboard(squares, width=width)
    assert board.extent == pytest.approx(squares * width / 2)
    points = points_of(board)
    cells = np.floor(points / width + squares / 2).astype(int)
    held = np.zeros((squares, squares))
    np.add.at(held, tuple(cells.T), 1 / len(points))
    is_black = np.indices(held.shape).sum(axis=0) % 2 == 0
    assert is_black[0, 0]
    assert not held[~is_black].any()
    np.testing.assert_allclose(held[is_black], 1 / black, atol=0.012)
    np.testing.assert_allclose(
        board.log_density(jnp.asarray(points)), -math.log(black * width**2), rtol=1e-6
    )
    for place in np.modf(points / width + squares / 2)[0].T:
        assert stats.kstest(place, "uniform").pvalue > 1e-3


def test_a_checkerboard_has_nothing_elsewhere():
    places = jnp.array([[-1.5, -1.5], [-0.5, -1.5], [-2.5, -2.5], [1.5, 2.5], [2.5, 2.5]])
    found = data.checkerboard().log_density(places)
    np.testing.assert_allclose(found, [-math.log(8)] + 4 * [-math.inf], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.line(length=0.0), "line: length is 0.0, it must be a finite number above 0"),
        (lambda: data.line(angle=math.inf), "line: angle is inf, it must be finite"),
        (lambda: data.line(standard_deviation=-1), "line: standard_deviation is -1"),
        (lambda: data.spiral(turns=0), "spiral: turns is 0"),
        (lambda: data.spiral(standard_deviation=math.nan), "spiral: standard_deviation is nan"),
        (lambda: data.moons(standard_deviation=0), "moons: standard_deviation is 0"),
        (lambda: data.checkerboard(1), "checkerboard: squares is 1, it must be at least 2"),
        (lambda: data.checkerboard(2.5), "checkerboard: squares is 2.5, it must be a whole"),
        (lambda: data.checkerboard(width=0), "checkerboard: width is 0"),
    ],
)
def test_says_what_no_shape_is_made_of(make, message):
    with pytest.raises(ValueError, match=message):
        make()
