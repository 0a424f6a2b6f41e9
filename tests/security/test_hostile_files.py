"""Files that would run code if they were trusted: refused in one line wherever a command reads one."""

import hashlib
import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from experiments import evaluate, mixtures
from gan_jax import data, metrics, tuning
from gan_jax.data import cache
from gan_jax.data.sources import SOURCES
from gan_jax.errors import UsageError
from gan_jax.metrics import classifier_cache, reference_cache
from gan_jax.metrics.torch_checkpoint import read_state_dict

IMAGES = np.zeros((4, 8, 8, 1), np.uint8)


class Bomb:
    """What makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "it ran"
    yield path
    assert not path.exists()


@pytest.fixture
def objects(canary):
    """An array that is a pickle; that it is one that would go off is checked here."""
    file = io.BytesIO()
    np.save(file, np.array([Bomb(canary)], dtype=object), allow_pickle=True)
    file.seek(0)
    np.load(file, allow_pickle=True)
    assert canary.exists()
    canary.rmdir()
    return np.array([Bomb(canary)], dtype=object)


def saved(path, objects, **others):
    """Write a file of a pickled array, whichever kind its ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(
            path, **{"images": objects, "arr_0": objects, "checksum": "0", "name": "x"} | others
        )
    return path


def refused(main, arguments, capsys, code=2):
    assert main([str(word) for word in arguments]) == code
    said = capsys.readouterr().err.splitlines()
    assert [line[:7] for line in said] == ["error: "]
    return said[0]


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_images_to_measure(name, place, objects, tmp_path, capsys):
    np.save(tmp_path / "good.npy", IMAGES)
    paths = [tmp_path / "good.npy"] * 3
    paths[place] = saved(tmp_path / name, objects)
    words = [*paths[:2], "--train", paths[2], "--extractor", "pixels"]
    assert "Object arrays cannot be loaded" in refused(evaluate.main, words, capsys)


def test_points(objects, tmp_path, capsys):
    path = saved(tmp_path / "points.npy", objects)
    assert "Object arrays" in refused(mixtures.main, ["--target", path], capsys)
    assert "Object arrays" in refused(mixtures.main, ["lab", "--target", path, "--out", tmp_path / "x.html"], capsys)  # fmt: skip


@pytest.mark.parametrize("name", ["w.npz", "w.pth"])
def test_weights(name, objects, canary, tmp_path, capsys):
    np.save(tmp_path / "good.npy", IMAGES)
    path = tmp_path / name
    if name == "w.npz":
        saved(path, objects)
    else:
        path.write_bytes(pickle.dumps(Bomb(canary)))
    words = [tmp_path / "good.npy"] * 2 + ["--inception-weights", path]
    assert str(path) in refused(evaluate.main, words, capsys)


@pytest.mark.parametrize("is_zip", [False, True])
def test_a_torch_file_even_if_its_checksum_is_taken_for_right(is_zip, canary, tmp_path):
    content = pickle.dumps({"weight": Bomb(canary)})
    if is_zip:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", content)
        content = file.getvalue()
    with pytest.raises(ValueError, match=r"it asks for posix\.mkdir, which is refused"):
        read_state_dict(io.BytesIO(content))
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="which is refused"):
        metrics.inception_weights(path, sha256=hashlib.sha256(content).hexdigest())


def test_a_kept_data_set_with_the_right_checksum(objects):
    source = SOURCES["mnist"]
    archive = io.BytesIO()
    np.savez(archive, images=objects, labels=objects, origin=objects)
    path = cache.cache_path("mnist", "test")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(hashlib.sha256(archive.getvalue()).digest() + archive.getvalue())
    said = []
    try:
        assert cache.restore(source, "test", said.append) is None
    finally:
        path.unlink()
    assert "Object arrays cannot be loaded" in said[0]


@pytest.mark.parametrize("name", ["images", "labels", "test_images", "test_labels"])
def test_a_data_set_in_an_archive(name, objects, tmp_path):
    good = {"images": IMAGES, "labels": np.zeros(4, int)}
    good |= {f"test_{key}": value for key, value in good.items()}
    np.savez(tmp_path / "a.npz", **good | {name: objects})
    with pytest.raises(UsageError, match=f"{name} holds objects, which are pickles"):
        data.load(tmp_path / "a.npz")


def test_kept_pictures_with_the_right_checksum(objects, tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    images = np.arange(64, dtype=np.uint8).reshape(4, 4, 4)
    np.savez(tmp_path / "a.npz", images=images)
    data.load(tmp_path / "a.npz")
    facts, path = sorted((tmp_path / "cache" / "datasets").iterdir())
    saved(path, objects)
    kept = cache.read_checked(facts)
    kept["sha256"] = np.asarray(hashlib.sha256(path.read_bytes()).hexdigest())
    cache.write_checked(facts, **kept)
    said = []
    assert len(data.load(tmp_path / "a.npz", report=said.append).labels) == 3
    assert "Python objects" in said[0]


def test_kept_classifiers_references_and_results(objects, tmp_path):
    path = saved(tmp_path / "a.npz", objects)
    with pytest.raises(ValueError, match="Object arrays"):
        classifier_cache._load(path, "digits-cnn")
    with pytest.raises(ValueError, match="Object arrays"):
        reference_cache._load(path)
    saved(tmp_path / "a.npz", objects, count=1)
    with pytest.raises(KeyError):
        tuning.KeptResults(tmp_path)["a"]


def test_tables_and_mixtures_are_text(canary, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"x,y\n\"__import__('os').system('touch {canary}')\",1\n")
    (row,) = tuning.read_table(path)
    assert row["x"].startswith("__import__")
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"centres": {"py/reduce": ["os.system", f"touch {canary}"]}}))
    with pytest.raises(UsageError, match="has no 'standard_deviation'"):
        data.read_distribution(path)
