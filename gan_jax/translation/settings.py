"""Settings that every translation has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gan_jax import commands
from gan_jax.command_line import require

__all__ = ["TranslationSettings"]


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
        most = {"steps": 2_000_000_000, "batch_size": 1_000_000, "features": 65_536}
        for name, high in {**most, "resolution": 4096, "classes": 1_000_000}.items():
            value = getattr(self, name)
            accepted = f"a whole number from 1 to {high}"
            require(value is None or 1 <= value <= high, name, value, accepted)
        require(self.channels in (None, 1, 3), "channels", self.channels, "1 or 3")
        rate = self.learning_rate
        require(rate is None or 1e-12 <= rate <= 1, "learning_rate", rate, "from 1e-12 to 1")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")
