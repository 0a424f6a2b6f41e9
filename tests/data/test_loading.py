import shutil

import numpy as np
import pytest

from gan_jax.data import DatasetUnavailable, load, load_auto
from gan_jax.data import download as download_module
from gan_jax.data.cache import cache_path
from gan_jax.data.resizing import fit
from gan_jax.data.sources import SOURCES
from gan_jax.errors import RunError, UsageError


@pytest.fixture(autouse=True)
def _nothing_prepared(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    monkeypatch.setattr(download_module, "FIRST_BYTE_SECONDS", 2)


@pytest.fixture
def archives(tiny, serve, monkeypatch):
    """Stand in for MNIST with a few examples; returns the folder they are served from."""
    source, folder = tiny
    monkeypatch.setitem(SOURCES, "mnist", source)
    monkeypatch.setenv("GAN_JAX_MNIST_URL", serve(folder))
    return folder


def rows(images, labels):
    return [image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True)]


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("minst", "train", "dataset 'minst' is not one of .*; did you mean 'mnist'?"),
        ("nist9", "train", "'nist9' is not one of digits, fashion_mnist, mnist, nor prepared by"),
        (None, "train", "None is no name"),
        ("mnist", "all", "split 'all' of mnist is not one of train, test"),
        ("digits", "valid", "split 'valid' of digits is not one of train, test, all"),
    ],
)
def test_what_does_not_exist_is_a_usage_error(name, split, message):
    with pytest.raises(UsageError, match=message):
        load(name, split=split)


def test_digits_need_nothing(lines):
    assert len(load("digits", split="all", report=lines.append).labels) == 1797
    assert lines == []


def test_digits_may_be_resized_and_are_otherwise_as_they_were():
    plain, asked = load("digits"), load("digits", resolution=8, channels=1)
    np.testing.assert_array_equal(plain.images, asked.images)
    large = load("digits", resolution=16, channels=3)
    assert large.images.shape == (1437, 16, 16, 3)
    np.testing.assert_array_equal(large.labels, plain.labels)
    assert (large.name, large.origin) == (plain.name, plain.origin)
    np.testing.assert_array_equal(large.images[0], fit(plain.images[0], resolution=16, channels=3))
    with pytest.raises(UsageError, match="channels is 4"):
        load("digits", channels=4)


def test_a_download_is_kept(archives, examples, lines):
    first = load("mnist", split="test", report=lines.append)
    assert sorted(rows(first.images, first.labels)) == sorted(rows(*examples["test"]))
    shutil.rmtree(archives)
    before = len(lines)
    second = load("mnist", split="test", report=lines.append)
    assert rows(second.images, second.labels) == rows(first.images, first.labels)
    assert second.origin == first.origin
    assert len(lines) == before


def test_the_order_does_not_depend_on_where_the_examples_come_from(
    publish, examples, tmp_path, monkeypatch
):
    monkeypatch.delenv("GAN_JAX_MNIST_URL", raising=False)
    images, labels = examples["train"]
    images[1], labels[1] = images[0], labels[0]  # a twin
    images[2], labels[2] = images[0], (labels[0] + 1) % 10  # the same under another label
    orders = [np.arange(40), np.arange(40)[::-1], np.random.default_rng(1).permutation(40)]
    seen = []
    for number, order in enumerate(orders):
        source, _ = publish({"train": (images[order], labels[order])}, folder=str(number))
        monkeypatch.setitem(SOURCES, "mnist", source)
        monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / f"cache{number}"))
        dataset = load("mnist", report=lambda line: None)
        seen.append(rows(dataset.images, dataset.labels))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0] != sorted(seen[0])
    assert set(seen[0]) == set(rows(images, labels))


def test_a_damaged_cache_is_made_anew(archives, lines):
    load("mnist", report=lines.append)
    path = cache_path("mnist", "train")
    good = path.read_bytes()
    path.write_bytes(good[:-100])
    lines.clear()
    load("mnist", report=lines.append)
    assert sum("made anew" in line for line in lines) == 1
    lines.clear()
    load("mnist", report=lines.append)
    assert lines == []


def test_a_cache_that_cannot_be_written_does_not_stop_the_load(
    archives, tmp_path, monkeypatch, lines
):
    (tmp_path / "cache").write_text("in the way")
    assert len(load("mnist", report=lines.append).labels) == 40
    assert sum("is not kept in" in line for line in lines) == 1


def truncate(file):
    file.write_bytes(file.read_bytes()[:-1])


def corrupt(file):
    file.write_bytes(bytes(len(file.read_bytes())))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "bytes instead of"),
        (corrupt, "has SHA-256"),
        (lambda file: file.unlink(), "answered HTTP 404"),
    ],
)
@pytest.mark.parametrize("which", ["images", "labels"])
def test_a_failed_download_says_what_to_do_and_leaves_nothing(
    archives, tmp_path, lines, damage, message, which
):
    damage(archives / f"train-{which}.gz")
    with pytest.raises(DatasetUnavailable, match=message) as caught:
        load("mnist", report=lines.append)
    assert isinstance(caught.value, RunError)
    line = str(caught.value)
    assert "\n" not in line
    assert f"TFDS has no mnist prepared in {tmp_path / 'prepared'}" in line
    for advice in ("set TFDS_DATA_DIR", "connect to the network", "--dataset digits"):
        assert advice in line
    assert not (tmp_path / "cache").exists()


def test_load_auto_takes_mnist_where_it_can(archives, lines):
    dataset, reason = load_auto(split="test", report=lines.append)
    assert (dataset.name, len(dataset.labels)) == ("mnist", 12)
    assert reason.startswith("using MNIST, downloaded from http://127.0.0.1:")


def test_load_auto_falls_back_to_digits(archives, lines):
    shutil.rmtree(archives)
    dataset, reason = load_auto(split="test", report=lines.append)
    assert (dataset.name, len(dataset.labels)) == ("digits", 360)
    assert reason.startswith("using digits (8x8) instead of MNIST: MNIST cannot be had: ")
    assert "\n" not in reason
    with pytest.raises(UsageError, match="split 'all' of mnist"):
        load_auto(split="all")


def test_the_published_archives_and_tfds_give_the_same_arrays(
    mnist_archives, tfds_folder, serve, tmp_path, monkeypatch, lines
):
    monkeypatch.setenv("GAN_JAX_MNIST_URL", serve(mnist_archives))
    downloaded = load("mnist", split="test", report=lines.append)
    assert downloaded.origin.startswith("downloaded from")
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "another cache"))
    read = load("mnist", split="test", data_dir=tfds_folder, report=lines.append)
    assert read.origin == f"prepared by TFDS in {tfds_folder}"
    np.testing.assert_array_equal(downloaded.images, read.images)
    np.testing.assert_array_equal(downloaded.labels, read.labels)


def test_a_prepared_set_that_cannot_be_read_is_reported_and_downloaded(archives, tmp_path, lines):
    damaged = tmp_path / "prepared" / "mnist" / "3.0.1"
    damaged.mkdir(parents=True)
    (damaged / "dataset_info.json").write_text("{")
    assert load("mnist", report=lines.append).origin.startswith("downloaded from")
    assert lines[0].startswith("TFDS cannot read its mnist in ")
