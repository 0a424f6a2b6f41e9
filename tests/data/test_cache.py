import hashlib
import io
import subprocess
import sys
import time

import numpy as np
import pytest

from gan_jax.data.cache import cache_path, restore, store


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(tiny):
    return tiny[0]


@pytest.fixture
def dataset(source, examples):
    images, labels = examples["train"]
    return source.dataset("train", images[..., None], labels.astype(np.int32), "drawn at random")


def write_checked(path, **arrays):
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    path.write_bytes(hashlib.sha256(archive.getvalue()).digest() + archive.getvalue())


def test_what_is_stored_comes_back(source, dataset, lines):
    assert restore(source, "train", lines.append) is None
    store(dataset, lines.append)
    restored = restore(source, "train", lines.append)
    np.testing.assert_array_equal(restored.images, dataset.images)
    np.testing.assert_array_equal(restored.labels, dataset.labels)
    assert (restored.images.dtype, restored.labels.dtype) == (np.uint8, np.int32)
    assert restored.origin == "drawn at random"
    assert restore(source, "test", lines.append) is None
    assert lines == []


def test_any_flipped_bit_is_noticed(source, dataset, lines):
    store(dataset, lines.append)
    path = cache_path("mnist", "train")
    good = path.read_bytes()
    places = np.random.default_rng(0).choice(8 * len(good), 200, replace=False)
    for count, place in enumerate(places, start=1):
        damaged = bytearray(good)
        damaged[place // 8] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert restore(source, "train", lines.append) is None
        assert len(lines) == count
    assert lines[0] == f"{path} cannot be used and is made anew: its checksum is wrong"


@pytest.mark.parametrize("size", [0, 10, 32, 33, -1])
def test_a_truncated_file_is_noticed(source, dataset, lines, size):
    store(dataset, lines.append)
    path = cache_path("mnist", "train")
    path.write_bytes(path.read_bytes()[:size])
    assert restore(source, "train", lines.append) is None
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((40, 5, 4, 1), np.uint8)}, "images are uint8"),
        ({"labels": np.zeros(40, np.int64)}, "labels are int64"),
        ({"images": np.array([{"any": "object"}])}, "allow_pickle=False"),
    ],
)
def test_a_whole_file_of_other_contents_is_refused(source, dataset, lines, change, message):
    good = {"images": dataset.images, "labels": dataset.labels, "origin": "elsewhere"}
    store(dataset, lines.append)
    path = cache_path("mnist", "train")
    write_checked(path, **good)
    assert restore(source, "train", lines.append).origin == "elsewhere"
    write_checked(path, **good | change)
    assert restore(source, "train", lines.append) is None
    del good["labels"]
    write_checked(path, **good)
    assert restore(source, "train", lines.append) is None
    assert len(lines) == 2
    assert message in lines[0]
    assert "labels" in lines[1]


def test_a_folder_that_cannot_be_written_is_only_reported(
    source, dataset, lines, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "file"))
    assert restore(source, "train", lines.append) is None
    assert lines == []
    store(dataset, lines.append)
    path = cache_path("mnist", "train")
    assert lines in (
        [f"mnist train is not kept in {path}: Not a directory"],
        [f"mnist train is not kept in {path}: File exists"],
    )


def test_a_file_that_cannot_be_read_is_only_reported(source, dataset, lines):
    path = cache_path("mnist", "train")
    path.mkdir(parents=True)
    assert restore(source, "train", lines.append) is None
    store(dataset, lines.append)
    assert len(lines) == 2
    assert all("Is a directory" in line for line in lines)
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
import numpy as np
from gan_jax.data.cache import store
from gan_jax.data.dataset import Dataset
value = int(sys.argv[1])
images, labels = np.full((40, 4, 5, 1), value, np.uint8), np.full(40, value, np.int32)
for _ in range(20):
    store(Dataset("mnist", "train", images, labels, 10, tuple("0123456789"), "race"), sys.exit)
"""


def test_processes_that_race_leave_one_whole_file(source, lines):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(value)]) for value in (3, 7)]
    seen = set()
    try:
        while any(writer.poll() is None for writer in writers):
            if (dataset := restore(source, "train", lines.append)) is not None:
                values = {*dataset.images.ravel().tolist(), *dataset.labels.tolist()}
                assert len(values) == 1
                seen |= values
            time.sleep(0.01)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {3, 7}
    assert seen
    assert lines == []
    path = cache_path("mnist", "train")
    assert list(path.parent.iterdir()) == [path]
