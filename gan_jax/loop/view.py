"""Pictures of a run: samples while it trains, and the page at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import report
from gan_jax.diagnostics import ALARMS, watch_rows
from gan_jax.evaluation import Evaluation
from gan_jax.experiment import Experiment
from gan_jax.loop.startup import environment
from gan_jax.train import GANState
from gan_jax.typing import Array
from gan_jax.writers import read_jsonl

__all__ = ["draw_report", "sample_grid", "worth_a_look"]


def sample_grid(
    experiment: Experiment, key: Array, *, count: int = 100
) -> Callable[[GANState], np.ndarray]:
    """Make the function that draws a generator's samples on fixed latents.

    Args:
      experiment: whose generator it is; a conditional one fills a row per class. One that makes
        images of others may say itself what is drawn.
      key: key of the latents.
      count: number of images.

    Returns:
      A function from a state to a picture, uint8 [H, W, C].
    """
    if experiment.picture is not None:
        picture = experiment.picture(key)
        return lambda state: picture(experiment.at_rest(state.generator))
    keys = jax.random.split(key, count)
    labels = jnp.arange(count, dtype=jnp.int32) * experiment.num_classes // count
    sample = jax.jit(experiment.sampler)

    def draw(state: GANState) -> np.ndarray:
        generator = experiment.at_rest(state.generator)
        images = np.asarray(sample(generator, {"label": labels}, keys))
        scale = report.display_scale(images.shape[1])
        return report.image_grid(images, scale=scale, smooth=True)

    return draw


def worth_a_look(step: int, experiment: Experiment) -> bool:
    """Look at a run often while it is young: after 1, 2, 4, 8, ... windows, then regularly.

    Args:
      step: the number of steps taken.
      experiment: whose `log_every` is a window and whose `sample_every` is the regular interval.

    Returns:
      Whether to draw samples now.
    """
    windows, rest = divmod(step, experiment.log_every)
    young = step < experiment.sample_every and rest == 0 and windows & (windows - 1) == 0
    return young or step % experiment.sample_every == 0


def draw_report(
    experiment: Experiment, workdir: Path, evaluation: Evaluation | None, data_line: str
) -> Path:
    """Draw the curves, the film and the page of a run from what is in its folder.

    Args:
      experiment: what was trained.
      workdir: the run's folder.
      evaluation: what was measured, if anything.
      data_line: where the data came from.

    Returns:
      The page's path.
    """
    rows = read_jsonl(workdir / "metrics.jsonl")
    flags = {alarm.key for alarm in ALARMS}
    shown = [{name: row[name] for name in row if name not in flags} for row in rows]
    report.draw_curves(shown, workdir / "curves.png")
    if frames := list((workdir / "samples").glob("step_*.png")):
        report.make_gif(frames, workdir / "training.gif", max_side=400)
    return report.write_report(
        workdir,
        title=experiment.title,
        config=experiment.config,
        rows=shown,
        diagnosis=_diagnosis(rows),
        command=experiment.command,
        final=[] if evaluation is None else evaluation.scores,
        data=data_line,
        notes=experiment.notes,
        environment=environment(),
    )


def _diagnosis(rows: Sequence[Mapping[str, Any]]) -> list[report.Finding] | None:
    """Say which alarms were on, and when; None if nothing was measured."""
    watch = watch_rows(rows)
    if not watch.recent:
        return None
    return [
        report.Finding(each.alarm.name, each.first, each.last, each.alarm.what, each.alarm.remedy)
        for each in watch.episodes
    ]
