"""The inception score: how sure a classifier is of each sample, and how evenly over classes."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, logsumexp

from gan_jax.metrics.checks import random_stream, real_numbers

__all__ = ["InceptionScore", "inception_score"]


class InceptionScore(NamedTuple):
    """The inception score over splits of the samples.

    Attributes:
      mean: of the splits' scores.
      standard_deviation: of the splits' scores about their mean.
    """

    mean: float
    standard_deviation: float


def inception_score(logits: ArrayLike, *, splits: int = 10, seed: int | None = 0) -> InceptionScore:
    """Return the inception score of samples from a classifier's logits.

    `exp(mean KL(p(y|x) || p(y)))` within each split, `p(y)` the split's own mean of `p(y|x)`: from
    1, where all samples look alike to the classifier, to the number of classes. It knows nothing of
    real images, and falls with the size of a split: only figures of one classifier, one N and one
    number of splits compare. With the same seed the splits are those of torch-fidelity.

    Args:
      logits: unnormalised log-probabilities [N, K], N at least `splits`; `log(p)` where there are
        probabilities p, minus infinity for a probability of 0.
      splits: how many scores are averaged.
      seed: of the order in which samples go to the splits; None for their own order.

    Returns:
      The mean and the standard deviation over the splits.

    Raises:
      ValueError: the shape is another, too few samples, or logits without a distribution.

    Example:
      >>> inception_score([[0.0, 0.0], [5.0, 5.0]], splits=1)
      InceptionScore(mean=1.0, standard_deviation=0.0)

    Reference:
      Salimans et al., Improved Techniques for Training GANs, 2016,
      https://arxiv.org/abs/1606.03498
    """
    log_p = log_softmax(_as_logits(logits, splits), axis=1)
    if seed is not None:
        log_p = log_p[random_stream(seed).permutation(len(log_p))]
    ends = np.arange(splits + 1) * len(log_p) // splits
    scores = [_score(log_p[start:end]) for start, end in pairwise(ends)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _as_logits(logits: ArrayLike, splits: int) -> np.ndarray:
    logits = real_numbers("logits", logits).astype(np.float64)
    if logits.ndim != 2 or not logits.shape[1]:
        raise ValueError(f"logits must have the shape [N, K], not {list(logits.shape)}")
    if splits < 1 or len(logits) < splits:
        raise ValueError(
            f"{splits} splits take at least 1 split and as many samples, not {len(logits)}"
        )
    largest = logits.max(axis=1)
    if not np.isfinite(largest).all():
        raise ValueError("logits hold NaN or infinity, or nothing but minus infinity for a sample")
    return logits


def _score(log_p: np.ndarray) -> float:
    log_q = logsumexp(log_p, axis=0) - np.log(len(log_p))
    p = np.exp(log_p)
    # A probability of 0 adds nothing, whatever its logarithm.
    difference = np.where(p > 0, log_p - np.where(np.isfinite(log_q), log_q, 0), 0)
    return float(np.exp(np.mean(np.sum(p * difference, axis=1))))
