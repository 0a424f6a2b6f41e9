"""Real digits, and a classifier of them trained just long enough to be good."""

import jax
import numpy as np
import pytest

from gan_jax.metrics import train_classifier


@pytest.fixture(scope="session")
def digits():
    """Return the train and test images and labels of the 8x8 digits."""
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    bunch = sklearn_datasets.load_digits()
    images = np.round(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int32)
    is_test = np.zeros(len(labels), bool)
    is_test[np.argsort(labels, kind="stable")[::5]] = True
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


@pytest.fixture(scope="session")
def classifier(digits):
    """Return a classifier of the digits."""
    return train_classifier(
        "digits-cnn", *digits, 10, key=jax.random.key(1), steps=400, report=lambda line: None
    )
