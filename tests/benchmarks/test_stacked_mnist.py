"""What came of runs on stacked digits is read from their folders, and kept."""

import json

import pytest

from benchmarks import stacked_mnist
from gan_jax.errors import RunError
from gan_jax.evaluation import Evaluation, write_evaluation
from gan_jax.metrics import Conditions, Figure


def figures(count, modes):
    conditions = Conditions("digits-cnn", count)
    return [
        Figure("modes", modes, conditions, 1000.0),
        Figure("mode_kl", 0.06, conditions, 0.025),
        Figure("confident_fraction", 0.9, conditions, 1.0),
    ]


def pretend(words):
    """Leave in a run's folder what training, or measuring again, leaves."""
    given = {words[i]: words[i + 1] for i in range(words[0] == "evaluate", len(words), 2)}
    workdir = stacked_mnist.Path(given["--workdir"])
    found = [*figures(26_000, 900.0), Figure("classifier_accuracy", 0.99)]
    if words[0] == "evaluate":
        found += figures(int(given["--count"]), 899.0)
    else:
        workdir.mkdir(parents=True, exist_ok=True)
        settings = {name: given[f"--{name}"] for name in ("dataset", "preset", "recipe")}
        settings["seed"] = int(given["--seed"])
        stored = {"experiment": "stacked_mnist", "config": settings, "command": "python ..."}
        (workdir / "config.json").write_text(json.dumps(stored), encoding="utf-8")
    write_evaluation(workdir, Evaluation(4, tuple(found)))
    return 0


def test_runs_are_trained_measured_twice_and_kept_together(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stacked_mnist.stacked_mnist, "main", pretend)
    results = tmp_path / "results.json"
    words = ["--workdir", str(tmp_path / "runs"), "--json", str(results), "--seeds", "2"]
    assert stacked_mnist.main([*words, "--recipes", "pacgan2"]) == 0
    first = json.loads(results.read_text(encoding="utf-8"))
    assert [(row["recipe"], row["seed"]) for row in first] == [("pacgan2", 0), ("pacgan2", 1)]
    assert first[0]["measured"] == {
        "26000": {
            "modes": 900.0, "modes_of_reals": 1000.0, "mode_kl": 0.06, "mode_kl_of_reals": 0.025,
        },
        "25600": {
            "modes": 899.0, "modes_of_reals": 1000.0, "mode_kl": 0.06, "mode_kl_of_reals": 0.025,
        },
    }  # fmt: skip
    assert first[0]["classifier_accuracy"] == 0.99
    assert first[0]["seconds"] is not None
    assert stacked_mnist.main([*words, "--recipes", "pacgan2", "dcgan"]) == 0
    both = json.loads(results.read_text(encoding="utf-8"))
    assert [row["recipe"] for row in both] == ["dcgan", "dcgan", "pacgan2", "pacgan2"]
    assert both[2]["seconds"] == first[0]["seconds"]  # it was over already


def test_a_run_that_fails_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stacked_mnist.stacked_mnist, "main", lambda words: 1)
    assert stacked_mnist.main(["--workdir", str(tmp_path), "--recipes", "dcgan"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "stopped with exit code 1" in error


def test_a_run_that_was_not_measured_has_no_outcome(tmp_path):
    stored = {"experiment": "stacked_mnist", "config": {}, "command": ""}
    (tmp_path / "config.json").write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(RunError, match="nothing was measured"):
        stacked_mnist.outcome(tmp_path)


def test_mistakes_are_one_line(capsys):
    assert stacked_mnist.main(["--recipes", "pacgan5"]) == 2
    assert stacked_mnist.main(["--seeds", "0"]) == 2
    assert "--seeds is 0" in capsys.readouterr().err
