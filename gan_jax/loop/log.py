"""Metrics from the device to the files and the screen, checked on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import jax
import numpy as np

from gan_jax.diagnostics import Watch, observe
from gan_jax.errors import RunError
from gan_jax.typing import Metrics
from gan_jax.writers import JsonlWriter, Progress, TensorBoardWriter

__all__ = ["Log", "first_bad"]


class Log:
    """Bring the metrics of a window of steps to the host, check them and write them down.

    Attributes:
      progress: the display, for lines of other kinds.
      watch: what was seen of the run, for alarms.
    """

    def __init__(
        self,
        batch_size: int,
        rows: JsonlWriter | None,
        events: TensorBoardWriter | None,
        progress: Progress,
        *,
        watch: Watch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Start a log.

        Args:
          batch_size: images per step, for the rate.
          rows: where rows go; None in a process that writes nothing.
          events: where TensorBoard events and pictures go; likewise.
          progress: the display.
          watch: what was seen of the run before.
          clock: seconds that only go up.
        """
        self.progress = progress
        self._events = events
        self.watch = Watch() if watch is None else watch
        self._rows = rows
        self._batch_size = batch_size
        self._clock = clock
        self._read_at: float | None = None
        self._waited = 0.0

    def waited(self, seconds: float) -> None:
        """Count time for which the devices waited for data, since the last window was written.

        Args:
          seconds: how long.
        """
        self._waited += seconds

    def window(self, step: int, metrics: Metrics, measures: Metrics | None = None) -> None:
        """Wait for a window's metrics and write their means down, and what a look has measured.

        From the second window on there are also `images_per_second` and `data_wait`, the share of
        the time since the window before, pauses left out, that was counted by `waited`. With the
        measures go `alarm_...`, 1 for those that are on; one that starts is said with its remedy.

        Args:
          step: the window's last step.
          metrics: arrays [K], one value per step.
          measures: scalars of a look at its last step, if there was one.

        Raises:
          RunError: a metric is not finite.
        """
        values = {name: np.asarray(value) for name, value in jax.device_get(metrics).items()}
        if bad := first_bad(step, values):
            raise RunError(
                f"step {bad[0]}: {bad[1]} is {bad[2]}: training diverged; "
                "checkpoints are from before it; another --learning-rate or --seed, in a new "
                "--workdir, may not"
            )
        now = self._clock()
        row = {name: float(np.mean(value)) for name, value in values.items()}
        speed = None
        if self._read_at is not None:
            seconds = now - self._read_at
            steps = len(next(iter(values.values())))
            speed = row["images_per_second"] = steps * self._batch_size / seconds
            row["data_wait"] = self._waited / seconds
        self._read_at, self._waited = now, 0.0
        if measures is not None:
            row |= {name: float(value) for name, value in jax.device_get(measures).items()}
            self.watch = observe(self.watch, {**row, "step": step})
            row |= self.watch.flags
        self.row(step, row)
        for alarm in self.watch.started if measures is not None else ():
            self.progress.message(f"step {step}: {alarm}")
        self.progress.update(step, row, images_per_second=speed)

    def row(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers of a step down, to `metrics.jsonl` and to TensorBoard.

        Args:
          step: the step they belong to.
          values: the numbers by name.
        """
        if self._rows:
            self._rows.write(step, values)
        if self._events:
            self._events.scalars(step, values)

    def picture(self, step: int, picture: np.ndarray) -> None:
        """Add a picture of samples to the TensorBoard events.

        Args:
          step: the step it belongs to.
          picture: uint8 [H, W, C].
        """
        if self._events:
            self._events.image(step, "samples", picture)

    def pause(self) -> None:
        """Leave the time since the last window was written out of the rates."""
        self._read_at = self._clock()


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
    return step, name, float(metrics[name][step - last_step - 1])
