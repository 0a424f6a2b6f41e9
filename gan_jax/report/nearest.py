"""Samples beside the training images that they resemble most."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report._figure import INK, new_figure, save_figure, tidy
from gan_jax.report.grids import display_scale, image_grid

__all__ = ["draw_neighbours"]

_PADDING = 2


def draw_neighbours(
    samples: np.ndarray,
    neighbours: np.ndarray,
    distances: ArrayLike,
    path: str | os.PathLike[str],
    *,
    count: int = 10,
    floor: float | None = None,
) -> None:
    """Draw the samples nearest to a training image, and the farthest, as a PNG.

    Each sample stands over its nearest training image, and their distance under both. Copies are
    among the nearest, failures among the farthest.

    Args:
      samples: `[N, H, W, C]` with 1 or 3 channels; uint8, or floats in [-1, 1].
      neighbours: the training image nearest to each sample, of the same shape and type.
      distances: between the two, `[N]`.
      path: the picture to make or replace.
      count: how many of the nearest and of the farthest are drawn.
      floor: the median distance of held-out real images, to compare with.

    Raises:
      ValueError: shapes that do not fit together.
      OSError: the file cannot be written.
    """
    distances = np.asarray(distances, np.float64)
    if samples.shape != neighbours.shape or distances.shape != samples.shape[:1]:
        raise ValueError(
            f"samples {list(samples.shape)}, neighbours {list(neighbours.shape)} and distances "
            f"{list(distances.shape)} do not belong together"
        )
    order = np.argsort(distances, kind="stable")
    count = min(count, len(order))
    real = "" if floor is None else f"; held-out reals: {floor:.3g}"
    titles = {
        f"Nearest to a training image (median of all samples: {np.median(distances):.3g}{real})":
        order[:count],
        "Farthest from any": order[::-1][:count],
    }  # fmt: skip
    figure = new_figure(max(4.7, 0.86 * count + 0.8), 5.0)
    for row, (title, chosen) in enumerate(titles.items(), 1):
        axes = figure.add_subplot(2, 1, row)
        pairs = np.concatenate([samples[chosen], neighbours[chosen]])
        scale = display_scale(samples.shape[1])
        grid = image_grid(pairs, columns=count, scale=scale, padding=_PADDING)
        axes.imshow(grid, cmap="gray", vmin=0, vmax=255)
        height, width = (scale * side + _PADDING for side in samples.shape[1:3])
        axes.set_xticks(
            np.arange(count) * width + width / 2, [_short(distances[i]) for i in chosen]
        )
        axes.set_yticks([height / 2, 3 * height / 2], ["sample", "nearest"])
        axes.spines[:].set_visible(False)
        tidy(axes, title)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
    figure.supxlabel("distance to the nearest training image", fontsize=9, color=INK)
    save_figure(figure, path)


def _short(distance: float) -> str:
    """Write a distance in three digits.

    >>> [_short(distance) for distance in (0.0, 1.23456, 123.4)]
    ['0', '1.23', '123']
    """
    return f"{distance:.3g}"
