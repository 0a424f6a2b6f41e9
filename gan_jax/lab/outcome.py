"""What a population came to: lines, a file of figures, curves and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.lab.game import Game
from gan_jax.lab.playing import Played
from gan_jax.lab.protocol import COUNTS, perfect
from gan_jax.report import Finding, Score, draw_curves, draw_quantiles, write_report
from gan_jax.workdir import write_json
from gan_jax.writers import read_jsonl

__all__ = ["draw_page", "figure_lines", "write_figures"]

_NAMES = {
    "modes": "modes captured",
    "full_modes": "modes with a fifth of their share",
    "high_quality": "high quality",
    "reverse_kl": "reverse KL of the modes",
    "reverse_kl_with_nowhere": "reverse KL with a bin for nowhere",
    "spread": "spread within the modes",
    "distance": "sliced Wasserstein distance",
}


def figure_lines(game: Game, played: Played) -> list[str]:
    """Say what the figures are, each beside what a perfect generator gets.

    Args:
      game: what was played.
      played: how it ended.

    Returns:
      A line for each figure: mean, standard deviation and range over the members that have it, and
      what is perfect.
    """
    floor = perfect(game.distribution)
    lines = []
    for name, title in _NAMES.items():
        if name in played.figures:
            mean, extremes = _summary(played.figures[name])
            lines.append(f"{title:34} {mean:18} ({extremes}; perfect: {_plain(floor[name])})")
    return lines


def write_figures(played: Played, path: Path) -> None:
    """Write the figures as JSON: by name, one entry a member.

    Args:
      played: how a population ended.
      path: the file to make or replace.

    Raises:
      UsageError: it can't be written.
    """
    write_json(path, {name: _entries(name, values) for name, values in played.figures.items()})


def draw_page(
    game: Game, played: Played, seeds: Sequence[int], workdir: Path, record: Mapping[str, Any]
) -> Path:
    """Draw the curves and the page of a population from what is in its folder.

    Args:
      game: what was played.
      played: how it ended.
      seeds: of the members.
      workdir: the population's folder.
      record: what `config.json` says.

    Returns:
      The page's path.
    """
    rows = read_jsonl(workdir / "metrics.jsonl")
    draw_curves(rows, workdir / "curves.png")
    members = [read_jsonl(workdir / "seeds" / f"seed_{seed}.jsonl") for seed in seeds]
    main = "high_quality" if game.distribution.modes else "distance"
    steps = [row["step"] for row in rows]
    values = np.array([[row[main] for row in each] for each in members]).T
    folder = workdir / "evaluation"
    folder.mkdir(exist_ok=True)
    draw_quantiles({main: (steps, values)}, folder / "seeds.png", title=_NAMES[main].capitalize())
    floor = perfect(game.distribution)
    return write_report(
        workdir,
        title=f"{len(seeds)} games on {game.distribution.name}",
        config=record["config"],
        rows=rows,
        command=record["command"],
        final=[
            Score(title, mean, _plain(floor[name]), f"over {len(seeds)} seeds: {extremes}")
            for name, title in _NAMES.items()
            if name in played.figures
            for mean, extremes in (_summary(played.figures[name]),)
        ],
        diagnosis=_findings(played, seeds),
        data=game.distribution.name,
    )


def _findings(played: Played, seeds: Sequence[int]) -> list[Finding]:
    """Return when alarms were on, an entry for each member that raised one."""
    return [
        Finding(
            f"{episode.alarm.name} (seed {seed})",
            episode.first,
            episode.last,
            episode.alarm.what,
            episode.alarm.remedy,
        )
        for seed, watch in zip(seeds, played.watches, strict=True)
        for episode in watch.episodes
    ]


def _entries(name: str, values: np.ndarray) -> list[float | int | None]:
    """Return a member's figure each; JSON has no NaN."""
    plain = int if name in COUNTS else float
    return [plain(value) if np.isfinite(value) else None for value in values]


def _summary(values: np.ndarray) -> tuple[str, str]:
    """Say the mean and standard deviation, and the range, of the members that have a figure."""
    known = values[np.isfinite(values)]
    if not len(known):
        return "none", "not finite in any"
    lost = f", not finite in {len(values) - len(known)}" if len(known) < len(values) else ""
    mean = f"{_plain(known.mean())} ± {_plain(known.std())}"
    return mean, f"{_plain(known.min())} to {_plain(known.max())}{lost}"


def _plain(value: float) -> str:
    return f"{value:.3g}"
