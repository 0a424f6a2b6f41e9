from pathlib import Path

import numpy as np
import pytest

from gan_jax.data.sources import SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_addresses_and_checksums_are_the_ones_tfds_registers(name):
    tfds = pytest.importorskip("tensorflow_datasets")
    registered = Path(tfds.__file__).parent / "url_checksums" / f"{name}.txt"
    source = SOURCES[name]
    ours = {
        (source.url + archive.file, str(archive.size), archive.sha256, archive.file)
        for split in source.splits.values()
        for archive in split
    }
    theirs = {tuple(line.split("\t")) for line in registered.read_text().splitlines()}
    assert ours == theirs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((12, 5, 4, 1), np.uint8)}, r"images are uint8 \(12, 5, 4, 1\)"),
        ({"images": np.zeros((12, 4, 5, 1), np.float32)}, "images are float32"),
        ({"labels": np.zeros(11, np.int32)}, r"labels are int32 \(11,\)"),
        ({"labels": np.zeros(12, np.int64)}, "labels are int64"),
        ({"labels": np.full(12, 10, np.int32)}, "labels reach from 10 to 10"),
        ({"labels": np.full(12, -1, np.int32)}, "labels reach from -1 to -1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tiny, change, message):
    source, _ = tiny
    good = {"images": np.zeros((12, 4, 5, 1), np.uint8), "labels": np.zeros(12, np.int32)}
    assert source.dataset("test", **good, origin="here").num_classes == 10
    with pytest.raises(ValueError, match=message):
        source.dataset("test", **good | change, origin="here")
