"""Sweep over hyper-parameters: by a grid, at random, or by successive halving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from experiments.mixtures.recipes import (
    NUMBERS,
    PROGRAM,
    SHAPES,
    USUAL,
    Common,
    check,
    check_steps,
    contents,
    make_game,
    numbers,
    prepare,
    settle,
    spell_out,
)
from gan_jax.command_line import require
from gan_jax.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.tuning import Axis
    from gan_jax.writers import Progress

__all__ = ["Sweep", "sweep"]

HIGHER = ("modes", "full_modes", "high_quality")
LOWER = ("reverse_kl", "reverse_kl_with_nowhere", "distance")
BEST = 5
UNIT = 500
POINTS = 5
GO_ON = "what was trained before is kept, and the same command goes on from there"


@dataclass(frozen=True)
class Sweep(Common):
    """Train a population over hyper-parameters and seeds, and keep one table of what came out.

    Any option below that says "axis" takes what it may be: one number, several (0.01,0.1,1) or a
    range (1e-4:1e-2:log, of which a grid takes 5 points, or 7: 1e-4:1e-2:log:7). The same command
    goes on where it stopped.
    """

    workdir: Path = Path("runs/sweep")
    """Folder of the sweep."""
    steps: int = 10_000
    """Training steps, a multiple of 100; of halving, a multiple of 500."""
    search: Literal["grid", "random", "halving"] = "grid"
    """grid: every combination. random: settings drawn independently. halving: settings drawn, the
    better half of which goes on, and so on."""
    settings: int = 64
    """How many are drawn at random, or at the start of halving."""
    score: Literal[
        "modes", "full_modes", "high_quality", "reverse_kl", "reverse_kl_with_nowhere", "distance"
    ] = "reverse_kl_with_nowhere"
    """Figure by which settings are ranked; where the target has no modes, it is distance."""
    table: Literal["csv", "parquet"] = "csv"
    """Kind of the table."""
    chunk: int = 16
    """Runs in a dispatch."""
    learning_rate: str | None = None
    """Axis."""
    generator_rate: str | None = None
    """Axis."""
    beta1: str | None = None
    """Axis."""
    beta2: str | None = None
    """Axis."""
    gamma: str | None = None
    """Axis."""
    gamma_fall: str | None = None
    """Axis."""
    clip: str | None = None
    """Axis."""
    ema: str | None = None
    """Axis."""
    batch_size: str | None = None
    """Axis of whole numbers, as are those that follow; each value is a program of its own."""
    width: str | None = None
    """Axis."""
    normals: str | None = None
    """Axis."""
    signs: str | None = None
    """Axis."""
    octaves: str | None = None
    """Axis."""
    critic_steps: str | None = None
    """Axis."""
    pack: str | None = None
    """Axis."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        check_steps(self.steps)
        for name in ("settings", "chunk"):
            value = getattr(self, name)
            require(1 <= value <= 1_000_000, name, value, "from 1 to 1000000")
        multiple = self.search != "halving" or self.steps % UNIT == 0
        require(multiple, "steps", self.steps, f"a multiple of {UNIT} for halving")


def axes(options: Sweep) -> dict[str, Axis]:
    """Read the axes."""
    from gan_jax.tuning import parse_axis

    space = {}
    for name in (*NUMBERS, *SHAPES):
        if (text := getattr(options, name)) is not None:
            try:
                space[name] = parse_axis(text, integer=name in SHAPES)
            except UsageError as error:
                raise UsageError(f"--{name.replace('_', '-')}, {error}") from None
            for value in space[name].grid(2):
                check(name, value.item())
    if all(len(axis.grid(2)) < 2 for axis in space.values()):
        raise UsageError("nothing to sweep over: give an option a range, as --gamma 0.01,0.1,1")
    return space


def draw(options: Sweep, space: Mapping[str, Axis]) -> dict[str, np.ndarray]:
    """Return the settings to try, by name."""
    from gan_jax.tuning import grid_search, random_search

    if options.search != "grid":
        return random_search(space, count=options.settings, seed=options.seed)
    return grid_search(space, points=POINTS)


