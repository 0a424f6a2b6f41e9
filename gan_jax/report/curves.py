"""A run's metrics over its steps, as one picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gan_jax.report._figure import FAINT, FAKE, INK, REAL, new_figure, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves"]


_Series = dict[str, tuple[np.ndarray, np.ndarray]]


class _Panel(NamedTuple):
    """Metrics drawn together: those whose name ends in one of `endings`."""

    title: str
    endings: tuple[str, ...]
    is_logarithmic: bool = False
    is_share: bool = False


_PANELS = (
    _Panel("Losses", ("_loss",)),
    _Panel("Discriminator accuracy", ("real_accuracy", "fake_accuracy"), is_share=True),
    _Panel("Logits", ("_logit", "_logits")),
    _Panel("Gradient norms", ("_gradient_norm",), is_logarithmic=True),
    _Panel("Penalties", ("_penalty", "_regularization")),
    _Panel("Speed", ("_per_second",)),
)
_COLORS = {"discriminator": REAL, "generator": FAKE, "real": REAL, "fake": FAKE}
_OTHER_COLORS = ("#3a8a4d", "#8f56b0", "#b5383f", "#6b6b6b")
_BINS = 600
_SMOOTH_FROM = 40
_MARK_UP_TO = 30
_MEAN = "mean"
_BEYOND = "beyond"


def draw_curves(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Draw every metric against the step, related ones in one panel, as a PNG.

    Losses, accuracies, logits, gradient norms, penalties and speeds share a panel each; any other
    metric gets one of its own, since scales differ. Long series are drawn smoothed in front of the
    range that they cover. What a rare spike hides would be the rest: triangles at the edge are
    where values lie beyond, and a note says how far.

    Args:
      rows: dictionaries with `"step"` and numbers, as from `gan_jax.writers.read_jsonl`; a row need
        not hold every metric, and values that are not finite are left out.
      path: the picture to make or replace.

    Raises:
      OSError: the file cannot be written.
    """
    panels = _panels(_series(rows))
    columns = min(2, max(1, len(panels)))
    lines = max(1, -(-len(panels) // columns))
    figure = new_figure(4.7 * columns, 2.5 * lines)
    limits = _step_limits(rows)
    for position, (panel, series) in enumerate(panels, 1):
        axes = figure.add_subplot(lines, columns, position, xlim=limits)
        _draw_panel(axes, panel, series)
    if not panels:
        figure.text(0.5, 0.5, "no metrics yet", ha="center", va="center", color=INK)
    save_figure(figure, path)


def _series(rows: Sequence[Mapping[str, Any]]) -> _Series:
    """Return the steps and finite values of each metric, in order of first appearance."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in ("step", "wall_time") and isinstance(value, (int, float)):
                points.setdefault(name, []).append((row["step"], value))
    arrays = {name: np.array(pairs, dtype=np.float64).T for name, pairs in points.items()}
    finite = {name: array[:, np.isfinite(array[1])] for name, array in arrays.items()}
    return {name: (array[0], array[1]) for name, array in finite.items() if array.size}


def _panels(series: _Series) -> list[tuple[_Panel, _Series]]:
    left = dict(series)
    panels = []
    for panel in _PANELS:
        names = [name for name in left if name.endswith(panel.endings)]
        if names:
            panels.append((panel, {name: left.pop(name) for name in names}))
    return panels + [(_Panel(_label(name).capitalize(), ()), {name: left[name]}) for name in left]


def _step_limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return one range for all panels, so that they can be compared by eye."""
    steps = [row["step"] for row in rows] or [0]
    margin = 0.02 * (max(steps) - min(steps)) or 1.0
    return min(steps) - margin, max(steps) + margin


def _draw_panel(axes: Axes, panel: _Panel, series: _Series) -> None:
    ranges = []
    for position, (name, (steps, values)) in enumerate(series.items()):
        color = _COLORS.get(name.split("_")[0], _OTHER_COLORS[position % len(_OTHER_COLORS)])
        ranges.append(_draw_series(axes, steps, values, color))
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    if panel.is_share:
        axes.axhline(0.5, color="#999999", linewidth=0.8, linestyle=(0, (4, 4)))
        axes.set_ylim(-0.03, 1.03)
    elif panel.is_logarithmic and low > 0 and high > 20 * low:
        axes.set_yscale("log")
    elif high > low:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    _mark_beyond(axes, series)
    _style(axes, panel)
    if len(series) > 1:
        lines = [line for line in axes.lines if line.get_gid() == _MEAN]
        axes.legend(
            lines,
            _short_labels(list(series)),
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=3,
            borderaxespad=0.2,
            fontsize=9,
            frameon=False,
            labelcolor=INK,
        )


def _style(axes: Axes, panel: _Panel) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

    tidy(axes, panel.title)
    axes.set_xlabel("step", fontsize=9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if panel.is_share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(color=FAINT, linewidth=0.6)


def _draw_series(
    axes: Axes, steps: np.ndarray, values: np.ndarray, color: str
) -> tuple[float, float]:
    """Draw one metric and return the range worth showing, which leaves out rare spikes."""
    low, high = values.min(), values.max()
    starts = _bins(len(steps))
    counts = np.diff(np.append(starts, len(steps)))
    middle = np.add.reduceat(steps, starts) / counts
    mean = values
    if len(starts) >= _SMOOTH_FROM:
        if len(starts) < len(values):
            lowest, highest = (
                np.minimum.reduceat(values, starts),
                np.maximum.reduceat(values, starts),
            )
            axes.fill_between(middle, lowest, highest, color=color, alpha=0.18, linewidth=0)
        else:
            axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.3)
        low = np.percentile(values, 0.5, method="higher")
        high = np.percentile(values, 99.5, method="lower")
        mean = _smoothed(np.add.reduceat(np.clip(values, low, high), starts) / counts)
        # Noise belongs to the picture; what is farther off than that is wide is a spike.
        near = values[(values >= 2 * low - high) & (values <= 2 * high - low)]
        low, high = near.min(), near.max()
    marker = "o" if len(mean) <= _MARK_UP_TO else None
    axes.plot(middle, mean, color=color, linewidth=1.6, marker=marker, markersize=3, gid=_MEAN)
    return float(low), float(high)


def _bins(number: int) -> np.ndarray:
    """Return where each of the bins begins that a long series is drawn by."""
    return np.unique(np.linspace(0, number, min(_BINS, number), False).astype(int))


def _mark_beyond(axes: Axes, series: _Series) -> None:
    """Show where values lie outside of the axes, and how far: no spike is lost."""
    lines = [line for line in axes.lines if line.get_gid() == _MEAN]
    for edge, sign, marker, word in ((1, 1, "^", "up to"), (0, -1, "v", "down to")):
        limit, farthest = sign * axes.get_ylim()[edge], -np.inf
        for line, (steps, values) in zip(lines, series.values(), strict=True):
            extremes = np.maximum.reduceat(sign * values, _bins(len(steps)))
            if (beyond := extremes > limit).any():
                farthest = max(farthest, extremes.max())
                places, color = np.asarray(line.get_xdata())[beyond], line.get_color()
                axes.plot(
                    places, np.full(len(places), edge), marker, color=color, markersize=4,
                    transform=axes.get_xaxis_transform(), clip_on=False, gid=_BEYOND,
                )  # fmt: skip
        if np.isfinite(farthest):
            note, side = f"{word} {sign * farthest:.3g}", "top" if edge else "bottom"
            where = (0.995, 0.03 + 0.94 * edge)
            axes.text(
                *where, note, transform=axes.transAxes, ha="right", va=side, fontsize=7.5,
                color=INK,
            )  # fmt: skip


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return the weighted mean of each value's neighbourhood, which is cut off at the ends."""
    window = np.hanning(2 * (len(values) // 20) + 3)
    weights = np.convolve(np.ones_like(values), window, mode="same")
    return np.convolve(values, window, mode="same") / weights


def _short_labels(names: Sequence[str]) -> list[str]:
    """Return names without the words that they all end in.

    >>> _short_labels(["discriminator_gradient_norm", "generator_gradient_norm"])
    ['discriminator', 'generator']
    """
    words = [name.split("_") for name in names]
    same = 0
    while len({tuple(parts[len(parts) - same - 1 :]) for parts in words}) == 1:
        same += 1
    return [" ".join(parts[: len(parts) - same] or parts) for parts in words]


def _label(name: str) -> str:
    return name.replace("_", " ")
