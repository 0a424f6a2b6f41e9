"""Play a game many times over in one program: watched, in a folder, resumable to the bit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import checkpoint
from gan_jax.diagnostics import Alarm, Watch, make_probe, observe, watch_rows
from gan_jax.errors import RunError
from gan_jax.interruption import Interruption
from gan_jax.lab.game import Game, Hyperparameters, Run, advance, draw_fakes, start
from gan_jax.lab.protocol import FIGURES, SAMPLES, judge_all, reference_key
from gan_jax.report import draw_points
from gan_jax.train import Spread, seed_keys, usual_spread
from gan_jax.typing import Array, Metrics, TrainStep
from gan_jax.workdir import claim, disk_errors_named, sample_path, sign
from gan_jax.writers import JsonlWriter, Progress, read_jsonl

__all__ = ["WINDOWS", "Played", "make_window", "play"]

WINDOWS = 100
_SAVE_EVERY = 10
_DRAWN = 8
_LOSSES = ("discriminator_loss", "generator_loss")
_POINTS = 1000
_MARGIN = 1.1
_GO_ON = "what was saved before is kept, and the same command goes on from there"


class Played(NamedTuple):
    """How a population ended.

    Attributes:
      step: how far it came.
      figures: what the members' samples are judged to be, [M] each.
      watches: what was seen of each member.
      signal: the number of the signal that stopped it early, None if none did.
      alarm: the alarm that stopped it early, None if none did.
    """

    step: int
    figures: dict[str, np.ndarray]
    watches: tuple[Watch, ...]
    signal: int | None = None
    alarm: Alarm | None = None


def make_window(
    game: Game, *, steps: int, count: int = SAMPLES
) -> Callable[[Hyperparameters, Run], tuple[Run, tuple[Metrics, Array]]]:
    """Make what one member does between two looks.

    Args:
      game: what is played.
      steps: training steps in a window.
      count: how many samples are drawn at the end.

    Returns:
      `(hyperparameters, run) -> (run, (metrics, fakes [count, 2]))`, with the measures of
      `gan_jax.diagnostics` among the metrics; for `population` and what it is made of.
    """

    def window(hyperparameters: Hyperparameters, run: Run) -> tuple[Run, tuple[Metrics, Array]]:
        run, metrics = advance(game, hyperparameters, run, steps=steps)
        step: TrainStep = game.train_step(hyperparameters)
        probe = make_probe(step, game.fake, shown=game.shown, limits=(-jnp.inf, jnp.inf))
        key = jax.random.fold_in(run.look_key, run.state.step)
        real_key, probe_key = jax.random.split(key)
        batch = {"real": game.reals(real_key, game.batch_size)}
        metrics = {**metrics, **probe(run.state, batch, probe_key)}
        return run, (metrics, draw_fakes(game, run, count=count))

    return window


def play(
    game: Game,
    hyperparameters: Mapping[str, Array],
    seeds: Sequence[int],
    *,
    workdir: Path,
    record: Mapping[str, Any],
    spread: Spread | None = None,
    stop_on_alarm: bool = False,
    stream: TextIO | None = None,
) -> Played:
    """Play from where the folder's last good checkpoint is to the last step.

    Leaves in `workdir`: `config.json`, `metrics.jsonl` (means over the members), `seeds/` (the rows
    of each), `samples/step_*.png` and `checkpoints/`. SIGINT and SIGTERM save and stop.

    Args:
      game: what is played.
      hyperparameters: by name, [M] each.
      seeds: of the members, M whole numbers.
      workdir: the population's folder; one of the same record in it is gone on with.
      record: what `config.json` says.
      spread: how members share the machine, `usual_spread()` if None.
      stop_on_alarm: save and stop when an alarm starts in at least half of the members.
      stream: where progress goes, standard error if None.

    Returns:
      How it ended.

    Raises:
      ValueError: the game's steps are not a multiple of `WINDOWS`.
      UsageError: the folder is another's or can't be written.
      RunError: the disk is full, or no checkpoint is good.
    """
    if game.steps < 1 or game.steps % WINDOWS:
        raise ValueError(f"play: steps is {game.steps}, it must be a multiple of {WINDOWS}")
    keys = seed_keys(seeds)
    spread = spread or usual_spread()
    progress = Progress(game.steps, stream=stream)
    with ExitStack() as stack:
        stack.enter_context(claim(workdir, record))
        stack.enter_context(disk_errors_named(workdir, advice=_GO_ON))
        stack.callback(progress.close)
        sign(workdir, record)
        begin = jax.jit(jax.vmap(functools.partial(start, game)))
        runs = _restored(workdir, begin, hyperparameters, keys, progress)
        journal = _Journal(stack, workdir, seeds, int(runs.state.step[0]))
        window = make_window(game, steps=game.steps // WINDOWS)
        take = functools.partial(spread(window), hyperparameters)
        look = functools.partial(_look, game, workdir, seeds)
        return _play(take, runs, game.steps, journal, look, workdir, progress, stop_on_alarm)


def _play(
    take: Callable[[Run], tuple[Run, tuple[Metrics, Array]]],
    runs: Run,
    steps: int,
    journal: _Journal,
    look: Callable[[int, np.ndarray], dict[str, np.ndarray]],
    workdir: Path,
    progress: Progress,
    stop_on_alarm: bool,
) -> Played:
    """Take all windows that are left; judge, write down, save and stop between them."""
    size, step, figures, alarm = steps // WINDOWS, int(runs.state.step[0]), journal.figures, None
    with Interruption() as interruption, checkpoint.Checkpoints(workdir / "checkpoints") as saved:
        stop = step == steps
        while not stop:
            runs, (metrics, fakes) = take(runs)
            step += size
            figures = look(step, np.asarray(fakes))
            heard = journal.write(step, {**jax.device_get(metrics), **figures}, progress)
            alarm = heard if stop_on_alarm else None
            # Asked once: a signal after this is heard with the next window, and saved with it.
            stop = step == steps or interruption.signal is not None or alarm is not None
            if stop or step // size % _SAVE_EVERY == 0:
                saved.save(step, runs)
    signal = None if step == steps else interruption.signal
    return Played(step, figures, tuple(journal.watches), signal, alarm)


def _restored(
    workdir: Path,
    begin: Callable[..., Run],
    hyperparameters: Mapping[str, Array],
    keys: Array,
    progress: Progress,
) -> Run:
    """Restore the newest good checkpoint, or begin."""
    target = jax.eval_shape(begin, hyperparameters, keys)
    restored = checkpoint.restore_latest(workdir / "checkpoints", target, report=progress.message)
    if restored is None:
        return begin(hyperparameters, keys)
    runs, step = restored
    progress.message(f"going on from step {step} in {workdir}")
    return runs


def _look(
    game: Game, workdir: Path, seeds: Sequence[int], step: int, fakes: np.ndarray
) -> dict[str, np.ndarray]:
    """Judge samples, and draw those of the first members now and then."""
    if _is_worth_a_look(step, game.steps):
        reals = game.distribution.sample(reference_key(0), _POINTS)
        panels = {
            f"seed {seed}": (reals, each[:_POINTS])
            for seed, each in zip(seeds[:_DRAWN], fakes, strict=False)
        }
        draw_points(panels, sample_path(workdir, step), extent=_MARGIN * game.distribution.extent)
    return judge_all(game.distribution, fakes)


def _is_worth_a_look(step: int, steps: int) -> bool:
    """Tell whether to draw samples: after 1, 2, 4, 8, ... windows, and every 10."""
    windows = step * WINDOWS // steps
    return windows % _SAVE_EVERY == 0 or windows & (windows - 1) == 0


class _Journal:
    """The rows of all members: in files, and under watch."""

    def __init__(self, stack: ExitStack, workdir: Path, seeds: Sequence[int], step: int):
        """Open the files for what comes after a step."""
        names = [workdir / "seeds" / f"seed_{seed}.jsonl" for seed in seeds]
        self._writers = [JsonlWriter(name, resume_step=step) for name in names]
        self._mean = JsonlWriter(workdir / "metrics.jsonl", resume_step=step)
        for writer in (*self._writers, self._mean):
            stack.callback(writer.close)
        rows = [read_jsonl(name) for name in names]
        self.watches = [watch_rows(each) for each in rows]
        last = [each[-1] for each in rows if each]
        known = [name for name in FIGURES if last and name in last[0]]
        self.figures = {name: np.array([row[name] for row in last]) for name in known}
        self._seeds = seeds
        self._lost: set[int] = set()

    def write(
        self, step: int, values: Mapping[str, np.ndarray], progress: Progress
    ) -> Alarm | None:
        """Write a row of each member and of their means; return an alarm of half of them."""
        for index, writer in enumerate(self._writers):
            row = {name: float(column[index]) for name, column in values.items()}
            self.watches[index] = observe(self.watches[index], {"step": step, **row})
            writer.write(step, {**row, **self.watches[index].flags})
        means = {name: float(np.nanmean(v)) for name, v in values.items() if not np.isnan(v).all()}
        self._mean.write(step, means)
        progress.update(step, means)
        self._tell_lost(step, values, progress)
        return self._tell(step, progress)

    def _tell_lost(self, step: int, values: Mapping[str, np.ndarray], progress: Progress) -> None:
        """Say which members are not finite any more, once; raise if none is left."""
        lost = np.logical_or.reduce([~np.isfinite(values[name]) for name in _LOSSES])
        for seed in (seed for seed, is_lost in zip(self._seeds, lost, strict=True) if is_lost):
            if seed not in self._lost:
                progress.message(f"step {step}, seed {seed}: training diverged (not finite)")
        self._lost |= {seed for seed, bad in zip(self._seeds, lost, strict=True) if bad}
        if lost.all():
            raise RunError(
                f"step {step}: training diverged with every seed; another --learning-rate, in a "
                "new --workdir, may not"
            )

    def _tell(self, step: int, progress: Progress) -> Alarm | None:
        """Say which alarms started in which members; the first time, what helps too."""
        heard: dict[str, tuple[Alarm, list[int]]] = {}
        for seed, watch in zip(self._seeds, self.watches, strict=True):
            for alarm in watch.started:
                heard.setdefault(alarm.name, (alarm, []))[1].append(seed)
        for alarm, seeds in heard.values():
            which = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
            said = alarm.name if self._was_heard(alarm, step) else alarm
            progress.message(f"step {step}, {which}: {said}")
        half = [a for a, _ in heard.values() if self._share(a) >= 0.5]
        return half[0] if half else None

    def _was_heard(self, alarm: Alarm, step: int) -> bool:
        """Tell whether an alarm started in some member before a step."""
        episodes = (episode for watch in self.watches for episode in watch.episodes)
        return any(each.alarm == alarm and each.first < step for each in episodes)

    def _share(self, alarm: Alarm) -> float:
        """Return the share of the members in which an alarm is on."""
        return float(np.mean([alarm in watch.active for watch in self.watches]))
