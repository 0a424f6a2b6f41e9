"""The command: from a run's folder to an export that draws what the command `sample` draws."""

import json

import jax
import numpy as np
import pytest

from gan_jax import checkpoint, commands, train
from gan_jax.command_line import Command, run
from gan_jax.experiment import Experiment
from gan_jax.export.sample import load
from gan_jax.export.sample import main as program
from tests import games


def build(settings):
    create, _, _ = games.dense_game(conditional=settings["conditional"])
    return Experiment(
        name="tiny",
        title="a tiny one",
        config=settings,
        command="python -m tiny",
        create=create,
        train_step=None,
        load=None,
        prior=train.normal_prior(5),
        wiring=train.conditional if settings["conditional"] else train.unconditional,
        gaussian=True,
        num_classes=3,
        evaluate=None,
        steps=10,
        batch_size=4,
        seed=0,
    )


def main(*arguments):
    known = {"export": Command(commands.Export, lambda options: commands.export(options, build))}
    return run("tiny", known, ["export", *map(str, arguments)])


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Make the folder of a run of two checkpoints, the first the better one."""
    folder = tmp_path_factory.mktemp("run")
    settings = {"conditional": True, "steps": 10}
    experiment = build(settings)
    (folder / "config.json").write_text(json.dumps({"experiment": "tiny", "config": settings}))
    best = experiment.best_metric
    with checkpoint.Checkpoints(folder / "checkpoints", best=best) as checkpoints:
        for step in (5, 10):
            checkpoints.save(step, experiment.create(jax.random.key(step)), {best: step})
    return folder


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        yield


@pytest.mark.parametrize(("step", "options"), [(10, ()), (5, ("--best",))])
def test_an_export_draws_what_the_run_draws(workdir, tmp_path, capsys, step, options):
    folder = tmp_path / "generator"
    assert main("--workdir", workdir, "--out", folder, *options) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"the generator of step {step}: {folder}"
    assert said[1].startswith(f"python {folder / 'sample.py'} --count")
    out = tmp_path / "drawn.npy"
    assert program(["--folder", str(folder), "--count", "7", "--seed", "4", "--out", str(out)]) == 0
    experiment, generator, _ = commands.load_run(workdir, build, best=bool(options))
    keys = jax.random.split(jax.random.key(4), 7)
    labels = np.arange(7, dtype=np.int32) % 3
    expected = jax.jit(experiment.sampler)(generator, {"label": labels}, keys)
    assert np.load(out).tobytes() == np.asarray(expected).tobytes()
    about = load(folder).settings["about"]
    assert about == {
        "experiment": "tiny", "title": "a tiny one", "command": "python -m tiny", "step": step,
        "config": {"conditional": True, "steps": 10},
    }  # fmt: skip


def test_it_goes_into_the_runs_folder_once(workdir, capsys):
    assert main("--workdir", workdir) == 0
    content = (workdir / "generator" / "SHA256SUMS").read_bytes()
    capsys.readouterr()
    assert main("--workdir", workdir) == 2
    line = f"error: --out {workdir / 'generator'} is there already: name a new folder\n"
    assert capsys.readouterr().err == line
    assert (workdir / "generator" / "SHA256SUMS").read_bytes() == content


def test_a_run_without_classes_exports_a_generator_without(tmp_path, capsys):
    settings = {"conditional": False}
    (tmp_path / "config.json").write_text(json.dumps({"experiment": "tiny", "config": settings}))
    with checkpoint.Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, build(settings).create(jax.random.key(1)))
    assert main("--workdir", tmp_path, "--out", tmp_path / "out") == 0
    assert load(tmp_path / "out").settings["num_classes"] == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--workdir", "nowhere"], "--workdir nowhere holds no run"),
        (["--workdir", ".", "--out", "file"], "--out file is there already: name a new folder"),
        (["--workdir", ".", "--out", "file/under"], "--out file/under can't be written: Not a dir"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    assert main(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {line}")
    assert len(said.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_is_full_is_one_line(workdir, tmp_path, monkeypatch, capsys):
    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("gan_jax.export.writing.atomic_write", full)
    assert main("--workdir", workdir, "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert said.endswith("failed: No space left on device\n")
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
