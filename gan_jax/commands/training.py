"""Train any experiment: where, on what devices, and with which other processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require
from gan_jax.errors import RunError, UsageError
from gan_jax.memory import share_one_pool

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment

__all__ = ["RunOptions", "train"]


@dataclass(frozen=True)
class RunOptions:
    """How a run is run: nothing here changes what it comes to."""

    workdir: Path
    """Folder of the run."""
    devices: int | None = None
    """How many devices to use; all there are if not given."""
    distributed: bool = False
    """Train together with other processes, each started with this same command. On Cloud TPU and
    under SLURM or Open MPI they find each other; elsewhere give the next three options."""
    coordinator: str | None = None
    """HOST:PORT at which process 0 can be reached."""
    num_processes: int | None = None
    """How many processes there are."""
    process_id: int | None = None
    """Which one this is, from 0."""
    heartbeat_seconds: int = 100
    """For how long another process may give no sign of life before this one ends itself."""
    stop_on_alarm: bool = False
    """Save and stop when an alarm starts (vanishing gradient, mode collapse, ...): exit code 1."""
    profile: bool = False
    """First trace some steps into WORKDIR/profile, and print where their time goes."""
    compilation_cache: bool = True
    """Keep compiled programs in the user's cache folder, so that the next start is quick."""

    def __post_init__(self) -> None:
        """Check the ranges, and that what belongs together was given together."""
        for name in ("devices", "num_processes"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, value, "a whole number of at least 1")
        beat = self.heartbeat_seconds
        require(10 <= beat <= 86_400, "heartbeat_seconds", beat, "from 10 to 86400")
        count, index = self.num_processes, self.process_id
        if count is not None and index is not None:
            require(0 <= index < count, "process_id", index, f"from 0 to {count - 1}")
        meeting = (self.coordinator, count, index)
        if any(part is not None for part in meeting):
            if not self.distributed or None in meeting:
                raise UsageError(
                    "--coordinator, --num-processes and --process-id must be given together, and "
                    "with --distributed"
                )
            port = str(self.coordinator).rpartition(":")[2]
            named = ":" in str(self.coordinator) and port.isdecimal() and 0 < int(port) < 65536
            require(named, "coordinator", self.coordinator, "HOST:PORT, such as 10.0.0.1:8476")
        if self.distributed and self.devices is not None:
            raise UsageError("--devices was given: with --distributed all devices are used")
        # An experiment's options are these and its settings, which have ranges of their own.
        getattr(super(), "__post_init__", lambda: None)()


def train(
    options: RunOptions,
    settle: Callable[[Any], tuple[dict[str, Any], list[str]]],
    build: Callable[[dict[str, Any], Sequence[str]], Experiment],
) -> int:
    """Train an experiment, say how it went, and return the exit code.

    Args:
      options: the experiment's options, of which those of `RunOptions` are read here.
      settle: decides what was left open: from the options to the settings and notes for people.
      build: makes the experiment of settings and notes.

    Returns:
      0 when it is done, 1 if an alarm stopped it, 128 + the signal if one did.

    Raises:
      UsageError: the folder is another run's or can't be written, or the batch can't be split.
      RunError: a metric is not finite, the disk is full, or no checkpoint is good.
      PeerError: another process of the run is gone.
    """
    share_one_pool()
    if not options.distributed:
        # Before JAX is loaded, so that mistakes are told at once.
        settings, notes = settle(options)
        return _fit(options, build, settings, notes)
    from gan_jax import parallel

    with parallel.peers_watched():
        parallel.join(
            options.coordinator,
            options.num_processes,
            options.process_id,
            heartbeat_seconds=options.heartbeat_seconds,
        )
        try:
            with parallel.together():
                settings, notes = settle(options)
            return _fit(options, build, settings, notes)
        except (RunError, UsageError) as error:
            parallel.leave_soon(1 if isinstance(error, RunError) else 2)
            raise


def _fit(
    options: RunOptions,
    build: Callable[[dict[str, Any], Sequence[str]], Experiment],
    settings: dict[str, Any],
    notes: list[str],
) -> int:
    import jax

    from gan_jax import loop, parallel
    from gan_jax.compilation import use_compilation_cache

    if options.compilation_cache:
        use_compilation_cache()
    devices = jax.devices()
    accepted = f"from 1 to the {len(devices)} there are"
    require((options.devices or 1) <= len(devices), "devices", options.devices, accepted)
    finished = loop.fit(
        build(settings, notes),
        options.workdir,
        devices=devices[: options.devices],
        profile=options.profile,
        stop_on_alarm=options.stop_on_alarm,
    )
    if parallel.is_first():
        print(*loop.summary(finished), sep="\n")
    if finished.alarm is not None:
        return 1
    return 0 if finished.signal is None else 128 + finished.signal
