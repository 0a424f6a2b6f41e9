import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import mnist
from gan_jax import image_game
from gan_jax.errors import UsageError
from gan_jax.writers import read_jsonl

ROOT = Path(__file__).parents[2]
SMALL = ("--dataset", "digits", "--steps", "120", "--features", "16", "--devices", "1")


def main(*arguments):
    return mnist.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a small conditional run once, with the cache folder of this test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        workdir = tmp_path_factory.mktemp("runs") / "digits"
        assert main(*SMALL, "--conditional", "--workdir", workdir) == 0
    return workdir


def size(path):
    from PIL import Image

    with Image.open(path) as picture:
        return picture.size


def test_a_run_ends_with_pictures_and_figures(trained):
    assert (trained / "report.html").stat().st_size > 100_000
    assert size(trained / "samples" / "step_00000120.png") == (582, 582)
    scores = json.loads((trained / "evaluation.json").read_text())["scores"]
    names = [score["name"] for score in scores]
    assert names[0] == "frechet_distance[digits-cnn,1797 fake,360 test]"
    assert any(name.startswith("label_agreement[") for name in names)
    assert all(np.isfinite(score["value"]) for score in scores)
    assert {row["step"] for row in read_jsonl(trained / "metrics.jsonl")} == {100, 120}


def test_the_settings_are_all_in_the_config(trained):
    config = json.loads((trained / "config.json").read_text())
    assert config["config"] == {
        "dataset": "digits", "model": "mlp", "conditional": True, "steps": 120, "batch_size": 64,
        "features": 16, "learning_rate": 1e-3, "gamma": config["config"]["gamma"], "seed": 0,
        "dtype": "float32", "best_metric": "frechet_distance",
        "resolution": 8, "channels": 1, "classes": 10,
    }  # fmt: skip
    command = config["command"]
    assert (
        command
        == "python -m experiments.mnist --conditional --dataset digits --features 16 --steps 120"
    )


def test_the_recorded_command_means_the_same_settings(trained, tmp_path):
    stored = json.loads((trained / "config.json").read_text())
    from gan_jax.command_line import parse

    words = stored["command"].split()[3:]
    config = parse(mnist.Config, [*words, "--workdir", str(tmp_path)], program="x")
    settings, _ = image_game.settled(mnist.PAGE, config)
    assert json.loads(json.dumps(settings)) == stored["config"]


def test_sampling_interpolating_and_evaluating_a_run(trained, tmp_path, capsys):
    before = (trained / "evaluation.json").read_bytes()
    assert (
        main(
            "sample", "--workdir", trained, "--count", 4, "--label", 3, "--out", tmp_path / "s.png"
        )
        == 0
    )
    assert size(tmp_path / "s.png") == (2 * 56 + 6, 2 * 56 + 6)
    out = tmp_path / "walk"
    assert (
        main("interpolate", "--workdir", trained, "--anchors", 3, "--frames", 4, "--out", out) == 0
    )
    assert size(tmp_path / "walk.png")[0] == 4 * 56 + 5 * 2
    assert (tmp_path / "walk.gif").exists()
    assert main("evaluate", "--workdir", trained) == 0
    assert (trained / "evaluation.json").read_bytes() == before
    assert re.search(
        r"digits-cnn/\w{12},1797 fake,360 test/\w{12},seed 0,ema", capsys.readouterr().out
    )


