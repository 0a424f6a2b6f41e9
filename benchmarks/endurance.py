"""Whether a long run leaks: memory, descriptors, threads and speed, watched from outside.

    python -m benchmarks.endurance --minutes 30 --json benchmarks/results/endurance.json

A process trains on the digits at full speed, with all that a run does at its usual intervals:
rows, pictures, checkpoints, looks, quick evaluations. Another reads from /proc what it holds, and
fits lines to that: a leak is a slope which chance can't explain.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError, UsageError

__all__ = [
    "LIMITS",
    "Limit",
    "Options",
    "Sample",
    "Slope",
    "Train",
    "main",
    "slope",
    "verdict",
    "watch",
]

PROGRAM = "python -m benchmarks.endurance"
WARM_UP = 0.25  # of the time: programs are compiled, and the allocator takes what it needs
BLOCKS = 12
_PROC = Path("/proc")
_PATIENCE = 120.0  # seconds that a run has to save and stop
_FOREVER = 10**9


class Sample(NamedTuple):
    """What a process held at a moment.

    Attributes:
      seconds: since it was started.
      megabytes: of memory that was resident.
      descriptors: open files.
      threads: of its own.
      children: processes of its own.
      step: the last that was logged.
    """

    seconds: float
    megabytes: float
    descriptors: int
    threads: int
    children: int
    step: int


class Slope(NamedTuple):
    """How much something grows in an hour.

    Attributes:
      per_hour: over all of the time.
      low: the lower bound of a 95 % confidence interval.
      high: the upper one.
      least: the smaller one of the slopes of the first half of the time and of the second.
    """

    per_hour: float
    low: float
    high: float
    least: float


class Limit(NamedTuple):
    """What may grow by how much in an hour before it is called a leak."""

    unit: str
    most: float


LIMITS = {
    "megabytes": Limit("MB/h", 30.0),
    "descriptors": Limit("descriptors/h", 2.0),
    "threads": Limit("threads/h", 2.0),
    "children": Limit("processes/h", 2.0),
    "step_seconds": Limit("%/h of a step's time", 10.0),
}


@dataclass(frozen=True)
class Options:
    """Train for a while, and tell whether memory, descriptors or the time of a step grow."""

    minutes: float = 30.0
    """How long the run is watched, its start included."""
    interval: float = 5.0
    """Seconds from one look at it to the next."""
    json: Path | None = None
    """File for what was seen, and the slopes."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0.5 <= self.minutes <= 6000, "minutes", self.minutes, "from 0.5 to 6000")
        enough = 0 < self.interval <= self.minutes * 60 / (4 * BLOCKS)
        accepted = f"above 0, and so short that there are {4 * BLOCKS} looks"
        require(enough, "interval", self.interval, accepted)


@dataclass(frozen=True)
class Train:
    """Train until a signal comes: what is watched."""

    workdir: Path
    """Folder of the run."""
    features: int | None = None
    """Width of the hidden layers, the usual one if not given."""
    evaluate: bool = True
    """Judge checkpoints now and then."""


def watch(
    process: subprocess.Popen, workdir: Path, *, seconds: float, interval: float
) -> list[Sample]:
    """Look at a process now and then, until the time is over or it ends.

    Args:
      process: what is looked at.
      workdir: where its `metrics.jsonl` is.
      seconds: how long.
      interval: seconds from one look to the next.

    Returns:
      What was seen.
    """
    began, samples = time.monotonic(), []
    while process.poll() is None and (now := time.monotonic() - began) < seconds:
        try:
            samples.append(_look(process.pid, workdir, now))
        except OSError:  # it ended meanwhile
            break
        time.sleep(interval)
    return samples


