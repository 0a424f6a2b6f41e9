"""The page on Stacked MNIST says what was measured, whatever that is."""

import json

import pytest

from docs import stacked_mnist
from experiments import stacked_mnist as experiment


def made_up(seed, modes, *, recipe="pacgan2", seconds: float | None = 90.0):
    judged = {
        "modes": modes, "modes_of_reals": 1000.0, "mode_kl": 0.1 * seed, "mode_kl_of_reals": 0.025,
    }  # fmt: skip
    return {
        "dataset": "stacked_mnist", "preset": "small", "recipe": recipe, "seed": seed,
        "steps": 20_000, "command": "python ...", "classifier_accuracy": 0.9911,
        "measured": {"26000": judged, "25600": {**judged, "modes": modes - 2}}, "seconds": seconds,
    }  # fmt: skip


def test_the_page_is_that_of_the_results_if_there_are_any():
    assert stacked_mnist.PATH.exists() == stacked_mnist.RESULTS.exists()
    if stacked_mnist.RESULTS.exists():
        results = json.loads(stacked_mnist.RESULTS.read_text(encoding="utf-8"))
        committed = stacked_mnist.PATH.read_text(encoding="utf-8")
        assert committed == stacked_mnist.page(results), "python -m docs.stacked_mnist makes it"


def test_the_experiment_says_what_was_measured():
    if not stacked_mnist.RESULTS.exists():
        return
    results = json.loads(stacked_mnist.RESULTS.read_text(encoding="utf-8"))
    said = " ".join(experiment.__doc__.split())
    for recipe in {run["recipe"] for run in results if run["preset"] == "small"}:
        told = stacked_mnist.sentence(results, recipe=recipe, dataset="stacked_mnist")
        assert told in said


def test_a_sentence_is_of_one_recipe():
    results = [made_up(0, 900), made_up(1, 910, seconds=None), made_up(0, 9, recipe="dcgan")]
    results.append({**made_up(0, 1), "preset": "paper"})
    assert stacked_mnist.sentence(results, recipe="pacgan2", dataset="stacked_mnist") == (
        "`pacgan2` covers 905.0 ± 7.1 of the modes at a divergence of 0.050 ± 0.071, after 2 "
        "minutes (seeds: 2)."
    )


def test_seeds_are_averaged_by_recipe_and_protocol():
    page = stacked_mnist.page([made_up(1, 900), made_up(3, 920, seconds=None)])
    lead = "| stacked_mnist | small | pacgan2 | 20,000 |"
    # Of 900 and 920 the standard deviation is sqrt(200); of 0.1 and 0.3, sqrt(0.02).
    tail = "0.200 ± 0.141 | 1000 | 0.0250 | 2 | 1.5 |"
    assert f"{lead} 26,000 | 910.0 ± 14.1 | {tail}" in page
    assert f"{lead} 25,600 | 908.0 ± 14.1 | {tail}" in page
    assert "99.11% of single test digits" in page


def test_a_single_seed_of_one_protocol_has_a_row():
    row = made_up(0, 78, recipe="dcgan", seconds=None)
    row["measured"].pop("25600")
    page = stacked_mnist.page([row, made_up(0, 1000)])
    assert "| dcgan | 20,000 | 26,000 | 78.0 | 0.000 | 1000 | 0.0250 | 1 |  |" in page
    assert page.index("| dcgan | 20,000") < page.index("| pacgan2 | 20,000")


def test_published_rows_are_there_and_name_their_table():
    page = stacked_mnist.page([made_up(0, 1000)])
    rows = [row for rows in stacked_mnist.PUBLISHED.values() for row in rows]
    assert all("| " + " | ".join(row) + " |" in page for row in rows)
    assert {row.source for row in rows} == {
        "VEEGAN, table 2", "PacGAN, table 2", "PacGAN, table 3",
    }  # fmt: skip


def test_tables_are_whole():
    tables = [part for part in stacked_mnist.page([made_up(0, 9)]).split("\n\n") if part[0] == "|"]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1


@pytest.mark.parametrize("content", [None, "[]"])
def test_without_results_there_is_no_page(content, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stacked_mnist, "PATH", tmp_path / "page.md")
    monkeypatch.setattr(stacked_mnist, "RESULTS", tmp_path / "results.json")
    if content is not None:
        (tmp_path / "results.json").write_text(content, encoding="utf-8")
    assert stacked_mnist.main() == 1
    assert "has no results: python -m benchmarks.stacked_mnist" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()
    (tmp_path / "results.json").write_text(json.dumps([made_up(0, 9)]), encoding="utf-8")
    assert stacked_mnist.main() == 0
    assert (tmp_path / "page.md").exists()
