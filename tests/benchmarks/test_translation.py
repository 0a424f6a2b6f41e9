"""What came of translations is read from their folders, and kept."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import translation
from gan_jax.errors import RunError
from gan_jax.evaluation import Evaluation, write_evaluation
from gan_jax.metrics import Conditions, Figure
from gan_jax.report import save_png


def pretend(words):
    """Leave in a run's folder what training leaves."""
    given = {words[i]: words[i + 1] for i in range(0, 6, 2)}
    workdir = translation.Path(given["--workdir"])
    for step in (2, 10):
        picture = np.full((4, 4, 1), step, np.uint8)
        save_png(workdir / "samples" / f"step_{step:08d}.png", picture)
    settings = {"dataset": given["--dataset"], "seed": int(given["--seed"])}
    stored = {"experiment": "x", "config": settings, "command": "python ..."}
    (workdir / "config.json").write_text(json.dumps(stored), encoding="utf-8")
    found = (Figure("ssim", 0.5, Conditions(n_fake=9)), Figure("sharpness", 0.1, floor=0.2))
    write_evaluation(workdir, Evaluation(10, found))
    return 0


@pytest.fixture
def played(monkeypatch):
    page = SimpleNamespace(main=pretend, PAGE=SimpleNamespace(program="python -m x"))
    tasks = {name: task._replace(page=page) for name, task in translation.TASKS.items()}
    monkeypatch.setattr(translation, "TASKS", tasks)
    return page


def test_runs_are_trained_and_kept_in_the_order_of_the_tasks(played, tmp_path):
    results, pictures = tmp_path / "results.json", tmp_path / "pictures"
    words = ["--workdir", str(tmp_path / "runs"), "--json", str(results), "--seeds", "2"]
    words += ["--pictures", str(pictures), "--dataset", "digits"]
    assert translation.main([*words, "--tasks", "larger"]) == 0
    first = json.loads(results.read_text(encoding="utf-8"))
    assert [row["seed"] for row in first] == [0, 1]
    assert first[0]["figures"] == {"ssim": [0.5, None], "sharpness": [0.1, 0.2]}
    assert first[0]["seconds"] is not None
    assert [path.name for path in pictures.iterdir()] == ["digits-larger.png"]
    last = (
        tmp_path / "runs" / "digits-larger-seed0" / "samples" / "step_00000010.png"
    ).read_bytes()
    assert (pictures / "digits-larger.png").read_bytes() == last
    assert translation.main([*words, "--tasks", "larger", "outlines"]) == 0
    both = json.loads(results.read_text(encoding="utf-8"))
    assert [row["task"] for row in both] == ["outlines", "outlines", "larger", "larger"]
    assert both[2]["seconds"] == first[0]["seconds"]  # it was over already


def test_a_run_that_stops_is_named(played, tmp_path, capsys):
    played.main = lambda words: 1
    assert translation.main(["--workdir", str(tmp_path), "--tasks", "style"]) == 1
    assert "stopped with exit code 1: python -m x" in capsys.readouterr().err


def test_a_folder_without_figures_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"config": {}, "command": ""}', encoding="utf-8")
    with pytest.raises(RunError, match="nothing was measured"):
        translation.outcome(tmp_path)


def test_a_task_that_is_none_is_named(capsys):
    assert translation.main(["--tasks", "smaller"]) == 2
    assert "--tasks is 'smaller': it must be one of 'outlines'" in capsys.readouterr().err