def fix(options: Sweep, settings: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the settings that all have, with the first values of those that differ.

    Every combination of what shapes a program is looked at, so that none is refused later.
    """
    given = {name: getattr(options, name) for name in ("loss", "penalties", "spectral")}
    given |= {name: column[0].item() for name, column in settings.items()}
    shapes = [name for name in SHAPES if name in settings]
    for values in set(zip(*(settings[name].tolist() for name in shapes), strict=True)):
        settle(options.recipe, {**given, **dict(zip(shapes, values, strict=True))})
    return settle(options.recipe, given)


def better(score: str) -> Literal["max", "min"]:
    """Tell whether more of a figure is better, or less."""
    return "max" if score in HIGHER else "min"


def sweep(options: Sweep) -> int:
    """Train a population, say which settings are the best, and return the exit code."""
    space = axes(options)
    settings = draw(options, space)
    fixed = fix(options, settings)
    prepare(options.chunk)
    import numpy as np

    from gan_jax.workdir import claim, disk_errors_named, sign
    from gan_jax.writers import Progress

    target = make_game(options.target, fixed, options.steps).distribution
    score = options.score if target.modes or options.score == "distance" else "distance"
    record = {"experiment": "mixtures sweep", **said(options, space, fixed)}
    with claim(options.workdir, record), disk_errors_named(options.workdir, advice=GO_ON):
        sign(options.workdir, record)
        with closing(Progress(len(settings[next(iter(settings))]) * options.seeds)) as progress:
            try:
                rows = play(options, settings, fixed, score, progress)
            except KeyboardInterrupt:
                progress.message(f"stopped: {GO_ON}")
                raise
        varied = [name for name in space if len(np.unique(settings[name])) > 1]
        print(*keep(options, rows, varied or list(space), score), sep="\n")
    return 0


def said(options: Sweep, space: Mapping[str, Axis], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `config.json` says: what was asked, what it came to, and the command again."""
    names = ("target", "steps", "seeds", "seed", "search", "settings", "score")
    asked = {name: getattr(options, name) for name in names}
    if options.search == "grid":
        asked.pop("settings")
    constant = {name: value for name, value in fixed.items() if name not in space}
    varied = {name: str(axis) for name, axis in space.items()}
    own = {name: value for name, value in constant.items() if name not in (*NUMBERS, *SHAPES)}
    texts = {n: str(v) for n, v in constant.items() if n not in own and v != USUAL[n]}
    command = spell_out(f"{PROGRAM} sweep", Sweep, {**asked, **own, **texts, **varied})
    return {
        "config": {**asked, **constant, **varied, **contents(options.target)},
        "command": command,
    }


def play(
    options: Sweep,
    settings: dict[str, np.ndarray],
    fixed: Mapping[str, Any],
    score: str,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Train all there is to train; return a row for each setting and seed."""
    import numpy as np

    from gan_jax import lab
    from gan_jax.tuning import KeptResults, halving_rounds

    count = len(next(iter(settings.values())))
    constant = {n: np.full(count, v) for n, v in numbers(fixed).items() if n not in settings}
    common: dict[str, Any] = dict(
        make_game=lambda shapes: make_game(options.target, {**fixed, **shapes}, options.steps),
        settings={**settings, **constant},
        seeds=range(options.seed, options.seed + options.seeds),
        shapes=SHAPES,
        chunk=options.chunk,
        kept=lambda name: KeptResults(options.workdir / "kept" / name),
    )
    if options.search != "halving":
        return lab.sweep(**common, report=lambda done, _: progress.update(done, {}))
    rounds = halving_rounds(count, budget=options.steps // UNIT)
    halving, rows = lab.halve(
        **common,
        rounds=rounds,
        score=score,
        mode=better(score),
        unit=UNIT,
        report=lambda done, total: progress.update(done * count * options.seeds // total, {}),
    )
    progress.message(
        f"{halving.cost * UNIT:,} steps per seed in {len(rounds)} rounds; all settings to the end "
        f"would be {halving.full_cost * UNIT:,}"
    )
    return rows


def keep(
    options: Sweep, rows: list[dict[str, Any]], varied: Sequence[str], score: str
) -> list[str]:
    """Write the table and draw the pictures; return lines on the best settings."""
    from gan_jax import tuning

    path = options.workdir / f"table.{options.table}"
    tuning.write_table(rows, path)
    ended = max(row.get("steps", 0) for row in rows)
    complete = [row for row in rows if row.get("steps", 0) == ended]
    figures = [name for name in (*HIGHER, "spread", *LOWER) if name in rows[0]]
    summary = tuning.summarize(complete, by=varied, values=figures)
    summary = tuning.best_rows(summary, f"{score}_mean", count=BEST, mode=better(score))
    pictures = draw_pictures(options, rows, varied, score)
    shown = list(dict.fromkeys([score, *figures]))[:5]
    lines = [f"the best settings that were trained to the end, by {score}:"]
    for row in summary:
        setting = " ".join(f"--{n.replace('_', '-')} {_shown(row[n])}" for n in varied)
        values = ", ".join(f"{n} {row[f'{n}_mean']:.4g}" for n in shown)
        lines.append(f"  {setting}: {values}")
    return [*lines, f"table: {path}", *(f"picture: {picture}" for picture in pictures)]


def draw_pictures(
    options: Sweep, rows: list[dict[str, Any]], varied: Sequence[str], score: str
) -> list[Path]:
    """Draw the score over each axis; of a grid also quantiles, and the first two axes as a map."""
    from gan_jax import report

    paths = []
    for name in varied:
        paths.append(options.workdir / f"{name}.png")
        report.draw_swarm(rows, paths[-1], x=name, value=score)
        if options.search == "grid":
            values = sorted({row[name] for row in rows})
            columns = [[row[score] for row in rows if row[name] == value] for value in values]
            paths.append(options.workdir / f"{name}_quantiles.png")
            words = name.replace("_", " ")
            report.draw_quantiles({score: (values, columns)}, paths[-1], title=words, x=words)
    if options.search == "grid" and len(varied) > 1:
        paths.append(options.workdir / "heat_map.png")
        report.draw_heat_map(rows, paths[-1], x=varied[0], y=varied[1], value=score)
    return paths


def _shown(value: float) -> str:
    """Return a setting as an option takes it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
