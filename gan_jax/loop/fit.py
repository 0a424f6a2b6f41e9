"""The training loop: one folder, one state, one window of steps after the other."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple, TextIO

import jax

from gan_jax import checkpoint, data, parallel, report
from gan_jax.diagnostics import ALARMS, Alarm
from gan_jax.evaluation import (
    Evaluation,
    Request,
    add_evaluation,
    best_mode,
    draw_pictures,
    read_evaluation,
)
from gan_jax.experiment import Experiment
from gan_jax.interruption import Interruption
from gan_jax.loop.diagnosis import Look, make_look
from gan_jax.loop.dispatch import Advance, advance, make_run
from gan_jax.loop.feed import check_batch, make_feed, windows
from gan_jax.loop.log import Log
from gan_jax.loop.profile import profile_run
from gan_jax.loop.startup import first_state, open_log, open_progress, record
from gan_jax.loop.view import draw_report, sample_grid, worth_a_look
from gan_jax.memory import return_freed_memory
from gan_jax.train import GANState
from gan_jax.typing import Metrics, PRNGKey
from gan_jax.workdir import claim, disk_errors_named, sample_path, sign
from gan_jax.writers import Progress

__all__ = ["Finished", "fit", "summary"]

_QUICK_SAMPLES = 2000
_FEW = 8
_GO_ON = "what was saved before is kept, and the same command goes on from there"


class Finished(NamedTuple):
    """How a run ended.

    Attributes:
      state: the state it ended with.
      signal: the number of the signal that stopped it early, None if none did.
      evaluation: what was measured of its generator, if anything.
      page: the report.
      alarm: the alarm that stopped it early, None if none did.
    """

    state: GANState
    signal: int | None
    evaluation: Evaluation | None
    page: Path
    alarm: Alarm | None = None


def fit(
    experiment: Experiment,
    workdir: str | Path,
    *,
    devices: Sequence[jax.Device] | None = None,
    profile: bool = False,
    stop_on_alarm: bool = False,
    stream: TextIO | None = None,
) -> Finished:
    """Train from where the folder's last good checkpoint is to the experiment's last step.

    Leaves in `workdir`: `config.json`, `metrics.jsonl`, `tensorboard/`, `samples/step_*.png` (the
    averaged generator on fixed latents), `checkpoints/`, and at the end `curves.png`,
    `training.gif`, `evaluation.json` and `report.html`. SIGINT and SIGTERM save and stop.

    Args:
      experiment: what to train.
      workdir: the run's folder; a run of the same settings in it is gone on with.
      devices: devices to spread each batch over, all if None, also of several processes, each of
        which then calls it.
      profile: first trace some steps into `profile/`, and print where their time goes.
      stop_on_alarm: save and stop when an alarm starts, see `gan_jax.diagnostics`; a run that goes
        on afterwards is stopped by another alarm, or by the same one once it was over.
      stream: where progress goes, standard error if None.

    Returns:
      The final state, and how the run ended.

    Raises:
      UsageError: the folder is another run's or can't be written, or the batch can't be split.
      RunError: a metric is not finite, the disk is full, or no checkpoint is good.
      PeerError: another process of the run is gone.
    """
    workdir = Path(workdir)
    devices = list(devices or jax.devices())
    share = parallel.batch_share(experiment.batch_size, len(devices), group=experiment.group)
    create_key, data_key, view_key = jax.random.split(jax.random.key(experiment.seed), 3)
    # What a fourth key of the split would be.
    probe_key = jax.random.fold_in(jax.random.key(experiment.seed), 3)
    with ExitStack() as stack:
        stack.enter_context(parallel.peers_watched())
        progress = open_progress(stack, experiment, stream)
        dataset, held_out = _claim_and_load(stack, experiment, workdir, progress)
        feed = make_feed(experiment, dataset, data_key, devices)
        state = first_state(experiment, workdir, create_key, devices, progress)
        if profile and parallel.is_first():
            alone = parallel.local(state)
            for line in profile_run(experiment, dataset, alone, workdir / "profile", devices):
                progress.message(line)
        log = open_log(stack, experiment, workdir, int(state.step), progress)
        measure = make_look(experiment, dataset, held_out, probe_key, count=_at_least(_FEW, share))
        with closing(feed(int(state.step))) as batches:
            take = functools.partial(advance, make_run(experiment, devices), batches)
            state, signal, alarm = _train(
                experiment, workdir, state, take, view_key, log, measure, stop_on_alarm
            )
        evaluation = _judge(experiment, workdir, state, progress)
        page = workdir / "report.html"
        if parallel.is_first():
            draw_report(experiment, workdir, evaluation, dataset.origin)
        parallel.largest(0)  # Nobody leaves before all is written.
        return Finished(state, signal, evaluation, page, alarm)


def _claim_and_load(
    stack: ExitStack, experiment: Experiment, workdir: Path, progress: Progress
) -> tuple[data.Dataset, data.Dataset | None]:
    """Hold the folder for as long as the run lasts, and load its data; all processes or none."""
    described, held_out = record(experiment), None
    stack.enter_context(disk_errors_named(workdir, advice=_GO_ON))
    with parallel.together():
        if parallel.is_first():
            stack.enter_context(claim(workdir, described))
        dataset = experiment.load(split="train", report=progress.message)
        check_batch(experiment, dataset)
        if experiment.evaluate:  # or fail now, not half-way
            held_out = experiment.load(split="test", report=progress.message)
    same = json.dumps([described["experiment"], described["config"]], sort_keys=True)
    parallel.check_same(same, "settings")
    with parallel.together():
        if parallel.is_first():
            sign(workdir, described)
    return dataset, held_out


def summary(finished: Finished) -> list[str]:
    """Say in a few lines how a run ended and where to look.

    Args:
      finished: what `fit` returned.

    Returns:
      The lines.
    """
    step, workdir = int(finished.state.step), finished.page.parent
    if finished.alarm is not None:
        stopped = f"stopped and saved at step {step} by an alarm, {finished.alarm}"
        return [stopped, f"report:  {finished.page}", "the same command goes on from there"]
    if finished.signal is not None:
        return [f"stopped and saved at step {step}: the same command goes on from there"]
    figures = [] if finished.evaluation is None else finished.evaluation.lines
    return [*figures, f"samples: {sample_path(workdir, step)}", f"report:  {finished.page}"]


def _train(
    experiment: Experiment,
    workdir: Path,
    state: GANState,
    advance: Advance,
    view_key: PRNGKey,
    log: Log,
    measure: Look,
    stop_on_alarm: bool,
) -> tuple[GANState, int | None, Alarm | None]:
    """Take all steps that are left; look, measure, save and stop between windows of them."""
    draw = sample_grid(experiment, view_key)
    best, mode = experiment.best_metric, best_mode(experiment.best_metric)

    def look(state: GANState, step: int) -> None:
        picture = draw(state)
        report.save_png(sample_path(workdir, step), picture)
        log.picture(step, picture)

    first, writes = int(state.step), parallel.is_first()
    if first == 0 and writes:
        look(parallel.local(state), 0)
    pending: tuple[int, Metrics, Metrics | None] | None = None
    alarm: Alarm | None = None
    signal = 0
    with (
        Interruption() as interruption,
        checkpoint.Checkpoints(workdir / "checkpoints", best=best, mode=mode) as checkpoints,
    ):
        for _, end in windows(first, experiment.steps, experiment.log_every):
            state, metrics, waited = advance(state, end, pending[1] if pending else None)
            log.waited(waited)
            shown = parallel.local(state)
            measures = measure(shown, end)
            if pending:
                log.window(*pending)  # while the device works on the window just dispatched
            if stop_on_alarm:
                alarm = _first_alarm(log.watch.started)
            pending = (end, metrics, measures)
            signal = parallel.largest(interruption.signal or 0)
            stop = end == experiment.steps or bool(signal or alarm)
            save = stop or end % experiment.save_every == 0
            see = stop or worth_a_look(end, experiment)
            if save or see:
                log.window(*pending)
                pending = None
            if see and writes:
                look(shown, end)
            if save:
                checkpoints.save(end, state, _quick_score(experiment, shown, end, log))
                return_freed_memory()
            if save or see:
                log.pause()
            if stop:
                break
        if int(state.step) == experiment.steps:
            return state, None, None
        return state, signal or None, alarm


def _first_alarm(started: Sequence[Alarm]) -> Alarm | None:
    """Return the alarm that stops a run, which the first process decides for all."""
    number = parallel.first_says(1 + ALARMS.index(started[0]) if started else 0)
    return ALARMS[number - 1] if number else None


def _at_least(few: int, share: int) -> int:
    """Return the smallest multiple of a share that is at least a few."""
    return share * -(-few // share)


def _quick_score(
    experiment: Experiment, state: GANState, step: int, log: Log
) -> dict[str, float] | None:
    """Judge a checkpoint now and then, on training data, so that the best one can be kept."""
    if not experiment.evaluate or step % experiment.evaluate_every:
        return None
    request = Request(metrics=(experiment.best_metric,), count=_QUICK_SAMPLES)
    evaluation = experiment.evaluate(
        state.generator, step, split="train", request=request, report=log.progress.message
    )
    score = {experiment.best_metric: evaluation.figures[0].value}
    log.row(step, score)
    return score


def _judge(
    experiment: Experiment, workdir: Path, state: GANState, progress: Progress
) -> Evaluation | None:
    """Evaluate a finished run, unless that was done before."""
    step, writes = int(state.step), parallel.is_first()
    known = read_evaluation(workdir)
    if known is not None and known.step == step:
        return known
    if not experiment.evaluate or step != experiment.steps:
        return None
    evaluation = experiment.evaluate(
        parallel.local(state.generator),
        step,
        look=functools.partial(draw_pictures, workdir / "evaluation") if writes else None,
        report=progress.message,
    )
    if writes:
        add_evaluation(workdir, evaluation, standard=True)
    return evaluation
