"""A population against separate runs: the same samples, and times that are compared."""

import numpy as np
import pytest

from benchmarks import population


@pytest.mark.parametrize("kind", ["separate", "together"])
def test_a_worker_leaves_samples_of_its_runs(kind, tmp_path):
    path = tmp_path / "fakes.npy"
    population.work(kind, 3, 2 if kind == "together" else 1, 10, path)
    fakes = np.load(path)
    assert fakes.shape == (2 if kind == "together" else 1, 100, 2)
    assert np.isfinite(fakes).all()


def test_a_ratio_is_of_all_separate_runs(monkeypatch):
    def timed(kind, first, count, steps, cache):
        warm = cache in seen
        seen.add(cache)
        return (3.0 if kind == "together" else 1.0) / (1 + warm), np.full((count, 1), first)

    seen = set()
    monkeypatch.setattr(population, "timed", timed)
    found = population.separate_and_together(population.Options(members=10, sample=1))
    assert found["ratio_cold"] == found["ratio_warm"] == 0.3
    assert found["equal_bits"]
    assert found["largest_difference"] == 0


def test_mistakes_are_named(capsys):
    assert population.main(["--members", "0"]) == 2
    assert "--members is 0" in capsys.readouterr().err
    assert population.main(["--members", "2", "--sample", "3"]) == 2
    assert "at most the members" in capsys.readouterr().err
