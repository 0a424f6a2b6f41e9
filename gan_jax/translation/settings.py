"""Settings that every translation has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gan_jax import commands
from gan_jax.command_line import require
from gan_jax.settings import check_ranges
from gan_jax.translation.jittering import check_jitter

__all__ = ["CycleSettings", "TranslationSettings", "check_weights"]


@dataclass(frozen=True)
class TranslationSettings:
    """What decides the result of a run that makes images of others, whatever the game."""

    dataset: str = "auto"
    """mnist, fashion_mnist, digits or another data set of images, of which a task is made; auto
    takes MNIST if it can be had, else the 8x8 digits. Or a folder, see --task."""
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """Make B of A, or A of B."""
    resolution: int | None = None
    """Side of the images, which are cropped to squares and resized; as they are if not given."""
    channels: int | None = None
    """1 for grey images, 3 for colour, of the kind that has more; as they are if not given."""
    classes: int | None = None
    """How many classes the labels have; as many as the data set's if not given."""
    steps: int | None = None
    """Training steps, one update of the generator each."""
    batch_size: int | None = None
    """Images of each kind per update, over all devices."""
    features: int | None = None
    """Width of the networks, in channels."""
    learning_rate: float | None = None
    """Learning rate of both players."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; parameters, statistics and losses stay float32."""
    best_metric: Literal["frechet_distance", "label_agreement", commands.PairedName] | None = None
    """Metric by which the best checkpoint is kept beside the latest; the Fréchet distance where
    there are classes, else the structural similarity of pairs."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True)
class CycleSettings(TranslationSettings):
    """What decides the result of a run that learns the way there and the way back."""

    cycle_weight: float | None = None
    """Weight of the way there and back."""
    identity_weight: float | None = None
    """Weight of leaving images of the target as they are, 0 for none."""
    pool: int = 50
    """How many earlier fakes the critics may be shown."""
    jitter: float | None = None
    """How many times larger images become before they are cropped and mirrored at random; 0 leaves
    them as they are."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        check_weights(self, "cycle_weight", "identity_weight")
        check_jitter(self.jitter)
        require(1 <= self.pool <= 1_000_000, "pool", self.pool, "from 1 to 1000000")


def check_weights(config: Any, *names: str) -> None:
    """Check weights of terms.

    Args:
      config: settings; those that are None are open.
      *names: of the weights among them.

    Raises:
      UsageError: one is out of range.
    """
    for name in names:
        value = getattr(config, name)
        require(value is None or 0 <= value <= 1e9, name, value, "from 0 to 1e9")
