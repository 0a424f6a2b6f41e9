"""The page on translations says what was measured, whatever that is."""

import json

import pytest

from benchmarks.translation import TASKS
from docs import translation


def made_up(task, seed, **figures):
    return {
        "task": task, "dataset": "mnist", "seed": seed, "steps": 10, "command": "python ...",
        "seconds": 90.0 + 60 * seed,
        "figures": {"label_agreement": [0.9, 0.99], "classifier_accuracy": [0.98, None], **figures},
    }  # fmt: skip


PAIRED = {"l1_distance": [0.02, None], "psnr": [20.0, None], "sharpness": [0.03, 0.031]}


def test_the_page_is_that_of_the_results_if_there_are_any():
    assert translation.PATH.exists() == translation.RESULTS.exists()
    if translation.RESULTS.exists():
        results = json.loads(translation.RESULTS.read_text(encoding="utf-8"))
        committed = translation.PATH.read_text(encoding="utf-8")
        assert committed == translation.page(results), "python -m docs.translation makes it"


def test_pairs_stand_above_their_baseline_and_the_reals():
    rows = [
        made_up("larger", seed, **PAIRED, ssim=[ssim, None], frechet_distance=[4.0, 1.8],
                bicubic_psnr=[15.0, None], bicubic_ssim=[0.5, None])
        for seed, ssim in enumerate((0.8, 0.9))
    ]  # fmt: skip
    page = translation.page(rows)
    head = "| `larger` | 0.0200 ± 0.0000 | 20.00 ± 0.00 | 0.850 ± 0.071 | 0.0300 ± 0.0000 |"
    assert f"{head} 0.900 ± 0.000 | 4.00 ± 0.00 | 2.0 | 2 |" in page
    assert "| *bicubic* |  | 15.00 | 0.500 |  |  |  |  |  |" in page
    assert "| *real* |  |  |  | 0.0310 | 0.990 | 1.80 |  |  |" in page
    assert "translation/mnist-larger.png" in page
    assert "Pix2Pix" not in page


def test_every_unpaired_task_has_a_baseline_of_its_own():
    rows = [
        made_up(task, 0, frechet_distance=[10.0, 1.8], cycle_error=[0.03, None],
                source_frechet_distance=[plain, None])
        for task, plain in (("textures", 300.0), ("weights", 80.0))
    ]  # fmt: skip
    page = translation.page(rows)
    assert "| `weights` | 10.00 | 0.900 | 0.0300 | 1.5 | 1 |" in page
    assert "| *source* of `textures` | 300.00 |" in page
    assert "| *source* of `weights` | 80.00 |" in page


def test_tables_are_whole():
    rows = [made_up(task, 0, frechet_distance=[1.0, 1.0]) for task in ("outlines", "style")]
    for row in rows:
        row["figures"] |= {name: [0.5, None] for name in ("l1_distance", "psnr", "ssim")}
        row["figures"] |= {name: [0.5, None] for name in ("sharpness", "cycle_error")}
    tables = [part for part in translation.page(rows).split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({line.count("|") for line in table.strip().splitlines()}) == 1


@pytest.mark.parametrize("task", translation.SAID)
def test_a_page_of_the_experiments_says_what_was_measured_of_its_task(task):
    results = json.loads(translation.RESULTS.read_text(encoding="utf-8"))
    said = " ".join(TASKS[task].page.__doc__.split())
    if any(row["task"] == task for row in results):
        assert translation.sentence(results, task=task) in said


def test_every_task_has_a_sentence_and_a_place_on_the_page():
    shown = {task for _, _, tasks, *_ in translation.SECTIONS for task in tasks}
    assert translation.SAID.keys() == TASKS.keys() == shown


def test_a_sentence_has_the_baseline_and_the_reals_beside_its_figures():
    rows = [
        made_up("textures", seed, frechet_distance=[2.0 + seed, 1.6],
                source_frechet_distance=[300.0, None])
        for seed in (0, 1)
    ]  # fmt: skip
    assert translation.sentence(rows, task="textures") == (
        "`textures` of MNIST on one CPU core, 2.0 minutes, 2 seeds: Fréchet distance 2.50 ± 0.71 "
        "(source 300.00, real 1.60); label agreement 0.900 ± 0.000 (real 0.990)."
    )
