import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.lab import SAMPLES, judge, judge_all, perfect
from gan_jax.lab.protocol import FIGURES


def draw(distribution, seed=5, count=SAMPLES):
    return np.asarray(distribution.sample(jax.random.key(seed), count))


@pytest.mark.parametrize("distribution", [data.grid(), data.ring(), data.clusters()])
def test_the_truth_is_judged_perfect(distribution):
    figures, floor = judge(distribution, draw(distribution)), perfect(distribution)
    assert figures.keys() == floor.keys() == set(FIGURES)
    assert figures["modes"] == figures["full_modes"] == len(distribution.modes.centres)
    assert figures["modes"] == floor["modes"]
    assert figures["high_quality"] == pytest.approx(floor["high_quality"], abs=0.01)
    assert figures["spread"] == pytest.approx(floor["spread"], abs=0.03)
    # Divergences and distances of samples are above 0, by chance as far as the floor says.
    for name in ("reverse_kl", "reverse_kl_with_nowhere", "distance"):
        assert 0 < figures[name] < 4 * floor[name]


def test_the_bias_of_the_reverse_kl_is_that_of_counts():
    assert perfect(data.grid())["reverse_kl"] == pytest.approx(24 / 5000, rel=0.01)
    drawn = [judge(data.grid(), draw(data.grid(), seed))["reverse_kl"] for seed in range(20, 40)]
    assert np.mean(drawn) == pytest.approx(perfect(data.grid())["reverse_kl"], rel=0.2)


def test_a_collapsed_generator_has_one_mode():
    points = np.tile(data.ring().modes.centres[:1], (100, 1))
    figures = judge(data.ring(), points)
    assert (figures["modes"], figures["full_modes"], figures["high_quality"]) == (1, 1, 1)
    assert figures["reverse_kl"] == pytest.approx(np.log(8))
    assert figures["distance"] > 0.5


def test_the_distance_is_in_the_unit_of_the_data():
    points = draw(data.ring())
    far = data.ring(radius=100.0, standard_deviation=1.0)
    assert judge(far, 100 * points)["distance"] == pytest.approx(
        100 * judge(data.ring(), points)["distance"], rel=1e-3
    )


def test_what_is_not_finite_is_of_no_mode():
    broken = draw(data.grid(), count=100).copy()
    broken[3] = np.nan, np.inf
    figures = judge(data.grid(), broken)
    assert (figures["modes"], figures["full_modes"], figures["high_quality"]) == (0, 0, 0)
    assert np.isnan([figures[name] for name in ("distance", "reverse_kl", "spread")]).all()
    assert figures["reverse_kl_with_nowhere"] > 4


@pytest.mark.parametrize("size", [1e6, 1e30])
def test_what_is_far_away_is_of_no_mode(size):
    figures = judge(data.grid(), np.full((100, 2), size, np.float32))
    assert (figures["modes"], figures["high_quality"]) == (0, 0)
    assert figures["distance"] == pytest.approx(size, rel=0.5)


def test_without_modes_there_is_only_a_distance():
    figures = judge(data.moons(), draw(data.moons(), count=100))
    assert list(figures) == ["distance"] == list(perfect(data.moons()))
    assert figures["distance"] > 0


def test_members_are_judged_one_by_one():
    fakes = np.stack([draw(data.ring(), seed, 50) for seed in range(3)])
    together = judge_all(data.ring(), fakes)
    for index, each in enumerate(fakes):
        alone = judge(data.ring(), each)
        assert {name: values[index] for name, values in together.items()} == alone
