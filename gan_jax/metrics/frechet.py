"""The Fréchet distance between two sets of features, each summed up as a Gaussian."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["frechet_distance", "frechet_feature_distance", "moments"]


def moments(features: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the unbiased covariance of a set of features, in double precision.

    Args:
      features: [N, D], N at least 2.

    Returns:
      The mean, float64 [D], and the covariance divided by N - 1, float64 [D, D].

    Raises:
      ValueError: features are not [N, D] with N at least 2, or some are not finite.

    Example:
      >>> mean, covariance = moments([[0.0, 1.0], [2.0, 5.0]])
      >>> mean.tolist(), covariance.tolist()
      ([1.0, 3.0], [[2.0, 4.0], [4.0, 8.0]])
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"features must have the shape [N, D], not {list(features.shape)}")
    if len(features) < 2:
        raise ValueError(f"a covariance takes at least 2 samples, not {len(features)}")
    if not np.isfinite(features).all():
        raise ValueError("features hold NaN or infinity")
    mean = features.mean(axis=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def frechet_distance(
    mean_a: ArrayLike, covariance_a: ArrayLike, mean_b: ArrayLike, covariance_b: ArrayLike
) -> float:
    r"""Return the squared Fréchet (2-Wasserstein) distance of two Gaussians.

    .. math:: |m_a - m_b|^2 + tr(S_a) + tr(S_b) - 2 tr(S_a^{1/2} S_b S_a^{1/2})^{1/2}

    The last trace is the sum of the singular values of `S_a^½ S_b^½`. Taken that way it needs no
    square root of a matrix that is not symmetric, treats both sides alike, and keeps its digits
    where covariances are singular.

    Args:
      mean_a: [D].
      covariance_a: symmetric and positive semi-definite, [D, D].
      mean_b: [D].
      covariance_b: [D, D], like `covariance_a`.

    Returns:
      The distance, at least 0, in squared units of the features.

    Raises:
      ValueError: the shapes do not fit together.

    Example:
      >>> frechet_distance([0.0], [[1.0]], [3.0], [[4.0]])
      10.0

    Reference:
      Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
      Equilibrium, NeurIPS 2017.
    """
    mean_a, covariance_a = _as_gaussian("a", mean_a, covariance_a)
    mean_b, covariance_b = _as_gaussian("b", mean_b, covariance_b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(
            f"features of {len(mean_a)} and of {len(mean_b)} dimensions do not compare"
        )
    roots = _square_root(covariance_a) @ _square_root(covariance_b)
    overlap = np.linalg.norm(roots, ord="nuc")
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(covariance_a + covariance_b) - 2 * overlap
    return max(0.0, float(distance))


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
      ValueError: too few samples, features that are not finite, or different D.

    Example:
      >>> round(frechet_feature_distance([[0.0], [2.0]], [[5.0], [7.0]]), 6)
      25.0
    """
    return frechet_distance(*moments(features_a), *moments(features_b))


def _as_gaussian(
    which: str, mean: ArrayLike, covariance: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    mean, covariance = np.asarray(mean, np.float64), np.asarray(covariance, np.float64)
    if mean.ndim != 1 or covariance.shape != mean.shape * 2:
        raise ValueError(
            f"mean_{which} and covariance_{which} must have the shapes [D] and [D, D], "
            f"not {list(mean.shape)} and {list(covariance.shape)}"
        )
    return mean, covariance


def _square_root(matrix: np.ndarray) -> np.ndarray:
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    return (eigenvectors * np.sqrt(np.clip(eigenvalues, 0, None))) @ eigenvectors.T
