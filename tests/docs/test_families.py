"""The page on the families says what was measured, whatever that is."""

import json

import pytest

from benchmarks import family
from docs import families


def made_up(name, seed, distance, *, dataset="mnist"):
    figures = {
        "frechet_distance": [distance, 2.0], "precision": [0.5, 0.9], "recall": [0.25, 0.9],
        "class_kl": [0.125, 0.001], "classes_covered": [10, 10],
    }  # fmt: skip
    return {
        "family": name, "dataset": dataset, "seed": seed, "steps": 2000, "early_steps": 200,
        "batch_size": 64, "parameters": [1234, 567], "seconds": 60.0 + seed, "megabytes": 800 + seed,
        "start_seconds": 9.0, "figures": figures, "early": {"frechet_distance": [90.0, 2.0]},
        "command": "python -m ..." + " --bound clipping" * (name == "wgan, clipping"),
    }  # fmt: skip


def test_the_page_is_that_of_the_results_if_there_are_any():
    assert families.PATH.exists() == families.RESULTS.exists()
    if families.RESULTS.exists():
        rows = json.loads(families.RESULTS.read_text(encoding="utf-8"))
        committed = families.PATH.read_text(encoding="utf-8")
        assert committed == families.page(rows), "python -m docs.families makes it"
        names = {(row["dataset"], row["family"].replace(", ", "-")) for row in rows}
        pictures = families.PATH.with_suffix("").glob("*.png")
        assert {path.stem for path in pictures} == {"-".join(pair) for pair in names}


def test_every_page_says_what_was_measured():
    if not families.RESULTS.exists():
        return
    rows = json.loads(families.RESULTS.read_text(encoding="utf-8"))
    for name in {row["family"] for row in rows} - {"mlp"}:
        said = " ".join(family.FAMILIES[name].page.__doc__.split())
        assert families.sentence(rows, name=name) in said


def test_a_sentence_is_of_one_family_on_all_its_data_sets():
    rows = [made_up("wgan, clipping", 0, 30.0), made_up("wgan, clipping", 2, 40.0)]
    rows += [made_up("wgan, penalty", 0, 9.0), made_up("wgan, clipping", 0, 1.0, dataset="digits")]
    assert families.sentence(rows, name="wgan, clipping") == (
        "On 2 CPU cores `small --bound clipping` comes to a Fréchet distance of 35.0 ± 7.1 in 61 s "
        "on MNIST (2 seeds; real images have 2.0), and of 1.0 in 60 s on Digits, 8x8 (1 seeds; "
        "real images have 2.0)."
    )


def test_a_sentence_says_how_short_a_run_was():
    rows = [{**made_up("r3gan", 0, 30.0), "command": "python -m ... --steps 2000"}]
    sentence = families.sentence(rows, name="r3gan")
    assert sentence.startswith("On 2 CPU cores `small --steps 2000` comes to a Fréchet distance of")


def test_every_family_is_described():
    assert families.FAMILIES.keys() == family.FAMILIES.keys()


def test_the_nearest_comes_first_and_seeds_are_averaged():
    rows = [made_up("dcgan", 0, 40.0), made_up("dcgan", 1, 60.0), made_up("mlp", 0, 3.0)]
    page = families.page(rows)
    first, second = page.index("| `mlp` |"), page.index("| `dcgan` |")
    assert first < second
    assert "| 90 ± 0 | 50.0 ± 14.1 | 25.0 | 0.50 ± 0.00 | 0.25 ± 0.00 | 0.125 ± 0.000 | 2 |" in page
    assert "| 90 | 3.0 | 1.5 | 0.50 | 0.25 | 0.125 | 1 |" in page
    assert "| *real* |  |  |  | 2.00 | 1 | 0.90 | 0.90 | 0.001 |  |" in page
    assert "![Samples of mlp](families/mnist-mlp.png)" in page
    assert "| after 12,800 |" in page
    assert "Not measured yet: `vanilla`, `lsgan`, " in page


def test_costs_are_medians_of_all_runs_and_the_cheapest_comes_first():
    slow = {**made_up("mlp", 0, 1.0), "seconds": 200.0}
    rows = [slow, *(made_up("sngan", seed, 9.0) for seed in range(3))]
    costs = families.page(rows).split("## What a step costs")[1]
    assert "| `sngan` | 1,234 | 567 | 64 | 30.5 | 2,000 | 61 | 9 | 802 |" in costs
    assert costs.index("`sngan`") < costs.index("`mlp`")


def test_costs_are_those_of_runs_one_after_another():
    rows = [{**made_up("mlp", 0, 1.0), "seconds": 20.0}]
    rows.append({**made_up("mlp", 0, 1.0, dataset="fashion_mnist"), "seconds": 40.0})
    costs = families.page(rows).split("## What a step costs")[1]
    assert "| `mlp` | 1,234 | 567 | 64 | 20.0 | 2,000 | 40 |" in costs
    assert "Medians over the runs on Fashion-MNIST, " in costs


def test_tables_are_whole():
    rows = [made_up(n, 0, 9.0, dataset=d) for d in ("mnist", "digits") for n in families.FAMILIES]
    page = families.page(rows)
    tables = [part for part in page.split("\n\n") if part.startswith("|")]
    assert len(tables) == 2 * (1 + 3) + 1
    assert "Not measured yet: Fashion-MNIST.\n" in page
    for table in tables:
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1


@pytest.mark.parametrize("content", [None, "[]"])
def test_without_results_there_is_no_page(content, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(families, "PATH", tmp_path / "page.md")
    monkeypatch.setattr(families, "RESULTS", tmp_path / "results.json")
    if content is not None:
        (tmp_path / "results.json").write_text(content, encoding="utf-8")
    assert families.main() == 1
    assert "has no results: python -m benchmarks.families" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()
