import hashlib
import sys

import numpy as np
import pytest
from sklearn import datasets

from gan_jax.data.dataset import DatasetUnavailable
from gan_jax.data.digits import load_digits


def test_grey_levels_are_scikit_learns_stretched_to_bytes():
    digits = load_digits("all")
    assert digits.images.shape == (1797, 8, 8, 1)
    assert digits.images.dtype == np.uint8
    assert digits.labels.dtype == np.int32
    assert digits.class_names == tuple("0123456789")
    bunch = datasets.load_digits()
    np.testing.assert_array_equal(digits.labels, bunch.target)
    np.testing.assert_array_equal(
        np.round(digits.images[..., 0] / 255 * 16).astype(int), bunch.images
    )
    assert (digits.images.min(), digits.images.max()) == (0, 255)


def test_train_and_test_share_out_all_digits_class_by_class():
    train, test, everything = (load_digits(split) for split in ("train", "test", "all"))
    assert (len(train.labels), len(test.labels)) == (1437, 360)

    def rows(*parts):
        return sorted(
            image.tobytes() + bytes([label])
            for part in parts
            for image, label in zip(part.images, part.labels, strict=True)
        )

    assert rows(train, test) == rows(everything)
    per_class = np.bincount(everything.labels) / 5
    assert np.abs(np.bincount(test.labels) - per_class).max() < 1


def test_split_is_fixed():
    test = load_digits("test")
    content = test.images.tobytes() + test.labels.astype("<i4").tobytes()
    assert (
        hashlib.sha256(content).hexdigest()
        == "200839e6a3ca244a4e0a83226cfcb3fbd4b41b53c1b57dc5c7c7b186f79a7d58"
    )


def test_without_scikit_learn_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DatasetUnavailable, match="pip install scikit-learn"):
        load_digits("train")


@pytest.mark.parametrize(
    ("loads", "message"),
    [
        (lambda digits: digits.update(target=digits.target[::-1]), "not the published ones"),
        (lambda digits: digits.images.__setitem__((7, 1, 1), 3), "not the published ones"),
        (lambda digits: exec("raise EOFError('cut off')"), r"can't be read \(cut off\)"),
    ],
)
def test_a_damaged_copy_is_refused_and_says_what_to_do(loads, message, monkeypatch):
    load = datasets.load_digits

    def damaged():
        digits = load()
        loads(digits)
        return digits

    monkeypatch.setattr(datasets, "load_digits", damaged)
    with pytest.raises(DatasetUnavailable, match=message + ": pip install --force-reinstall"):
        load_digits("train")
