"""Which classes a set of samples falls into: coverage, balance, and whether they were asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.checks import real_numbers

__all__ = [
    "class_histogram",
    "class_kl",
    "class_kl_bias",
    "classes_covered",
    "classification_accuracy",
    "label_agreement",
]


def class_histogram(labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Count how many samples each class has.

    Args:
      labels: integers [N] in `[0, num_classes)`.
      num_classes: how many classes there are.

    Returns:
      int64 [num_classes].

    Raises:
      ValueError: labels are not integers [N], or one is no class.

    Example:
      >>> class_histogram([0, 2, 2], 4).tolist()
      [1, 0, 2, 0]
    """
    labels = _as_labels(labels)
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"label {wrong[0]} is none of the classes 0 to {num_classes - 1}")
    return np.bincount(labels, minlength=num_classes)


def classes_covered(histogram: ArrayLike, *, share: float = 0.2) -> int:
    """Count the classes that samples cover.

    A class is covered when it has at least a fifth of its fair share, the total over the number
    of classes: a few stray samples, or a classifier's mistakes, do not cover a class.

    Args:
      histogram: samples per class, [K].
      share: the part of its fair share a class needs.

    Returns:
      A number from 1 to K.

    Raises:
      ValueError: the histogram is not [K], has a negative count, or counts nothing.

    Example:
      >>> classes_covered([90, 5, 4, 1])  # a fair share is 25, a fifth of it 5
      2
    """
    counts = _as_histogram("histogram", histogram)
    return int(np.sum(counts >= share * counts.mean()))


def class_kl(histogram: ArrayLike, reference_histogram: ArrayLike) -> float:
    """Return how far the classes of samples are from those of a reference, in nats.

    `KL(p | q) = sum_i p_i ln(p_i / q_i)`, with `p` the shares of `histogram` and `q` those of
    `reference_histogram`. N samples of the reference's own distribution over K classes have about
    `class_kl_bias(K, N)`.

    Args:
      histogram: samples per class, [K].
      reference_histogram: reference samples per class, [K].

    Returns:
      At least 0; infinite if a class has samples but no reference samples.

    Raises:
      ValueError: the shapes differ, a count is negative, or a histogram counts nothing.

    Example:
      >>> round(class_kl([5, 0], [50, 50]), 6)  # ln 2
      0.693147
    """
    counts = _as_histogram("histogram", histogram)
    reference = _as_histogram("reference histogram", reference_histogram)
    if counts.shape != reference.shape:
        raise ValueError(f"histograms of {len(counts)} and of {len(reference)} classes")
    seen = counts > 0
    if not reference[seen].all():
        return float("inf")
    p, q = counts[seen] / counts.sum(), reference[seen] / reference.sum()
    return max(0.0, float(np.sum(p * np.log(p / q))))


def class_kl_bias(num_classes: int, num_samples: int) -> float:
    """Return the KL divergence in nats to expect of samples that are of the true distribution.

    `(K - 1) / 2N`: the first term in 1/N, right once N is several times K. A divergence about as
    large says nothing against a generator.

    Args:
      num_classes: K.
      num_samples: N.

    Returns:
      The expected divergence.

    Raises:
      ValueError: K or N is less than 1.

    Example:
      >>> class_kl_bias(25, 2500)
      0.0048

    Reference:
      Miller, Note on the Bias of Information Estimates, 1955.
    """
    if num_classes < 1 or num_samples < 1:
        raise ValueError(
            f"num_classes and num_samples must be at least 1, not {num_classes} and {num_samples}"
        )
    return (num_classes - 1) / (2 * num_samples)


def classification_accuracy(
    train: Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], ArrayLike]],
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Return the accuracy on real images of a classifier that was trained on others.

    `mean [train(images, labels)(test_images) = test_labels]`. On a conditional generator's images
    it is the classification accuracy score; on those and real ones together it says what they are
    worth as augmentation. Both compare with the score of real images alone.

    Args:
      train: makes a classifier `(images) -> labels [M]` of images and their labels.
      images: what it learns from, [N, ...].
      labels: their classes, integers [N].
      test_images: held-out real images, [M, ...].
      test_labels: their classes, integers [M].

    Returns:
      A fraction in [0, 1].

    Raises:
      ValueError: labels that are not those of the images.

    Reference:
      Ravuri and Vinyals, Classification Accuracy Score for Conditional Generative Models, 2019,
      https://arxiv.org/abs/1905.10887
    """
    if len(images) != len(labels) or len(test_images) != len(test_labels):
        raise ValueError(
            f"there are {len(images)} images with {len(labels)} labels, "
            f"and {len(test_images)} test images with {len(test_labels)}"
        )
    classify = train(images, labels)
    return label_agreement(classify(test_images), test_labels)


def label_agreement(predicted: ArrayLike, asked: ArrayLike) -> float:
    """Return the fraction of samples that are of the class that was asked for.

    Args:
      predicted: each sample's class by a classifier, integers [N].
      asked: the class each was to be of, integers [N].

    Returns:
      A fraction in [0, 1].

    Raises:
      ValueError: the shapes are not the same [N], or N is 0.

    Example:
      >>> label_agreement([0, 1, 2, 2], [0, 1, 2, 3])
      0.75
    """
    predicted, asked = _as_labels(predicted), _as_labels(asked)
    if len(predicted) != len(asked):
        raise ValueError(f"{len(predicted)} predicted and {len(asked)} asked labels")
    if not len(predicted):
        raise ValueError("there are no labels to compare")
    return float(np.mean(predicted == asked))


def _as_labels(labels: ArrayLike) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise ValueError(f"labels must be integers [N], not {labels.dtype} {list(labels.shape)}")
    return labels.astype(np.int64)


def _as_histogram(name: str, histogram: ArrayLike) -> np.ndarray:
    counts = real_numbers(f"the {name}", histogram).astype(np.float64)
    if counts.ndim != 1 or not np.all(counts >= 0) or not 0 < counts.sum() < np.inf:
        raise ValueError(
            f"the {name} must be counts [K], at least 0 and not all 0, not {counts.tolist()}"
        )
    return counts
