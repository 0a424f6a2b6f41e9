"""Type aliases, and the words the whole package uses.

| word | meaning | shape |
|---|---|---|
| `B` | examples in a batch, on one device | |
| `images` | NHWC; uint8 in [0, 255] at rest, float32 in [-1, 1] while training | `[B, H, W, C]` |
| `sample` | what a discriminator judges: images, or any pytree of arrays | leaves `[B, ...]` |
| `real`, `fake` | a sample of the data, a sample of the generator | as `sample` |
| `latents` | the generator's random input | `[B, D]` |
| `labels` | class indices | int32 `[B]` |
| `logits` | the verdict before any sigmoid; higher is more real | `[B]` or `[B, H, W, 1]` |
| `critic` | a discriminator with everything but the sample fixed: `sample -> logits` | |
| `batch` | `{"real": sample, "label": labels, ...}` | leaves `[B, ...]` |
| `key` | one typed PRNG key, `jax.random.key(seed)` | `[]` |
| `keys` | one key per example, a function of its index in the global batch | `[B]` |
| `axis_name` | the mapped axis of the devices that share a batch; `None` on one device | |
| `spectral_stats` | a network's collection that moves once per step, however often applied | |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax

__all__ = [
    "SPECTRAL_STATS",
    "Array",
    "Batch",
    "Critic",
    "Metrics",
    "PRNGKey",
    "PyTree",
    "Sample",
    "Step",
    "TrainStep",
]

SPECTRAL_STATS = "spectral_stats"

Array = jax.Array
PRNGKey = jax.Array
PyTree = Any
Sample = Any
Batch = Mapping[str, Any]
Metrics = dict[str, Array]
Critic = Callable[[Sample], Array]


class Step(Protocol):
    """One element of a training recipe: `(state, batch, key) -> (state, metrics)`."""

    def __call__(
        self, state: Any, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[Any, Metrics]:
        """Return the new state, and what to report."""


class TrainStep(Protocol):
    """A whole training step, its key drawn from the state: `(state, batch) -> (state, metrics)`."""

    def __call__(
        self, state: Any, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[Any, Metrics]:
        """Return the new state, and what to report."""
