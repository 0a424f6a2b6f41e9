"""How long a fresh process takes to its first step, and how much memory it needs.

The process under test is this module run as a program: `python -m benchmarks.startup STEPS`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.gate import Gate, Round, gated

__all__ = ["Start", "cold_starts", "peak_memory", "start", "warm_starts"]


class Start(NamedTuple):
    """What starting a process came to.

    Attributes:
      seconds: from asking for the process to the end of its first step.
      megabytes: its largest resident size.
    """

    seconds: float
    megabytes: float


def start(cache: Path, *, steps: int = 1) -> Start:
    """Run a process that takes a few steps of DCGAN-32.

    Args:
      cache: folder of the compiled programs it finds and leaves.
      steps: how many it takes.

    Returns:
      What it came to.

    Raises:
      RuntimeError: it failed.
    """
    environment = {**os.environ, "GAN_JAX_CACHE": str(cache)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    command = [sys.executable, "-m", "benchmarks.startup", str(steps)]
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - began
        rest = process.stdout.read()
    if process.returncode or not first:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Start(seconds, json.loads(rest))


def warm_starts(gate: Gate) -> list[Round]:
    """Time processes that find their programs compiled.

    Args:
      gate: how many are wanted, and which count.

    Returns:
      Seconds, for each that counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder))
        return gated(lambda _: Round(start(Path(folder)).seconds), gate)


def cold_starts(gate: Gate) -> list[Round]:
    """Time processes that have to compile everything.

    Args:
      gate: how many are wanted, and which count.

    Returns:
      Seconds, for each that counts.
    """
    return gated(lambda _: Round(_with_empty_cache().seconds), gate)


def peak_memory(gate: Gate) -> list[Round]:
    """Measure the memory of processes that compile everything and take four steps.

    Args:
      gate: how many are wanted; all count, as what else runs makes no difference to memory.

    Returns:
      Megabytes, for each.
    """
    return [Round(_with_empty_cache(steps=4).megabytes) for _ in range(gate.rounds)]


def _with_empty_cache(*, steps: int = 1) -> Start:
    with tempfile.TemporaryDirectory() as folder:
        return start(Path(folder), steps=steps)


def _first_steps(steps: int, say: Callable[[object], None]) -> None:
    """Begin as an experiment does; say when the first step is done, and the memory needed."""
    import jax

    from benchmarks import games
    from gan_jax import compilation

    compilation.use_compilation_cache()
    game = games.dcgan32()
    state = game.create(jax.random.key(0))
    step = compilation.jit(game.step)
    batch = {"real": games.uniform_images(64)}
    for number in range(steps):
        state, _ = step(state, batch)
        jax.block_until_ready(state)
        if number == 0:
            say("first step")
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    say(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


if __name__ == "__main__":
    _first_steps(int(sys.argv[1]), lambda line: print(line, flush=True))
