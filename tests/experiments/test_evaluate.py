"""Images from files are measured, or refused in one line, whatever made them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import evaluate
from gan_jax import data, metrics
from gan_jax.metrics import Extracted, from_json
from gan_jax.metrics.extractors import BatchExtractor

ROOT = Path(__file__).parents[2]


def main(*arguments):
    return evaluate.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write digits as arrays and as a folder: real ones, others, and copies of one."""
    folder = tmp_path_factory.mktemp("images")
    train, test = data.load("digits").images, data.load("digits", split="test").images
    np.save(folder / "real.npy", test)
    np.savez(folder / "fresh.npz", images=train[:300], labels=np.zeros(1))
    np.save(folder / "train.npy", train[300:900])
    np.save(folder / "collapsed.npy", np.repeat(train[:1], 100, axis=0))
    np.save(folder / "large.npy", test.repeat(2, axis=1).repeat(2, axis=2))
    np.save(folder / "colours.npy", test.repeat(3, axis=3))
    np.save(folder / "four.npy", test.repeat(4, axis=3))
    np.save(folder / "floats.npy", test / 255)
    np.save(folder / "nan.npy", np.full(test.shape, np.nan, np.float32))
    (folder / "pictures").mkdir()
    for index, image in enumerate(train[:300]):
        Image.fromarray(image[..., 0]).save(folder / "pictures" / f"{index:04}.png")
    return folder


def measured(files, tmp_path, real, fake, *options):
    out = tmp_path / "figures.json"
    assert main(files / real, files / fake, "--out", out, *options) == 0
    figures = map(from_json, json.loads(out.read_text())["scores"])
    return {figure.metric: figure for figure in figures}


PIXELS = ("--extractor", "pixels")


def test_a_folder_and_an_array_of_the_same_images_have_the_same_figures(files, tmp_path, capsys):
    of_array = measured(files, tmp_path, "real.npy", "fresh.npz", *PIXELS)
    assert list(of_array) == [
        "frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage",
    ]  # fmt: skip
    assert of_array == measured(files, tmp_path, "real.npy", "pictures", *PIXELS)
    figure = of_array["frechet_distance"]
    assert figure.name == "frechet_distance[pixels,300 fake,360 real]"
    assert figure.floor_measured_on == "pixels,180 real,180 real"
    said = capsys.readouterr().out
    assert f"{figure.value:.4g}" in said
    assert figure.conditions.full in said


def test_a_collapse_shows_beside_the_floors(files, tmp_path):
    figures = measured(files, tmp_path, "real.npy", "collapsed.npy", *PIXELS, "--metrics", "all")
    assert "nearest_train_distance" not in figures
    assert figures["frechet_distance"].value > 5 * figures["frechet_distance"].floor
    assert figures["recall"].value < 0.1 < figures["recall"].floor
    assert figures["ms_ssim"].value == pytest.approx(1)


