"""Products of all pairs of rows, which most of a metric's time goes into."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["blocks", "doubt", "inner_products", "pair_distances", "squared_distances"]

_LARGE = 2**28
_PAIR_NUMBERS = 2**17


def blocks(count: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` that cover `count` rows.

    Args:
      count: how many rows there are.
      size: how many a slice has, but for the last.

    Yields:
      The slices in order.

    Example:
      >>> list(blocks(5, 3))
      [slice(0, 3, None), slice(3, 5, None)]
    """
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def inner_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return `a @ b.T`, on JAX's device where that pays.

    Args:
      a: float32 or float64 [N, D].
      b: of the same type, [M, D].

    Returns:
      [N, M] of that type; maybe read-only.
    """
    # XLA's single-precision products are faster than NumPy's, also on a CPU; double precision is
    # off in JAX unless asked for, and small products are not worth a compilation.
    return np.asarray(_products_in_jax(a, b)) if _is_for_jax(a, b) else a @ b.T


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distance of each pair of rows, from the pair's inner product.

    `a.a + b.b - 2 a.b`: right to `doubt(D) (a.a + b.b)`, and so useless as it is for rows that are
    much nearer to each other than to 0.

    Args:
      a: float32 or float64 [N, D].
      b: of the same type, [M, D].

    Returns:
      [N, M] of that type, possibly a little below 0; maybe read-only.
    """
    if _is_for_jax(a, b):
        return np.asarray(_squared_distances_in_jax(a, b))
    squares = a @ b.T
    squares *= -2
    squares += np.sum(a * a, axis=1)[:, None]
    squares += np.sum(b * b, axis=1)
    return squares


def doubt(dimensions: int) -> float:
    """Return how far a squared distance in single precision may be off.

    Args:
      dimensions: D.

    Returns:
      `8 eps sqrt(D)`: in parts of the sum of the squares of both rows.
    """
    return 8 * float(np.finfo(np.float32).eps) * dimensions**0.5


def pair_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance of each row to the row of the same index, from differences.

    Args:
      a: [N, D], of any type.
      b: [N, D].

    Returns:
      float64 [N]; exactly 0 for equal rows.
    """
    distances = np.zeros(len(a))
    for rows in blocks(len(a), max(1, _PAIR_NUMBERS // a.shape[1])):
        difference = a[rows].astype(np.float64) - b[rows]
        distances[rows] = np.sqrt(np.sum(difference * difference, axis=1))
    return distances


def _is_for_jax(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == np.float32 and len(a) * len(b) * a.shape[1] >= _LARGE


# Accelerators round the factors of products unless told not to.
_products = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)


@jax.jit
def _products_in_jax(a: jax.Array, b: jax.Array) -> jax.Array:
    return _products(a, b.T)


@jax.jit
def _squared_distances_in_jax(a: jax.Array, b: jax.Array) -> jax.Array:
    norms = jnp.sum(a * a, axis=1)[:, None] + jnp.sum(b * b, axis=1)[None]
    return norms - 2 * _products(a, b.T)
