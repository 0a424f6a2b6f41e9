import json
import sys

import numpy as np
import pytest

from gan_jax.data.dataset import DatasetUnavailable
from gan_jax.data.prepared import read_prepared
from gan_jax.data.sources import SOURCES

pytest.importorskip("tensorflow_datasets")


def prepare(folder, *, file_format):
    """Write the description of a prepared MNIST, whose records are missing."""
    folder = folder / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    splits = [{"name": "test", "shardLengths": ["10000"], "filepathTemplate": template}]
    info = {"name": "mnist", "version": "3.0.1", "fileFormat": file_format, "splits": splits}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    (folder / "features.json").write_text("{}")
    return folder


def expect_unavailable(folder, message, lines):
    with pytest.raises(DatasetUnavailable, match=message) as caught:
        read_prepared(SOURCES["mnist"], "test", folder, lines.append)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "how", "class_counts"),
    [
        ("mnist", "argument", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        ("fashion_mnist", "environment", [1000] * 10),
    ],
)
def test_reads_a_prepared_split(tfds_folder, tmp_path, monkeypatch, lines, name, how, class_counts):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_folder if how == "environment" else tmp_path))
    folder = tfds_folder if how == "argument" else None
    if not (tfds_folder / name).is_dir():
        pytest.skip(f"TFDS has not prepared {name} in {tfds_folder}")
    dataset = read_prepared(SOURCES[name], "test", folder, lines.append)
    assert dataset.images.shape == (10_000, 28, 28, 1)
    assert np.bincount(dataset.labels).tolist() == class_counts
    assert dataset.origin == f"prepared by TFDS in {tfds_folder}"
    assert len(lines) == 1
    assert "tensorflow" not in sys.modules


def test_says_that_nothing_is_prepared(tmp_path, lines, caplog):
    expect_unavailable(tmp_path, f"TFDS has no mnist prepared in {tmp_path}$", lines)
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []
    assert lines == []


def test_says_that_a_set_in_tfrecord_format_needs_tensorflow(tmp_path, lines):
    prepare(tmp_path, file_format="tfrecord")
    expect_unavailable(tmp_path, "in the tfrecord format, .* file_format=.array_record", lines)


def test_says_that_records_are_missing(tmp_path, lines):
    prepare(tmp_path, file_format="array_record")
    expect_unavailable(tmp_path, r"TFDS cannot read its mnist in .* \(.*No such file", lines)


def test_says_that_the_description_is_damaged(tmp_path, lines):
    (prepare(tmp_path, file_format="array_record") / "dataset_info.json").write_text("{")
    expect_unavailable(tmp_path, "TFDS cannot read its mnist in ", lines)


def test_says_that_records_are_truncated(tfds_folder, tmp_path, lines):
    copy = prepare(tmp_path, file_format="array_record")
    for file in (tfds_folder / "mnist" / "3.0.1").iterdir():
        content = file.read_bytes() if "train" not in file.name else b""
        (copy / file.name).write_bytes(content[: 10**6])
    expect_unavailable(tmp_path, r"TFDS cannot read its mnist in .* \(", lines)


def test_says_that_tfds_is_not_installed(tmp_path, monkeypatch, lines):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    expect_unavailable(tmp_path, "TFDS cannot be used", lines)
