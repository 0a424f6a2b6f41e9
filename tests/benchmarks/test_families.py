"""Every family is trained as its page says, measured on the way and at the end, and kept."""

import dataclasses
import json
import subprocess
import sys

import jax
import numpy as np
import pytest

from benchmarks import families, family
from experiments import dcgan
from gan_jax import image_game, loop
from gan_jax.loop.dispatch import make_run
from gan_jax.train import GANState

FEW = {"features": 4, "batch_size": 8}


@pytest.fixture
def soon(monkeypatch):
    """Look on the way after 160 images, of batches of 8."""
    monkeypatch.setattr(family, "IMAGES", 160)


def test_a_run_is_the_one_of_the_page(tmp_path):
    config = dcgan.Config(dataset="digits", steps=40, seed=3, **FEW)
    experiment = image_game.experiment(dcgan.PAGE, config)
    fitted = loop.fit(experiment, tmp_path / "run", devices=jax.devices()[:1])
    run, train = make_run(experiment, jax.devices()[:1]), experiment.load(split="train")
    state = family.started(jax.jit(experiment.create), 3)
    for until in (20, 40):
        state, seconds = family.played(experiment, run, train, state, seed=3, until=until)
        assert seconds > 0
    leaves = zip(
        *(jax.tree.leaves(_parameters(each)) for each in (state, fitted.state)), strict=True
    )
    assert all((ours == theirs).all() for ours, theirs in leaves)


def _parameters(state: GANState):
    return state.generator.params, state.discriminator.params


def test_seeds_are_measured_on_the_way_and_at_the_end(soon, tmp_path):
    rows = list(family.measure("dcgan", "digits", [0, 1], pictures=tmp_path, steps=40, **FEW))
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert (row["family"], row["dataset"]) == ("dcgan", "digits")
        assert (row["steps"], row["early_steps"], row["batch_size"]) == (40, 20, 8)
        assert set(row["figures"]) == set(family.METRICS)
        assert all(np.isfinite(pair).all() for pair in row["figures"].values())
        assert row["figures"]["frechet_distance"] != row["early"]["frechet_distance"]
        assert row["megabytes"] > 100
        assert "--steps 40" in row["command"]
    assert rows[0]["figures"] != rows[1]["figures"]
    assert (tmp_path / "digits-dcgan.png").exists()
    generator, discriminator = rows[0]["parameters"]
    # 100 latents to 4 x 4 x 4, BatchNorm, 4 x 4 to one channel and a bias; its mirror image.
    assert generator == 100 * 64 + 2 * 4 + 4 * 4 * 4 + 1
    assert discriminator == 4 * 4 * 4 + 4 + 64 + 1


def test_standard_output_is_for_the_rows_alone(soon, monkeypatch, capsys):
    def talkative(page, config):
        experiment = made(page, config)

        def load(*, split, report=print):
            report(f"reading {split}")
            return experiment.load(split=split, report=report)

        return dataclasses.replace(experiment, load=load)

    made = image_game.experiment
    monkeypatch.setattr(family.image_game, "experiment", talkative)
    list(family.measure("dcgan", "digits", [0], steps=40, **FEW))
    said = capsys.readouterr()
    assert said.out == ""
    assert "reading train" in said.err


def test_what_is_not_finite_stops():
    experiment = image_game.experiment(dcgan.PAGE, dcgan.Config(dataset="digits", steps=40, **FEW))
    train, state = experiment.load(split="train"), jax.jit(experiment.create)(jax.random.key(0))

    def run(state, batch):
        return state, {"loss": np.array([0.5, np.nan])}

    with pytest.raises(FloatingPointError, match="dcgan on digits, seed 7: not finite by step 20"):
        family.played(experiment, run, train, state, seed=7, until=20)


ROW = {
    "dataset": "digits", "family": "dcgan", "seed": 0, "seconds": 3.0,
    "figures": {"frechet_distance": [9.0, 3.0]},
}  # fmt: skip


def pretend(monkeypatch, code=0):
    """Have rows printed in place of training; return the commands."""
    asked = []

    def start(command, **how):
        asked.append(command[3:])
        seeds = [int(word) for word in command[5:] if word.isdigit()]
        rows = [json.dumps({**ROW, "family": command[3], "seed": seed}) for seed in seeds]
        program = f"print({chr(10).join(rows)!r}); raise SystemExit({code})"
        return popen([sys.executable, "-c", program], **how)

    popen = subprocess.Popen
    monkeypatch.setattr(families.subprocess, "Popen", start)
    return asked


def test_runs_are_kept_and_not_done_again(tmp_path, monkeypatch, capsys):
    asked, path = pretend(monkeypatch), tmp_path / "results.json"
    words = ["--datasets", "digits", "--json", str(path), "--families", "dcgan"]
    assert families.main([*words, "--seeds", "1"]) == 0
    assert families.main([*words, "lsgan", "--seeds", "2", "--pictures", "somewhere"]) == 0
    assert asked == [
        ["dcgan", "digits", "0"],
        ["dcgan", "digits", "1"],  # seed 0 is there, and so is its picture
        ["lsgan", "digits", "0", "1", "--pictures", "somewhere"],
    ]
    kept = [(row["family"], row["seed"]) for row in json.loads(path.read_text(encoding="utf-8"))]
    assert kept == [("dcgan", 0), ("dcgan", 1), ("lsgan", 0), ("lsgan", 1)]
    said = capsys.readouterr().out
    assert "lsgan on digits, seed 1: 3 s, distance 9.00 (of reals 3.00)" in said


def test_a_family_that_fails_is_named_and_the_others_go_on(monkeypatch, capsys):
    asked = pretend(monkeypatch, code=3)
    words = ["--families", "dcgan", "lsgan", "--datasets", "digits", "--seeds", "1"]
    assert families.main(words) == 1
    assert [words[0] for words in asked] == ["dcgan", "lsgan"]
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "stopped with exit code 3: -m benchmarks.family dcgan digits 0" in error


def test_mistakes_are_one_line(capsys):
    assert families.main(["--families", "dgcan"]) == 2
    assert families.main(["--seeds", "0"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "--families is dgcan: it must be one of 'mlp'" in said[0]
    assert "--seeds is 0" in said[1]
