"""Train an experiment in a folder: resumable to the bit, watched, and drawn."""

from __future__ import annotations

import functools
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import checkpoint, data, parallel, report
from gan_jax.errors import RunError
from gan_jax.evaluation import evaluate_generator, read_evaluation, write_evaluation
from gan_jax.experiment import Experiment
from gan_jax.files import cache_directory
from gan_jax.interruption import Interruption
from gan_jax.train import GANState, scan_steps
from gan_jax.typing import Array, Batch, Metrics
from gan_jax.workdir import claim, disk_errors_named, sample_path
from gan_jax.writers import JsonlWriter, Progress, TensorBoardWriter, read_jsonl

__all__ = ["Finished", "first_bad", "fit", "sample_grid", "use_compilation_cache"]

_BEST = "frechet_distance"


class Finished(NamedTuple):
    """How a run ended.

    Attributes:
      state: the state it ended with.
      signal: the number of the signal that stopped it early, None if it is complete.
    """

    state: GANState
    signal: int | None


def fit(
    experiment: Experiment,
    workdir: str | Path,
    *,
    devices: Sequence[jax.Device] | None = None,
    stream: TextIO | None = None,
) -> Finished:
    """Train from where the folder's last good checkpoint is to the experiment's last step.

    Leaves in `workdir`: `config.json`, `metrics.jsonl`, `tensorboard/`, `samples/step_*.png` (the
    averaged generator on fixed latents), `checkpoints/`, and at the end `curves.png`,
    `training.gif`, `evaluation.json` and `report.html`. SIGINT and SIGTERM save and stop.

    Args:
      experiment: what to train.
      workdir: the run's folder; a run of the same settings in it is gone on with.
      devices: devices to spread each batch over; one device if None and there is one.
      stream: where progress goes, standard error if None.

    Returns:
      The final state, and whether a signal ended the run early.

    Raises:
      UsageError: the folder is another run's or can't be written, or the batch can't be split.
      RunError: a metric is not finite, the disk is full, or no checkpoint is good.
    """
    workdir = Path(workdir)
    devices = list(devices or jax.local_devices())
    parallel.batch_share(experiment.batch_size, len(devices))
    progress = Progress(experiment.steps, stream=stream)
    with ExitStack() as stack:
        stack.enter_context(claim(workdir, _record(experiment)))
        stack.enter_context(disk_errors_named(workdir))
        stack.callback(progress.close)
        dataset = experiment.load(split="train", report=progress.message)
        create_key, data_key, view_key = jax.random.split(jax.random.key(experiment.seed), 3)
        state = _start(experiment, workdir, create_key, progress)
        first = int(state.step)
        saver = stack.enter_context(checkpoint.Checkpoints(workdir / "checkpoints"))
        rows = JsonlWriter(workdir / "metrics.jsonl", resume_step=first)
        stack.callback(rows.close)
        events = TensorBoardWriter(workdir / "tensorboard", resume_step=first or None)
        stack.callback(events.close)
        interruption = stack.enter_context(Interruption())
        log = _Log(experiment.batch_size, rows, events, progress)
        advance = _advance(experiment, dataset, data_key, devices)
        draw = sample_grid(experiment, view_key)

        def look(state: GANState) -> None:
            picture = draw(state)
            report.save_png(sample_path(workdir, int(state.step)), picture)
            events.image(int(state.step), "samples", picture)

        if first == 0:
            look(state)
        pending: tuple[int, Metrics] | None = None
        for step, end in _windows(first, experiment.steps, experiment.log_every):
            state, metrics = advance(state, step, end - step)
            if pending:
                log(*pending)  # the device is at work on the window just dispatched
            pending = (end, metrics)
            stop = end == experiment.steps or interruption.signal is not None
            save = stop or end % experiment.save_every == 0
            see = stop or _worth_a_look(end, experiment)
            if save or see:
                log(*pending)
                pending = None
            if see:
                look(state)
            if save:
                saver.save(end, jax.tree.map(jnp.copy, state))
            if stop:
                break
        progress.close()
        saver.close()
        _conclude(experiment, workdir, state, progress)
        return Finished(state, interruption.signal)


def sample_grid(
    experiment: Experiment, key: Array, *, count: int = 100
) -> Callable[[GANState], np.ndarray]:
    """Make the function that draws a generator's samples on fixed latents.

    Args:
      experiment: whose generator it is; a conditional one fills a row per class.
      key: key of the latents.
      count: number of images.

    Returns:
      A function from a state to a picture, uint8 [H, W, C].
    """
    keys = jax.random.split(key, count)
    labels = jnp.arange(count, dtype=jnp.int32) * experiment.num_classes // count
    sample = jax.jit(experiment.sampler)

    def draw(state: GANState) -> np.ndarray:
        images = np.asarray(sample(state.generator, {"label": labels}, keys))
        scale = report.display_scale(images.shape[1])
        return report.image_grid(images, scale=scale, smooth=True)

    return draw


