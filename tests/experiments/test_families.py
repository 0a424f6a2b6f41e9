"""What holds of every page on images: it builds at its paper's size, trains, resumes, refuses."""

import importlib
import json
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, image_game
from gan_jax.command_line import parse
from gan_jax.errors import UsageError
from gan_jax.evaluation import Request

NAMES = ("biggan", "dcgan", "lsgan", "r3gan", "sagan", "sngan", "stylegan2", "vanilla", "wgan")
PAGES = {name: importlib.import_module(f"experiments.{name}").PAGE for name in NAMES}
CHOICES = [
    ("wgan", ("--bound", "clipping")),
    # Of fewer features, nothing moves by gradient descent that float32 sees.
    ("vanilla", ("--preset", "paper", "--features", "100")),
    ("vanilla", ("--preset", "paper", "--features", "100", "--loss", "minimax")),
    ("stylegan2", ("--adaptive",)),
    ("r3gan", ("--augment", "0.5")),
    ("biggan", ("--conditional",)),
]
CASES = [pytest.param(name, (), id=name) for name in NAMES] + [
    pytest.param(name, words, id=" ".join((name, *words))) for name, words in CHOICES
]
TINY = ("--dataset", "digits", "--features", "8", "--batch-size", "8", "--steps", "4")


def presets():
    for name, page in PAGES.items():
        for preset in typing.get_args(typing.get_type_hints(page.settings)["preset"]):
            for conditional in (False, True):
                # The two large ones differ in size alone, and take long to trace.
                if (preset, conditional) in (("ffhq256", False), ("ffhq1024", True)):
                    continue
                yield pytest.param(page, preset, conditional, id=f"{name} {preset} {conditional}")


def settings(page, *words, resolution=28, channels=1):
    """Return settings as they are settled, for images that need not be there."""
    config = parse(page.settings, list(words), program="x")
    fields = {name: getattr(config, name) for name in typing.get_type_hints(page.settings)}
    recipe = dict(page.recipe(config))
    given = {name: value for name, value in fields.items() if value is not None}
    images = {"resolution": resolution, "channels": channels, "classes": 10, "dataset": "digits"}
    return {**fields, **images, **recipe, **{k: v for k, v in given.items() if k != "dataset"}}


@pytest.mark.parametrize(("page", "preset", "conditional"), list(presets()))
def test_every_preset_takes_a_step_at_its_size(page, preset, conditional):
    words = ["--preset", preset, *(["--conditional"] if conditional else [])]
    small = preset == "small"
    decided = settings(page, *words, channels=1 if small else 3)
    experiment = image_game.build(page, decided)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    side, channels, count = decided["resolution"], decided["channels"], experiment.batch_size
    batch = {
        "real": jax.ShapeDtypeStruct((count, side, side, channels), jnp.float32),
        "label": jax.ShapeDtypeStruct((count,), jnp.int32),
    }
    after, metrics = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"discriminator_loss", "generator_loss"} <= set(metrics)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 5))
    labels = {"label": jax.ShapeDtypeStruct((5,), jnp.int32)}
    images = jax.eval_shape(experiment.sampler, state.generator, labels, keys)
    assert images.shape == (5, side, side, channels)


def digits(count):
    dataset = data.load("digits")
    return {
        "real": data.normalize(jnp.asarray(dataset.images[:count])),
        "label": jnp.asarray(dataset.labels[:count]),
    }


