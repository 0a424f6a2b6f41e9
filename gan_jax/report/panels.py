"""Generated points of several runs over the real ones, side by side."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report._figure import FAINT, FAKE, INK, REAL, new_figure, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_points"]

_LETTERS = 26  # of a title in a line


def draw_points(
    panels: Mapping[str, tuple[ArrayLike, ArrayLike]],
    path: str | os.PathLike[str],
    *,
    extent: float,
    centres: ArrayLike | None = None,
    columns: int = 4,
    most: int = 2000,
) -> None:
    """Draw generated points of several runs over real ones, a panel for each run, as a PNG.

    A panel says how many generated points it does not show, since they lie outside or are not
    finite.

    Args:
      panels: by title, real points [N, 2] and generated ones [M, 2].
      path: the picture to make or replace.
      extent: half the width of each panel, a square around 0.
      centres: of the data's modes, [K, 2], to be marked.
      columns: panels side by side.
      most: how many of each are drawn, evenly spaced.

    Raises:
      ValueError: there are no panels, arrays that are not points, or a number out of range.
      OSError: the file cannot be written.
    """
    if not panels or not 0 < extent < math.inf:
        raise ValueError(f"{len(panels)} panels of extent {extent}: both must be above 0")
    if columns < 1 or most < 1:
        raise ValueError(f"columns and most are {columns} and {most}, both must be at least 1")
    places = None if centres is None else _points("centres", centres)
    titles = {title: "\n".join(textwrap.wrap(title, _LETTERS)) for title in panels}
    lines = 1 + max(title.count("\n") for title in titles.values())
    wide = min(columns, len(panels))
    high = -(-len(panels) // wide)
    figure = new_figure(max(2.3 * wide, 3.6), (2.15 + 0.17 * lines) * high + 0.3)
    for position, (title, (real, fake)) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(high, wide, position, xlim=(-extent, extent))
        axes.set(ylim=(-extent, extent), aspect="equal", xticks=[], yticks=[])
        tidy(axes, titles[title])
        axes.spines[:].set(visible=True, color=FAINT)
        _scatter(axes, _points(f"{title}: real", real), most, REAL, 0.25, "real")
        generated = _points(f"{title}: generated", fake)
        _scatter(axes, generated, most, FAKE, 0.75, "generated")
        if places is not None:
            x, y = places.T
            axes.scatter(x, y, s=26, marker="+", color=INK, linewidths=0.8, label="centre")
        if unseen := np.sum(~(np.abs(generated).max(axis=1) <= extent)):
            note = f"{unseen:,} of {len(generated):,} outside"
            axes.set_xlabel(note, loc="right", fontsize=7.5, color=INK, labelpad=2)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3,
        fontsize=9, frameon=False, labelcolor=INK, markerscale=1.6, handletextpad=0.1,
    )  # fmt: skip
    save_figure(figure, path)


def _points(name: str, points: ArrayLike) -> np.ndarray:
    array = np.asarray(points, np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ValueError(f"{name} must be [N, 2], N at least 1, not {list(array.shape)}")
    return array


def _scatter(
    axes: Axes, points: np.ndarray, most: int, color: str, alpha: float, label: str
) -> None:
    chosen = np.unique(np.linspace(0, len(points) - 1, min(len(points), most)).astype(int))
    x, y = points[chosen][np.isfinite(points[chosen]).all(axis=1)].T
    axes.scatter(x, y, s=4, color=color, alpha=alpha, linewidths=0, label=label)