def _look(pid: int, workdir: Path, now: float) -> Sample:
    status = (_PROC / f"{pid}/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in status)
    return Sample(
        seconds=round(now, 2),
        megabytes=round(int(fields["VmRSS"].split()[0]) * 1024 / 1e6, 2),
        descriptors=sum(1 for _ in (_PROC / f"{pid}/fd").iterdir()),
        threads=int(fields["Threads"]),
        children=sum(
            len(task.read_text(encoding="ascii").split())
            for task in (_PROC / f"{pid}/task").glob("*/children")
        ),
        step=_last_step(workdir / "metrics.jsonl"),
    )


def _last_step(path: Path) -> int:
    """Read the step of the last whole row."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            whole = file.read().rpartition(b"\n")[0].rpartition(b"\n")[2]
        return int(json.loads(whole)["step"])
    except (OSError, ValueError, KeyError):
        return 0


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a line, and say how sure its slope is.

    Neighbouring values are alike, which makes a line fitted to all of them look surer than it is:
    it is fitted to the medians of 12 parts of the time instead.

    Args:
      seconds: when, [N], N at least 24.
      values: what was seen, [N].

    Returns:
      The slope by the hour.

    Raises:
      ValueError: there are fewer than two values for each part.

    Example:
      >>> slope(range(0, 3600, 60), [5.0] * 60)
      Slope(per_hour=0.0, low=0.0, high=0.0, least=0.0)
    """
    import numpy as np
    from scipy import stats

    if len(seconds) < 2 * BLOCKS:
        raise ValueError(f"slope: {len(seconds)} values are too few, {2 * BLOCKS} are needed")
    parts = [
        (np.median(when) / 3600, np.median(what))
        for when, what in zip(
            np.array_split(np.asarray(seconds, float), BLOCKS),
            np.array_split(np.asarray(values, float), BLOCKS),
            strict=True,
        )
    ]
    hours, medians = np.array(parts).T
    if np.ptp(medians) == 0:
        return Slope(0.0, 0.0, 0.0, 0.0)
    line = stats.linregress(hours, medians)
    margin = stats.t.ppf(0.975, BLOCKS - 2) * line.stderr
    halves = slice(BLOCKS // 2), slice(BLOCKS // 2, None)
    least = min(np.polyfit(hours[half], medians[half], 1)[0] for half in halves)
    bounds = line.slope - margin, line.slope + margin
    return Slope(*(float(each) for each in (line.slope, *bounds, least)))


def verdict(found: Slope, limit: Limit) -> str:
    """Say what a slope means.

    A leak goes on: what grows in one half of the time alone, as a warm-up that is not over or a
    thread that was begun, is none yet.

    Args:
      found: the slope.
      limit: what is too much.

    Returns:
      `"grows"` if even the lower bound is too much, and neither half of the time has less than half
      of the slope; `"steady"` if not even the upper bound is; else `"unclear"`: a longer run can
      tell.
    """
    if found.low > limit.most and found.least > max(limit.most, found.per_hour / 2):
        return "grows"
    return "steady" if found.high <= limit.most else "unclear"


def _slopes(samples: Sequence[Sample]) -> dict[str, Slope]:
    """Fit lines to what was seen after the warm-up."""
    import numpy as np

    warm = [each for each in samples if each.seconds >= WARM_UP * samples[-1].seconds and each.step]
    seconds = [each.seconds for each in warm]
    slopes = {
        name: slope(seconds, [getattr(each, name) for each in warm])
        for name in LIMITS
        if name != "step_seconds"
    }
    steps = np.diff([each.step for each in warm])
    taken = np.diff(seconds) / np.maximum(steps, 1)
    share = 100 / np.median(taken[steps > 0])  # in per cent of what is usual
    moved = [(when, share * t) for when, t, n in zip(seconds, taken, steps, strict=False) if n > 0]
    slopes["step_seconds"] = slope(*zip(*moved, strict=True))
    return slopes


def _start(workdir: Path, errors: IO[bytes]) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.endurance", "train", "--workdir", str(workdir)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)


def _measure(options: Options) -> int:
    """Watch a run, say what was seen, and return 1 if something grows."""
    if not (_PROC / "self" / "fd").is_dir():
        raise UsageError("what a process holds is read from /proc, which is not there")
    write_results(options.json, {})
    seconds = options.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        workdir, errors = Path(folder, "run"), Path(folder, "errors")
        with errors.open("wb") as file, _start(workdir, file) as process:
            try:
                samples = watch(process, workdir, seconds=seconds, interval=options.interval)
                process.send_signal(signal.SIGTERM)
                code = process.wait(_PATIENCE)
            except BaseException:
                process.kill()
                raise
        if code != 128 + signal.SIGTERM:
            said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise RunError(f"the run ended with {code}: {(said or ['nothing was said'])[-1]}")
    return _tell(options, samples)


def _tell(options: Options, samples: Sequence[Sample]) -> int:
    try:
        slopes = _slopes(samples)
    except ValueError:
        raise RunError(
            f"too few rows were logged in {options.minutes:g} minutes: take more --minutes"
        ) from None
    last = samples[-1]
    verdicts = {name: verdict(found, LIMITS[name]) for name, found in slopes.items()}
    print(
        f"{last.step:,} steps in {last.seconds / 60:.1f} minutes, {last.megabytes:.0f} MB resident"
    )
    for name, found in slopes.items():
        bounds = f"{found.per_hour:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
        unit, most = LIMITS[name]
        print(f"{name:12} {bounds} {unit}, up to {most:g} is allowed: {verdicts[name]}")
    results: dict[str, Any] = {
        "minutes": options.minutes,
        "samples": {name: [getattr(each, name) for each in samples] for name in Sample._fields},
        "slopes": {name: found._asdict() for name, found in slopes.items()},
        "verdicts": verdicts,
    }
    write_results(options.json, results, indent=None)
    return int("grows" in verdicts.values())


def _train(options: Train) -> int:
    """Train as `experiments.mnist` does, with no end, and return the exit code."""
    from gan_jax.memory import share_one_pool

    share_one_pool()
    from experiments import mnist
    from gan_jax import image_game, loop
    from gan_jax.compilation import use_compilation_cache

    use_compilation_cache()
    config = mnist.Config(dataset="digits", features=options.features)
    usual = image_game.experiment(mnist.PAGE, config)
    endless: dict[str, Any] = {"steps": _FOREVER}
    if not options.evaluate:
        endless["evaluate"] = None
    finished = loop.fit(dataclasses.replace(usual, **endless), options.workdir)
    return 0 if finished.signal is None else 128 + finished.signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    known = {"measure": Command(Options, _measure), "train": Command(Train, _train)}
    return run(PROGRAM, known, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
