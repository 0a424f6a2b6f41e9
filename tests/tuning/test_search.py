import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from gan_jax.errors import UsageError
from gan_jax.tuning import Choice, Range, as_rows, cross_seeds, grid_search, random_search

SPACE = {"rate": Range(1e-4, 1e-2, log=True), "gamma": Choice((0, 1, 10)), "width": Choice((64, 8))}


def test_a_grid_is_the_product_with_the_first_name_slowest():
    columns = grid_search(SPACE, points=3)
    rows = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    assert list(columns) == ["rate", "gamma", "width"]
    assert rows == list(itertools.product([1e-4, 1e-3, 1e-2], [0, 1, 10], [64, 8]))
    assert columns["gamma"].dtype == np.int64


def test_an_axis_has_its_own_number_of_points():
    columns = grid_search({"a": Range(0, 1, points=4), "b": Range(0, 1)}, points=2)
    assert [len(set(column.tolist())) for column in columns.values()] == [4, 2]


def test_a_grid_needs_points():
    with pytest.raises(UsageError, match=r"^rate: range 0.0001:0.01:log says no number of points"):
        grid_search(SPACE)
    with pytest.raises(UsageError, match=r"^rate: points is 1"):
        grid_search(SPACE, points=1)


def test_random_settings_repeat_and_extend():
    few = random_search(SPACE, count=4, seed=1)
    many = random_search(SPACE, count=40, seed=1)
    other = random_search(SPACE, count=40, seed=2)
    for name in SPACE:
        assert many[name][:4].tolist() == few[name].tolist()
        assert many[name].tolist() != other[name].tolist()


def test_a_column_does_not_depend_on_the_others():
    alone = random_search({"gamma": SPACE["gamma"]}, count=9, seed=1)
    assert alone["gamma"].tolist() == random_search(SPACE, count=9, seed=1)["gamma"].tolist()


def test_names_draw_apart_and_log_uniformly():
    columns = random_search({"a": SPACE["rate"], "b": SPACE["rate"]}, count=3000, seed=0)
    exponents = np.log10([columns["a"], columns["b"]])
    for values in exponents:
        assert stats.kstest(values, stats.uniform(-4, 2).cdf).pvalue > 0.05
    assert abs(np.corrcoef(exponents)[0, 1]) < 0.05


def test_random_search_refuses():
    with pytest.raises(ValueError, match="space is empty"):
        random_search({}, count=1, seed=0)
    with pytest.raises(ValueError, match="count is 0, it must be at least 1"):
        random_search(SPACE, count=0, seed=0)
    with pytest.raises(ValueError, match="seed is -1, it must be at least 0"):
        random_search(SPACE, count=1, seed=-1)


def test_seeds_change_fastest():
    columns = cross_seeds({"a": np.array([1, 2]), "b": [0.5, 0.25]}, range(5, 8))
    assert columns["a"].tolist() == [1, 1, 1, 2, 2, 2]
    assert columns["b"].tolist() == [0.5] * 3 + [0.25] * 3
    assert columns["seed"].tolist() == [5, 6, 7, 5, 6, 7]
    assert columns["a"].reshape(-1, 3).tolist() == [[1, 1, 1], [2, 2, 2]]


def test_no_hyperparameter_is_one_setting():
    assert cross_seeds(grid_search({}), range(2))["seed"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("settings", "seeds", "says"),
    [
        ({"seed": [1]}, [0], "a column called seed already"),
        ({"a": [1]}, [], r"seeds are \[\], they must be different whole numbers"),
        ({"a": [1]}, [3, 3], r"seeds are \[3, 3\]"),
        ({"a": [1]}, [0.5], "different whole numbers"),
        ({"a": [1], "b": [1, 2]}, [0], r"columns must all be \[N\] of one N, not a \[1\], b \[2\]"),
        ({"a": 1.0}, [0], r"not a \[\]"),
    ],
)
def test_crossing_refuses(settings, seeds, says):
    with pytest.raises(ValueError, match=says):
        cross_seeds(settings, seeds)


def test_rows_hold_pythons_numbers():
    rows = as_rows({"a": np.array([1, 2]), "b": np.array([0.5, 1.0]), "ok": [True, False]})
    assert rows == [{"a": 1, "b": 0.5, "ok": True}, {"a": 2, "b": 1.0, "ok": False}]
    assert [type(value) for value in rows[1].values()] == [int, float, bool]
    with pytest.raises(ValueError, match="of one N"):
        as_rows({"a": [1], "b": [1, 2]})


def test_axes_are_checked_before_anything_heavy_is_loaded():
    code = """
import sys
from gan_jax.tuning import parse_axis
parse_axis("1e-4:1e-2:log:5"), parse_axis("1,2")
print(*sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "jax", "pyarrow"}
