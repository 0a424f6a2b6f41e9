"""The page on failing generators says what was measured, and each failure is told apart."""

import json

import jax
import numpy as np
import pytest

from docs import failures
from gan_jax import data, metrics

RESULTS = json.loads(failures.PATH.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sets():
    train, test = (data.load("digits", split=split) for split in ("train", "test"))
    return failures.make_sets(train, test, label=3, seed=0)


@pytest.fixture(scope="module")
def small(sets):
    """Measure the failures of the digits, by a classifier that is trained for a moment."""
    train, test = (data.load("digits", split=split) for split in ("train", "test"))
    arrays = (train.images, train.labels, test.images, test.labels)
    judge = metrics.train_classifier("x", *arrays, 10, key=jax.random.key(0), steps=300)
    return failures.measure(sets, metrics.classifier_extractor(judge))


def test_the_page_is_that_of_the_results():
    committed = failures.PATH.read_text(encoding="utf-8")
    assert committed == failures.page(RESULTS), "python -m docs.failures makes it anew"


def test_the_pictures_of_the_page_are_there():
    page = failures.PATH.read_text(encoding="utf-8")
    names = [part.split(")")[0] for part in page.split("](") if part.split(")")[0].endswith(".png")]
    assert len(names) == 4
    assert all((failures.PATH.parent / name).stat().st_size > 1000 for name in names)


def test_failing_generators_fail_as_they_are_meant_to(sets):
    fresh, collapsed, copies, noisy = (sets.fakes[name] for name in failures.SETS)
    assert {images.shape for images in sets.fakes.values()} == {fresh.shape}
    known = {image.tobytes() for image in sets.train}
    assert all(image.tobytes() in known for image in copies)
    test = data.load("digits", split="test")
    labels = {image.tobytes(): label for image, label in zip(test.images, test.labels, strict=True)}
    assert {labels[image.tobytes()] for image in collapsed} == {3}
    assert not {image.tobytes() for image in fresh} & {image.tobytes() for image in sets.reals}
    assert np.abs(noisy.astype(int) - fresh).mean() > 10


@pytest.mark.parametrize("scale", ["small", "committed"])
def test_each_failure_is_told_apart(scale, small):
    figures = small if scale == "small" else RESULTS["figures"]
    floor, collapsed, copies, noisy = (figures[name] for name in failures.SETS)
    assert collapsed["recall"] < 0.1 < 0.7 < floor["recall"]
    assert collapsed["coverage"] < 0.3 < 0.8 < floor["coverage"]
    assert collapsed["class_kl"] > 1.5 > 10 * floor["class_kl"]
    assert collapsed["inception_score"] < 2 < 5 < floor["inception_score"]
    assert collapsed["precision"] > floor["precision"] - 0.15
    assert copies["nearest_train_distance"] == 0.0 < 0.5 < floor["nearest_train_distance"]
    assert copies["frechet_distance"] < 2 * floor["frechet_distance"]
    assert copies["coverage"] > floor["coverage"] - 0.05
    assert noisy["pixel_precision"] < floor["pixel_precision"] - 0.2
    assert noisy["nearest_train_distance"] > 1.2 * floor["nearest_train_distance"]
    assert noisy["class_kl"] < 0.1


def test_only_what_differs_is_in_bold():
    rows = [line for line in failures.page(RESULTS).splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(failures.FIGURES) == len(RESULTS["figures"]["reals"])
    bold = {row.split("|")[1].strip(): row.count("**") // 2 for row in rows}
    assert bold["distance to train"] == 3
    assert bold["KL of classes, nats"] == 1
    assert not any("**" in row.split("|")[2] for row in rows)


def test_the_script_writes_the_page_and_the_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(
        metrics, "cached_classifier",
        lambda name, *data: metrics.train_classifier(name, *data, key=jax.random.key(0), steps=20),
    )  # fmt: skip
    assert failures.main(["--dataset", "digits", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "failures.json").read_text())
    assert (tmp_path / "failures.md").read_text() == failures.page(results)
    assert "--dataset digits`" in failures.page(results)
    assert {path.name for path in (tmp_path / "failures").iterdir()} == {
        "samples.png", "collapsed.png", "memorising.png", "noisy.png",
    }  # fmt: skip


def test_mistakes_are_one_line_and_exit_with_2(capsys):
    assert failures.main(["--label", "10"]) == 2
    assert "--label is 10: it must be from 0 to 9" in capsys.readouterr().err
    # Other figures do not replace those of the page.
    assert failures.main(["--dataset", "digits", "--seed", "3"]) == 2
    assert "--out is " in (line := capsys.readouterr().err)
    assert "another folder: with --dataset digits --seed 3 the page" in line
