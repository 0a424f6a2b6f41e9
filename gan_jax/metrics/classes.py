"""Which classes a set of samples falls into: coverage, balance, and whether they were asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["class_histogram", "class_kl", "classes_covered", "label_agreement"]


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
    r"""Return how far the classes of samples are from those of a reference, in nats.

    .. math:: KL(p \| q) = \sum_i p_i \ln(p_i / q_i)

    with `p` the shares of `histogram` and `q` those of `reference_histogram`. N samples of the
    reference's own distribution over K classes have about `(K - 1) / 2N` in expectation.

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
    counts = np.asarray(histogram, np.float64)
    if counts.ndim != 1 or not np.all(counts >= 0) or not counts.sum() > 0:
        raise ValueError(
            f"the {name} must be counts [K], at least 0 and not all 0, not {counts.tolist()}"
        )
    return counts
