"""What every metric asks of its arrays, and where its random choices come from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["as_features", "as_pair", "random_stream", "real_numbers"]


def as_features(name: str, features: ArrayLike, *, least: int = 1, why: str = "") -> np.ndarray:
    """Return features as finite numbers [N, D].

    Args:
      name: what the features are called in a message.
      features: [N, D].
      least: the smallest N.
      why: what needs so many, as in `"a covariance takes"`.

    Returns:
      float64 [N, D]; float32 where the features have no more digits than that.

    Raises:
      ValueError: the shape or type is another, there are too few, or some are not finite.

    Example:
      >>> as_features("points", [[1.0, 2.0]], least=2, why="a line takes")
      Traceback (most recent call last):
      ValueError: a line takes at least 2 samples, not 1 (points)
    """
    features = real_numbers(name, features)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{name} must have the shape [N, D], not {list(features.shape)}")
    if len(features) < least:
        why = why or "a metric takes"
        raise ValueError(f"{why} at least {least} samples, not {len(features)} ({name})")
    exact = np.can_cast(features.dtype, np.float32) or features.dtype.name == "bfloat16"
    features = features.astype(np.float32 if exact else np.float64, copy=False)
    if not np.isfinite(features).all():
        raise ValueError(f"{name} hold NaN or infinity")
    return features


def real_numbers(name: str, array: ArrayLike) -> np.ndarray:
    """Return an array of real numbers, of their own type.

    Args:
      name: what it is called in a message.
      array: of any shape.

    Returns:
      The array.

    Raises:
      ValueError: it is of complex numbers, whose imaginary part would be dropped, or of no numbers.
    """
    array = np.asarray(array)
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise ValueError(f"{name} must be real numbers, not {array.dtype}")
    return array


def as_pair(
    names: tuple[str, str],
    a: ArrayLike,
    b: ArrayLike,
    *,
    least: int = 1,
    why: str = "",
) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features of the same dimensions and type.

    Args:
      names: what they are called in a message.
      a: [N, D].
      b: [M, D].
      least: the smallest N and M.
      why: what needs so many.

    Returns:
      Both as `as_features` has them.

    Raises:
      ValueError: one is not as `as_features` wants it, or their D differ.
    """
    left = as_features(names[0], a, least=least, why=why)
    right = as_features(names[1], b, least=least, why=why)
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"{names[0]} have {left.shape[1]} dimensions and {names[1]} have {right.shape[1]}: "
            "they do not compare"
        )
    common = np.result_type(left, right)
    return left.astype(common, copy=False), right.astype(common, copy=False)


def random_stream(seed: int) -> np.random.RandomState:
    """Return a generator of random numbers whose stream is the same in every version of NumPy.

    `default_rng` may change its stream between versions, and with it every figure that depends on
    a choice of samples; NumPy has frozen this one.

    Args:
      seed: from 0 to 2**32 - 1.

    Returns:
      NumPy's legacy generator.
    """
    return np.random.RandomState(seed)