def test_the_same_seed_draws_the_same_picture(trained, tmp_path):
    for name in ("a.png", "b.png"):
        assert main("sample", "--workdir", trained, "--count", 4, "--out", tmp_path / name) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_going_on_with_a_finished_run_changes_nothing(trained, tmp_path, capsys):
    workdir = tmp_path / "copy"
    shutil.copytree(trained, workdir)
    before = (workdir / "metrics.jsonl").read_bytes()
    assert main(*SMALL, "--conditional", "--workdir", workdir) == 0
    assert (workdir / "metrics.jsonl").read_bytes() == before
    # With auto, the run's own data set is meant.
    auto = [word for word in SMALL if word not in ("--dataset", "digits")]
    assert main(*auto, "--conditional", "--workdir", workdir) == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--batch-siez", "3"], "unknown option --batch-siez: did you mean --batch-size?"),
        (["--dataset", "mnits"], "invalid choice 'mnits' for argument '--dataset'"),
        (["--batch-size", "0"], "--batch-size is 0: it must be a whole number from 1 to 1000000"),
        (["--devices", "99", "--dataset", "digits"], "--devices is 99: it must be from 1 to the 8"),
        (["--dataset", "digits", "--batch-size", "30"], "batch size 30 can't be split over 8 devices"),
        (["--dataset", "digits", "--batch-size", "4000", "--devices", "1"], "batch_size 4000 must be"),
        (["--model", "dcgan", "--gamma", "1", "1", "--dataset", "digits"], "left out with --model dcgan"),
        (["--gamma", "1", "nan"], "--gamma is (1.0, nan): it must be two numbers from 1e-12 to 1e12"),
        (["--learning-rate", "0"], "--learning-rate is 0.0: it must be from 1e-12 to 1"),
        (["--seed", "-1"], "--seed is -1"),
        (["smaple"], "unknown command 'smaple': did you mean sample?"),
        (["sample", "--workdir", "nothing/here"], "--workdir nothing/here holds no run"),
        (["sample"], "--workdir"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_with_2(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(*arguments) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1


def test_mistakes_about_a_run_are_one_line_and_lose_nothing(trained, tmp_path, capsys):
    workdir = tmp_path / "copy"
    shutil.copytree(trained, workdir)
    files = {p: p.read_bytes() for p in workdir.rglob("*") if p.is_file() and p.name != ".lock"}
    assert main(*SMALL, "--workdir", workdir) == 2
    assert "conditional (there True, now False)" in capsys.readouterr().err
    assert main("sample", "--workdir", workdir, "--label", 10) == 2
    assert "--label is 10: it must be from 0 to 9" in capsys.readouterr().err
    assert all(path.read_bytes() == content for path, content in files.items())


def test_no_checkpoint_to_sample_from_is_one_line(trained, tmp_path, capsys):
    workdir = tmp_path / "copy"
    shutil.copytree(trained, workdir)
    shutil.rmtree(workdir / "checkpoints")
    assert main("sample", "--workdir", workdir) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("model", ["mlp", "dcgan", "dcgan-gpu"])
@pytest.mark.parametrize("dataset", ["digits", "mnist"])
@pytest.mark.parametrize("conditional", [False, True])
def test_every_preset_takes_a_step(model, dataset, conditional):
    config = mnist.Settings(dataset=dataset, model=model, conditional=conditional)
    decided = {**dataclasses.asdict(config), **mnist.recipe(config), "features": 8}
    experiment = image_game.build(mnist.PAGE, decided)
    batch = {
        "real": jax.ShapeDtypeStruct((8, *mnist.SHAPES[dataset]), np.float32),
        "label": jax.ShapeDtypeStruct((8,), np.int32),
    }
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    new, metrics = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), new) == jax.tree.map(
        lambda x: (x.shape, x.dtype), state
    )
    assert {"discriminator_loss", "generator_loss"} <= metrics.keys()


def test_a_config_with_another_dataset_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"experiment": "mnist", "config": {"dataset": "birds"}}')
    with pytest.raises(UsageError, match="birds"):
        image_game.settled(mnist.PAGE, mnist.Config(workdir=tmp_path))


