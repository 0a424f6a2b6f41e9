"""How far images move when their latents move a little: the perceptual path length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.products import blocks

__all__ = ["PathLength", "path_length"]


class PathLength(NamedTuple):
    """Lengths of steps in latent space as seen in the images.

    Attributes:
      mean: of the lengths that are neither among the shortest nor the longest.
      standard_deviation: of the same.
      lengths: of all, float64 [N].
    """

    mean: float
    standard_deviation: float
    lengths: np.ndarray


def path_length(
    generate: Callable[[np.ndarray], Any],
    distance: Callable[[Any, Any], ArrayLike],
    starts: ArrayLike,
    ends: ArrayLike,
    fractions: ArrayLike,
    *,
    interpolate: Callable[[np.ndarray, np.ndarray, float], ArrayLike],
    epsilon: float = 1e-4,
    kept: tuple[float, float] = (1.0, 99.0),
    batch_size: int = 64,
) -> PathLength:
    """Return the mean perceptual path length of a generator.

    `mean d(G(z(t)), G(z(t + epsilon))) / epsilon²` over paths z from a start to an end, without the
    lengths below the 1st and above the 99th percentile. The square is that of the distance, as of
    LPIPS and of squared distances of features: a path twice as fast is four times as long. With
    all fractions 0 it is the length at the starts.

    Args:
      generate: makes images of latents [B, ...].
      distance: a squared distance of images, pair by pair: `(images, images) -> [B]`.
      starts: latents [N, ...] at fraction 0.
      ends: latents [N, ...] at fraction 1.
      fractions: where on its path each pair is looked at, [N], drawn evenly from [0, 1).
      interpolate: `(start, end, fraction) -> latents` between one pair: on a great circle for
        Gaussian latents, on a line for others or for those behind a mapping network.
      epsilon: the step in fractions.
      kept: the percentiles between which lengths count.
      batch_size: how many pairs are generated at a time.

    Returns:
      The mean and the standard deviation of what is kept, and all lengths.

    Raises:
      ValueError: the shapes do not fit together, there are no pairs, or a number is out of range.

    Example:
      >>> square = lambda a, b: ((a - b) ** 2).sum(axis=1)
      >>> line = lambda a, b, t: a + t * (b - a)
      >>> walk = path_length(lambda z: 3 * z, square, [[0.0]], [[1.0]], [0.5], interpolate=line)
      >>> round(walk.mean, 6)
      9.0

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1812.04948
    """
    starts, ends = np.asarray(starts), np.asarray(ends)
    fractions = np.asarray(fractions, np.float64)
    if starts.shape != ends.shape or fractions.shape != starts.shape[:1] or not starts.size:
        raise ValueError(
            "starts, ends and fractions must be [N, ...], [N, ...] and [N], N at least 1, "
            f"not {list(starts.shape)}, {list(ends.shape)} and {list(fractions.shape)}"
        )
    if not 0 < epsilon < np.inf or not 0 <= kept[0] < kept[1] <= 100 or batch_size < 1:
        raise ValueError(
            "epsilon must be above 0, kept rise from 0 to 100 and batch_size be at least 1, not "
            f"{epsilon}, {kept} and {batch_size}"
        )

    def latents(some: slice, step: float) -> np.ndarray:
        # In double precision: the step is not much more than the rounding of single precision.
        ends_of_paths = (x[some].astype(np.float64) for x in (starts, ends))
        paths = zip(*ends_of_paths, fractions[some] + step, strict=True)
        places = np.asarray([interpolate(a, b, float(t)) for a, b, t in paths])
        return places.astype(np.result_type(starts.dtype, np.float32))

    lengths = np.zeros(len(starts))
    for some in blocks(len(starts), batch_size):
        moved = distance(generate(latents(some, 0.0)), generate(latents(some, epsilon)))
        squares = np.asarray(moved)
        if squares.shape != lengths[some].shape or squares.dtype.kind not in "fiu":
            raise ValueError(
                f"distances of {len(lengths[some])} pairs must be one number for each, "
                f"not {squares.dtype} {list(squares.shape)}"
            )
        lengths[some] = squares.astype(np.float64) / epsilon**2
    if not np.isfinite(lengths).all():
        raise ValueError("distances of images hold NaN or infinity")
    low = np.percentile(lengths, kept[0], method="lower")
    high = np.percentile(lengths, kept[1], method="higher")
    counted = lengths[(low <= lengths) & (lengths <= high)]
    return PathLength(float(counted.mean()), float(counted.std()), lengths)
