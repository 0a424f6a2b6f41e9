"""Measure one benchmark in a process of its own: `python -m benchmarks.row NAME ROUNDS`.

How many devices there are must be settled before JAX starts. The last line of output is the row.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax

from benchmarks import comparisons, games, startup
from benchmarks.gate import Gate, Round, row
from gan_jax.compilation import use_compilation_cache

__all__ = ["BENCHMARKS", "Benchmark", "measure"]

PATIENCE = 8.0


class Benchmark(NamedTuple):
    """Something to measure.

    Attributes:
      rounds: measures in rounds, and may add a note.
      unit: of what is measured.
      devices: how many devices it needs.
      most: how many rounds are enough.
    """

    rounds: Callable[[Gate], list[Round] | tuple[list[Round], str]]
    unit: str = "s/step"
    devices: int = 1
    most: int | None = None


BENCHMARKS = {
    "dcgan32_b64_vs_torch": Benchmark(partial(comparisons.dcgan32_vs_torch, batch_size=64)),
    "dcgan32_b128_vs_torch": Benchmark(partial(comparisons.dcgan32_vs_torch, batch_size=128)),
    "dcgan32_b64_vs_flax": Benchmark(partial(comparisons.vs_flax, make=games.dcgan32)),
    "dcgan32_b64_2devices_vs_torch": Benchmark(
        comparisons.dcgan32_on_two_devices_vs_torch, devices=2
    ),
    "wgan_gp_vs_torch": Benchmark(comparisons.wgan_gp_vs_torch),
    "r1_vs_torch": Benchmark(comparisons.r1_vs_torch),
    "r1_vs_flax": Benchmark(partial(comparisons.vs_flax, make=games.r1)),
    "mlp2d_b256_vs_torch": Benchmark(comparisons.mlp2d_vs_torch),
    "sweep32_vs_torch": Benchmark(comparisons.sweep_vs_torch, devices=2),
    "sweep32_vs_torch_2processes": Benchmark(comparisons.sweep_vs_torch_processes, devices=2),
    "sampling_vs_torch": Benchmark(comparisons.sampling_vs_torch, "s/1000 images"),
    "warm_start_seconds": Benchmark(startup.warm_starts, "s", most=5),
    "cold_start_seconds": Benchmark(startup.cold_starts, "s", most=5),
    "peak_memory_mb": Benchmark(startup.peak_memory, "MB", most=3),
    "pmap_1device": Benchmark(comparisons.pmap_vs_jit, devices=1),
    "pmap_2devices": Benchmark(comparisons.pmap_vs_jit, devices=2),
    "pmap_4devices": Benchmark(comparisons.pmap_vs_jit, devices=4),
    "pmap_8devices": Benchmark(comparisons.pmap_vs_jit, devices=8),
}


def measure(name: str, benchmark: Benchmark, rounds: int) -> dict[str, Any]:
    """Measure a benchmark.

    Args:
      name: its name.
      benchmark: what is measured.
      rounds: how many rounds are wanted.

    Returns:
      Its row.
    """
    most = min(rounds, benchmark.most or rounds)
    outcome = benchmark.rounds(Gate(most, PATIENCE * rounds))
    kept, note = outcome if isinstance(outcome, tuple) else (outcome, "")
    return row(name, benchmark.unit, kept, note)


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments name, and print its row."""
    name, rounds = arguments
    benchmark = BENCHMARKS[name]
    jax.config.update("jax_num_cpu_devices", benchmark.devices)
    use_compilation_cache()
    print(json.dumps(measure(name, benchmark, int(rounds))))


if __name__ == "__main__":
    main(sys.argv[1:])
