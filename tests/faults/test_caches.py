"""Caches that are damaged."""

import os

import numpy as np
import pytest

from gan_jax.data.cache import restore, store
from gan_jax.data.sources import SOURCES
from gan_jax.metrics import classifier_cache, reference_cache
from gan_jax.metrics.classifier import Classifier
from tests.test_loop import small_dataset


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


HARMS = {
    "emptied": lambda content: b"",
    "truncated": lambda content: content[:-1],
    "with a flipped bit": flip,
    "replaced by garbage": lambda content: os.urandom(len(content)),
}


def damage(folder):
    """Damage every file of a cache, each in the next of the ways."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for number, path in enumerate(paths):
        harm = list(HARMS.values())[number % len(HARMS)]
        path.write_bytes(harm(path.read_bytes()))
    return paths


def test_compiled_programs(starter, undisturbed, outcome, tmp_path):
    """Every compiled program in the cache is emptied, truncated, replaced by garbage or has a bit flipped."""
    assert len(damage(starter.cache / "xla")) > len(HARMS)
    run = starter.run(tmp_path / "run")
    assert (run.code, run.errors) == (0, [])
    undisturbed.assert_same(tmp_path / "run")
    outcome("all were compiled anew and replaced", "made anew, the same bits")


def test_an_unwritable_cache(starter, undisturbed, outcome, tmp_path):
    """The folder of the caches can't be made."""
    (tmp_path / "file").write_text("in the way")
    run = starter.run(tmp_path / "run", harms=[["use_cache", str(tmp_path / "file")]])
    assert (run.code, run.errors) == (0, [])
    undisturbed.assert_same(tmp_path / "run")
    outcome("all was compiled, and nothing was kept", "the same bits")


def keep_data(report):
    """Load a data set as `gan_jax.data.load` does."""
    source = SOURCES["mnist"]
    found = restore(source, "train", report)
    if found is None:
        images = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28, 1), dtype=np.uint8)
        found = source.dataset("train", images, np.zeros(60_000, np.int32), "made up")
        store(found, report)
    return found.images


def keep_classifier(report):
    small = small_dataset()
    data = (small.images, small.labels, small.images, small.labels, 3)
    return classifier_cache.cached_classifier("c", *data, report=report).params["w"]


def keep_reference(report):
    make = lambda: {"features": np.arange(99.0)}
    return reference_cache.kept("features", ("a",), make, report=report)["features"]


@pytest.mark.parametrize(
    "keep",
    [
        pytest.param(keep_data, id="a data set"),
        pytest.param(keep_classifier, id="the classifier of the figures"),
        pytest.param(keep_reference, id="features of real images"),
    ],
)
def test_what_is_kept(outcome, tmp_path, monkeypatch, keep):
    """What a cache keeps is emptied, truncated, replaced by garbage or has a bit flipped."""
    trained = Classifier("c", {"w": np.arange(99.0)}, 3, (4, 4, 1), 0.5)
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path))
    monkeypatch.setattr(classifier_cache, "train_classifier", lambda *_, **__: trained)
    wanted = keep(lambda _: None)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    good = path.read_bytes()
    for harm in HARMS.values():
        path.write_bytes(harm(good))
        said = []
        np.testing.assert_array_equal(keep(said.append), wanted)
        assert sum(str(path) in line for line in said if "damaged" in line or "anew" in line) == 1
        assert path.read_bytes()[-1000:] == good[-1000:]
    outcome("it said so in a line, and made it anew", "made anew, the same bits")
