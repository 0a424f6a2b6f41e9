"""Names and paths: which goes first, and what is said where there is neither."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from gan_jax.data import DatasetUnavailable, catalogue, load
from gan_jax.data.catalogue import find_pictures
from gan_jax.errors import UsageError


@pytest.fixture(autouse=True)
def _places(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))


@pytest.fixture
def no_tfds(monkeypatch):
    """Keep TFDS from being asked, which takes seconds."""
    monkeypatch.setattr(catalogue, "is_tfds_name", lambda name: False)


def prepare(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "dataset_info.json").write_text(json.dumps({"name": "x"}))


def put(folder):
    folder.mkdir(parents=True)
    for number in range(20):
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")


def test_paths(tmp_path, monkeypatch):
    put(tmp_path / "here" / "cats")
    np.savez(tmp_path / "here" / "cats.npz", images=np.arange(64, dtype=np.uint8).reshape(4, 4, 4))
    for source in ("cats", "./cats", "cats/", tmp_path / "here" / "cats"):
        assert find_pictures(source, "train").count == 20
    assert find_pictures("cats.npz", "test").count == 4
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    assert find_pictures("~/cats", "train").count == 20
    (tmp_path / "here" / "dogs.NPZ").symlink_to("cats.npz")
    assert find_pictures("dogs.NPZ", "train").count == 4


def test_a_name_goes_before_a_folder(tmp_path, monkeypatch):
    put(tmp_path / "here" / "digits")
    put(tmp_path / "here" / "rooms")
    assert load("digits").images.shape == (1437, 8, 8, 1)
    assert load("./digits").images.shape == (18, 4, 4, 1)
    prepare(tmp_path / "prepared" / "rooms", "1.0.0")
    opened = []
    monkeypatch.setattr(catalogue, "open_prepared", lambda *arguments: opened.append(arguments))
    find_pictures("rooms", "train")
    assert opened == [("rooms", tmp_path / "prepared" / "rooms" / "1.0.0", "train")]
    assert find_pictures("./rooms", "train").count == 20


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("minst", "; did you mean 'mnist'?"),
        ("romms", "; did you mean 'rooms'?"),
        ("data/cat", "; did you mean 'data/cats'?"),
        ("cats.np", "; did you mean 'cats.npz'?"),
        ("nothing/like/it", ""),
        ("", ""),
        ("../../etc", ""),
        ("two\nlines", ""),
        ("~nobody/x", ""),
        ("x" * 5000, ""),
    ],
)
def test_what_is_not_there_has_near_names(tmp_path, no_tfds, source, hint):
    prepare(tmp_path / "prepared" / "rooms", "1.0.0", "2.0.0")
    prepare(tmp_path / "prepared" / "lsun", "church/1.0.0", "tower/1.0.0")
    put(tmp_path / "here" / "data" / "cats")
    (tmp_path / "here" / "cats.npz").write_bytes(b"")
    with pytest.raises(UsageError) as refusal:
        load(source)
    assert str(refusal.value) == (
        f"dataset {source!r} is not one of digits, fashion_mnist, mnist, nor prepared by TFDS in "
        f"{tmp_path / 'prepared'} (lsun/church, lsun/tower, rooms), "
        f"nor a folder or .npz file that is there{hint}"
    )


def test_where_nothing_is_prepared_it_says_so(no_tfds):
    with pytest.raises(UsageError, match=r"\(nothing is\), nor a folder"):
        load("x")


@pytest.mark.parametrize("source", [None, 3, b"mnist", "a\0b", ["mnist"]])
def test_what_is_no_name_at_all(source):
    with pytest.raises(UsageError, match="is no name and no path"):
        load(source)


def test_other_files_and_splits(tmp_path):
    (tmp_path / "here" / "x.zip").write_bytes(b"")
    with pytest.raises(UsageError, match=r"x\.zip is no folder and no \.npz file"):
        load("x.zip")
    os.mkfifo(tmp_path / "here" / "pipe.npz")
    with pytest.raises(UsageError, match=r"pipe\.npz is no folder and no"):
        load("pipe.npz")
    put(tmp_path / "here" / "cats")
    with pytest.raises(UsageError, match="split 'all' of cats is not one of train, test"):
        load("cats", split="all")
    with pytest.raises(UsageError, match="resolution is 0"):
        load("cats", resolution=0)


def test_a_configuration_has_to_be_named_if_there_are_several(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "open_prepared", lambda name, folder, split: folder)
    prepare(tmp_path / "prepared" / "lsun", "church/1.0.0", "church/1.2.0", "church/1.10.0")
    root = tmp_path / "prepared" / "lsun" / "church"
    assert find_pictures("lsun", "train") == root / "1.10.0"
    assert find_pictures("lsun/church", "train") == root / "1.10.0"
    assert find_pictures("lsun/church:1.2.0", "train") == root / "1.2.0"
    prepare(tmp_path / "prepared" / "lsun", "tower/1.0.0")
    with pytest.raises(UsageError, match="'lsun' is there as lsun/church, lsun/tower: name one of"):
        find_pictures("lsun", "train")


def test_what_tfds_knows_and_has_not_prepared_is_told_how_to(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(DatasetUnavailable) as refusal:
        load("cifar10")
    line = str(refusal.value)
    assert line.startswith(f"TFDS has no cifar10 prepared in {tmp_path / 'prepared'}: set TFDS_")
    assert 'tfds.builder("cifar10", file_format="array_record").download_and_prepare()' in line