def first_bad(last_step: int, metrics: Mapping[str, np.ndarray]) -> tuple[int, str, float] | None:
    """Find the first value that is not finite.

    Args:
      last_step: the step that the last entry of each metric belongs to.
      metrics: arrays [K], one value per step.

    Returns:
      The step, the metric's name and the value, or None if all are finite.

    Example:
      >>> first_bad(10, {"loss": np.array([1.0, np.nan, np.inf])})
      (9, 'loss', nan)
    """
    bad = [
        (last_step - len(values) + 1 + int(np.argmax(~np.isfinite(values))), name)
        for name, values in metrics.items()
        if not np.isfinite(values).all()
    ]
    if not bad:
        return None
    step, name = min(bad)
    values = metrics[name]
    return step, name, float(values[step - last_step - 1])


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, so that a second start is quick."""
    folder = cache_directory("xla")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


class _Log:
    """Bring the metrics of a window of steps to the host, check them and write them down."""

    def __init__(
        self, batch_size: int, rows: JsonlWriter, events: TensorBoardWriter, progress: Progress
    ):
        self._batch_size = batch_size
        self._writers = (rows, events)
        self._progress = progress
        self._read_at: float | None = None

    def __call__(self, step: int, metrics: Metrics) -> None:
        values = {name: np.asarray(value) for name, value in jax.device_get(metrics).items()}
        if bad := first_bad(step, values):
            raise RunError(
                f"step {bad[0]}: {bad[1]} is {bad[2]}: training diverged; "
                "the last checkpoint is from before"
            )
        now = time.monotonic()
        row = {name: float(np.mean(value)) for name, value in values.items()}
        speed = None
        if self._read_at is not None:
            steps = len(next(iter(values.values())))
            speed = row["images_per_second"] = steps * self._batch_size / (now - self._read_at)
        self._read_at = now
        rows, events = self._writers
        rows.write(step, row)
        events.scalars(step, row)
        self._progress.update(step, row, images_per_second=speed)


def _start(experiment: Experiment, workdir: Path, key: Array, progress: Progress) -> GANState:
    """Restore the newest good checkpoint, or create the initial state."""
    create = jax.jit(experiment.create)
    restored = checkpoint.restore_latest(
        workdir / "checkpoints", jax.eval_shape(create, key), report=progress.message
    )
    if restored is None:
        return create(key)
    state, step = restored
    progress.message(f"going on from step {step} in {workdir}")
    return state


def _advance(
    experiment: Experiment,
    dataset: data.Dataset,
    key: Array,
    devices: Sequence[jax.Device],
) -> Callable[[GANState, int, int], tuple[GANState, Metrics]]:
    """Make the function that takes a window of steps: `(state, first_step, count)`."""

    def prepared_step(
        state: GANState, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        batch = {"real": data.normalize(batch["image"]), "label": batch["label"]}
        return experiment.train_step(state, batch, axis_name=axis_name)

    step = scan_steps(prepared_step) if experiment.scan else prepared_step
    if len(devices) > 1:
        run = parallel.pmap(step, devices=devices, batch_axis=1 if experiment.scan else 0)
    else:
        run = jax.jit(step, donate_argnums=0)
    arrays = jax.device_put(dataset.arrays, devices[0])
    gather = jax.jit(data.gather)
    indices = functools.partial(
        data.batch_indices, num_examples=len(dataset.labels), batch_size=experiment.batch_size
    )

    def advance(state: GANState, first: int, count: int) -> tuple[GANState, Metrics]:
        window = indices(key, first, count)
        if experiment.scan:
            return run(state, gather(arrays, window))
        collected = []
        for row in window:
            state, metrics = run(state, gather(arrays, row))
            collected.append(metrics)
        return state, jax.tree.map(lambda *values: jnp.stack(values), *collected)

    return advance


def _windows(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut the steps from `first` to `last` at the multiples of `size`."""
    while first < last:
        end = min(last, (first // size + 1) * size)
        yield first, end
        first = end


def _worth_a_look(step: int, experiment: Experiment) -> bool:
    """Look at a run often while it is young: after 1, 2, 4, 8, ... windows, then regularly."""
    windows, rest = divmod(step, experiment.log_every)
    young = step < experiment.sample_every and rest == 0 and windows & (windows - 1) == 0
    return young or step % experiment.sample_every == 0


def _record(experiment: Experiment) -> dict[str, Any]:
    return {
        "experiment": experiment.name,
        "config": dict(experiment.config),
        "command": experiment.command,
        "notes": list(experiment.notes),
        "environment": _environment(),
    }


def _environment() -> dict[str, str]:
    import flax
    import optax

    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "platform": platform.platform(),
    }


def _conclude(
    experiment: Experiment, workdir: Path, state: GANState, progress: Progress
) -> None:
    """Evaluate a finished run, and draw the curves, the film and the page of any run."""
    step = int(state.step)
    evaluation = read_evaluation(workdir)
    if step == experiment.steps and (evaluation is None or evaluation.step != step):
        evaluation = evaluate_generator(experiment, state, report=progress.message)
        write_evaluation(workdir, evaluation)
    rows = read_jsonl(workdir / "metrics.jsonl")
    frames = list((workdir / "samples").glob("step_*.png"))
    report.draw_curves(rows, workdir / "curves.png")
    report.make_gif(frames, workdir / "training.gif")
    page = report.write_report(
        workdir,
        title=experiment.title,
        config=experiment.config,
        rows=rows,
        command=experiment.command,
        final=[] if evaluation is None else evaluation.scores,
        notes=experiment.notes,
        environment=_environment(),
    )
    progress.message(f"step {step}: see {page}")
    print(*(f"  {line}" for line in ([] if evaluation is None else evaluation.lines)), sep="\n")
    sys.stdout.flush()
