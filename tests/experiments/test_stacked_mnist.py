"""The benchmark of a thousand modes: every recipe trains, and what is measured is kept and shown."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.stacked_mnist import PACKS, PAGE, main
from gan_jax import image_game
from gan_jax.command_line import parse
from gan_jax.evaluation import read_evaluation
from gan_jax.metrics import class_kl_bias

RECIPES = list(PACKS)
# What is run a few times only need not be compiled well.
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def decided(*words, resolution=8):
    """Return settings as they are settled, for images that need not be loaded."""
    config = parse(PAGE.settings, ["--dataset", "stacked_digits", *words], program="x")
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    given = {name: value for name, value in fields.items() if value is not None}
    images = {"resolution": resolution, "channels": 3, "classes": 1000}
    return {**fields, **images, **PAGE.recipe(config), **given}


def batch_of(experiment, side):
    shape = (experiment.batch_size, side, side, 3)
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    return {"real": jnp.asarray(images), "label": jnp.zeros(len(images), jnp.int32)}


@pytest.mark.parametrize("preset", ["small", "paper"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_takes_a_step_at_its_size(recipe, preset):
    settings = decided("--recipe", recipe, "--preset", preset, resolution=28)
    experiment = image_game.build(PAGE, settings)
    assert experiment.batch_size == 64 * PACKS[recipe]
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    batch = jax.eval_shape(lambda: batch_of(experiment, 28))
    after, metrics = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"discriminator_loss", "generator_loss"} <= set(metrics)
    normalised = bool(state.discriminator.model_state)
    assert normalised == (recipe != "r3gan")
    inputs = 784 if recipe == "r3gan" and preset == "small" else 1
    shapes = {
        leaf.shape[-2] for leaf in jax.tree.leaves(state.discriminator.params) if leaf.ndim > 1
    }
    assert 3 * PACKS[recipe] * inputs in shapes


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "pacgan3"])
def test_every_recipe_trains(recipe):  # pacgan3 in `workdir`
    small = ("--features", "4", "--batch-size", "4", "--steps", "4")
    experiment = image_game.build(PAGE, decided("--recipe", recipe, *small))
    start = state = jax.jit(experiment.create, compiler_options=QUICKLY)(jax.random.key(0))
    step = jax.jit(experiment.train_step, compiler_options=QUICKLY)
    batch = batch_of(experiment, 8)
    for _ in range(4):
        state, metrics = step(state, batch)
    assert int(state.step) == 4
    assert np.isfinite([float(value) for value in metrics.values()]).all()
    for player in ("generator", "discriminator"):
        before, now = (getattr(one, player).params for one in (start, state))
        moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), before, now)
        still = sum(change == 0 for change in jax.tree.leaves(moved))
        # What is added to all logits is nothing to a relativistic loss.
        assert still == (recipe == "r3gan" and player == "discriminator")


@pytest.mark.parametrize("recipe", RECIPES)
def test_single_examples_are_shown_in_packs(recipe):
    experiment = image_game.build(PAGE, decided("--recipe", recipe))
    images = jnp.arange(10.0)[:, None, None, None] * jnp.ones((1, 2, 2, 3))
    seen = experiment.shown(lambda packs: packs[:, 0, 0], images, {})
    packs = PACKS[recipe]
    whole = 10 - 10 % packs  # what fills no pack is left out
    expected = np.repeat(np.arange(10.0)[:whole].reshape(-1, packs), 3, axis=1)
    np.testing.assert_array_equal(seen, expected)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """Return the folder of a short run."""
    folder = tmp_path_factory.mktemp("runs") / "pacgan3"
    words = ["--dataset", "stacked_digits", "--recipe", "pacgan3", "--features", "4"]
    words += ["--batch-size", "4", "--steps", "4", "--samples", "1000", "--devices", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        assert main([*words, "--workdir", str(folder)]) == 0
    return folder


def test_the_modes_are_measured_kept_and_shown(workdir, capsys):
    figures = {figure.metric: figure for figure in read_evaluation(workdir).figures}
    assert list(figures) == [
        "modes", "mode_kl", "mode_kl_if_uniform", "frechet_distance", "confident_fraction",
        "classifier_accuracy",
    ]  # fmt: skip
    modes, divergence = figures["modes"], figures["mode_kl"]
    assert modes.conditions.n_fake == divergence.conditions.n_fake == 1000
    assert 1 <= modes.value < 300  # it has hardly been trained
    assert 580 < modes.floor < 690  # as many real stacks
    assert divergence.value > 1
    assert divergence.floor == pytest.approx(class_kl_bias(1000, 1000), abs=0.15)
    assert figures["mode_kl_if_uniform"].value == class_kl_bias(1000, 1000)
    assert figures["classifier_accuracy"].value > 0.9
    page = (workdir / "report.html").read_text(encoding="utf-8")
    assert f"{modes.floor:g}" in page
    assert "mode_kl[digits-cnn/each of 3 channels,1000 fake]" in page
    assert not (workdir / "evaluation" / "classes.png").exists()  # of a thousand
    assert (workdir / "evaluation" / "nearest.png").exists()


def test_another_number_of_samples_is_kept_beside(workdir, capsys):
    assert main(["evaluate", "--workdir", str(workdir), "--count", "1500"]) == 0
    said = capsys.readouterr().out
    assert "kept in" in said
    counts = {
        figure.conditions.n_fake
        for figure in read_evaluation(workdir).figures
        if figure.metric == "modes"
    }
    assert counts == {1000, 1500}


def test_its_command_does_it_again(workdir, tmp_path):
    stored = json.loads((workdir / "config.json").read_text(encoding="utf-8"))
    again = stored["command"].split()[3:]
    assert "--samples" in again
    config = parse(PAGE.options, [*again, "--workdir", str(tmp_path)], program="x")
    settings, _ = image_game.settled(PAGE, config)
    assert json.loads(json.dumps(settings)) == stored["config"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--recipe", "pacgan5"), "--recipe"),
        (("--dataset", "mnist"), "--dataset"),
        (("--conditional",), "--conditional is True: it must be left out: labels would name"),
        (("--channels", "1"), "--channels is 1: it must be 3, a digit in each"),
        (("--samples", "10"), "--samples is 10: it must be from 1000 to 100000"),
        (("--recipe", "dcgan", "--gamma", "1", "1"), "left out without --recipe r3gan"),
        (("--gamma", "0", "1"), "--gamma is (0.0, 1.0): it must be two numbers from 1e-12"),
        (("--recipe", "dcgan", "--resolution", "9"), "--resolution is 9"),
    ],
)
def test_mistakes_are_one_line(words, said, tmp_path, capsys):
    workdir = tmp_path / "run"
    assert main(["--dataset", "stacked_digits", "--workdir", str(workdir), *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not workdir.exists()
