"""What holds of every page that makes images of others: it builds, trains, translates, refuses."""

import importlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gan_jax import data, translation
from gan_jax.command_line import parse
from gan_jax.errors import UsageError
from tests.models.test_compiled import slow_patterns

NAMES = ("cyclegan", "pix2pix", "style_transfer", "super_resolution")
PAGES = {name: importlib.import_module(f"experiments.{name}").PAGE for name in NAMES}
TINY = ("--dataset", "digits", "--features", "4", "--batch-size", "8", "--steps", "4")
CASES = [
    ("cyclegan", ("--identity-weight", "5", "--jitter", "1.5")),
    ("pix2pix", ("--dropout-blocks", "2", "--inference-norm", "own", "--jitter", "1.5")),
    ("pix2pix", ("--adversarial-weight", "0")),
    ("pix2pix", ("--task", "colours", "--direction", "BtoA")),
    ("style_transfer", ("--style-weight", "1")),
    ("super_resolution", ("--pixel-steps", "0")),
    ("super_resolution", ("--adversarial-weight", "0", "--perceptual", "0.1", "--factor", "2")),
]


def settings(page, *words):
    """Return settings as they are settled."""
    config = parse(page.options, [*words, "--workdir", "/nowhere"], program="x")
    return translation.settled(page, config)[0]


