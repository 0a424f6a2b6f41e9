import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.diagnostics import (
    diversity,
    gradient_cosine,
    gradient_ratio,
    overfitting,
    reach,
    saturation,
    separation,
)


def arrays(seed, *shapes, dtype=np.float32):
    numbers = np.random.default_rng(seed)
    return [numbers.normal(size=shape).astype(dtype) for shape in shapes]


def close(found, expected, rtol=1e-5):
    np.testing.assert_allclose(np.asarray(found, np.float64), expected, rtol=rtol, atol=1e-6)


def test_the_cosine_is_of_all_leaves_together():
    first = {"a": jnp.array([3.0, 0.0]), "b": jnp.array(4.0)}
    close(gradient_cosine(first, {"a": jnp.array([1.0, 0.0]), "b": jnp.array(0.0)}), 0.6)
    close(gradient_cosine(first, jax.tree.map(lambda x: -7 * x, first)), -1.0)
    assert gradient_cosine(first, jax.tree.map(jnp.zeros_like, first)) == 0


def test_the_ratio_is_of_lengths_and_0_of_nothing():
    first = {"a": jnp.array([3.0, 0.0]), "b": jnp.array(4.0)}  # 5 long
    close(gradient_ratio(first, {"a": jnp.array([0.0, 8.0]), "b": jnp.array(6.0)}), 0.5)
    assert gradient_ratio(first, jax.tree.map(jnp.zeros_like, first)) == 0


