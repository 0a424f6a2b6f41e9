"""Hyper-parameter tuning in the plane: many settings and seeds, in as few programs as there can be.

Settings that shape the program (widths, batch sizes, how often the critic is updated) are grouped:
each of their combinations is one game, whose members differ in numbers alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.lab.game import Game, Hyperparameters, Run, advance, draw_fakes, finish, start
from gan_jax.lab.protocol import COUNTS, SAMPLES, judge_all
from gan_jax.train import population, seed_keys, usual_spread
from gan_jax.tuning import Halving, Round, as_rows, cross_seeds, halving_cost, successive_halving
from gan_jax.typing import Array, PRNGKey

__all__ = ["MakeGame", "Table", "halve", "sweep"]

MakeGame = Callable[[Mapping[str, Any]], Game]
"""Makes a game of the settings that shape it."""
Table = list[dict[str, Any]]
Settings = Mapping[str, np.ndarray]
Report = Callable[[int, int], None]
Kept = Callable[[str], MutableMapping[str, Any]]


def sweep(
    make_game: MakeGame,
    settings: Settings,
    seeds: Sequence[int],
    *,
    shapes: Sequence[str],
    chunk: int | None = None,
    kept: Kept | None = None,
    report: Report | None = None,
) -> Table:
    """Play every setting with every seed to its end.

    Args:
      make_game: makes the game of a combination of shapes.
      settings: by name, [N] each.
      seeds: of each setting.
      shapes: the names that shape the program; the others are numbers.
      chunk: members per dispatch, see `population`.
      kept: makes the mapping, by a name, that keeps results over an interruption, see `population`.
        The name has shapes and steps; another loss or distribution needs another `kept`.
      report: told the number of members done and of all.

    Returns:
      A row for each setting and seed: the settings, `seed`, and what `judge` says.
    """
    table, done = _Members(settings, seeds), 0
    for name, game, members in _games(make_game, table, shapes):
        fakes = population(
            functools.partial(finish, game, count=SAMPLES),
            table.numbers(members, shapes),
            table.keys(members),
            chunk=chunk,
            kept=kept and kept(name),
            report=_counting(report, done, table.members),
        )
        table.fill(members, judge_all(game.distribution, fakes))
        done += len(members)
    return table.rows()


def halve(
    make_game: MakeGame,
    settings: Settings,
    seeds: Sequence[int],
    rounds: Sequence[Round],
    *,
    shapes: Sequence[str],
    score: str,
    mode: Literal["max", "min"],
    unit: int,
    chunk: int | None = None,
    kept: Kept | None = None,
    report: Report | None = None,
) -> tuple[Halving, Table]:
    """Find a good setting by successive halving; those that stay go on from where they were.

    Args:
      make_game: as in `sweep`; the games' schedules are those of the whole budget.
      settings: by name, [N] each.
      seeds: of each setting, whose mean score decides.
      rounds: as from `gan_jax.tuning.halving_rounds`, in units.
      shapes: as in `sweep`.
      score: which figure of `judge` decides.
      mode: whether more of it is better, `"max"`, or less, `"min"`.
      unit: training steps in a unit of the budget, taken in one dispatch.
      chunk: members per dispatch.
      kept: as in `sweep`; the state of every member is kept after every unit.
      report: told the number of training steps done by all members, and of all there will be.

    Returns:
      What was kept when; and the rows of `sweep` as they were when each member ended, with the
      `steps` it took.
    """
    table, spent, done = _Members(settings, seeds), 0, 0
    total = halving_cost(rounds) * unit * len(seeds)
    games = list(_games(make_game, table, shapes))
    parts = [functools.partial(_part, game, unit) for _, game, _ in games]
    spread = functools.cache(usual_spread())  # or every unit would be compiled anew
    numbers_of = functools.partial(table.numbers, shapes=shapes)
    runs = [
        population(
            functools.partial(start, game), numbers_of(members), table.keys(members), chunk=chunk
        )
        for _, game, members in games
    ]

    tell = report or (lambda done, total: None)

    def advance_to(chosen: np.ndarray, budget: int) -> np.ndarray:
        nonlocal spent, done
        for index, (name, game, members) in enumerate(games):
            stay = np.flatnonzero(np.isin(members // len(seeds), chosen))
            if not len(stay):
                continue
            numbers = numbers_of(members[stay])
            run = jax.tree.map(lambda leaf, stay=stay: leaf[stay], runs[index])
            store = kept and kept(f"{name},unit={unit}")
            for _ in range(spent, budget):
                run, fakes = population(
                    parts[index], numbers, run, spread=spread, chunk=chunk, kept=store
                )
                done += unit * len(stay)
                tell(done, total)
            runs[index] = jax.tree.map(functools.partial(_put, stay), runs[index], run)
            steps = np.full(len(stay), budget * unit)
            table.fill(members[stay], {**judge_all(game.distribution, fakes), "steps": steps})
        spent = budget
        return table.means(score)[chosen]

    return successive_halving(advance_to, rounds, mode=mode), table.rows()


class _Members:
    """The members of a sweep, each setting with each seed, and what is known of them."""

    def __init__(self, settings: Settings, seeds: Sequence[int]):
        self._columns = cross_seeds(settings, seeds)
        self.members = len(self._columns["seed"])
        self.settings = self.members // len(seeds)
        self._figures: dict[str, np.ndarray] = {}

    def numbers(self, members: np.ndarray, shapes: Sequence[str]) -> dict[str, Array]:
        """Return the hyper-parameters of members."""
        names = [name for name in self._columns if name not in (*shapes, "seed")]
        return {name: jnp.asarray(self._columns[name][members], jnp.float32) for name in names}

    def named(self, shapes: Sequence[str]) -> list[str]:
        """Return those shapes that are among the settings."""
        return [name for name in shapes if name in self._columns]

    def shapes(self, shapes: Sequence[str]) -> dict[tuple[Any, ...], list[int]]:
        """Return the members of each combination of shapes."""
        columns = [self._columns[name].tolist() for name in shapes]
        groups: dict[tuple[Any, ...], list[int]] = {}
        for member, values in enumerate(zip(*columns, strict=True)):
            groups.setdefault(values, []).append(member)
        return groups or {(): list(range(self.members))}

    def keys(self, members: np.ndarray) -> PRNGKey:
        """Return the keys of members."""
        return seed_keys(self._columns["seed"][members])

    def fill(self, members: np.ndarray, figures: Mapping[str, np.ndarray]) -> None:
        """Note what is now known of members."""
        for name, values in figures.items():
            column = self._figures.setdefault(name, np.full(self.members, np.nan))
            column[members] = values

    def means(self, figure: str) -> np.ndarray:
        """Return each setting's mean of a figure over the seeds."""
        return self._figures[figure].reshape(self.settings, -1).mean(axis=1)

    def rows(self) -> Table:
        """Return a row for each member."""
        whole = {
            name: self._figures[name].astype(int)
            for name in (*COUNTS, "steps")
            if name in self._figures
        }
        return as_rows({**self._columns, **self._figures, **whole})


def _games(
    make_game: MakeGame, table: _Members, shapes: Sequence[str]
) -> Iterator[tuple[str, Game, np.ndarray]]:
    """Yield the game of each combination of shapes, with a name for it, and its members."""
    named = table.named(shapes)
    for values, members in table.shapes(named).items():
        shape = dict(zip(named, values, strict=True))
        game = make_game(shape)
        name = ",".join(f"{k}={v}" for k, v in [*shape.items(), ("steps", game.steps)])
        yield name, game, np.asarray(members)


def _part(game: Game, unit: int, numbers: Hyperparameters, run: Run) -> tuple[Run, Array]:
    run, _ = advance(game, numbers, run, steps=unit)
    return run, draw_fakes(game, run, count=SAMPLES)


def _put(places: np.ndarray, leaves: Array, new: Array) -> Array:
    return jnp.asarray(leaves).at[places].set(jnp.asarray(new))


def _counting(report: Report | None, before: int, total: int) -> Report | None:
    """Return a report of some members as one of all."""
    return report and (lambda done, _: report(before + done, total))
