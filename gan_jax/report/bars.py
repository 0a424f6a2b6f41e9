"""Numbers of several kinds side by side, as bars."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report._figure import COLORS, FAINT, INK, new_figure, save_figure, tidy

__all__ = ["draw_bars", "draw_class_histogram"]

_MOST_NAMES = 20


def draw_bars(
    heights: Mapping[str, ArrayLike],
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    label: str = "",
    names_label: str = "",
    errors: Mapping[str, ArrayLike] | None = None,
    numbers: str = "",
) -> None:
    """Draw groups of bars from 0 up, one bar of each kind in a group, as a PNG.

    Args:
      heights: of each kind's bars, `[K]`; at most 5 kinds.
      names: of the K groups; of many groups only some are named.
      path: the picture to make or replace.
      title: what is to be seen.
      label: what the heights are.
      names_label: what the names are.
      errors: half the length of each bar's error line, like `heights`.
      numbers: the format in which each height is written over its bar, such as `"{:.1f}"`.

    Raises:
      ValueError: a kind has another number of heights than there are names, or kinds are too many.
      OSError: the file cannot be written.
    """
    bars = _checked(heights, names)
    spreads = _checked(errors or {}, names)
    figure = new_figure(float(np.clip(0.45 * len(bars) * len(names), 5.6, 9.4)), 3.1)
    axes = figure.add_subplot()
    places, width = np.arange(len(names)), 0.84 / len(bars)
    for position, (kind, values) in enumerate(bars.items()):
        here = places + (position - (len(bars) - 1) / 2) * width
        spread = spreads.get(kind, np.zeros(len(names)))
        axes.bar(here, values, 0.92 * width, color=COLORS[position], label=kind)
        if kind in spreads:
            axes.errorbar(here, values, spread, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
        for x, value, top in zip(here, values, values + spread, strict=True):
            axes.annotate(
                numbers.format(value),
                (x, top),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=INK,
            )
    every = -(-len(names) // _MOST_NAMES)
    axes.set_xticks(places[::every], list(names)[::every])
    axes.set_ylabel(label, fontsize=9, color=INK)
    axes.set_xlabel(names_label, fontsize=9, color=INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.margins(x=0.02, y=0.1)
    tidy(axes, title)
    figure.legend(loc="outside lower center", ncols=5, fontsize=9, frameon=False, labelcolor=INK)
    save_figure(figure, path)


def draw_class_histogram(
    real_counts: ArrayLike,
    fake_counts: ArrayLike,
    class_names: Sequence[str],
    path: str | os.PathLike[str],
) -> None:
    """Draw which share of the fakes, and of the reals, each class has, as a PNG.

    Args:
      real_counts: reals of each class, `[K]`.
      fake_counts: fakes of each class, `[K]`; as many images or not.
      class_names: the K names.
      path: the picture to make or replace.

    Raises:
      ValueError: the lengths differ, or nothing is counted.
      OSError: the file cannot be written.
    """
    counts = {"real": np.asarray(real_counts), "fake": np.asarray(fake_counts)}
    for kind, values in counts.items():
        if not values.sum() > 0:
            raise ValueError(f"{kind} images are counted in no class: {values.tolist()}")
    shares = {kind: 100 * values / values.sum() for kind, values in counts.items()}
    draw_bars(shares, class_names, path, title="Classes", label="% of the images")


def _checked(bars: Mapping[str, ArrayLike], names: Sequence[str]) -> dict[str, np.ndarray]:
    arrays = {kind: np.asarray(values, np.float64) for kind, values in bars.items()}
    if len(arrays) > len(COLORS):
        raise ValueError(f"{len(arrays)} kinds of bars: there are colours for {len(COLORS)}")
    for kind, values in arrays.items():
        if values.shape != (len(names),):
            raise ValueError(f"{kind}: bars {list(values.shape)} for {len(names)} names")
    return arrays
