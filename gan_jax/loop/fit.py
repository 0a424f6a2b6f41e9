"""The training loop: one folder, one state, one window of steps after the other."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import jax

from gan_jax import checkpoint, parallel, report
from gan_jax.diagnostics import Alarm, watch_rows
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
from gan_jax.loop.feed import make_feed, windows
from gan_jax.loop.log import Log
from gan_jax.loop.profile import profile_run
from gan_jax.loop.startup import environment
from gan_jax.loop.view import draw_report, sample_grid, worth_a_look
from gan_jax.train import GANState
from gan_jax.typing import Metrics, PRNGKey
from gan_jax.workdir import claim, disk_errors_named, sample_path, sign
from gan_jax.writers import JsonlWriter, Progress, TensorBoardWriter, read_jsonl

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
      devices: devices to spread each batch over, all local ones if None.
      profile: first trace some steps into `profile/`, and print where their time goes.
      stop_on_alarm: save and stop when an alarm starts, see `gan_jax.diagnostics`; a run that goes
        on afterwards is stopped by another alarm, or by the same one once it was over.
      stream: where progress goes, standard error if None.

    Returns:
      The final state, and how the run ended.

    Raises:
      UsageError: the folder is another run's or can't be written, or the batch can't be split.
      RunError: a metric is not finite, the disk is full, or no checkpoint is good.
    """
    workdir = Path(workdir)
    devices = list(devices or jax.local_devices())
    share = parallel.batch_share(experiment.batch_size, len(devices))
    create_key, data_key, view_key = jax.random.split(jax.random.key(experiment.seed), 3)
    # What a fourth key of the split would be.
    probe_key = jax.random.fold_in(jax.random.key(experiment.seed), 3)
    progress = Progress(experiment.steps, stream=stream)
    with ExitStack() as stack:
        record = _record(experiment)
        stack.enter_context(claim(workdir, record))
        stack.enter_context(disk_errors_named(workdir, advice=_GO_ON))
        stack.callback(progress.close)
        dataset = experiment.load(split="train", report=progress.message)
        feed = make_feed(experiment, dataset, data_key, devices[0])
        held_out = None
        if experiment.evaluate:  # or fail now, not half-way
            held_out = experiment.load(split="test", report=progress.message)
        sign(workdir, record)
        state = _start(experiment, workdir, create_key, devices[0], progress)
        if profile:
            for line in profile_run(experiment, dataset, state, workdir / "profile", devices):
                progress.message(line)
        log = _open_log(stack, experiment, workdir, int(state.step), progress)
        measure = make_look(experiment, dataset, held_out, probe_key, count=_at_least(_FEW, share))
        with closing(feed(int(state.step))) as batches:
            take = functools.partial(advance, make_run(experiment, devices), batches)
            state, signal, alarm = _train(
                experiment, workdir, state, take, view_key, log, measure, stop_on_alarm
            )
        evaluation = _judge(experiment, workdir, state, progress)
        page = draw_report(experiment, workdir, evaluation, dataset.origin)
        return Finished(state, signal, evaluation, page, alarm)


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
        log.events.image(step, "samples", picture)

    first = int(state.step)
    if first == 0:
        look(state, 0)
    pending: tuple[int, Metrics, Metrics | None] | None = None
    alarm: Alarm | None = None
    with (
        Interruption() as interruption,
        checkpoint.Checkpoints(workdir / "checkpoints", best=best, mode=mode) as checkpoints,
    ):
        for _, end in windows(first, experiment.steps, experiment.log_every):
            state, metrics, waited = advance(state, end, pending[1] if pending else None)
            log.waited(waited)
            measures = measure(state, end)
            if pending:
                log.window(*pending)  # while the device works on the window just dispatched
            if stop_on_alarm:
                alarm = next(iter(log.watch.started), None)
            pending = (end, metrics, measures)
            stop = end == experiment.steps or bool(interruption.signal or alarm)
            save = stop or end % experiment.save_every == 0
            see = stop or worth_a_look(end, experiment)
            if save or see:
                log.window(*pending)
                pending = None
            if see:
                look(state, end)
            if save:
                checkpoints.save(end, state, _quick_score(experiment, state, end, log))
            if save or see:
                log.pause()
            if stop:
                break
        if int(state.step) == experiment.steps:
            return state, None, None
        return state, interruption.signal, alarm


def _start(
    experiment: Experiment,
    workdir: Path,
    key: PRNGKey,
    device: jax.Device,
    progress: Progress,
) -> GANState:
    """Restore the newest good checkpoint, or create the initial state."""
    create = jax.jit(experiment.create)
    place = jax.sharding.SingleDeviceSharding(device)
    restored = checkpoint.restore_latest(
        workdir / "checkpoints",
        jax.eval_shape(create, key),
        sharding=place,
        report=progress.message,
    )
    if restored is None:
        # Committed, as what a step returns is: else the second window would compile again.
        return jax.device_put(create(key), place)
    state, step = restored
    progress.message(f"going on from step {step} in {workdir}")
    return state


def _open_log(
    stack: ExitStack, experiment: Experiment, workdir: Path, step: int, progress: Progress
) -> Log:
    """Open the run's files for what comes after a step, and look at what came before."""
    rows = JsonlWriter(workdir / "metrics.jsonl", resume_step=step)
    stack.callback(rows.close)
    seen = watch_rows(read_jsonl(workdir / "metrics.jsonl"))
    events = TensorBoardWriter(workdir / "tensorboard", resume_step=step)
    stack.callback(events.close)
    return Log(experiment.batch_size, rows, events, progress, watch=replace(seen, started=()))


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
    step = int(state.step)
    known = read_evaluation(workdir)
    if known is not None and known.step == step:
        return known
    if not experiment.evaluate or step != experiment.steps:
        return None
    evaluation = experiment.evaluate(
        state.generator,
        step,
        look=functools.partial(draw_pictures, workdir / "evaluation"),
        report=progress.message,
    )
    add_evaluation(workdir, evaluation, standard=True)
    return evaluation


def _record(experiment: Experiment) -> dict[str, Any]:
    """Return what `config.json` says."""
    return {
        "experiment": experiment.name,
        "config": dict(experiment.config),
        "command": experiment.command,
        "notes": list(experiment.notes),
        "environment": environment(),
    }
