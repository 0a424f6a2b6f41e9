"""Clocks that are set."""

import math

import pytest

from gan_jax.writers import read_jsonl

HOUR, YEAR = 3600.0, 365 * 24 * 3600.0


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(-HOUR, 0.0, id="an hour back, then right again"),
        pytest.param(YEAR, -YEAR, id="a year forward, then two years back"),
    ],
)
def test_set(starter, undisturbed, outcome, tmp_path, first, then):
    """The clock is set while the run trains."""
    harms = [["move_clock", 20, first], ["move_clock", 45, then]]
    run = starter.run(tmp_path / "run", harms=harms)
    assert run.code == 0, run.said
    assert run.errors == []
    rows = read_jsonl(tmp_path / "run" / "metrics.jsonl")
    walls = [row["wall_time"] for row in rows]
    assert walls != sorted(walls)
    speeds = [row["images_per_second"] for row in rows[1:]]
    assert all(0 < speed < math.inf for speed in speeds)
    undisturbed.assert_same(tmp_path / "run")
    outcome("speeds were measured all the same, and the report was drawn", "the same bits")
