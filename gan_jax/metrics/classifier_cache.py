"""Keep trained classifiers on disk, so that each data set's is trained once per machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from gan_jax.files import atomic_write, cache_directory
from gan_jax.metrics.classifier import Classifier, digest_of
from gan_jax.metrics.classifier_training import RECIPE, train_classifier

__all__ = ["cached_classifier"]


def cached_classifier(
    name: str,
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int,
    *,
    report: Callable[[str], None] = print,
) -> Classifier:
    """Return the classifier of a data set, training it if this machine has not done so yet.

    It is kept below the user's cache folder under a hash of the data and the training recipe.
    What is kept is checked when it is loaded; if it is damaged the classifier is trained again.

    Args:
      name: the classifier's name, such as `"mnist-cnn"`.
      train_images: uint8 [N, H, W, C].
      train_labels: integers [N] in `[0, num_classes)`.
      test_images: held-out images, uint8 [M, H, W, C].
      test_labels: their classes, [M].
      num_classes: how many classes there are.
      report: given a line for whatever takes time or goes wrong.

    Returns:
      The classifier: the same one each time, on one machine.

    Raises:
      ValueError: images and labels that don't fit together.
    """
    data = (train_images, train_labels, test_images, test_labels, num_classes)
    made_from = digest_of({"recipe": RECIPE, **{f"data {i}": part for i, part in enumerate(data)}})
    path = cache_directory("classifiers") / f"{name}-{made_from[:16]}.npz"
    if path.exists():
        try:
            return _load(path, name)
        except Exception as error:  # A damaged archive can raise almost anything.
            report(f"{path} is damaged, so {name} is trained again: {error}")
    report(f"training {name}, which judges the images; this is done once")
    started = time.monotonic()
    key = jax.random.key(0)
    classifier = train_classifier(name, *data, key=key, report=report)
    report(
        f"trained {name} in {time.monotonic() - started:.0f} s: "
        f"{classifier.test_accuracy:.2%} of {len(test_images)} held-out images right"
    )
    _save(path, classifier, report)
    return classifier


def _save(path: Path, classifier: Classifier, report: Callable[[str], None]) -> None:
    arrays = {
        "num_classes": np.asarray(classifier.num_classes),
        "image_shape": np.asarray(classifier.image_shape),
        "test_accuracy": np.asarray(classifier.test_accuracy),
        **flatten_dict({"params": classifier.params}, sep="/"),
    }
    try:
        with atomic_write(path) as file:
            np.savez(file, checksum=digest_of(arrays), **arrays)
    except OSError as error:
        report(f"{classifier.name} is not kept in {path}: {error.strerror or error}")


def _load(path: Path, name: str) -> Classifier:
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    if str(arrays.pop("checksum")) != digest_of(arrays):
        raise ValueError("its checksum is wrong")
    num_classes, shape, accuracy = map(arrays.pop, ("num_classes", "image_shape", "test_accuracy"))
    params = unflatten_dict(arrays, sep="/")["params"]
    height, width, channels = shape.tolist()
    return Classifier(name, params, int(num_classes), (height, width, channels), float(accuracy))