def compiled(function):
    """Compile quickly, for a program that runs but twice."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def batch_of(experiment, count):
    dataset = experiment.load(split="train", report=len)
    arrays = {name: jnp.asarray(array[:count]) for name, array in dataset.arrays.items()}
    return experiment.prepare(data.for_step(arrays))


@pytest.mark.parametrize("name", NAMES)
def test_every_paper_takes_a_step_at_its_size(name):
    page = PAGES[name]
    words = ["--preset", "paper", "--dataset", "digits", "--channels", "3", "--resolution", "32"]
    decided = settings(page, *words)
    decided["resolution"] = dict(page.recipe(parse(page.settings, words, program="x")))[
        "resolution"
    ]
    experiment = translation.build(page, decided)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    side, count = decided["resolution"], decided["batch_size"]
    small = side // 4 if name == "super_resolution" else side
    depth = 1 if name == "pix2pix" else 3  # outlines are grey
    given = {
        "real": jax.ShapeDtypeStruct((count, side, side, 3), jnp.float32),
        "label": jax.ShapeDtypeStruct((count,), jnp.int32),
        "source": jax.ShapeDtypeStruct((count, small, small, depth), jnp.float32),
    }
    batch = experiment.prepare(given)
    after, metrics = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"discriminator_loss", "generator_loss"} <= set(metrics)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), count))
    translate = experiment.translator.forward
    images = jax.eval_shape(translate, state.generator, given["source"], keys)
    assert images.shape == (count, side, side, 3)


@pytest.mark.parametrize(("name", "words"), CASES)
def test_every_choice_trains(name, words):
    experiment = translation.build(PAGES[name], settings(PAGES[name], *TINY, *words))
    before = compiled(experiment.create)(jax.random.key(0))
    train_step, state = compiled(experiment.train_step), before
    batch = batch_of(experiment, 8)
    for _ in range(2):
        state, metrics = train_step(state, batch)
    assert all(np.isfinite(value) for value in metrics.values())
    plays = "--adversarial-weight" not in words
    for player, moves in (("generator", True), ("discriminator", plays)):
        old, new = (jax.tree.leaves(getattr(each, player).params) for each in (before, state))
        moved = [bool((a != b).any()) for a, b in zip(old, new, strict=True)]
        assert sum(moved) > 0.6 * len(moved) if moves else not any(moved)


@pytest.mark.parametrize("name", NAMES)
def test_no_step_has_a_slow_pattern(name):
    experiment = translation.build(PAGES[name], settings(PAGES[name], *TINY, "--resolution", "28"))
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    batch = jax.eval_shape(lambda: batch_of(experiment, 8))
    text = jax.jit(experiment.train_step).lower(state, batch).compile().as_text()
    assert not slow_patterns(text)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_command_means_the_same_settings(name, tmp_path):
    page, words = PAGES[name], [*TINY, "--seed", "3", "--workdir", str(tmp_path)]
    first, _ = translation.settled(page, parse(page.options, words, program="x"))
    experiment = translation.build(page, json.loads(json.dumps(first)))
    again = [*experiment.command.split()[3:], "--workdir", str(tmp_path)]
    second, _ = translation.settled(page, parse(page.options, again, program="x"))
    assert first == second


def main(name, *words):
    return translation.main(PAGES[name], [str(word) for word in words])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train a small run of each page once, with the cache folder of this test session."""
    folder = tmp_path_factory.mktemp("translations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        for name in NAMES:
            assert main(name, *TINY, "--devices", "1", "--workdir", folder / name) == 0
    return folder


FIGURES = {
    "cyclegan": ("cycle_error", "frechet_distance", "source_frechet_distance", "label_agreement"),
    "pix2pix": ("l1_distance", "psnr", "ssim", "sharpness", "source_ssim", "label_agreement"),
    "style_transfer": ("cycle_error", "source_label_agreement"),
    "super_resolution": ("bicubic_psnr", "bicubic_sharpness", "bicubic_frechet_distance", "psnr"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_ends_with_pictures_and_figures(runs, name):
    workdir = runs / name
    assert (workdir / "report.html").exists()
    with Image.open(workdir / "samples" / "step_00000004.png") as picture:
        assert min(picture.size) > 400  # 32 examples, side by side
    scores = json.loads((workdir / "evaluation.json").read_text())["scores"]
    assert {*FIGURES[name], "classifier_accuracy"} <= {score["metric"] for score in scores}
    assert (workdir / "evaluation" / "nearest.png").exists()


def picture(path, shape, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels[..., 0] if shape[2] == 1 else pixels).save(path)


def test_pictures_of_any_size_are_translated(runs, tmp_path, capsys):
    picture(tmp_path / "mine" / "wide.png", (16, 24, 3))
    picture(tmp_path / "mine" / "small.png", (8, 8, 1))
    picture(tmp_path / "targets" / "small.png", (8, 8, 1))
    picture(tmp_path / "targets" / "wide.png", (16, 24, 1))
    words = [
        "--workdir",
        runs / "pix2pix",
        "--images",
        tmp_path / "mine",
        "--out",
        tmp_path / "out",
    ]
    assert main("pix2pix", "translate", *words, "--targets", tmp_path / "targets") == 0
    assert "2 translated by step 4" in capsys.readouterr().out
    sizes = {}
    for made in (tmp_path / "out").iterdir():
        with Image.open(made) as image:
            sizes[made.name] = image.size
    assert sizes["wide.png"] == (24, 16)
    assert sizes["small.png"] == (8, 8)
    assert sizes["small_beside.png"][0] > sizes["small_beside.png"][1] * 2  # of three
    assert sizes["wide_beside.png"][0] > sizes["wide_beside.png"][1] * 4  # of three wide ones


def test_there_and_back_are_two_ways(runs, tmp_path):
    picture(tmp_path / "mine.png", (8, 8, 1))
    words = ["--workdir", runs / "cyclegan", "--images", tmp_path / "mine.png", "--out"]
    assert main("cyclegan", "translate", *words, tmp_path / "there") == 0
    assert main("cyclegan", "translate", *words, tmp_path / "back", "--backward") == 0
    there, back = ((tmp_path / way / "mine.png").read_bytes() for way in ("there", "back"))
    assert there != back


def test_small_pictures_become_large(runs, tmp_path):
    picture(tmp_path / "mine.png", (5, 3, 1))
    words = ["--workdir", runs / "super_resolution", "--images", tmp_path / "mine.png"]
    assert main("super_resolution", "translate", *words, "--out", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "mine.png") as image:
        assert image.size == (12, 20)


def test_the_rates_of_super_resolution_fall_halfway_through_the_papers_game():
    page = importlib.import_module("experiments.super_resolution")
    config = page.Config(preset="paper")
    settings = {**vars(config), **page.recipe(config)}
    of_generator, of_critic = page.rates(page.Config(**settings))
    assert (settings["steps"], settings["pixel_steps"]) == (1_200_000, 1_000_000)
    steps = (0, 1_099_999, 1_100_001)
    assert [float(of_generator(step)) for step in steps] == pytest.approx([1e-4, 1e-4, 1e-5])
    assert [float(of_critic(step)) for step in (0, 99_999, 100_001)] == pytest.approx(
        [1e-4, 1e-4, 1e-5]
    )


def test_a_short_run_of_super_resolution_has_a_game_too():
    page = importlib.import_module("experiments.super_resolution")
    assert page.recipe(page.Config(steps=100))["pixel_steps"] == 75


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--images", "{}/odd.png"), "odd.png: images of 9 x 8 can't be halved"),
        (("--images", "{}/broken.png"), "broken.png can't be read"),
        (("--images", "{}/nothing.png"), "--images {}/nothing.png: there is nothing"),
        (("--images", "{}/empty"), "there is no picture in it"),
        (("--images", "{}/good.png", "--backward"), "--backward was given"),
        (("--images", "{}/good.png", "--targets", "{}/large"), "is 16x16, and the translation 8x8"),
        (("--images", "{}/good.png", "--targets", "{}/twice/below"), "is no picture called good"),
        (("--images", "{}/twice"), "two pictures are called one"),
    ],
)
def test_what_cannot_be_translated_is_one_line(runs, words, said, tmp_path, capsys):
    picture(tmp_path / "odd.png", (9, 8, 1))
    picture(tmp_path / "good.png", (8, 8, 1))
    picture(tmp_path / "large" / "good.png", (16, 16, 1))
    picture(tmp_path / "twice" / "one.png", (8, 8, 1))
    picture(tmp_path / "twice" / "below" / "one.png", (8, 8, 1))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    words = [word.format(tmp_path) for word in words]
    out = ("--out", tmp_path / "out")
    assert main("pix2pix", "translate", "--workdir", runs / "pix2pix", *words, *out) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said.format(tmp_path) in error


def test_a_figure_of_a_folder_can_be_asked_for_alone(runs, capsys):
    words = ["--workdir", runs / "pix2pix", "--metrics", "ssim", "--count", "200"]
    assert main("pix2pix", "evaluate", *words) == 0
    said = capsys.readouterr().out
    assert "ssim" in said
    assert "psnr" not in said
    assert main("pix2pix", "evaluate", *words[:2], "--metrics", "cycle_error") == 2
    assert "metric 'cycle_error' of this run is not one of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("pix2pix", ("--preset", "huge"), "--preset"),
        ("pix2pix", ("--resolution", "30"), "--resolution is 30: it must be a multiple of 4"),
        ("pix2pix", ("--task", "pairs"), "--task is pairs: --dataset must be a folder of them"),
        ("pix2pix", ("--adversarial-weight", "0", "--l1-weight", "0"), "--l1-weight is 0.0"),
        ("pix2pix", ("--classes", "3"), "--classes is 3: it must be at least the 10 of digits"),
        ("cyclegan", ("--task", "folders"), "--dataset must be a folder of two"),
        ("cyclegan", ("--best-metric", "ssim"), "this task has no pairs"),
        ("cyclegan", ("--pool", "0"), "--pool is 0"),
        ("cyclegan", ("--jitter", "0.5"), "--jitter is 0.5: it must be 0, or from 1 to 4"),
        ("style_transfer", ("--target-style", "plain"), "another than --source-style"),
        ("super_resolution", ("--factor", "3"), "--factor"),
        ("super_resolution", ("--direction", "BtoA"), "images become larger"),
        ("super_resolution", ("--dataset", "digit"), "did you mean 'digits'?"),
    ],
)
def test_mistakes_are_one_line(name, words, said, tmp_path, capsys):
    workdir = tmp_path / "run"
    assert main(name, "--dataset", "digits", "--workdir", workdir, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not workdir.exists()


def test_pairs_without_classes_are_judged_by_pixels(tmp_path):
    for index in range(30):
        picture(tmp_path / "pairs" / "A" / f"{index}.png", (8, 8, 3), seed=index)
        picture(tmp_path / "pairs" / "B" / f"{index}.png", (8, 8, 3), seed=100 + index)
    words = ["--dataset", str(tmp_path / "pairs"), "--features", "4", "--steps", "2"]
    words += ["--batch-size", "4", "--devices", "1", "--workdir", str(tmp_path / "run")]
    assert main("pix2pix", *words) == 0
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())["scores"]
    found = {score["metric"] for score in scores}
    assert {"l1_distance", "psnr", "ssim", "source_psnr"} <= found
    assert "frechet_distance" not in found
    with pytest.raises(UsageError, match="l1_distance, psnr or ssim"):
        settings(PAGES["pix2pix"], *words[:2], "--best-metric", "frechet_distance")


def test_two_folders_without_classes_are_translated(tmp_path):
    for side in ("trainA", "trainB", "testA", "testB"):
        for index in range(6 if side.startswith("train") else 3):
            picture(tmp_path / "both" / side / f"{index}.png", (8, 8, 3), seed=index)
    words = ["--dataset", tmp_path / "both", "--features", "4", "--steps", "2", "--batch-size", "4"]
    assert main("cyclegan", *words, "--devices", "1", "--workdir", tmp_path / "run") == 0
    assert not (tmp_path / "run" / "evaluation.json").exists()
    with pytest.raises(UsageError, match="it must be left out: the images have no classes"):
        settings(PAGES["cyclegan"], *map(str, words[:2]), "--best-metric", "label_agreement")
    assert (tmp_path / "run" / "samples" / "step_00000002.png").exists()
