"""Grid and ring: recipes can be played, and the page shows what was measured."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mixtures
from gan_jax import lab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mixtures.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"
MEASURED = json.loads((RESULTS / "mixtures.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("section", mixtures.SECTIONS)
def test_the_page_shows_what_was_measured(section):
    modes = mixtures.MODES["ring" if section.startswith("ring") else "grid"]
    assert mixtures.table(MEASURED[section], modes=modes) in PAGE
    assert {len(row["modes"]) for row in MEASURED[section].values()} == {8}


@pytest.mark.parametrize(("target", "most"), [("grid", 25), ("ring", 8)])
def test_the_recipe_covers_every_mode_with_every_seed(target, most):
    measured = json.loads((RESULTS / f"mixtures_{target}.json").read_text(encoding="utf-8"))
    assert mixtures.record_table(target, measured) in PAGE
    assert measured["modes"] == measured["full_modes"] == [most] * 8
    assert min(measured["high_quality"]) >= 0.95
    assert max(measured["reverse_kl"]) <= 0.01
    if target == "grid":
        assert 0.9 <= min(measured["spread"]) <= max(measured["spread"]) <= 1.1


def test_published_rows_are_on_the_page():
    assert mixtures.published_table() in PAGE


def test_every_plan_is_one_of_the_experiment():
    options = mixtures.Options()
    speed = dict.fromkeys(mixtures.COMPARED, 2.0) | {"least squares": 3.0}
    for section in mixtures.SECTIONS:
        plans = mixtures._plans(section, options, speed)
        target = "ring" if "ring" in section else "grid"
        assert {plan[0] for plan in plans.values()} == {target}
        for where, given, steps in plans.values():
            game, _ = mixtures._game(where, given, steps)
            assert game.steps == steps
    timed = mixtures._plans("grid, equal time", options, speed)
    assert timed["least squares"][2] == 1.5 * timed["relativistic + R1 + R2"][2] == 45_000


def test_a_recipe_plays_with_all_its_seeds():
    played = mixtures.play("ring", {"recipe": "non-saturating"}, seeds=2, steps=100)
    assert played["steps"] == 100
    assert all(len(played[figure]) == 2 for figure in mixtures.FIGURES)
    line = mixtures.table({"x": played}).splitlines()[-1]
    assert line.startswith("| x | 100 | ")


def test_results_of_other_options_are_not_mixed(tmp_path, capsys):
    path = tmp_path / "r.json"
    path.write_text('{"options": {"seeds": 8, "steps": 30000}}')
    assert mixtures.main(["--seeds", "2", "--json", str(path)]) == 2
    assert "of the same options" in capsys.readouterr().err


def test_a_table_says_where_nothing_is_of_high_quality():
    nothing = {figure: [0.0, 0.0] for figure in mixtures.FIGURES}
    nothing |= {"steps": 100, "reverse_kl": [np.nan] * 2, "spread": [np.nan] * 2}
    line = mixtures.table({"x": nothing}).splitlines()[-1]
    assert line.count("| - |") == 2
    assert "0 of 2 seeds" in line


def test_mistakes_are_named(capsys):
    assert mixtures.main(["--only", "gird"]) == 2
    assert "--only is gird" in capsys.readouterr().err
    assert mixtures.main(["--steps", "100"]) == 2
    assert "a multiple of 300" in capsys.readouterr().err


def test_floors_on_the_page_are_those_of_true_samples():
    from gan_jax import data

    for distribution, floor in ((data.grid(), "0.0048"), (data.ring(), "0.0014")):
        assert f"{lab.perfect(distribution)['reverse_kl']:.4f}" == floor
        assert floor in PAGE
