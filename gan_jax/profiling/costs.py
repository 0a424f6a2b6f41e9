"""What a compiled step costs by XLA's own count, and what a device can do at best."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from gan_jax.profiling.hlo import read_instructions

__all__ = ["Cost", "cost", "peak_bandwidth", "peak_flops"]

_TRIALS = 10


class Cost(NamedTuple):
    """The work of one call of a compiled function, on one device.

    Attributes:
      flops: floating-point operations; a multiplication and an addition are two.
      bytes_accessed: read and written by all operations, as if none of it stayed in a cache.
      peak_memory: bytes of arguments, results and temporaries; what is donated counts once.
      loops: how many loops the program holds, apart from those that draw random numbers; XLA
        counts what is inside a loop once, however often it runs, so `flops` and `bytes_accessed`
        are too small if there are any.
    """

    flops: float
    bytes_accessed: float
    peak_memory: int
    loops: int


def cost(compiled: jax.stages.Compiled) -> Cost:
    """Read XLA's analysis of a compiled function.

    Give it the single step, not a scan of many, see `Cost.loops`.

    Args:
      compiled: from `jax.jit(function).lower(...).compile()`.

    Returns:
      The cost of one call; figures that the backend does not give are 0.

    Example:
      >>> square = jax.ShapeDtypeStruct((8, 8), jnp.float32)
      >>> cost(jax.jit(jnp.matmul).lower(square, square).compile()).flops  # 2 * 8**3
      1024.0
    """
    analysis: Any = compiled.cost_analysis() or {}
    memory: Any = compiled.memory_analysis()
    program = read_instructions(compiled.as_text() or "").values()
    return Cost(
        flops=max(0.0, analysis.get("flops", 0.0)),
        bytes_accessed=max(0.0, analysis.get("bytes accessed", 0.0)),
        peak_memory=_held(memory) if memory else 0,
        loops=sum(op.opcode == "while" and op.kind != "random numbers" for op in program),
    )


def _held(memory: Any) -> int:
    # Not peak_memory_in_bytes, which leaves out the temporaries on a CPU.
    results = memory.output_size_in_bytes - memory.alias_size_in_bytes
    return memory.argument_size_in_bytes + results + memory.temp_size_in_bytes


def peak_flops(device: jax.Device, dtype: DTypeLike = jnp.float32) -> float:
    """Measure how fast a device multiplies large matrices, at the default precision.

    Args:
      device: the device to measure.
      dtype: of the matrices.

    Returns:
      Floating-point operations per second, in the best of a few trials.
    """
    size = 2048 if device.platform == "cpu" else 8192
    matrix = jnp.full((size, size), 1 / size, dtype, device=device)
    product = jax.jit(jnp.matmul)
    return 2 * size**3 / _best_seconds(product, matrix, matrix)


def peak_bandwidth(device: jax.Device) -> float:
    """Measure how fast a device reads and writes memory: the triad `a = a + 2 b` of large vectors.

    Args:
      device: the device to measure.

    Returns:
      Bytes per second, two vectors read and one written, in the best of a few trials.
    """
    size = 2**24 if device.platform == "cpu" else 2**28
    a, b = (jnp.ones(size, jnp.float32, device=device) for _ in range(2))
    moved = 3 * a.nbytes
    # Donated, as memory that is new to the process is slow the first time.
    triad = jax.jit(lambda a, b: a + 2 * b, donate_argnums=0)
    return moved / _best_seconds(triad, a, b)


def _best_seconds(
    function: Callable[[jax.Array, jax.Array], jax.Array], value: jax.Array, other: jax.Array
) -> float:
    """Return the time of the fastest of a few calls, each on the result of the one before."""
    value = jax.block_until_ready(function(value, other))
    seconds = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        value = jax.block_until_ready(function(value, other))
        seconds.append(time.perf_counter() - start)
    return min(seconds)
