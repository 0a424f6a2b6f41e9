"""Scalars and image grids as TensorBoard events."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["TensorBoardWriter"]

_FLUSH_SECONDS = 5.0


class TensorBoardWriter:
    """Write the events that `tensorboard --logdir` shows.

    Events are written by the calling thread rather than through tensorboardX's `SummaryWriter`,
    whose background thread swallows a full disk and then blocks the run for ever.

    Args:
      folder: where the event file goes; made if missing. Each writer makes a file of its own.
      resume_step: the step that the run goes on from; TensorBoard then hides events of later steps
        that an earlier run left in the folder. `None` hides nothing.

    Raises:
      OSError: the folder cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], *, resume_step: int | None = None):
        from tensorboardX.event_file_writer import EventsWriter

        Path(folder).mkdir(parents=True, exist_ok=True)
        # Without a suffix, two writers made within one second would share a file.
        self._writer = EventsWriter(os.path.join(folder, "events"), f".{time.time_ns()}")
        self._flushed_at = time.monotonic()
        if resume_step is not None:
            self._hide_from(resume_step + 1)

    def scalars(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Write numbers, flushing them to disk every few seconds.

        Args:
          step: the training step that the metrics belong to.
          metrics: name to number: Python's, NumPy's, or an array of no dimensions.

        Raises:
          OSError: the events cannot be written, for example because the disk is full.
        """
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=n, simple_value=float(v)) for n, v in metrics.items()]
        self._write(step, summary=Summary(value=values))
        if time.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
            self._flush()

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Write a picture and flush it to disk.

        Args:
          step: the training step that the picture belongs to.
          name: the picture's tag; one tag's steps share a slider.
          image: uint8 `[H, W, C]` with 1 or 3 channels, as from `gan_jax.report.image_grid`.

        Raises:
          OSError: the event cannot be written.
        """
        from tensorboardX import summary

        self._write(step, summary=summary.image(name, image, dataformats="HWC"))
        self._flush()

    def close(self) -> None:
        """Flush what is left to disk and close the file."""
        self._writer.close()

    def _hide_from(self, step: int) -> None:
        from tensorboardX.proto.event_pb2 import SessionLog

        self._write(step, session_log=SessionLog(status=SessionLog.START))
        self._flush()

    def _write(self, step: int, **content: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(step=int(step), wall_time=time.time(), **content))

    def _flush(self) -> None:
        self._writer.flush()
        self._flushed_at = time.monotonic()
