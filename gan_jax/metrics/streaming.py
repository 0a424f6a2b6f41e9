"""The mean and the covariance of features that come in batches, and from several machines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.checks import as_features

__all__ = [
    "RunningMoments",
    "finish_moments",
    "merge_moments",
    "moments",
    "no_moments",
    "update_moments",
]

_MOST_DIMENSIONS = 20_000
"""A covariance of more would take over 3 GB, and a distance between two several times that."""


class RunningMoments(NamedTuple):
    """What is kept of the features seen so far.

    Attributes:
      num_samples: how many, N.
      mean: their mean, float64 [D].
      scatter: the sum of the outer products of what deviates from the mean, float64 [D, D].
    """

    num_samples: int
    mean: np.ndarray
    scatter: np.ndarray


def no_moments(dimensions: int) -> RunningMoments:
    """Return the moments of nothing, to begin with.

    Args:
      dimensions: D, at most 20,000.

    Returns:
      Moments of 0 samples.

    Raises:
      ValueError: there are more dimensions.
    """
    if dimensions > _MOST_DIMENSIONS:
        raise ValueError(
            f"features of {dimensions:,} dimensions are too many for a covariance, and so for the "
            f"Fréchet distance: at most {_MOST_DIMENSIONS:,}; kernel_distance takes any number"
        )
    return RunningMoments(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))


def update_moments(running: RunningMoments, batch: ArrayLike) -> RunningMoments:
    """Take a batch of features in.

    The batch is centred on its own mean first: sums of squares would lose the digits of features
    that are far from 0.

    Args:
      running: the moments so far.
      batch: features [B, D], B at least 0.

    Returns:
      The moments of all.

    Raises:
      ValueError: the batch is not [B, D] of the same D, or not finite.
    """
    features = as_features("features", batch, least=0).astype(np.float64, copy=False)
    if not len(features):
        return merge_moments(running, no_moments(features.shape[1]))
    mean = features.mean(axis=0)
    centred = features - mean
    return merge_moments(running, RunningMoments(len(features), mean, centred.T @ centred))


def merge_moments(a: RunningMoments, b: RunningMoments) -> RunningMoments:
    """Return the moments of two sets together.

    `S = S_a + S_b + (m_b - m_a)(m_b - m_a)ᵀ n_a n_b / (n_a + n_b)`: exact, whatever the sizes.

    Args:
      a: of one set.
      b: of the other.

    Returns:
      Of both.

    Raises:
      ValueError: their dimensions differ.

    Example:
      >>> left, right = (update_moments(no_moments(1), [[x]]) for x in (1.0, 3.0))
      >>> merge_moments(left, right)
      RunningMoments(num_samples=2, mean=array([2.]), scatter=array([[2.]]))

    Reference:
      Chan et al., Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """
    if a.mean.shape != b.mean.shape:
        raise ValueError(f"features of {len(a.mean)} and of {len(b.mean)} dimensions do not merge")
    count = a.num_samples + b.num_samples
    if not a.num_samples or not b.num_samples:
        return a if a.num_samples else b
    step = b.mean - a.mean
    between = np.outer(step, step * (a.num_samples * b.num_samples / count))
    return RunningMoments(
        count, a.mean + step * (b.num_samples / count), a.scatter + b.scatter + between
    )


def finish_moments(running: RunningMoments) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the unbiased covariance of what was seen.

    Args:
      running: of at least 2 samples.

    Returns:
      The mean, float64 [D], and the covariance divided by N - 1, float64 [D, D].

    Raises:
      ValueError: there were fewer than 2 samples.
    """
    if running.num_samples < 2:
        raise ValueError(f"a covariance takes at least 2 samples, not {running.num_samples}")
    return running.mean, running.scatter / (running.num_samples - 1)


def moments(features: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the unbiased covariance of a set of features, in double precision.

    Args:
      features: [N, D], N at least 2.

    Returns:
      The mean, float64 [D], and the covariance divided by N - 1, float64 [D, D].

    Raises:
      ValueError: features are not [N, D] with N at least 2 and D at most 20,000, or some are not
        finite.

    Example:
      >>> mean, covariance = moments([[0.0, 1.0], [2.0, 5.0]])
      >>> mean.tolist(), covariance.tolist()
      ([1.0, 3.0], [[2.0, 4.0], [4.0, 8.0]])
    """
    features = as_features("features", features, least=2, why="a covariance takes")
    return finish_moments(update_moments(no_moments(features.shape[1]), features))
