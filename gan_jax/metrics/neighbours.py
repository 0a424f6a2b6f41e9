"""How near each sample is to its nearest neighbour in a reference set: does it copy?"""

from __future__ import annotations

import numpy as np

__all__ = ["nearest_distances"]


def nearest_distances(
    images: np.ndarray, references: np.ndarray, *, chunk: int = 8192
) -> np.ndarray:
    """Return each image's Euclidean distance to the reference image nearest to it.

    A generator that memorised its training images is nearer to them than real images it was not
    trained on. The distance is taken again from the pair that was found, so a copy has exactly 0.

    Args:
      images: uint8 [N, ...].
      references: uint8 [M, ...], M at least 1.
      chunk: how many references are compared at a time; bounds memory, not the result.

    Returns:
      float32 [N], for pixels scaled to [0, 1].

    Raises:
      ValueError: the images differ in shape, or there are no references.

    Example:
      >>> nearest_distances(np.uint8([[0, 255], [255, 255]]), np.uint8([[255, 255]])).tolist()
      [1.0, 0.0]
    """
    if images.shape[1:] != references.shape[1:] or not len(references):
        raise ValueError(
            f"images {list(images.shape)} have no neighbours in references {list(references.shape)}"
        )
    points = _as_points(images)
    smallest = np.full(len(points), np.inf, np.float32)
    nearest = np.zeros(len(points), np.int64)
    for start in range(0, len(references), chunk):
        block = _as_points(references[start : start + chunk])
        # The squared distance less the point's own squared norm, which ranks no neighbour.
        ranking = np.sum(block**2, axis=1) - 2 * points @ block.T
        found = ranking.argmin(axis=1)
        value = ranking[np.arange(len(points)), found]
        nearest = np.where(value < smallest, start + found, nearest)
        smallest = np.minimum(value, smallest)
    return np.linalg.norm(points - _as_points(references[nearest]), axis=1)


def _as_points(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
