"""Figures of several runs over their steps: the median over seeds, and how far they differ."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report._figure import COLORS, FAINT, INK, new_figure, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_quantiles", "is_wide", "name_axes"]

_WIDE = 20  # values that span such a factor are told apart on a logarithmic scale only
_MARK_UP_TO = 30


def draw_quantiles(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    label: str = "",
    x: str = "step",
    logarithmic: bool = False,
) -> None:
    """Draw figures of several runs over their steps as quantiles, as a PNG.

    Of each name a line is the median, a band is from the 25 % to the 75 % quantile, and thin lines
    are the least and the most. Values that are not finite are left out; the legend says how many
    runs end so.

    Args:
      curves: by name, steps [T] and values [T, N], a column for each run; at most 5 names.
      path: the picture to make or replace.
      title: what is to be seen.
      label: what the values are.
      x: what the steps are, if not training steps: a hyper-parameter, say; its axis is logarithmic
        where it spans a factor of 20 or more.
      logarithmic: draw values on a logarithmic scale, if all are above 0 and they span a factor of
        20 or more.

    Raises:
      ValueError: there are no curves or too many, or steps and values do not fit.
      OSError: the file cannot be written.
    """
    if not 1 <= len(curves) <= len(COLORS):
        raise ValueError(f"{len(curves)} curves: there must be 1 to {len(COLORS)}")
    checked = {name: _curve(name, *curve) for name, curve in curves.items()}
    figure = new_figure(7.2, 3.6)
    axes = figure.add_subplot()
    for color, (name, (steps, values)) in zip(COLORS, checked.items(), strict=False):
        _draw_band(axes, color, name, steps, values)
    every = np.concatenate([values.ravel() for _, values in checked.values()])
    if logarithmic and is_wide(every[np.isfinite(every)]):
        axes.set_yscale("log")
    if x == "step":
        from matplotlib.ticker import EngFormatter, MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    elif is_wide(np.concatenate([steps for steps, _ in checked.values()])):
        axes.set_xscale("log")
    axes.margins(x=0.02)
    axes.grid(color=FAINT, linewidth=0.6)
    name_axes(axes, title, x, label)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False, labelcolor=INK)
    save_figure(figure, path)


def is_wide(values: np.ndarray) -> bool:
    """Return whether values are above 0 and span so much that a logarithmic scale is needed.

    Args:
      values: finite, [N].

    Returns:
      False also where there are none.
    """
    return bool(len(values)) and bool(0 < _WIDE * values.min() <= values.max())


def name_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Give axes their title and names, and leave no ink on what says nothing.

    Args:
      axes: the axes.
      title: what is to be seen.
      x: what is along them.
      y: what is up.
    """
    tidy(axes, title)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)


def _draw_band(axes: Axes, color: str, name: str, steps: np.ndarray, values: np.ndarray) -> None:
    is_finite = np.isfinite(values)
    there = is_finite.any(axis=1)
    quantiles = np.full((5, len(steps)), np.nan)
    if there.any():
        kept = np.where(is_finite, values, np.nan)[there]
        quantiles[:, there] = np.nanquantile(kept, [0, 0.25, 0.5, 0.75, 1], axis=1)
    least, low, median, high, most = quantiles
    axes.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
    for extreme in (least, most):
        axes.plot(steps, extreme, color=color, linewidth=0.6, alpha=0.7)
    count, lost = values.shape[1], np.sum(~is_finite[-1])
    runs = f"{count} run{'s' * (count > 1)}" + (f", {lost} not finite" if lost else "")
    marker = "o" if len(steps) <= _MARK_UP_TO else None
    label = f"{name.replace('_', ' ')} ({runs})"
    axes.plot(steps, median, color=color, linewidth=1.9, marker=marker, markersize=3.5, label=label)


def _curve(name: str, steps: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    steps, values = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    if values.ndim != 2 or not values.size or steps.shape != values.shape[:1]:
        raise ValueError(
            f"{name}: steps {list(steps.shape)} and values {list(values.shape)} must be [T] and "
            "[T, N], T and N at least 1"
        )
    return steps, values