def test_the_module_runs_and_helps():
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "experiments.mnist", "--help"],
        capture_output=True, text=True, cwd=ROOT, env=environment, check=True,
    )  # fmt: skip
    options = set(re.findall(r"--[a-z-]+", done.stdout))
    fields = {"--" + name.replace("_", "-") for name in mnist.Config.__dataclass_fields__}
    assert fields <= options
    assert "Commands: train, sample, evaluate, export, interpolate" in done.stdout


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Make MNIST impossible to have: nothing cached, nothing prepared, nobody answers."""
    monkeypatch.setenv("GAN_JAX_MNIST_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no-tfds"))
    monkeypatch.setattr("gan_jax.data.cache.restore", lambda *arguments: None)


def test_auto_falls_back_to_digits_and_says_so(offline, tmp_path, capsys):
    auto = [word for word in SMALL if word not in ("--dataset", "digits")]
    workdir = tmp_path / "run"
    assert main(*auto, "--steps", 1, "--workdir", workdir) == 0
    assert "using digits (8x8) instead of MNIST: " in capsys.readouterr().out
    config = json.loads((workdir / "config.json").read_text())
    assert config["config"]["dataset"] == "digits"
    assert config["notes"][0].startswith("using digits (8x8) instead of MNIST")
    assert "using digits (8x8) instead of MNIST" in (workdir / "report.html").read_text()
    # On going on, nobody asks the network again, and the note stays.
    assert main(*auto, "--steps", 1, "--workdir", workdir) == 0
    assert "using digits (8x8) instead of MNIST" in (workdir / "report.html").read_text()


def test_mnist_never_falls_back(offline, tmp_path, capsys):
    assert main("--dataset", "mnist", "--workdir", tmp_path / "run", "--devices", 1) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: MNIST cannot be had: ")
    assert "--dataset digits" in said
    # The advice can be followed in the same folder, which no run has begun in.
    assert main(*SMALL, "--steps", 1, "--workdir", tmp_path / "run") == 0


def test_a_run_of_another_program_is_named(trained, tmp_path, capsys):
    for change in ({"experiment": "cifar"}, {"config": {"unheard": 1}}):
        stored = json.loads((trained / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**stored, **change}))
        assert main("sample", "--workdir", tmp_path) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "out", "code"),
    [
        ("sample", ".", 2),
        ("interpolate", ".", 2),
        ("sample", "/dev/null/here.png", 2),
        ("interpolate", "/dev/null/here", 2),
    ],
)
def test_places_that_cannot_be_written_are_one_line(trained, command, out, code, capsys):
    assert main(command, "--workdir", trained, "--out", out) == code
    said = capsys.readouterr().err
    assert str(Path(out).parent) in said
    assert len(said.splitlines()) == 1


def test_the_dcgan_trains_samples_and_evaluates(tmp_path, monkeypatch):
    workdir = tmp_path / "run"
    small = ("--model", "dcgan", "--features", 4, "--steps", 3, "--batch-size", 8)
    assert main("--dataset", "digits", *small, "--devices", 1, "--workdir", workdir) == 0
    assert main("interpolate", "--workdir", workdir, "--anchors", 2, "--frames", 2) == 0
    scores = json.loads((workdir / "evaluation.json").read_text())["scores"]
    assert all(np.isfinite(score["value"]) for score in scores)


def test_a_profile_is_printed_and_changes_nothing(tmp_path, capsys):
    small = (*SMALL[:2], "--steps", "20", "--features", "8", "--devices", "1")
    assert main(*small, "--workdir", tmp_path / "plain") == 0
    capsys.readouterr()
    assert main(*small, "--workdir", tmp_path / "profiled", "--profile") == 0
    said = capsys.readouterr().err
    assert "where the time goes" in said
    assert "GFLOP/s" in said
    folder = tmp_path / "profiled" / "profile"
    assert "where the time goes" in (folder / "profile.txt").read_text()
    assert list(folder.rglob("*.xplane.pb"))
    pictures = [tmp_path / run / "samples/step_00000020.png" for run in ("plain", "profiled")]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_an_alarm_can_stop_the_run_with_exit_code_1(tmp_path, capsys):
    workdir = tmp_path / "run"
    # Rates a thousand times too high: what it makes is black and white.
    small = (*SMALL, "--steps", "1500", "--learning-rate", "1", "--workdir", workdir)
    assert main(*small, "--stop-on-alarm") == 1
    said = capsys.readouterr()
    assert "step 1000: saturated outputs: " in said.err
    assert re.search(r"stopped and saved at step \d+ by an alarm, \w+", said.out)
    assert "Diagnosis" in (workdir / "report.html").read_text()
    assert max(row["step"] for row in read_jsonl(workdir / "metrics.jsonl")) <= 1200
    # It is a matter of this call, not of the run, which goes on to its end.
    assert main(*small) == 0
    assert max(row["step"] for row in read_jsonl(workdir / "metrics.jsonl")) == 1500


@pytest.mark.parametrize("model", ["mlp", "dcgan"])
def test_bfloat16_is_for_the_networks_alone(model):
    config = mnist.Config(dataset="digits", model=model, features=4, dtype="bfloat16")
    experiment = image_game.experiment(mnist.PAGE, config)
    batch = {"real": np.ones((4, 8, 8, 1), np.float32), "label": np.zeros(4, np.int32)}
    state, metrics = jax.jit(lambda key: experiment.train_step(experiment.create(key), batch))(
        jax.random.key(0)
    )
    assert {leaf.dtype.name for leaf in jax.tree.leaves((state.generator, metrics))} == {
        "float32",
        "int32",
    }
    text = str(jax.make_jaxpr(experiment.train_step)(state, batch))
    assert "bf16" in text


@pytest.mark.slow
def test_the_digits_come_out_as_promised(tmp_path):
    assert main("--dataset", "digits", "--devices", 1, "--workdir", tmp_path) == 0
    scores = {
        score["name"]: score["value"]
        for score in json.loads((tmp_path / "evaluation.json").read_text())["scores"]
    }
    assert scores["frechet_distance[digits-cnn,1797 fake,1797 real]"] <= 6
    assert scores["frechet_distance[digits-cnn,1797 fake,360 test]"] <= 6
    assert scores["classes_covered[digits-cnn,1797 fake]"] == 10
