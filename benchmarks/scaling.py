"""What training on several devices asks of the link between them, read off the compiled programs.

    python -m benchmarks.scaling --json benchmarks/results/scaling.json

Nothing is timed, and no device but the CPU's virtual ones is needed: the very program that a run of
`experiments.mnist` would dispatch is compiled, and its collectives and its operations are counted.
`python -m docs.scaling` makes a page of the results.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.collectives import read_collectives
from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run

if TYPE_CHECKING:
    import jax

    from gan_jax.experiment import Experiment

__all__ = ["PRESETS", "Options", "compiled_run", "count", "main"]

PROGRAM = "python -m benchmarks.scaling"
PRESETS: dict[str, dict[str, Any]] = {
    "mlp": {"model": "mlp"},
    "mlp, conditional": {"model": "mlp", "conditional": True},
    "dcgan": {"model": "dcgan"},
    "dcgan-gpu": {"model": "dcgan-gpu"},
}


@dataclass(frozen=True)
class Options:
    """Count what devices tell each other in a training step, and what they compute."""

    devices: int = 8
    """Over how many devices a batch is spread."""
    json: Path | None = None
    """File for the results."""

    def __post_init__(self) -> None:
        """Check the range."""
        good = 2 <= self.devices <= 64 and self.devices & (self.devices - 1) == 0
        require(
            good, "devices", self.devices, "2, 4, 8, 16, 32 or 64, of which batches are multiples"
        )


def compiled_run(experiment: Experiment, devices: Sequence[jax.Device]) -> jax.stages.Compiled:
    """Compile what a run of an experiment dispatches: a row of metrics' steps as one loop.

    Args:
      experiment: what is trained.
      devices: over which each batch is spread.

    Returns:
      The program.
    """
    import jax
    import jax.numpy as jnp

    from experiments.mnist import SHAPES
    from gan_jax.loop.dispatch import make_run

    leading = (*[experiment.log_every] * experiment.scan, experiment.batch_size)
    images = (*leading, *SHAPES[experiment.config["dataset"]])
    batch = {
        "image": jax.ShapeDtypeStruct(images, jnp.uint8),
        "label": jax.ShapeDtypeStruct(leading, jnp.int32),
    }
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    return jax.jit(make_run(experiment, devices), donate_argnums=0).lower(state, batch).compile()


def count(compiled: jax.stages.Compiled, *, devices: int, steps: int) -> dict[str, Any]:
    """Count what a compiled program of some steps tells and computes in each.

    Args:
      compiled: the program.
      devices: how many it is for.
      steps: how many it takes, as the rounds of one loop, or just one.

    Returns:
      `collectives`, a list, and the sums `bytes`, of their results, and `sent`, by each device in a
      ring; `flops` and `bytes_accessed` of each device, by XLA's count; all for one step.

    Raises:
      ValueError: there are loops within a step, so that XLA's count is too small.
    """
    from gan_jax import profiling

    cost = profiling.cost(compiled)
    if cost.loops > (steps > 1):
        raise ValueError(f"there are {cost.loops} loops in the program of {steps} steps")
    found = read_collectives(compiled.as_text() or "", devices=devices)
    rows: list[dict[str, Any]] = [
        {
            "opcode": each.opcode,
            "count": times / steps,
            "arrays": len(each.arrays),
            "bytes": each.bytes,
            "sent": each.sent,
            "largest": each.arrays[0],
        }
        for each, times in sorted(found.items(), key=lambda item: -item[0].bytes)
    ]
    return {
        "collectives": rows,
        "bytes": sum(row["count"] * row["bytes"] for row in rows),
        "sent": sum(row["count"] * row["sent"] for row in rows),
        "flops": cost.flops,
        "bytes_accessed": cost.bytes_accessed,
    }


def _measured(name: str, devices: Sequence[jax.Device]) -> dict[str, Any]:
    """Compile a preset at its usual settings, and count."""
    import jax

    from experiments import mnist
    from gan_jax import image_game

    config = mnist.Settings(dataset="mnist", **PRESETS[name])
    decided = {**dataclasses.asdict(config), **mnist.recipe(config)}  # which wants no data
    experiment = image_game.build(mnist.PAGE, decided)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    parameters = {
        who: sum(leaf.size for leaf in jax.tree.leaves(getattr(state, who).params))
        for who in ("generator", "discriminator")
    }
    steps = experiment.log_every if experiment.scan else 1
    counted = count(compiled_run(experiment, devices), devices=len(devices), steps=steps)
    return {"batch_size": experiment.batch_size, "parameters": parameters, **counted}


def _run(options: Options) -> int:
    """Count for every preset, and return the exit code."""
    import jax

    from gan_jax.compilation import use_compilation_cache

    write_results(options.json, {})
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", options.devices)
    use_compilation_cache()
    results: dict[str, Any] = {"devices": options.devices, "jax": jax.__version__, "presets": {}}
    for name in PRESETS:
        row = results["presets"][name] = _measured(name, jax.devices()[: options.devices])
        calls = sum(each["count"] for each in row["collectives"])
        print(
            f"{name:18} {row['bytes'] / 1e6:8.3f} MB in {calls:.0f} collectives, "
            f"{row['flops'] / 1e9:8.3f} GFLOP of each device, per step"
        )
        write_results(options.json, results)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"scaling": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
