"""A classifier is trained once, and again if what was kept is damaged."""

import numpy as np
import pytest

from gan_jax.files import cache_directory
from gan_jax.metrics import cached_classifier, classifier_cache, classify, train_classifier


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path))


@pytest.fixture(autouse=True)
def trainings(monkeypatch):
    """Make training short, and count how often it happens."""
    names = []

    def train(name, *data, **options):
        names.append(name)
        return train_classifier(name, *data, steps=2, **options)

    monkeypatch.setattr(classifier_cache, "train_classifier", train)
    return names


@pytest.fixture
def few(digits):
    return tuple(array[:100] for array in digits)


def _kept_file():
    (path,) = cache_directory("classifiers").iterdir()
    return path


def test_it_is_trained_once_and_then_the_same(few, trainings):
    lines = []
    first = cached_classifier("digits-cnn", *few, 10, report=lines.append)
    assert lines[0].startswith("training digits-cnn")
    assert lines[-1].endswith("of 100 held-out images right")
    again = cached_classifier("digits-cnn", *few, 10, report=pytest.fail)

    assert trainings == ["digits-cnn"]
    assert again.digest == first.digest
    assert (again.name, again.num_classes, again.image_shape, again.test_accuracy) == (
        "digits-cnn",
        10,
        (8, 8, 1),
        first.test_accuracy,
    )
    for computed, expected in zip(classify(again, few[2]), classify(first, few[2]), strict=True):
        np.testing.assert_array_equal(computed, expected)


def test_training_anew_gives_the_same_classifier(few, trainings):
    first = cached_classifier("digits-cnn", *few, 10)
    _kept_file().unlink()
    assert cached_classifier("digits-cnn", *few, 10).digest == first.digest
    assert len(trainings) == 2


@pytest.mark.parametrize("changed", range(4))
def test_other_data_make_another_classifier(few, trainings, changed):
    cached_classifier("digits-cnn", *few, 10)
    other = [array.copy() for array in few]
    other[changed].flat[0] ^= 1
    cached_classifier("digits-cnn", *other, 10)
    assert len(trainings) == 2


def test_another_recipe_makes_another_classifier(few, trainings, monkeypatch):
    cached_classifier("digits-cnn", *few, 10)
    monkeypatch.setattr(classifier_cache, "RECIPE", "another")
    cached_classifier("digits-cnn", *few, 10)
    assert len(trainings) == 2


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [_cut, _flip_a_bit, lambda content: b"", lambda content: b"?"])
def test_a_damaged_file_is_reported_in_one_line_and_made_anew(few, trainings, damage):
    first = cached_classifier("digits-cnn", *few, 10)
    path = _kept_file()
    path.write_bytes(damage(path.read_bytes()))
    lines = []
    again = cached_classifier("digits-cnn", *few, 10, report=lines.append)
    assert lines[0].startswith(f"{path} is damaged, so digits-cnn is trained again: ")
    assert "\n" not in lines[0]
    assert again.digest == first.digest

    cached_classifier("digits-cnn", *few, 10, report=pytest.fail)
    assert len(trainings) == 2


def test_changed_contents_of_a_sound_archive_are_found_by_the_checksum(few):
    cached_classifier("digits-cnn", *few, 10)
    path = _kept_file()
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    np.savez(path, **{**arrays, "test_accuracy": np.asarray(1.0)})
    lines = []
    cached_classifier("digits-cnn", *few, 10, report=lines.append)
    assert lines[0].endswith("its checksum is wrong")


def test_a_folder_that_can_not_be_written_is_reported(few, tmp_path):
    (tmp_path / "classifiers").write_text("a file where the folder should be")
    lines = []
    classifier = cached_classifier("digits-cnn", *few, 10, report=lines.append)
    assert lines[-1].startswith("digits-cnn is not kept in ")
    assert 0 <= classifier.test_accuracy <= 1
