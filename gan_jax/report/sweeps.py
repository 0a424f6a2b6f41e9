"""Pictures of a population of runs over its hyper-parameters: heat maps and swarms."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.report._figure import FAINT, FAKE, INK, REAL, new_figure, save_figure
from gan_jax.report.quantiles import is_wide, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Normalize

__all__ = ["draw_heat_map", "draw_swarm"]

_SHADES = ("#eef4fb", "#8fbce6", "#2f6db5", "#14304f")
_GROUND = {"facecolor": "white", "edgecolor": "none", "boxstyle": "square,pad=0.2"}
_FEW = 12  # so many values of a hyper-parameter are grouped and named


def draw_heat_map(
    rows: Sequence[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    x: str,
    y: str,
    value: str,
    reduce: Callable[[np.ndarray], Any] = np.median,
    title: str = "",
    logarithmic: bool = False,
) -> None:
    """Draw a figure over two hyper-parameters, a cell for each pair of their values, as a PNG.

    A cell has the median over all runs of its pair, written into it. Runs whose figure is missing
    or not finite are left out, and the cell says so: `2 of 3`. A cell without a figure is hatched,
    and says `0 of 3` if there were runs.

    Args:
      rows: one for each run, with columns `x`, `y` and `value`.
      path: the picture to make or replace.
      x: the hyper-parameter along the picture; numbers are sorted, anything else is left in order.
      y: the one up the picture.
      value: the figure.
      reduce: finite figures [N] to the one that is drawn, such as `np.mean`.
      title: what is to be seen; by default the figure's name.
      logarithmic: colour figures by their logarithms, if all are above 0.

    Raises:
      ValueError: there are no rows, or a column is missing.
      OSError: the file cannot be written.
    """
    across, up, found = _levels(rows, x), _levels(rows, y), _figures(rows, value)
    cells = np.full((len(up), len(across)), np.nan)
    notes = np.full(cells.shape, "", object)
    for line, column in np.ndindex(cells.shape):
        here = found[[row[x] == across[column] and row[y] == up[line] for row in rows]]
        finite = here[np.isfinite(here)]
        cells[line, column] = reduce(finite) if len(finite) else np.nan
        notes[line, column] = f"{len(finite)} of {len(here)}" if len(finite) < len(here) else ""
    figure = new_figure(max(4.2, 0.8 * len(across) + 2.0), max(2.6, 0.52 * len(up) + 1.3))
    axes = figure.add_subplot()
    mesh = _draw_cells(axes, cells, notes, logarithmic)
    axes.set_xticks(range(len(across)), _texts(across))
    axes.set_yticks(range(len(up)), _texts(up))
    name_axes(axes, title or _title(value), _words(x), _words(y))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    bar = figure.colorbar(mesh, ax=axes, aspect=24, pad=0.02)
    bar.set_label(_words(value), fontsize=9, color=INK)
    bar.ax.tick_params(which="both", labelsize=8.5, color=FAINT, labelcolor=INK)
    bar.outline.set_visible(False)
    save_figure(figure, path)


def draw_swarm(
    rows: Sequence[Mapping[str, Any]],
    path: str | os.PathLike[str],
    *,
    x: str,
    value: str,
    title: str = "",
    logarithmic: bool = False,
) -> None:
    """Draw a figure over one hyper-parameter, a dot for each run, and the median, as a PNG.

    Runs whose figure is missing or not finite are crosses at the top. Numbers are on a logarithmic
    scale where they are spaced like that; what has no place on a scale, as 0 before such numbers,
    is side by side. Of more than 12 values, as in random search, the medians are those of as many
    runs each.

    Args:
      rows: one for each run, with columns `x` and `value`.
      path: the picture to make or replace.
      x: the hyper-parameter along the picture.
      value: the figure.
      title: what is to be seen; by default the figure's name.
      logarithmic: draw figures on a logarithmic scale, if all are above 0 and they span a factor of
        20 or more.

    Raises:
      ValueError: there are no rows, or a column is missing.
      OSError: the file cannot be written.
    """
    levels, found = _levels(rows, x), _figures(rows, value)
    has_scale = _has_scale(levels)
    is_few = len(levels) <= _FEW or not has_scale
    is_log = has_scale and _are_log_spaced(levels)
    places = np.array([row[x] if has_scale else levels.index(row[x]) for row in rows], float)
    to, back = (np.log10, lambda at: 10.0**at) if is_log else (np.asarray, np.asarray)
    figure = new_figure(7.2, 3.5)
    axes = figure.add_subplot(xscale="log" if is_log else "linear")
    _draw_runs(axes, back(to(places) + is_few * _spread(to(places))), found)
    at, middle = _medians(to(places), found, is_few)
    if has_scale:
        axes.plot(back(at), middle, color=INK, linewidth=1.2)
    axes.plot(back(at), middle, "_", color=INK, markersize=16, markeredgewidth=2.2, label="median")
    if is_few:
        axes.set_xticks(levels if has_scale else range(len(levels)), _texts(levels))
        axes.minorticks_off()
    if logarithmic and is_wide(found[np.isfinite(found)]):
        axes.set_yscale("log")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    name_axes(axes, title or _title(value), _words(x), _words(value))
    figure.legend(loc="outside lower center", ncols=3, fontsize=9, frameon=False, labelcolor=INK)
    save_figure(figure, path)


def _draw_cells(axes: Axes, cells: np.ndarray, notes: np.ndarray, logarithmic: bool) -> QuadMesh:
    """Draw figures in colour and write them, and `notes` below, into their cells."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    colors, norm = LinearSegmentedColormap.from_list("", _SHADES), _norm(cells, logarithmic)
    edges = [np.arange(size + 1) - 0.5 for size in cells.shape[::-1]]
    mesh = axes.pcolormesh(*edges, cells, cmap=colors, norm=norm, edgecolor="white", linewidth=1.5)
    style: dict[str, Any] = {"ha": "center", "va": "center"}
    for (line, column), cell in np.ndenumerate(cells):
        note = str(notes[line, column])
        if np.isfinite(cell):
            style["color"] = "white" if norm(cell) > 0.45 else INK
            up = 0.12 if note else 0.0
            axes.text(column, line + up, _text(cell), fontsize=9, **style)
            axes.text(column, line - 0.24, note, fontsize=7, **style)
        else:
            hatched = Rectangle((column - 0.48, line - 0.48), 0.96, 0.96, hatch="////", fill=False)
            hatched.set(edgecolor=FAINT, linewidth=0)
            axes.add_patch(hatched)
            axes.text(column, line, note, fontsize=7, **style | {"color": INK}, bbox=_GROUND)
    return mesh


