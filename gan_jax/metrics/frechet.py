"""The Fréchet distance between two sets of features, each summed up as a Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from gan_jax.metrics.checks import real_numbers
from gan_jax.metrics.streaming import moments

__all__ = ["frechet_distance", "frechet_feature_distance"]

# What single precision may do to a covariance, in parts of its largest entry.
_ROUNDING = 1e-4


def frechet_distance(
    mean_a: ArrayLike, covariance_a: ArrayLike, mean_b: ArrayLike, covariance_b: ArrayLike
) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance of two Gaussians.

    `|m_a - m_b|² + tr(S_a) + tr(S_b) - 2 tr((S_a^½ S_b S_a^½)^½)`. With `S = F Fᵀ` for each, the
    last trace is the sum of the singular values of `F_aᵀ F_b`. The factors are pivoted Cholesky
    ones, cut off at the rank: there is no square root of a matrix to take, covariances of fewer
    samples than dimensions lose no digits to the roots of rounded zeros, and what the covariances
    add is 0 where it is less than the rounding of their traces.

    Args:
      mean_a: [D].
      covariance_a: symmetric and positive semi-definite, [D, D].
      mean_b: [D].
      covariance_b: [D, D], like `covariance_a`.

    Returns:
      The distance, at least 0, in squared units of the features.

    Raises:
      ValueError: the shapes do not fit together, not all is finite, or a covariance is none.

    Example:
      >>> round(frechet_distance([0.0], [[1.0]], [3.0], [[4.0]]), 9)
      10.0

    Reference:
      Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
      Equilibrium, NeurIPS 2017, https://arxiv.org/abs/1706.08500
    """
    mean_a, covariance_a = _as_gaussian("a", mean_a, covariance_a)
    mean_b, covariance_b = _as_gaussian("b", mean_b, covariance_b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(
            f"features of {len(mean_a)} and of {len(mean_b)} dimensions do not compare"
        )
    overlap = _sum_of_singular_values(_factor(covariance_a).T @ _factor(covariance_b))
    traces = np.trace(covariance_a) + np.trace(covariance_b)
    spread = traces - 2 * overlap
    if spread < traces * len(mean_a) * np.finfo(np.float64).eps:
        spread = 0.0
    return float(np.sum((mean_a - mean_b) ** 2) + spread)


def frechet_feature_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Return the squared Fréchet distance of two sets of features.

    It grows as sets get smaller, even for two samples of one distribution: only figures of the
    same feature extractor and the same sample counts compare.

    Args:
      features_a: [N, D], N at least 2.
      features_b: [M, D], M at least 2.

    Returns:
      The distance, at least 0, in squared units of the features.

    Raises:
      ValueError: too few samples, features that are not finite, different D, or one above 20,000,
        where `kernel_distance` is to be taken instead.

    Example:
      >>> round(frechet_feature_distance([[0.0], [2.0]], [[5.0], [7.0]]), 6)
      25.0
    """
    return frechet_distance(*moments(features_a), *moments(features_b))


def _as_gaussian(
    which: str, mean: ArrayLike, covariance: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    mean = real_numbers(f"mean_{which}", mean).astype(np.float64)
    covariance = real_numbers(f"covariance_{which}", covariance).astype(np.float64)
    if mean.ndim != 1 or not mean.size or covariance.shape != mean.shape * 2:
        raise ValueError(
            f"mean_{which} and covariance_{which} must have the shapes [D] and [D, D], "
            f"not {list(mean.shape)} and {list(covariance.shape)}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(f"mean_{which} or covariance_{which} holds NaN or infinity")
    largest = np.abs(covariance).max()
    if np.abs(covariance - covariance.T).max() > _ROUNDING * largest:
        raise ValueError(f"covariance_{which} is not symmetric")
    return mean, covariance


def _factor(covariance: np.ndarray) -> np.ndarray:
    """Return F [D, rank] with `F @ F.T` the covariance."""
    lower, pivots, rank, _ = linalg.lapack.dpstrf(covariance, lower=1)
    factor = np.empty((len(covariance), rank))
    factor[pivots - 1] = np.tril(lower)[:, :rank]
    left = np.diagonal(covariance) - np.einsum("dr,dr->d", factor, factor)
    if np.abs(left).max() > _ROUNDING * np.abs(np.diagonal(covariance)).max():
        raise ValueError("a covariance has a negative eigenvalue: it must be of real features")
    return factor


def _sum_of_singular_values(matrix: np.ndarray) -> float:
    # As roots of the eigenvalues of the smaller Gram matrix: several times as fast as an SVD, and
    # at full rank only values below 1e-8 of the largest lose digits.
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    squares = linalg.eigvalsh(tall.T @ tall, check_finite=False)
    return float(np.sum(np.sqrt(np.clip(squares, 0, None))))
