"""Do the alarms tell failing games from healthy ones? Games that fail on purpose, and that do not.

    python -m benchmarks.alarms --json benchmarks/results/alarms.json
    python -m benchmarks.alarms --only cycling --first-seed 100

All seeds of a game train in one program, shared out over two virtual devices. The figures of
`docs/diagnostics.md` come from here, from seeds on which no threshold was chosen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.failing import Game

__all__ = ["Options", "main", "measure_table", "measures_of", "play", "table"]

PROGRAM = "python -m benchmarks.alarms"
WINDOWS = 50
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Options:
    """Play games that fail and games that do not, and print which alarms went off."""

    only: tuple[str, ...] = ()
    """Names of the games to play; all if not given."""
    seeds: int = 10
    """Seeds of each game that fails."""
    healthy_seeds: int = 5
    """Seeds of each game that does not."""
    first_seed: int = 0
    """The first of the seeds; thresholds were chosen on those from 100 on."""
    json: Path | None = None
    """File for the results; it grows with every game."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("seeds", "healthy_seeds"):
            value = getattr(self, name)
            require(value >= 1, name, value, "a whole number of at least 1")
        require(self.first_seed >= 0, "first_seed", self.first_seed, "0 or above")


def measures_of(game: Game, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """Train all seeds of a game in one program, with a look at the end of each window.

    Args:
      game: what to play.
      seeds: which.

    Returns:
      Measures by name, [seeds, windows].
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gan_jax.diagnostics import make_probe

    probe = make_probe(game.train_step, game.fake)

    def one_seed(seed: jax.Array) -> Any:
        create_key, data_key, probe_key = jax.random.split(jax.random.key(seed), 3)

        def step(state: Any, _: None) -> tuple[Any, None]:
            reals = game.reals(jax.random.fold_in(data_key, state.step))
            return game.train_step(state, reals)[0], None

        def window(state: Any, _: None) -> tuple[Any, Any]:
            state, _ = jax.lax.scan(step, state, length=game.steps // WINDOWS)
            keys = jax.random.split(jax.random.fold_in(probe_key, state.step), 3)
            return state, probe(state, game.reals(keys[0]), keys[1], game.held_out(keys[2]))

        return jax.lax.scan(window, game.create(create_key), length=WINDOWS)[1]

    devices = len(jax.devices())
    padded = -(-len(seeds) // devices) * devices
    given = np.resize(np.asarray(seeds), padded).reshape(devices, -1)
    rows = jax.pmap(lambda seeds: jax.lax.map(one_seed, seeds))(jnp.asarray(given))
    return {name: np.asarray(v).reshape(padded, -1)[: len(seeds)] for name, v in rows.items()}


def play(game: Game, seeds: Sequence[int]) -> dict[str, Any]:
    """Play all seeds of a game, and fold its alarms.

    Args:
      game: what to play.
      seeds: which.

    Returns:
      `steps`, how many were played; `alarms`, for each seed the alarms that went off and the step
      at which each first did; `measures`, the `QUANTILES` of each over seeds and windows.
    """
    import numpy as np

    from gan_jax.diagnostics import watch_rows

    measures = measures_of(game, seeds)
    every = game.steps // WINDOWS
    found = []
    for index in range(len(seeds)):
        rows = [
            {"step": every * (w + 1), **{name: float(v[index, w]) for name, v in measures.items()}}
            for w in range(WINDOWS)
        ]
        first: dict[str, int] = {}
        for episode in watch_rows(rows).episodes:
            first.setdefault(episode.alarm.name, episode.first)
        found.append(first)
    quantiles = {name: np.quantile(v, QUANTILES).round(4).tolist() for name, v in measures.items()}
    return {"steps": game.steps, "alarms": found, "measures": quantiles}


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out which alarms went off as a table in Markdown.

    Args:
      results: what `play` returned, by game; one that fails is called by the alarm it is to raise.

    Returns:
      The table.
    """
    from statistics import median

    from gan_jax.diagnostics import ALARMS

    names = [alarm.name for alarm in ALARMS]
    lines = [
        "| game | steps | its alarm | first at step, median | other alarms |",
        "|---" * 5 + "|",
    ]
    for game, result in results.items():
        seeds = result["alarms"]
        counts = {name: sum(name in first for first in seeds) for name in names}
        own = [first[game] for first in seeds if game in first]
        cells = [game, f"{result['steps']:,}"]
        is_failing = game in names
        cells += [f"{len(own)} of {len(seeds)}" if is_failing else "—"]
        cells += [f"{median(own):,.0f}" if own else "—"]
        others = [f"{name} {n}" for name, n in counts.items() if n and name != game]
        cells += [", ".join(others) if others else f"none in {len(seeds)}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out what the measures were as a table in Markdown.

    Args:
      results: what `play` returned, by game.

    Returns:
      The table: 5 %, 50 % and 95 % of all looks at all seeds.
    """
    names = list(next(iter(results.values()))["measures"])
    heads = ["game", *(name.replace("_", " ") for name in names)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for game, result in results.items():
        cells = [" … ".join(f"{x:.2f}" for x in result["measures"][name]) for name in names]
        lines.append("| " + " | ".join([game, *cells]) + " |")
    return "\n".join(lines)


def _run(options: Options) -> int:
    """Play what is asked, and return the exit code."""
    import jax

    from benchmarks.failing import FAILING, HEALTHY

    games = {**FAILING, **HEALTHY}
    for name in options.only:
        require(name in games, "only", name, f"one of {', '.join(map(repr, games))}")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 2)
    results: dict[str, Any] = {}
    write_results(options.json, results)
    for name, make in games.items():
        if options.only and name not in options.only:
            continue
        begun = time.monotonic()
        count = options.seeds if name in FAILING else options.healthy_seeds
        results[name] = play(make(), range(options.first_seed, options.first_seed + count))
        print(f"{name}: {time.monotonic() - begun:.0f} s", flush=True)
        print(table({name: results[name]}).splitlines()[-1], flush=True)
        write_results(options.json, results)
    print(table(results), measure_table(results), sep="\n\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"alarms": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