def test_diversity_by_hand():
    real = jnp.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])  # 5, 5 and 0 apart: 10/3
    fake = jnp.array([[0.0, 0.0], [0.0, 1.0]])
    close(diversity(real, fake), 0.3)
    assert diversity(real, jnp.ones((4, 2))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_diversity_as_numpy_has_it(seed):
    real, fake = arrays(seed, (9, 2, 3), (7, 2, 3))

    def spread(points):
        flat = points.reshape(len(points), -1).astype(np.float64)
        pairs = [np.linalg.norm(a - b) for i, a in enumerate(flat) for b in flat[:i]]
        return np.mean(pairs)

    close(diversity(real, fake), spread(fake) / spread(real))
    both = {"x": real, "y": real[:, 0]}, {"x": fake, "y": fake[:, 0]}
    joined = [np.concatenate([s["x"].reshape(len(s["x"]), -1), s["y"]], axis=1) for s in both]
    close(diversity(*both), spread(joined[1]) / spread(joined[0]))


def test_distances_of_points_far_from_0_keep_their_digits():
    real, fake = arrays(0, (8, 2), (8, 2))
    close(diversity(1000 + real, 1000 + fake), diversity(real, fake), rtol=2e-3)


def test_reach_counts_places_and_not_sharpness():
    modes = np.repeat(np.arange(8.0)[:, None], 16, axis=1).reshape(-1, 1)  # 16 of each of 8
    order = np.random.default_rng(0).permutation(128)
    real = modes[order] + 0.01 * arrays(0, (128, 1))[0]
    blurred = modes[order] + 0.2 * arrays(1, (128, 1))[0]
    assert reach(real, blurred) > 0.4
    half = jnp.where(blurred > 3.5, blurred - 4, blurred)
    assert reach(real, half) < 0.75 * reach(real, blurred)
    assert reach(real, np.full((64, 1), 3.0)) < 0.04


@pytest.mark.parametrize("seed", range(3))
def test_reach_as_numpy_has_it(seed):
    real, fake = arrays(seed, (11, 2, 3), (7, 2, 3))
    flat = [x.reshape(len(x), -1) for x in (real[:5], real[5:10], fake[:5])]
    places, others, fakes = flat

    def reached(points):
        return len({np.linalg.norm(places - p, axis=1).argmin() for p in points})

    close(reach(real, fake), reached(fakes) / reached(others))


def test_saturation_is_beyond_the_datas_own_share_at_the_worse_end():
    real = jnp.array([[-1.0, -1.0, 0.0, 0.5]])
    fake = jnp.array([[-1.0, -0.985, 0.0, 1.0], [-1.0, -1.0, 0.99, 1.0]])
    close(saturation(real, fake), 3 / 8)  # at 1: 3 of 8 against none; at -1: 4 of 8 against 2 of 4
    assert saturation(fake, real) == 0
    close(saturation(real, fake, limits=(-1.0, 3.0)), 0.0)
    assert saturation(real, fake, limits=(-np.inf, np.inf)) == 0
    assert saturation(jnp.array([[0.5]]), jnp.array([[0.97]]), margin=0.02) == 1


def test_separation_is_the_correlation_with_what_is_real():
    real, fake = arrays(0, (10, 3, 3, 1), (10, 3, 3, 1))
    real = real + 1.5
    logits = np.concatenate([real.ravel(), fake.ravel()]).astype(np.float64)
    expected = np.corrcoef(logits, np.repeat([1.0, 0.0], 90))[0, 1]
    close(separation(real, fake), expected)
    close(separation(100 * fake + 7, 100 * real + 7), -expected, rtol=1e-4)
    assert separation(jnp.ones(4), jnp.ones(4)) == 0


def test_overfitting_is_in_units_of_the_gap_where_there_is_one():
    real, fake = jnp.array([3.0, 3.0]), jnp.array([-1.0, -1.0])
    assert overfitting(real, real, fake) == 0
    assert overfitting(real, fake, fake) == 1
    assert overfitting(real, jnp.array([2.0, 2.0, 2.0]), fake) == 0.25
    spread, none = jnp.array([-1.0, 1.0]), jnp.array([0.0, 0.0])
    assert overfitting(spread, none - 0.5, spread) == 0.25  # a gap of 0, a deviation of 1


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_computed_in_more(dtype):
    real, fake = (jnp.asarray(x, dtype) for x in arrays(0, (16, 4), (16, 4)))
    values = [
        diversity(real, fake), reach(real, fake), saturation(real, fake),
        separation(real[:, 0], fake[:, 0]), gradient_cosine(real, fake),
    ]  # fmt: skip
    assert {value.dtype for value in values} == {jnp.dtype(jnp.float32)}
    exact = separation(real[:, 0].astype(jnp.float32), fake[:, 0].astype(jnp.float32))
    close(separation(real[:, 0], fake[:, 0]), exact)


def test_float64_stays():
    with jax.enable_x64(True):
        real, fake = (jnp.asarray(x) for x in arrays(0, (16, 4), (16, 4), dtype=np.float64))
        for value in (diversity(real, fake), separation(real, fake), gradient_ratio(real, fake)):
            assert value.dtype == jnp.float64


@pytest.mark.parametrize("measure", [diversity, reach, saturation, separation])
def test_compiled_and_mapped_they_are_the_same(measure):
    real, fake = arrays(0, (3, 8, 2), (3, 8, 2))
    mapped = jax.jit(jax.vmap(measure))(real, fake)
    close(mapped, [measure(r, f) for r, f in zip(real, fake, strict=True)])


@pytest.mark.parametrize(
    ("measure", "reals", "fakes", "says"),
    [
        (diversity, 1, 4, "diversity: 1 examples are too few, it needs 2"),
        (reach, 3, 4, "reach: 3 examples are too few, it needs 4"),
        (reach, 8, 3, "reach: 3 examples are too few, it needs 4"),
    ],
)
def test_too_few_examples_are_refused(measure, reals, fakes, says):
    with pytest.raises(ValueError, match=says):
        measure(jnp.zeros((reals, 2)), jnp.zeros((fakes, 2)))


def test_what_is_not_finite_has_no_measure():
    lost, good = jnp.full((8, 2), jnp.nan), jnp.arange(16.0).reshape(8, 2)
    assert np.isnan(diversity(good, lost))
    assert np.isnan(reach(good, lost))
    assert np.isnan(saturation(good, lost))
    assert np.isnan(separation(good[:, 0], lost[:, 0]))
    assert np.isnan(overfitting(good[:, 0], good[:, 1], lost[:, 0]))
    assert np.isnan(gradient_cosine(good, lost))
    assert np.isnan(gradient_ratio(lost, good))
    assert np.isnan(gradient_ratio(good, lost))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_a_small_gradient_of_half_precision_is_along_itself(dtype):
    gradient = jnp.full(100, 1e-4, dtype)
    assert float(gradient_cosine(gradient, gradient)) == pytest.approx(1, abs=1e-5)
