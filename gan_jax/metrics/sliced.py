"""Sliced Wasserstein distances: of points or features, and of the patches of image pyramids."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from gan_jax.metrics.checks import as_pair, random_stream, real_numbers
from gan_jax.metrics.products import blocks

__all__ = ["laplacian_sliced_wasserstein", "sliced_wasserstein_distance"]

_BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
_DIRECTIONS_AT_ONCE = 32


def sliced_wasserstein_distance(
    points_a: ArrayLike,
    points_b: ArrayLike,
    *,
    directions: int = 512,
    order: int = 2,
    seed: int = 0,
) -> float:
    """Return the sliced Wasserstein distance of two sets of points or features.

    `(mean_u integral |A_u(q) - B_u(q)|^p dq)^(1/p)`, where `A_u(q)` is the q-quantile of `a.u`,
    over random directions u of length 1: exact in each direction, also for sets of different sizes.
    Figures of the same directions compare with the least noise, so keep the seed.

    Args:
      points_a: [N, D], N at least 1.
      points_b: [M, D], M at least 1.
      directions: how many are drawn.
      order: p.
      seed: of the directions.

    Returns:
      The distance, at least 0, in units of the points.

    Raises:
      ValueError: no points or directions, an order below 1, numbers not finite, or different D.

    Example:
      >>> sliced_wasserstein_distance([[0.0], [4.0]], [[1.0], [5.0], [1.0], [5.0]])
      1.0

    Reference:
      Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, JMIV 2015; Rabin et al.,
      Wasserstein Barycenter and its Application to Texture Mixing, SSVM 2011.
    """
    a, b = as_pair(("points_a", "points_b"), points_a, points_b)
    if not (directions >= 1 and 1 <= order < np.inf):
        raise ValueError(f"directions and order must be at least 1, not {directions} and {order}")
    return _sliced(a, b, _directions(a, directions, random_stream(seed)), order)


def laplacian_sliced_wasserstein(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    patches: int = 128,
    patch_size: int = 7,
    directions: int = 512,
    smallest: int = 16,
    seed: int = 0,
) -> dict[int, float]:
    """Return the sliced Wasserstein distance of patches of each level of a Laplacian pyramid.

    `1000 W_1` of patches drawn from each level, each channel of each set brought to mean 0 and
    standard deviation 1 first: at the full size it tells of detail and noise, at the smallest of
    large structure. Levels are halved while both sides stay at least `smallest`; an image below
    twice that has one level, of the image itself.

    Args:
      real: images [N, H, W, C], in any range.
      fake: images [M, H, W, C].
      patches: how many are drawn from each level of each image.
      patch_size: their height and width.
      directions: how many random directions are drawn for each level.
      smallest: the smallest side of a level.
      seed: of the places of the patches and of the directions.

    Returns:
      The distance by the height of the level, the largest level first.

    Raises:
      ValueError: images of different shapes, smaller than a patch, not finite, or none at all.

    Reference:
      Karras et al., Progressive Growing of GANs for Improved Quality, Stability, and Variation,
      2017, https://arxiv.org/abs/1710.10196
    """
    if min(patches, patch_size, directions, smallest) < 1:
        numbers = f"{patches}, {patch_size}, {directions} and {smallest}"
        raise ValueError(f"patches, patch_size, directions and smallest are {numbers}: at least 1")
    real, fake = _as_images("real", real, patch_size), _as_images("fake", fake, patch_size)
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(f"images {list(real.shape)} and {list(fake.shape)} do not compare")
    if smallest < patch_size:
        raise ValueError(f"a level of {smallest} has no patches of {patch_size}")
    stream, distances = random_stream(seed), {}
    pyramids = (_laplacian_pyramid(images, smallest) for images in (real, fake))
    for levels in zip(*pyramids, strict=True):
        a, b = (_patches(level, patches, patch_size, stream) for level in levels)
        drawn = _directions(a, directions, stream)
        distances[levels[0].shape[1]] = 1000 * _sliced(a, b, drawn, 1)
    return distances


def _directions(points: np.ndarray, count: int, stream: np.random.RandomState) -> np.ndarray:
    drawn = stream.standard_normal((points.shape[1], count))
    return (drawn / np.linalg.norm(drawn, axis=0)).astype(points.dtype)


def _sliced(a: np.ndarray, b: np.ndarray, directions: np.ndarray, order: int) -> float:
    # Between two neighbouring steps of either distribution function both quantiles are constant.
    steps = np.union1d(np.arange(1, len(a) + 1) * len(b), np.arange(1, len(b) + 1) * len(a))
    widths = np.diff(steps, prepend=0) / (len(a) * len(b))
    of_a, of_b = (steps - 1) // len(b), (steps - 1) // len(a)
    total = 0.0
    for some in blocks(directions.shape[1], _DIRECTIONS_AT_ONCE):
        u = directions[:, some]
        difference = np.sort(a @ u, axis=0)[of_a] - np.sort(b @ u, axis=0)[of_b]
        total += float(np.sum(widths @ np.abs(difference) ** order))
    return float((total / directions.shape[1]) ** (1 / order))


def _as_images(name: str, images: np.ndarray, patch_size: int) -> np.ndarray:
    images = real_numbers(f"{name} images", images)
    if images.ndim != 4 or not images.size or min(images.shape[1:3]) < patch_size:
        raise ValueError(
            f"{name} images must be [N, H, W, C], H and W at least {patch_size}, "
            f"not {list(images.shape)}"
        )
    images = images.astype(np.float32)
    if not np.isfinite(images).all():
        raise ValueError(f"{name} images hold NaN or infinity")
    return images


def _laplacian_pyramid(images: np.ndarray, smallest: int) -> list[np.ndarray]:
    levels = []
    while (min(images.shape[1:3]) + 1) // 2 >= smallest:
        half = _blur(images)[:, ::2, ::2]
        between = np.zeros_like(images)
        between[:, ::2, ::2] = half
        levels.append(images - 4 * _blur(between))
        images = half
    return [*levels, images]


def _blur(images: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        images = ndimage.correlate1d(images, _BINOMIAL, axis=axis, mode="mirror")
    return images


def _patches(
    images: np.ndarray, count: int, size: int, stream: np.random.RandomState
) -> np.ndarray:
    """Draw patches of every image, normalised over all of them, float32 [N * count, size²C]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    owner = np.repeat(np.arange(len(images)), count)
    top, left = (stream.randint(side, size=len(owner)) for side in windows.shape[1:3])
    drawn = windows[owner, top, left]
    mean, deviation = (f(drawn, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    # A channel without contrast has no structure to compare.
    drawn = (drawn - mean) / np.where(deviation > 0, deviation, 1)
    return drawn.reshape(len(drawn), -1)
