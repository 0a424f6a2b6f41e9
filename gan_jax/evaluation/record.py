"""What was measured of a run, as a table and as a file."""

from __future__ import annotations

import dataclasses
import json
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_jax import metrics
from gan_jax.files import atomic_write
from gan_jax.report import Score

__all__ = ["Evaluation", "add_evaluation", "figure_table", "read_evaluation", "write_evaluation"]

_FILE = "evaluation.json"


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a generator at a step.

    Attributes:
      step: the training step.
      figures: each with its conditions, and beside the same figure of real data.
    """

    step: int
    figures: tuple[metrics.Figure, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        """The figures for a page."""
        return tuple(
            Score(figure.name, _value(figure), figure.floor, _note(figure))
            for figure in self.figures
        )

    @property
    def lines(self) -> list[str]:
        """The figures for a terminal."""
        return figure_table(self.figures)


def figure_table(figures: Sequence[metrics.Figure]) -> list[str]:
    """Lay figures out in lines, each with all that it was measured on.

    What stands after ± is the standard deviation, and over what.

    Args:
      figures: any.

    Returns:
      A line of headings, and a line for each figure.

    Example:
      >>> conditions = metrics.Conditions("pixels", 9, "test", 9)
      >>> for line in figure_table([metrics.Figure("recall", 0.25, conditions)]):
      ...     print(line)
      metric  value  measured on
      recall  0.25   pixels,9 fake,9 test
    """
    rows = [("metric", "value", "real data", "measured on", "real data measured on")]
    for figure in figures:
        floor = "" if figure.floor is None else f"{figure.floor:.4g}"
        over = f" over {figure.deviation_of}" if figure.deviation_of else ""
        rows.append(
            (figure.metric, _shown(figure) + over, floor, figure.conditions.full,
             figure.floor_measured_on)
        )  # fmt: skip
    filled = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in filled]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*filled, strict=True)
    ]


def read_evaluation(workdir: Path) -> Evaluation | None:
    """Read what was measured of a run.

    Args:
      workdir: the run's folder; the file in it may be one of an older version.

    Returns:
      The evaluation, or None if there is none or its file is damaged.
    """
    try:
        content = json.loads((workdir / _FILE).read_text(encoding="utf-8"))
        step, scores = content["step"], content["scores"]
        return Evaluation(operator.index(step), tuple(map(metrics.from_json, scores)))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def write_evaluation(workdir: Path, evaluation: Evaluation, *, name: str = _FILE) -> None:
    """Keep what was measured of a run in `evaluation.json`.

    Args:
      workdir: the run's folder.
      evaluation: what to keep.
      name: another file.

    Raises:
      OSError: the file can't be written.
    """
    content = {"step": evaluation.step, "scores": list(map(metrics.as_json, evaluation.figures))}
    with atomic_write(workdir / name, "w") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")


def add_evaluation(workdir: Path, evaluation: Evaluation, *, standard: bool) -> bool:
    """Keep figures in `evaluation.json` beside those of the same step that are there.

    A figure takes the place of one of the same id. The standard figures come first, and take the
    place of those of an earlier step; others are only kept where those of their step are.

    Args:
      workdir: the run's folder.
      evaluation: what was measured.
      standard: whether it is what is measured where nothing is chosen.

    Returns:
      Whether they were kept.

    Raises:
      OSError: the file can't be written.
    """
    known = read_evaluation(workdir)
    old = known.figures if known is not None and known.step == evaluation.step else ()
    later = known is not None and known.step > evaluation.step
    if later or (not old and not standard):
        return False
    new = evaluation.figures
    # Figures of older versions have no full ids, and would stand beside the same ones.
    names = {figure.name for figure in new if standard}
    old = tuple(f for f in old if f.conditions.real_digest or f.name not in names)
    first, then = (new, old) if standard else (old, new)
    merged = {figure.id: figure for figure in (*first, *then)}
    merged |= {figure.id: figure for figure in new}
    write_evaluation(workdir, dataclasses.replace(evaluation, figures=tuple(merged.values())))
    return True


def _shown(figure: metrics.Figure) -> str:
    deviation = "" if figure.deviation is None else f" ± {figure.deviation:.2g}"
    return f"{figure.value:.4g}{deviation}"


def _value(figure: metrics.Figure) -> float | str:
    return figure.value if figure.deviation is None else _shown(figure)


def _note(figure: metrics.Figure) -> str:
    """Say what the short name leaves out."""
    told = set(figure.conditions.brief.split(","))
    rest = [part for part in figure.conditions.full.split(",") if part not in told]
    over = f"± over {figure.deviation_of}" if figure.deviation_of else ""
    floor = f"real data: {figure.floor_measured_on}" if figure.floor_measured_on else ""
    return "; ".join(filter(None, [", ".join(rest), over, floor]))
