"""`evaluate` on a run's folder: what is measured, what is kept, and of which checkpoint."""

import json
import shutil
import sys

import numpy as np
import pytest

from experiments import mnist
from gan_jax import checkpoint, loop, metrics
from gan_jax.evaluation import read_evaluation
from gan_jax.writers import read_jsonl


def main(*arguments):
    return mnist.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a small run that is measured three times by recall, and the first time is the best."""
    quick = iter([0.75, 0.25, 0.5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        workdir = tmp_path_factory.mktemp("runs") / "digits"
        patch.setattr(
            sys.modules[loop.fit.__module__], "_quick_score", lambda *_: {"recall": next(quick)}
        )
        small = ("--dataset", "digits", "--steps", 2200, "--features", 8, "--batch-size", 8)
        assert main(*small, "--best-metric", "recall", "--devices", 1, "--workdir", workdir) == 0
    return workdir


@pytest.fixture
def workdir(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def test_the_best_metric_is_a_setting_of_the_run(trained):
    config = json.loads((trained / "config.json").read_text())
    assert config["config"]["best_metric"] == "recall"
    assert "--best-metric recall" in config["command"]
    steps = {int(path.name) for path in (trained / "checkpoints").iterdir() if path.name.isdigit()}
    assert steps == {1000, 2000, 2200}
    assert checkpoint.best_step(trained / "checkpoints", "recall", mode="max") == 1000


def test_commands_take_the_best_checkpoint_when_asked(workdir, capsys):
    assert main("sample", "--workdir", workdir, "--count", 1) == 0
    assert "1 samples of step 2200" in capsys.readouterr().out
    assert main("sample", "--workdir", workdir, "--count", 1, "--best") == 0
    assert "1 samples of step 1000" in capsys.readouterr().out
    walk = ("interpolate", "--workdir", workdir, "--anchors", 2, "--frames", 1, "--best")
    assert main(*walk) == 0
    assert "from step 1000" in capsys.readouterr().out
    before = (workdir / "evaluation.json").read_bytes()
    out = workdir.parent / "best.json"
    assert main("evaluate", "--workdir", workdir, "--best", "--out", out) == 0
    assert "written to" in capsys.readouterr().out
    assert json.loads(out.read_text())["step"] == 1000
    assert (workdir / "evaluation.json").read_bytes() == before


def test_without_a_measured_checkpoint_there_is_no_best(workdir, capsys):
    for step in ("1000", "2000", "2200"):
        shutil.rmtree(workdir / "checkpoints" / step / "metrics")
    assert main("sample", "--workdir", workdir, "--best") == 2
    said = capsys.readouterr().err
    assert "was measured by recall, which is done every 1000 steps" in said
    assert len(said.splitlines()) == 1


def test_a_damaged_best_checkpoint_is_not_passed_over(workdir, capsys):
    largest = max(
        (path for path in (workdir / "checkpoints" / "1000").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    largest.write_bytes(largest.read_bytes()[:-1])
    assert main("sample", "--workdir", workdir, "--best") == 1
    said = capsys.readouterr().err
    assert "is good (1000: " in said
    assert said.endswith("; leave --best out for the latest one\n")


def test_all_metrics_with_floors_and_the_discriminator(workdir, capsys):
    assert main("evaluate", "--workdir", workdir, "--metrics", "all", "--count", 200) == 0
    said = capsys.readouterr().out
    found = {figure.metric: figure for figure in reversed(read_evaluation(workdir).figures)}
    unlabelled = set(metrics.METRICS) - {"label_agreement"}
    found.pop("overfitting_gap_accuracy", None)  # only of logits of both signs
    assert set(found) == unlabelled | {"classifier_accuracy", "overfitting_gap"}
    assert all(np.isfinite(found[name].floor) for name in unlabelled)
    assert all(name in said for name in set(found) - {"classifier_accuracy"})
    assert "kept in" in said
    assert "\nstep 2200\nmetric " in said
    assert "over splits" in said
    assert "coverage[" in (workdir / "report.html").read_text()


def test_figures_of_a_later_step_are_not_replaced(workdir, capsys):
    content = json.loads((workdir / "evaluation.json").read_text())
    (workdir / "evaluation.json").write_text(json.dumps({**content, "step": 2300}))
    shutil.rmtree(workdir / "evaluation")
    assert main("evaluate", "--workdir", workdir) == 0
    assert "not kept: evaluation.json holds those of step 2300" in capsys.readouterr().out
    assert read_evaluation(workdir).step == 2300
    assert not (workdir / "evaluation").exists()


def test_raw_weights_truncation_and_seeds_are_kept_beside_the_standard_figures(workdir, capsys):
    standard = read_evaluation(workdir).figures
    command = ("evaluate", "--workdir", workdir, "--metrics", "sliced_wasserstein", "--count", 200)
    for options in [(), ("--raw",), ("--truncation", 0.5), ("--seeds", 0, 1)]:
        assert main(*command, *options) == 0
    figures = read_evaluation(workdir).figures
    assert figures[: len(standard)] == standard
    ends = [figure.id.partition("directions=512,")[2] for figure in figures[len(standard) :]]
    assert ends == ["seed 0,ema]", "seed 0,raw]", "seed 0,ema,truncation 0.5]", "seeds 0 1,ema]"]
    assert len({figure.value for figure in figures[len(standard) :]}) == 4
    assert main(*command, "--raw") == 0  # once more: in the place of the same one
    assert len(read_evaluation(workdir).figures) == len(standard) + 4
    with pytest.raises(ValueError, match="weights is 'ema' in one and 'raw' in the other"):
        metrics.compare(*figures[len(standard) : len(standard) + 2])


def test_standard_figures_come_with_pictures(workdir, capsys):
    before = (workdir / "evaluation.json").read_bytes()
    assert main("evaluate", "--workdir", workdir) == 0
    assert (workdir / "evaluation.json").read_bytes() == before
    names = {path.name for path in (workdir / "evaluation").iterdir()}
    assert names == {"manifolds.png", "nearest.png", "classes.png", "samples_by_class.png"}
    assert "pictures: " in capsys.readouterr().out
    row = read_jsonl(workdir / "metrics.jsonl")[-1]
    assert row["step"] == 2200


def test_what_cannot_be_measured_is_one_line(workdir, monkeypatch, capsys):
    monkeypatch.setattr(
        sys.modules[metrics.inception_weights.__module__], "urlopen", _nobody_answers
    )
    common = ["evaluate", "--workdir", workdir]
    for options, code, line in [
        (["--count", 50], 2, "--count is 50: it must be from 200 to 100000: of fewer, chance decides"),
        (["--seeds", 1, 1], 2, "--seeds is 1 1: it must be different ones"),
        (["--truncation", 0], 2, "--truncation is 0.0: it must be above 0"),
        (["--metrics", "fid"], 2, "invalid choice 'fid' for argument '--metrics'"),
        (["--metrics", "label_agreement"], 2, "label_agreement needs the labels that were asked for"),
        (["--extractor", "pixels", "--metrics", "class_kl"], 2, "class_kl needs the classes of the data"),
        (["--resize", "clean-bicubic"], 2, "--resize is clean-bicubic: it must be left out without --extractor inception"),
        (["--metrics", "overfitting_gap", "--pictures", workdir], 2, "it must be left out: overfitting_gap alone draws no samples"),
        (["--out", workdir / "config.json" / "x"], 2, "can't be written: Not a directory"),
        (["--pictures", workdir / "config.json"], 2, "config.json can't be written: Not a directory"),
        (["--out", workdir], 2, "is a folder: name a file in it"),
        (["--extractor", "inception"], 1, "Inception weights cannot be had: https://"),
    ]:  # fmt: skip
        assert main(*common, *options) == code
        said = capsys.readouterr().err
        assert line in said
        assert len(said.splitlines()) == 1


def _nobody_answers(*arguments, **options):
    raise OSError("nobody answers")


def test_features_that_are_not_finite_are_a_failed_run(workdir, monkeypatch, capsys):
    def broken(**_):
        def extract(images):
            features = np.full((len(images), 4), np.nan, np.float32)
            return metrics.Extracted(features, None)

        from gan_jax.metrics.extractors import BatchExtractor

        return BatchExtractor("broken", "[N, H, W, C]", lambda shape: True, extract, 512)

    monkeypatch.setattr(metrics, "pixel_extractor", broken)
    options = ("--extractor", "pixels", "--metrics", "kernel_distance")
    assert main("evaluate", "--workdir", workdir, *options) == 1
    said = capsys.readouterr().err
    assert "error: step 2200 can't be measured: kernel_distance: " in said
    assert "NaN" in said
    assert len(said.splitlines()) == 1


def test_labels_that_nobody_asks_for_are_no_measure_of_the_best(tmp_path, capsys):
    arguments = ("--dataset", "digits", "--best-metric", "label_agreement")
    assert main(*arguments, "--workdir", tmp_path / "run") == 2
    assert "no labels are asked for without --conditional" in capsys.readouterr().err
    assert main("--best-metric", "ms_ssim", "--workdir", tmp_path / "run") == 2
    assert "invalid choice 'ms_ssim'" in capsys.readouterr().err
