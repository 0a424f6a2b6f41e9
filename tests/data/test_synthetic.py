import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax import data

CENTRES = np.array([[-1.0, 0.5], [0.3, -0.2], [1.1, 1.2]])
WEIGHTS = np.array([0.2, 0.5, 0.3])
UNEQUAL = data.mixture(CENTRES, 0.3, weights=[2, 5, 3], name="unequal")
DENSE = {
    "mixture": UNEQUAL,
    "ring": data.ring(standard_deviation=0.05),
    "grid": data.grid(standard_deviation=0.2),
    "clusters": data.clusters(),
    "line": data.line(standard_deviation=0.05),
    "checkerboard": data.checkerboard(),
}
ALL = DENSE | {
    "spiral": data.spiral(),
    "moons": data.moons(),
    "empirical": data.empirical([[1.0, 2.0], [3.0, -4.0]]),
}


@functools.cache
def points_of(distribution, count=20_000):
    sample = jax.jit(distribution.sample, static_argnums=1)
    return np.asarray(sample(jax.random.key(0), count), np.float64)


def cells_of(distribution, side, fine):
    """Return the places [side fine, side fine, 2] in the middle of fine cells of the extent."""
    count = side * fine
    places = distribution.extent * ((2 * np.arange(count) + 1) / count - 1)
    return np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1)


def test_the_density_of_one_gaussian_by_hand():
    log_density = data.mixture([[1.0, 2.0]], 0.5).log_density
    # At the mean 1 / (2 pi / 4); one standard deviation off, exp(-1/2) of it.
    peak = math.log(2 / math.pi)
    np.testing.assert_allclose(
        log_density(jnp.array([[1.0, 2.0], [1.5, 2.0]])), [peak, peak - 0.5], rtol=1e-6
    )


def test_a_mixture_has_the_density_that_scipy_gives():
    points = np.random.default_rng(0).normal(size=(50, 2))
    densities = [stats.multivariate_normal(c, 0.3**2).pdf(points) for c in CENTRES]
    with jax.enable_x64(True):
        found = UNEQUAL.log_density(jnp.asarray(points))
        assert found.dtype == jnp.float64
        np.testing.assert_allclose(found, np.log(WEIGHTS @ densities), rtol=1e-12)
    half = UNEQUAL.log_density(jnp.zeros((1, 2), jnp.bfloat16))
    assert half.dtype == jnp.float32


