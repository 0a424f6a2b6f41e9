"""The command that finds latents of an image."""

import re

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.exploration import multiscale_distance
from tests.commands.cases import SIDE, generator_of, load, main
from tests.commands.test_exploring import TILE, tiles

QUICK = ("--steps", "150", "--starts", "2", "--samples", "50")


def save(path, image):
    """Write an image in [-1, 1] as PNG, and return it as read again."""
    pixels = np.rint((np.asarray(image) + 1) * 127.5).astype(np.uint8)
    Image.fromarray(pixels[..., 0]).save(path)
    return pixels.astype(np.float32) / 127.5 - 1


def distances(said):
    """Return what was said of the nearest sample and of the best search."""
    return [float(number) for number in re.findall(r": distance (\S+)", said)]


@pytest.fixture(scope="module")
def drawn(runs, tmp_path_factory):
    """Return a picture that the plain run's generator made."""
    experiment, generator = generator_of(runs / "plain")
    keys = jax.random.split(jax.random.key(99), 1)
    image = jax.jit(experiment.sampler)(generator, {}, keys)[0]
    path = tmp_path_factory.mktemp("drawn") / "made.png"
    return path, save(path, image)


def test_an_image_the_generator_made_is_found(runs, drawn, tmp_path, capsys):
    path, target = drawn
    words = ("--image", path, "--out", tmp_path / "i", *QUICK)
    assert main("invert", "--workdir", runs / "plain", *words) == 0
    nearest, best = distances(capsys.readouterr().out)
    assert best < 1e-4 < nearest / 10
    experiment, generator = generator_of(runs / "plain")
    with np.load(tmp_path / "i.npz") as found:
        np.testing.assert_array_equal(found["target"], target)
        assert found["vectors"].shape == (2, 5)
        images = experiment.decoder(generator, {}, found["vectors"])
        np.testing.assert_allclose(images, found["images"], atol=1e-5)
        measured = multiscale_distance(images, target[None])
        np.testing.assert_allclose(measured, found["distances"], rtol=1e-2, atol=1e-7)
        assert (np.diff(found["distances"]) >= 0).all()
        assert found["nearest"] == pytest.approx(nearest, rel=1e-3)
    row = tiles(tmp_path / "i.png", 1, 3)[0]
    assert np.abs(row[0] - row[1]).max() < 8  # side by side: the image, and what was found


def test_the_same_seed_finds_the_same(runs, drawn, tmp_path):
    for name in ("a", "b"):
        words = ("--image", drawn[0], "--out", tmp_path / name, *QUICK, "--distance", "pixels")
        assert main("invert", "--workdir", runs / "plain", *words) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_an_image_of_the_test_split_goes_with_its_class(runs, tmp_path, capsys):
    words = ("--index", 4, "--out", tmp_path / "i", *QUICK)
    assert main("invert", "--workdir", runs / "labelled", *words) == 0
    nearest, best = distances(capsys.readouterr().out)
    assert best < nearest
    split = load("test")
    with np.load(tmp_path / "i.npz") as found:
        expected = split.images[4].astype(np.float32) / 127.5 - 1
        np.testing.assert_array_equal(found["target"], expected)
        assert set(found["labels"]) == {split.labels[4]}


def test_a_style_for_each_layer_makes_what_one_for_all_can_not(runs, tmp_path, capsys):
    experiment, generator = generator_of(runs / "styled")
    keys = jax.random.split(jax.random.key(99), 2)
    styles = np.array(experiment.styles.draw(generator, {}, keys))
    styles[0, 1] = styles[1, 1]
    save(tmp_path / "mixed.png", experiment.styles.render(generator, {}, styles[:1])[0])
    reached = {}
    for name, words in {"one": (), "each": ("--per-layer",)}.items():
        words = ("--image", tmp_path / "mixed.png", "--out", tmp_path / name, *QUICK, *words)
        assert main("invert", "--workdir", runs / "styled", *words) == 0
        reached[name] = distances(capsys.readouterr().out)[1]
        with np.load(tmp_path / f"{name}.npz") as found:
            assert found["vectors"].shape == (2, 2, 3)
            alike = np.allclose(found["vectors"][:, 0], found["vectors"][:, 1])
            assert alike == (name == "one")
    assert reached["each"] < 1e-4 < reached["one"] / 10


def test_pictures_are_made_as_large_and_grey_as_the_runs(runs, tmp_path, monkeypatch):
    wide = Image.new("RGB", (60, 20), (255, 0, 0))
    wide.paste((255, 255, 255), (20, 0, 40, 20))
    wide.save(tmp_path / "wide.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    words = ("--image", "wide.jpg", "--out", "new/i", "--steps", 2, "--samples", 8, "--pull", 0.1)
    assert main("invert", "--workdir", runs / "plain", *words) == 0
    with np.load("new/i.npz") as found:
        assert found["target"].shape == (SIDE, SIDE, 1)
        assert found["target"].min() > 0.9  # the white square in the middle
    assert tiles("new/i.png", 1, 9).shape == (1, 9, TILE, TILE)


MISTAKES = [
    ("plain", [], "give either --image FILE or --index NUMBER"),
    ("plain", ["--index", 1, "--image", "a.png"], "give either --image FILE or --index NUMBER"),
    ("plain", ["--image", "a.png"], "--image a.png can't be read: No such file"),
    ("plain", ["--image", "text"], "--image text can't be read: "),
    ("plain", ["--image", "."], "--image . can't be read: Is a directory"),
    ("plain", ["--index", 6], "--index is 6: it must be from 0 to 5"),
    ("plain", ["--index", -1], "--index is -1: it must be from 0 to 5"),
    ("plain", ["--index", 1, "--starts", 9, "--samples", 8], "--samples is 8: it must be at least"),
    ("plain", ["--index", 1, "--noise", "nan"], "--noise is nan: it must be from 0"),
    ("plain", ["--index", 1, "--per-layer"], "--per-layer was given, and no layer of this run has"),
    ("styled", ["--index", 1, "--pull", 1], "--pull was given, and what is searched for is not"),
    ("odd", ["--index", 1], "the latents of this run are not one vector each"),
    ("plain", ["--index", 1, "--out", "text/x"], "--out text/x can't be written: Not a directory"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "words", "line"), MISTAKES)
def test_mistakes_are_one_line_and_leave_no_file(
    runs, tmp_path, monkeypatch, capsys, model, words, line
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("mine")
    before = sorted(runs.rglob("*"))
    assert main("invert", "--workdir", runs / model, *words) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1
    assert sorted(runs.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
