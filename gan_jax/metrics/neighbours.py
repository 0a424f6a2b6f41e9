"""How near each sample is to its nearest neighbours in a reference set: does it copy?"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from gan_jax.metrics.checks import real_numbers
from gan_jax.metrics.products import blocks, doubt, pair_distances, squared_distances

__all__ = ["Neighbours", "nearest_distances", "nearest_neighbours"]

_ROWS = 2048
_SPARE = 4


class Neighbours(NamedTuple):
    """The nearest references of each query, the nearest first.

    Attributes:
      indices: which references, int64 [N, K].
      distances: how far they are, float64 [N, K].
    """

    indices: np.ndarray
    distances: np.ndarray


def nearest_neighbours(
    queries: np.ndarray,
    references: np.ndarray,
    *,
    neighbours: int = 1,
    exclude_self: bool = False,
    chunk: int = 8192,
) -> Neighbours:
    """Find the references nearest to each query in Euclidean distance.

    `argmin_j |q_i - x_j|`, and the next ones. Candidates, a few more than asked for, are found by
    products in single precision, or in double where others might be as near; their distances are
    then taken from differences in double precision, so a copy has exactly 0.

    Args:
      queries: numbers [N, ...], N at least 1.
      references: numbers [M, ...].
      neighbours: K, how many of each query are wanted.
      exclude_self: the reference of a query's own index does not count: for neighbours within
        one set.
      chunk: how many references are compared at a time; bounds memory, not the result.

    Returns:
      Indices and distances, [N, K].

    Raises:
      ValueError: the shapes differ, there are fewer than K references, or numbers that are not
        finite.

    Example:
      >>> nearest_neighbours(np.float32([[0], [9]]), np.float32([[8], [2], [1]]))
      Neighbours(indices=array([[2],
             [0]]), distances=array([[1.],
             [1.]]))
    """
    queries, references = np.asarray(queries), np.asarray(references)
    for name, number in (("neighbours", neighbours), ("chunk", chunk)):
        if number < 1:
            raise ValueError(f"{name} is {number}: it must be at least 1")
    for samples in (queries, references):
        if samples.ndim < 2 or 0 in samples.shape[1:]:
            raise ValueError(f"samples must be [N, ...], not {list(samples.shape)}")
    needed = neighbours + exclude_self
    if queries.shape[1:] != references.shape[1:] or not len(queries) or len(references) < needed:
        raise ValueError(
            f"samples {list(queries.shape)} have no neighbours in references "
            f"{list(references.shape)}: there must be at least {needed}, of the same shape"
        )
    queries, references = _as_rows("queries", queries), _as_rows("references", references)
    search = partial(_search, neighbours=neighbours, exclude_self=exclude_self, chunk=chunk)
    found, certain = search(queries, references, np.arange(len(queries)), np.float32)
    if not certain.all():
        again, _ = search(queries, references, np.flatnonzero(~certain), np.float64)
        for kept, better in zip(found, again, strict=True):
            kept[~certain] = better
    return found


def nearest_distances(
    images: np.ndarray, references: np.ndarray, *, chunk: int = 8192
) -> np.ndarray:
    """Return each image's Euclidean distance to the reference image nearest to it.

    A generator that memorised its training images is nearer to them than real images it was not
    trained on. A copy has exactly 0.

    Args:
      images: uint8 [N, ...].
      references: uint8 [M, ...], M at least 1.
      chunk: how many references are compared at a time; bounds memory, not the result.

    Returns:
      float32 [N], for pixels scaled to [0, 1].

    Raises:
      ValueError: the images differ in shape, are not uint8, or there are no references.

    Example:
      >>> nearest_distances(np.uint8([[0, 255], [255, 255]]), np.uint8([[255, 255]])).tolist()
      [1.0, 0.0]
    """
    for kind in {np.asarray(images).dtype, np.asarray(references).dtype} - {np.dtype(np.uint8)}:
        raise ValueError(f"images must be uint8, whose distances are of [0, 255], not {kind}")
    found = nearest_neighbours(images, references, chunk=chunk)
    return (found.distances[:, 0] / 255).astype(np.float32)


def _as_rows(name: str, samples: np.ndarray) -> np.ndarray:
    real_numbers(name, samples)
    if samples.dtype.kind not in "iub" and not np.isfinite(samples).all():
        raise ValueError(f"{name} hold NaN or infinity")
    return samples.reshape(len(samples), -1)


def _search(
    queries: np.ndarray,
    references: np.ndarray,
    names: np.ndarray,
    dtype: type,
    *,
    neighbours: int,
    exclude_self: bool,
    chunk: int,
) -> tuple[Neighbours, np.ndarray]:
    """Find the neighbours of the named queries, and tell of which no other can be nearer."""
    # About a common centre products lose fewer digits.
    centre = queries.mean(axis=0, dtype=np.float64).astype(dtype)
    chosen = queries[names]
    points = chosen.astype(dtype) - centre
    indices = np.full((len(points), neighbours + _SPARE), -1)
    squares: np.ndarray = np.full(indices.shape, np.inf, dtype)
    for part in blocks(len(references), chunk):
        others = references[part].astype(dtype) - centre
        for rows in blocks(len(points), _ROWS):
            near = squared_distances(points[rows], others)
            found, near = _smallest(near, indices.shape[1] + exclude_self)
            found += part.start
            if exclude_self:
                near[found == names[rows, None]] = np.inf
            both = np.concatenate([squares[rows], near], axis=1)
            found = np.concatenate([indices[rows], found], axis=1)
            kept, squares[rows] = _smallest(both, indices.shape[1])
            indices[rows] = np.take_along_axis(found, kept, axis=1)
    result = _exactly(chosen, references, np.where(np.isinf(squares), -1, indices), neighbours)
    radii, lengths = result.distances[:, -1], np.linalg.norm(points.astype(np.float64), axis=1)
    off = doubt(points.shape[1]) * (lengths**2 + (lengths + radii) ** 2)
    return result, (radii == 0) | (squares.max(axis=1) - off > radii**2)


def _exactly(
    queries: np.ndarray, references: np.ndarray, candidates: np.ndarray, neighbours: int
) -> Neighbours:
    """Return the nearest of each query's candidates, of which -1 is none."""
    distances = np.full(candidates.shape, np.inf)
    for rows in blocks(len(queries), _ROWS):
        own, column = np.nonzero(candidates[rows] >= 0)
        own += rows.start
        near = references[candidates[own, column]]
        distances[own, column] = pair_distances(queries[own], near)
    order = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
    return Neighbours(
        np.take_along_axis(candidates, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
    )


def _smallest(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the smallest of each row are, in no order, and what they are."""
    if values.shape[1] > count:
        places = np.argpartition(values, count - 1, axis=1)[:, :count]
    else:
        places = np.tile(np.arange(values.shape[1]), (len(values), 1))
    return places, np.take_along_axis(values, places, axis=1)