def test_a_mixture_draws_each_gaussian_as_often_as_its_weight_says():
    centres = 10 * CENTRES
    points = points_of(data.mixture(centres, 0.3, weights=[2, 5, 3]))
    offsets = points[:, None] - centres
    nearest = np.linalg.norm(offsets, axis=-1).argmin(axis=1)
    np.testing.assert_allclose(np.bincount(nearest) / len(points), WEIGHTS, atol=0.012)
    noise = offsets[np.arange(len(points)), nearest] / 0.3
    for component in noise.T:
        assert stats.kstest(component, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.03


def test_a_mixture_says_where_its_modes_are():
    modes = UNEQUAL.modes
    np.testing.assert_array_equal(modes.centres, CENTRES)
    np.testing.assert_allclose(modes.weights, WEIGHTS, rtol=1e-15)
    assert (modes.centres.dtype, modes.weights.dtype) == (np.float64, np.float64)
    assert (modes.standard_deviation, UNEQUAL.extent) == (0.3, pytest.approx(1.2 + 4 * 0.3))


def test_a_ring_has_all_of_its_modes():
    modes = data.ring().modes
    gaps = np.linalg.norm(modes.centres[:, None] - modes.centres, axis=-1)
    # Neighbours on the unit circle are 2 sin(pi / 8) apart.
    assert gaps[~np.eye(8, dtype=bool)].min() == pytest.approx(2 * math.sin(math.pi / 8))
    np.testing.assert_allclose(modes.centres[[0, 2, 4]], [[1, 0], [0, 1], [-1, 0]], atol=1e-15)
    assert (modes.standard_deviation, set(modes.weights)) == (0.01, {1 / 8})
    assert data.ring(3, radius=2.0).modes.centres[0].tolist() == [2, 0]


def test_a_grid_is_that_of_the_protocol():
    modes = data.grid().modes
    expected = {(float(x), float(y)) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
    assert {tuple(centre) for centre in modes.centres.tolist()} == expected
    assert (len(modes.centres), modes.standard_deviation) == (25, 0.05)
    assert data.grid(2, spacing=1.0).modes.centres[:2].tolist() == [[-0.5, -0.5], [-0.5, 0.5]]


def test_clusters_are_unequal_and_far_apart():
    modes = data.clusters().modes
    np.testing.assert_allclose(modes.weights, [4 / 7, 2 / 7, 1 / 7])
    gaps = np.linalg.norm(modes.centres[:, None] - modes.centres, axis=-1)
    assert gaps[~np.eye(3, dtype=bool)].min() > 10 * modes.standard_deviation


@pytest.mark.parametrize("name", DENSE)
def test_a_density_integrates_to_one_and_is_that_of_the_samples(name):
    distribution, side, fine = DENSE[name], 8, 25
    with jax.enable_x64(True):
        cells = jnp.asarray(cells_of(distribution, side, fine).reshape(-1, 2))
        density = np.exp(np.asarray(distribution.log_density(cells)))
    mass = density * (2 * distribution.extent / (side * fine)) ** 2
    # The extent leaves out what is 4 standard deviations off; the line's ends are cut a bit more.
    assert mass.sum() == pytest.approx(1, abs=3e-4)
    shares = mass.reshape(side, fine, side, fine).sum(axis=(1, 3))
    edges = np.linspace(-distribution.extent, distribution.extent, side + 1)
    points = points_of(distribution)
    counts, _, _ = np.histogram2d(*points.T, bins=[edges, edges])
    # Five times the standard error of a share.
    errors = np.sqrt(shares / len(points)) + 1e-4
    assert np.all(np.abs(counts / len(points) - shares) < 5 * errors)


@pytest.mark.parametrize("name", ALL)
def test_samples_are_traceable_float32_and_within_the_extent(name):
    distribution = ALL[name]
    keys = jax.random.split(jax.random.key(1), 3)
    draw = lambda key: distribution.sample(key, 4)

    @jax.jit
    def compiled(keys):
        _, scanned = jax.lax.scan(lambda carry, key: (carry, draw(key)), None, keys)
        return scanned, jax.vmap(draw)(keys), draw(keys[0])

    each = np.stack([draw(key) for key in keys])
    for found, expected in zip(compiled(keys), (each, each, each[0]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    with jax.enable_x64(True):
        shape = jax.eval_shape(draw, keys[0])
    assert (shape.shape, shape.dtype) == ((4, 2), jnp.float32)
    farthest = np.abs(points_of(distribution)).max(axis=1)
    assert np.mean(farthest <= distribution.extent) > 0.999
    assert farthest.max() > 0.9 * distribution.extent


@pytest.mark.parametrize("name", DENSE)
def test_log_densities_have_finite_gradients_and_compile(name):
    log_density = DENSE[name].log_density
    points = jnp.concatenate([DENSE[name].sample(jax.random.key(2), 9), jnp.array([[0.0, 0.0],
        [1e3, -1e3], [-1e3, 0.0], [0.1, 30.0]])])  # fmt: skip
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(log_density(x))))
    assert np.isfinite(gradient(points)).all()
    np.testing.assert_allclose(jax.jit(log_density)(points), log_density(points), rtol=1e-5)
    with pytest.raises(ValueError, match=r"log_density takes points \[N, 2\], not \[2\]"):
        log_density(points[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: data.mixture([[1.0]], 1.0), r"mixture: centres must be .* not float64 \[1, 1\]"),
        (lambda: data.mixture([], 1.0), r"N at least 1, not float64 \[0\]"),
        (lambda: data.mixture([[1.0], [1.0, 2.0]], 1.0), "not rows of different lengths"),
        (lambda: data.mixture([["1", "2"]], 1.0), r"not <U1 \[1, 2\]"),
        (lambda: data.mixture([[0, 0], [1.0, math.nan]], 1.0), "finite, row 2 has nan"),
        (lambda: data.mixture([[1e39, 0.0]], 1.0), r"at most 1e\+15, row 1 has 1e\+39"),
        (lambda: data.mixture(CENTRES, 0.0), "standard_deviation is 0.0, it must be a finite"),
        (lambda: data.mixture(CENTRES, True), "standard_deviation is True, it must be a finite"),
        (lambda: data.mixture(CENTRES, "1"), "standard_deviation is '1', it must be a finite"),
        (lambda: data.mixture(CENTRES, 1.0, weights=[1, 2]), r"each of 3 centres, not int64 \[2\]"),
        (lambda: data.mixture(CENTRES, 1.0, weights=[1, 2, 0]), "for each of 3 centres, not 0"),
        (lambda: data.mixture(CENTRES, 1.0, weights=[1, 2, math.inf]), "3 centres, not inf"),
        (lambda: data.mixture(CENTRES, 1.0, weights=[1, [2]]), "each of 3 centres, not float64"),
        (lambda: data.ring(0), "ring: modes is 0, it must be a whole number from 1"),
        (lambda: data.ring(8.0), "ring: modes is 8.0, it must be a whole number from 1"),
        (lambda: data.ring(radius=-1.0), "ring: radius is -1.0"),
        (lambda: data.grid(0), "grid: side is 0"),
        (lambda: data.grid(spacing=math.inf), "grid: spacing is inf"),
        (lambda: data.clusters(standard_deviation=0), "clusters: standard_deviation is 0"),
        (lambda: data.empirical(np.zeros((3, 3))), r"points: points must .* not float64 \[3, 3\]"),
    ],
)  # fmt: skip
def test_says_what_no_distribution_is_made_of(make, message):
    with pytest.raises(ValueError, match=message):
        make()