def test_training_images_are_for_the_floors_and_for_copies(files, tmp_path):
    figures = measured(
        files, tmp_path, "real.npy", "fresh.npz", *PIXELS, "--count", 100,
        "--train", files / "train.npy", "--metrics", "recall", "nearest_train_distance",
    )  # fmt: skip
    nearest = figures["nearest_train_distance"]
    assert nearest.name == "nearest_train_distance[pixels,100 fake,600 train]"
    assert nearest.floor_measured_on == "pixels,360 real,600 train"
    assert figures["recall"].floor_measured_on == "pixels,100 train,360 real"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["real.npy", "missing.npy"], "missing.npy is not there"),
        (["real.npy", "floats.npy"], "holds float64 [360, 8, 8, 1]: images must be uint8"),
        (["nan.npy", "real.npy"], "holds float32 [360, 8, 8, 1] with NaN: images must be uint8"),
        (["real.npy", "large.npy"], "real.npy: 8 x 8 x 1; "),
        (["real.npy", "colours.npy"], "--extractor inception resizes them, pixels must be of one shape"),
        (["real.npy", "fresh.npz", "--count", "1000"], "--count is 1000: it must be at most the 300 images"),
        (["real.npy", "fresh.npz", "--count", "1"], "--count is 1: it must be a whole number of at least 2"),
        (["real.npy", "fresh.npz", "--count", "3", "--metrics", "recall"], "recall takes at least 4 images of each kind, for a sample and its 3 nearest neighbours: there are 3 fake"),
        (["real.npy", "fresh.npz", "--metrics", "inception_score"], "--metrics inception_score needs classes, and pixels knows none"),
        (["real.npy", "fresh.npz", "--metrics", "nearest_train_distance"], "nearest_train_distance needs --train"),
        (["real.npy", "fresh.npz", "--metrics", "fid"], "invalid choice 'fid' for argument '--metrics'"),
        (["real.npy", "fresh.npz", "--mertics"], "unknown option --mertics: did you mean --metrics?"),
        (["real.npy"], "FAKE"),
        (["real.npy", "fresh.npz", "--out", "pictures"], "pictures is a folder: name a file in it"),
        (["real.npy", "fresh.npz", "--out", "real.npy/x.json"], "--out real.npy/x.json can't be written: Not a directory"),
        (["real.npy", "fresh.npz", "--resize", "clean-bicubic"], "--resize is clean-bicubic: it must be left out without --extractor inception"),
        (["real.npy", "fresh.npz", "--inception-weights", "x.pth"], "--inception-weights is x.pth: it must be left out without"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_with_2(files, monkeypatch, arguments, line, capsys):
    monkeypatch.chdir(files)
    assert main(*arguments, *PIXELS) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1


@pytest.fixture
def _small_inception(monkeypatch):
    """Put an extractor in Inception's place that takes what it takes, and is quick."""

    def extract(images):
        parts = np.array_split(images.mean(axis=3) / 255, 4, axis=1)
        features = np.stack([part.mean(axis=(1, 2)) for part in parts], axis=1).astype(np.float32)
        return Extracted(features, 9 * features)

    def inception_extractor(weights, *, resize):
        name = f"inception-v3/6726825d/{resize.name}"
        return BatchExtractor(name, "[N, H, W, 1 or 3]", lambda s: s[-1] in (1, 3), extract, 32)

    monkeypatch.setattr(metrics, "inception_weights", lambda path, **_: None)
    monkeypatch.setattr(metrics, "inception_extractor", inception_extractor)


def test_files_in_an_order_are_no_worse_than_mixed_ones(files, tmp_path):
    train = data.load("digits")
    by_class = train.images[np.argsort(train.labels, kind="stable")]
    np.save(tmp_path / "sorted.npy", by_class)
    options = (*PIXELS, "--count", 200, "--train", tmp_path / "sorted.npy", "--metrics", "recall")
    figure = measured(files, tmp_path, "real.npy", tmp_path / "sorted.npy", *options)["recall"]
    assert figure.value == figure.floor > 0.5  # the same random 200


@pytest.mark.usefixtures("_small_inception")
def test_images_of_other_sizes_go_to_an_extractor_that_resizes(files, tmp_path, capsys):
    figures = measured(
        files, tmp_path, "real.npy", "large.npy", "--resize", "clean-bicubic", "--metrics", "all"
    )
    assert list(figures) == [
        "frechet_distance", "kernel_distance", "inception_score", "precision", "recall",
        "density", "coverage", "sliced_wasserstein",
    ]  # fmt: skip
    assert figures["frechet_distance"].value == pytest.approx(0, abs=1e-9)
    assert figures["frechet_distance"].conditions.extractor.endswith("/clean-bicubic")
    assert "features of 360 real images" in capsys.readouterr().out
    assert main(files / "real.npy", files / "large.npy", "--metrics", "ms_ssim") == 2
    assert "--metrics ms_ssim needs images of one shape" in capsys.readouterr().err
    assert main(files / "real.npy", files / "four.npy") == 2
    assert "four.npy holds images of 8 x 8 x 4: Inception takes 1 or 3 channels" in capsys.readouterr().err  # fmt: skip


def test_without_weights_there_is_one_line_and_exit_code_1(files, monkeypatch, capsys):
    monkeypatch.setattr(
        sys.modules[metrics.inception_weights.__module__], "urlopen", _nobody_answers
    )
    monkeypatch.setenv("GAN_JAX_CACHE", str(files / "empty"))
    assert main(files / "real.npy", files / "fresh.npz") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: Inception weights cannot be had: https://")
    assert "--extractor pixels needs no download" in said
    assert len(said.splitlines()) == 1


def _nobody_answers(*arguments, **options):
    raise OSError("nobody answers")


def test_the_module_runs_and_helps():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.evaluate", "--help"],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    assert "REAL" in done.stdout
    assert "--extractor {inception,pixels}" in done.stdout
