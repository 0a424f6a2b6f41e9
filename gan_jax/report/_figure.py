"""What drawn pictures have in common: colours, ground, and how they are kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.files import atomic_write, cache_directory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLORS", "FAINT", "FAKE", "INK", "REAL", "new_figure", "save_figure", "tidy"]

# Blue and orange, then lighter ones, differ in brightness too: no colour vision is needed.
REAL, FAKE = "#2f6db5", "#d2691e"
COLORS = (REAL, FAKE, "#8fbce6", "#5c3a1e", "#f0b47a")
INK = "#333333"
FAINT = "#d9d9d9"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure that no global state of matplotlib knows of.

    Args:
      width: in inches.
      height: in inches.

    Returns:
      The figure, 140 pixels to the inch.
    """
    with _config_folder():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.09)
    figure = Figure(figsize=(width, height), dpi=140, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str = "") -> None:
    """Give axes their title and leave no ink on what says nothing.

    Args:
      axes: the axes.
      title: what is to be seen.
    """
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK)
    axes.tick_params(which="both", labelsize=8.5, color=FAINT, labelcolor=INK)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, whole or not at all.

    Args:
      figure: the figure.
      path: the picture to make or replace; missing parent folders are made.

    Raises:
      OSError: the file cannot be written.
    """
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


@contextmanager
def _config_folder() -> Iterator[None]:
    """Let matplotlib, imported inside the block, make no folders in the home of who has none.

    It makes them when it is first imported; the settings of those who have some are theirs.
    """
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    known = (Path(base, "matplotlib"), Path.home() / ".matplotlib")
    if (
        "matplotlib" in sys.modules
        or "MPLCONFIGDIR" in os.environ
        or any(folder.exists() for folder in known)
    ):
        yield
        return
    os.environ["MPLCONFIGDIR"] = str(cache_directory("matplotlib"))
    try:
        yield
    finally:
        del os.environ["MPLCONFIGDIR"]