def compiled(function):
    """Compile quickly, for a program that runs but twice."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@pytest.mark.parametrize(("name", "words"), CASES)
def test_every_game_trains(name, words):
    page = PAGES[name]
    decided = settings(page, *TINY, *words, resolution=8)
    experiment = image_game.build(page, decided)
    before = compiled(experiment.create)(jax.random.key(0))
    train_step, state = compiled(experiment.train_step), before
    batch = digits(experiment.batch_size)
    for _ in range(2):
        state, metrics = train_step(state, batch)
    assert all(np.isfinite(value) for value in metrics.values())
    for player in ("generator", "discriminator"):
        old, new = (jax.tree.leaves(getattr(each, player).params) for each in (before, state))
        moved = [bool((a != b).any()) for a, b in zip(old, new, strict=True)]
        assert sum(moved) > 0.6 * len(moved)  # all but those that start behind zeros
    keys = jax.random.split(jax.random.key(1), 8)
    images = compiled(experiment.sampler)(state.generator, {"label": batch["label"][:8]}, keys)
    assert images.shape == (8, 8, 8, 1)
    assert np.isfinite(images).all()
    assert float(jnp.std(images, axis=0).max()) > 0


def test_styles_of_layers_can_be_drawn_shown_and_taken_apart():
    decided = settings(PAGES["stylegan2"], *TINY, resolution=8)
    experiment = image_game.build(PAGES["stylegan2"], decided)
    generator = compiled(experiment.create)(jax.random.key(0)).generator
    space, labels = experiment.styles, {"label": jnp.zeros(3, jnp.int32)}
    keys = jax.random.split(jax.random.key(1), 3)
    styles = compiled(space.draw)(generator, labels, keys)
    weights = space.weights(generator.params)
    assert styles.shape == (3, len(weights), 8)
    assert {len(matrix) for matrix in weights} == {8}
    render = compiled(lambda styles: space.render(generator, labels, styles))
    images = render(styles)
    assert images.shape == (3, 8, 8, 1)
    for layer in range(len(weights)):  # each of them shows
        assert (render(styles.at[:, layer].multiply(-1.0)) != images).any()


def test_a_folder_called_like_a_data_set_is_not_taken_for_it(tmp_path, monkeypatch):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    page = PAGES["dcgan"]
    config = parse(page.options, ["--dataset", "digits", "--workdir", "run"], program="x")
    assert image_game.settled(page, config)[0]["dataset"] == "digits"


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_command_means_the_same_settings(name, tmp_path):
    page, words = PAGES[name], [*TINY, "--conditional", "--seed", "3", "--workdir", str(tmp_path)]
    first, _ = image_game.settled(page, parse(page.options, words, program="x"))
    experiment = image_game.build(page, json.loads(json.dumps(first)))
    again = [*experiment.command.split()[3:], "--workdir", str(tmp_path)]
    second, _ = image_game.settled(page, parse(page.options, again, program="x"))
    assert first == second


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a small run once, with the cache folder of this test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))
        workdir = tmp_path_factory.mktemp("dcgan") / "run"
        assert main(*TINY, "--devices", "1", "--workdir", workdir) == 0
    return workdir


def test_a_run_ends_with_pictures_and_figures(run, tmp_path):
    assert (run / "report.html").exists()
    assert (run / "samples" / "step_00000004.png").exists()
    assert "frechet_distance" in (run / "evaluation.json").read_text()
    sheet = tmp_path / "sheet.png"
    assert main("sample", "--workdir", run, "--count", "4", "--out", sheet) == 0
    assert sheet.exists()


def main(*words):
    return image_game.main(PAGES["dcgan"], [str(word) for word in words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "huge"), "--preset"),
        (("--resolution", "30"), "--resolution is 30: it must be 4, 5, 6 or 7 times a power of 2"),
        (("--channels", "2"), "--channels is 2: it must be 1 or 3"),
        (("--classes", "3"), "--classes is 3: it must be at least the 10 of digits"),
        (("--dataset", "digit"), "did you mean 'digits'?"),
        (("--features", "0"), "--features is 0"),
        (("--best-metric", "label_agreement"), "without --conditional"),
        (("--learning-rate", "2"), "--learning-rate is 2.0"),
    ],
)
def test_mistakes_are_one_line(words, said, tmp_path, capsys):
    workdir = tmp_path / "run"
    assert main("--dataset", "digits", "--workdir", workdir, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not workdir.exists()


def test_each_device_wants_a_batch_of_its_own_for_every_update(tmp_path, capsys):
    # 5 x 8 examples could be shared out between 5 devices, but not 5 batches of 8.
    words = [*TINY, "--devices", "5", "--workdir", str(tmp_path / "run")]
    assert image_game.main(PAGES["wgan"], words) == 2
    said = "batch size 8 can't be split over 5 devices: it must be a positive multiple of 5"
    assert said in capsys.readouterr().err


def test_a_folder_of_another_page_is_refused(run, capsys):
    assert image_game.main(PAGES["lsgan"], [*TINY, "--workdir", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(run) in error


def test_images_of_any_folder_are_cropped_and_resized(tmp_path):
    from PIL import Image

    for kind in ("cats", "dogs"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for index in range(12):
            pixels = np.random.default_rng([len(kind), index]).integers(
                0, 256, (20, 30, 3), np.uint8
            )
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{index}.png")
    words = ["--dataset", str(tmp_path / "photos"), "--resolution", "8", "--conditional"]
    page = PAGES["dcgan"]
    config = parse(page.options, [*words, "--workdir", str(tmp_path / "run")], program="x")
    decided, _ = image_game.settled(page, config)
    assert (decided["resolution"], decided["channels"], decided["classes"]) == (8, 3, 2)
    experiment = image_game.build(page, decided)
    assert experiment.load(split="train").images.shape[1:] == (8, 8, 3)
    assert experiment.title == "dcgan on photos, conditional"


@pytest.mark.parametrize("resolution", range(1, 70))
def test_a_pyramid_is_its_resolution_or_refused(resolution):
    possible = {base << level for base in (4, 5, 6, 7) for level in range(1, 6)}
    if resolution in possible:
        base, doublings = image_game.pyramid(resolution)
        assert base << doublings == resolution
        assert 4 <= base <= 7
        assert doublings >= 1
    else:
        with pytest.raises(UsageError, match="4, 5, 6 or 7 times a power of 2"):
            image_game.pyramid(resolution)


def test_steps_of_several_updates_take_as_many_batches():
    decided = settings(PAGES["wgan"], "--critic-updates", "3", "--batch-size", "16")
    assert image_game.build(PAGES["wgan"], decided).batch_size == 48


def test_settings_that_were_edited_are_refused():
    decided = settings(PAGES["dcgan"])
    for change in ({"channels": None}, {"features": "many"}, {"speed": 3}):
        with pytest.raises(UsageError, match=next(iter(change))):
            image_game.build(PAGES["dcgan"], {**decided, **change})


def test_data_is_what_it_was_without_a_resolution():
    plain, sized = (data.load("digits", resolution=side) for side in (None, 8))
    np.testing.assert_array_equal(plain.images, sized.images)


def test_a_biggan_is_drawn_and_judged_with_standing_statistics():
    decided = settings(PAGES["biggan"], *TINY, "--conditional", resolution=8)
    experiment = image_game.build(PAGES["biggan"], decided)
    generator = compiled(experiment.create)(jax.random.key(0)).generator
    finished = generator.replace(opt_state=jax.eval_shape(lambda: generator.opt_state))
    standing = experiment.at_rest(finished)  # commands restore no optimizer
    looks = []
    request = Request(metrics=("frechet_distance",), extractor="pixels", count=100)
    experiment.evaluate(
        generator, 4, request=request, look=lambda fakes, *_: looks.append(fakes), report=len
    )
    (judged,) = looks
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), 1), 100)
    sample = jax.jit(experiment.sampler)
    for player, same in ((standing, True), (generator, False)):
        drawn = data.to_uint8(sample(player, {"label": judged.labels}, keys))
        assert (np.asarray(drawn) == judged.images).all() == same
    truncated = experiment.at_rest(generator, experiment.truncated(0.1))
    means = [
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(each.model_state)])
        for each in (standing, truncated)
    ]
    assert (means[0] != means[1]).any()  # they belong to the samples to come
