"""The 1,797 real handwritten digits of 8x8 pixels that come with scikit-learn."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np

from gan_jax.data.dataset import Dataset, DatasetUnavailable

__all__ = ["SPLITS", "load_digits"]

SPLITS = ("train", "test", "all")

_SHA256 = (
    "a19cb3d96bba7deace8ee5a513a6eb7bad0403d528f00bf4d351b6a7a55baa91"  # of images, then labels
)
_ADVICE = ": pip install --force-reinstall scikit-learn"


def load_digits(split: str) -> Dataset:
    """Return a split of the digits; no network and no preparation needed.

    The split is fixed: with the digits in scikit-learn's order, sorted by class and otherwise
    left in place, every fifth one (the 1st, 6th, ...) is a test example, the rest train. That is
    1,437 train and 360 test examples, each class divided alike to within one example.

    Args:
      split: `"train"`, `"test"` or `"all"`; each keeps scikit-learn's order.

    Returns:
      The data set, with the grey levels 0..16 stretched to 0..255.

    Raises:
      DatasetUnavailable: scikit-learn is not installed, or its file is damaged or another one.

    Example:
      >>> load_digits("test").images.shape
      (360, 8, 8, 1)

    Reference:
      Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI (1998).
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise DatasetUnavailable(
            "digits comes with scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    try:
        bunch = datasets.load_digits()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DatasetUnavailable(
            f"scikit-learn's digits can't be read ({error}){_ADVICE}"
        ) from None
    labels = bunch.target.astype(np.int32)
    images = np.round(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    if hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest() != _SHA256:
        raise DatasetUnavailable(f"scikit-learn's digits are not the published ones{_ADVICE}")

    is_test = np.zeros(len(labels), bool)
    is_test[np.argsort(labels, kind="stable")[::5]] = True
    chosen = {"train": ~is_test, "test": is_test, "all": np.ones_like(is_test)}[split]
    origin = "the 1,797 digits of 8x8 pixels that come with scikit-learn"
    return Dataset("digits", split, images[chosen], labels[chosen], 10, tuple("0123456789"), origin)