def _norm(cells: np.ndarray, logarithmic: bool) -> Normalize:
    """Return what maps the finite cells to [0, 1]; a single figure to the middle."""
    from matplotlib.colors import LogNorm, Normalize

    finite = cells[np.isfinite(cells)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    if logarithmic and low > 0:
        return LogNorm(low, high) if high > low else LogNorm(low / 2, low * 2)
    return Normalize(low, high) if high > low else Normalize(low - 0.5, low + 0.5)


def _draw_runs(axes: Axes, places: np.ndarray, found: np.ndarray) -> None:
    """Draw a dot for each finite figure, and a cross at the top for each other."""
    lost = ~np.isfinite(found)
    style: dict[str, Any] = {"s": 20, "alpha": 0.6, "linewidths": 0, "clip_on": False}
    axes.scatter(places[~lost], found[~lost], color=REAL, label="run", **style)
    if lost.any():
        axes.scatter(
            places[lost], np.ones(lost.sum()), s=26, marker="x", color=FAKE, linewidths=1.3,
            label=f"not finite ({lost.sum()})", clip_on=False,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _spread(places: np.ndarray) -> np.ndarray:
    """Return how far runs at the same place stand aside of each other."""
    levels, groups = np.unique(places, return_inverse=True)
    width = 0.3 * (np.diff(levels).min() if len(levels) > 1 else 1.0)
    ranks = np.zeros(len(places))
    for group in range(len(levels)):
        ranks[groups == group] = np.arange(np.sum(groups == group))
    # The golden ratio's multiples are even in [0, 1), however many there are.
    return width * ((ranks * (5**0.5 - 1) / 2 + 0.5) % 1 - 0.5)


def _medians(places: np.ndarray, found: np.ndarray, by_place: bool) -> tuple[Any, Any]:
    """Return the median of finite figures at each place, or in parts of as many runs each."""
    order = np.argsort(places, kind="stable")
    order = order[np.isfinite(found[order])]
    if by_place:
        starts = np.flatnonzero(np.diff(places[order])) + 1
        parts = np.split(order, starts) if len(order) else []
    else:
        parts = np.array_split(order, int(np.clip(len(order) ** 0.5, 1, _FEW)))
    parts = [part for part in parts if len(part)]
    at, middle = ([np.median(of[part]) for part in parts] for of in (places, found))
    return np.array(at), np.array(middle)


def _levels(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return the different values of a column."""
    if not rows:
        raise ValueError("there are no rows, there must be one for each run")
    for number, row in enumerate(rows, 1):
        if name not in row:
            raise ValueError(f"row {number} has no {name!r}, it has {', '.join(map(str, row))}")
    levels: list[Any] = []
    for row in rows:
        if row[name] not in levels:
            levels.append(row[name])
    return sorted(levels) if all(map(_is_number, levels)) else levels


def _figures(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """Return a column of figures, NaN where there is none."""
    if not any(name in row for row in rows):
        raise ValueError(f"no row has {name!r}, the first has {', '.join(map(str, rows[0]))}")
    values = [row.get(name) for row in rows]
    return np.array([np.nan if value is None else float(value) for value in values])


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def _has_scale(levels: Sequence[Any]) -> bool:
    """Return whether values are numbers, but not 0 and a few whose logarithms are spaced evenly."""
    if not all(map(_is_number, levels)):
        return False
    is_few = 2 < len(levels) <= _FEW
    return not (is_few and levels[0] == 0 and _are_log_spaced(levels[1:]))


def _are_log_spaced(levels: Sequence[float]) -> bool:
    """Return whether the middle of rising numbers is nearer to the middle of their logarithms.

    >>> [_are_log_spaced(levels) for levels in ([1, 2, 4, 8], [1, 5, 9], [0.01, 1], [0, 1, 10])]
    [True, False, True, False]
    """
    low, high = levels[0], levels[-1]
    if not low > 0 or high < 5 * low:
        return False
    middle = np.median(levels) if len(levels) > 2 else np.sqrt(low * high)
    along = (middle - low) / (high - low)
    return bool(abs(np.log(middle / low) / np.log(high / low) - 0.5) < abs(along - 0.5))


def _texts(levels: Sequence[Any]) -> list[str]:
    """Return values as people write them, with as few digits as tell them apart.

    >>> _texts([0.0001, 0.000316228, 0.01, 0.5, 1024, 3e7]), _texts([1.0001, 1.0002]), _texts("ab")
    (['1e-4', '3.16e-4', '0.01', '0.5', '1024', '3e7'], ['1.0001', '1.0002'], ['a', 'b'])
    """
    for digits in range(3, 18):
        texts = [_text(value, digits) if _is_number(value) else str(value) for value in levels]
        if len(set(texts)) == len(levels):
            break
    return texts


def _text(value: float, digits: int = 3) -> str:
    if 10**digits <= abs(value) < 1e6 or (isinstance(value, Integral) and abs(value) < 1e6):
        return f"{value:.0f}"
    kind = "e" if 0 < abs(value) < 1e-3 else "g"
    mantissa, _, exponent = f"{value:.{digits - (kind == 'e')}{kind}}".partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def _words(name: str) -> str:
    return name.replace("_", " ").replace("kl", "KL")


def _title(name: str) -> str:
    words = _words(name)
    return words[:1].upper() + words[1:]
