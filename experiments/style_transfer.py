"""Style transfer: images of one look in another look, learnt without a single pair.

    python -m experiments.style_transfer
    python -m experiments.style_transfer --source-style thin --target-style dark_on_light
    python -m experiments.style_transfer --dataset monet2photo/ --preset paper --direction BtoA
    python -m experiments.style_transfer translate --workdir runs/style_transfer --images photos/

One half of the data has the one style and the other half the other. That a picture can be had back
holds its content; the critics hold the style. Two terms may join them: `--identity-weight` for
leaving alone what has the style already, which the paper gives paintings, and `--style-weight` for
the Gram matrices of a classifier's maps, as in neural style transfer, here of images of the batch.
In `small` neither does: where a style is the other's negative, a small network can't both turn
images around and leave some alone, and its digits lose their shape.

`style` of MNIST on one CPU core, 9.4 minutes, 3 seeds: Fréchet distance 3.37 ± 0.77 (source 264.70,
real 1.64); label agreement 0.986 ± 0.002 (source 0.457, real 0.990).

Reference:
  Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017,
  https://arxiv.org/abs/1703.10593; Gatys et al., A Neural Algorithm of Artistic Style, 2015,
  https://arxiv.org/abs/1508.06576
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, translation
from gan_jax.command_line import require

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.data import Unpaired
    from gan_jax.translation import Translation
    from gan_jax.typing import Array

StyleName = Literal["plain", "thin", "bold", "light_on_dark", "dark_on_light"]


@dataclass(frozen=True)
class Settings(translation.CycleSettings):
    """What decides the result of a run."""

    source_style: StyleName = "plain"
    """Style of A, where it is made of a data set; plain images are as they are."""
    target_style: StyleName = "dark_on_light"
    """Style of B."""
    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU. paper: CycleGAN's networks, for images of 256x256."""
    style_weight: float | None = None
    """Weight of the distance of Gram matrices to those of the target's images, 0 for none."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        translation.check_weights(self, "style_weight")
        same = self.source_style == self.target_style
        require(not same, "target_style", self.target_style, "another than --source-style")


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a generator that gives images another style, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/style_transfer")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    weights = dict(cycle_weight=10.0, style_weight=0.0)
    if config.preset == "paper":
        return dict(
            weights, resolution=256, steps=200_000, batch_size=1, features=64, learning_rate=2e-4,
            identity_weight=5.0, jitter=286 / 256,
        )  # fmt: skip
    return dict(
        weights, steps=3000, batch_size=16, features=16, learning_rate=1e-3,
        identity_weight=0.0, jitter=0.0,
    )  # fmt: skip


def load(config: Settings, *, split: str, report: Any) -> Unpaired:
    """Load a split of both styles."""
    from gan_jax import data
    from gan_jax.data import styles
    from gan_jax.data import translation as tasks

    fitted: dict[str, Any] = dict(
        split=split, resolution=config.resolution, channels=config.channels, report=report
    )
    if data.is_path(config.dataset):
        both = data.load_unpaired(config.dataset, **fitted)
    else:
        names = (config.source_style, config.target_style)
        looks = [plain if name == "plain" else getattr(styles, name) for name in names]
        both = tasks.unaligned(data.load(config.dataset, **fitted), *looks)
    return both if config.direction == "AtoB" else both.reversed


def plain(images: Any) -> Any:
    """Leave images as they are."""
    return images


def networks(config: Any) -> tuple[nn.Module, nn.Module]:
    """Make the two translators and the two critics."""
    from gan_jax.models import cyclegan

    side, width, small = config.resolution, config.features, config.preset == "small"
    require(side % 4 == 0 and side >= 8, "resolution", side, "a multiple of 4 from 8 on")
    return cyclegan.pair(
        blocks=2 if small else 9 if side >= 256 else 6,
        features=width,
        channels=config.channels,
        widths=[width * n for n in ((1, 2) if small else (1, 2, 4, 8))],
        halvings=1 if small else 3,
        dtype=config.dtype,
    )


def style_terms(config: Any) -> list[Callable[..., Array]]:
    """Make the term that compares textures, if it has a weight."""
    if not config.style_weight:
        return []
    from gan_jax import losses

    def load_targets(split: str) -> Any:
        return load(config, split=split, report=print).target

    network = translation.classifier_features(load_targets)

    def maps(images: Array) -> dict[str, Array]:
        made = network()(images)
        return {name: made[name] for name in ("first", "second")}

    def style(*, fake: Any, real: Any, **_: Any) -> Array:
        return losses.style_loss(fake["b"], real["b"], features=maps, weight=config.style_weight)

    return [style]


def game(config: Any) -> Translation:
    """Make the game of settled settings."""
    return translation.cycle_game(config, *networks(config), terms=style_terms(config))


PAGE = translation.Page(
    "python -m experiments.style_transfer", Config, Settings, recipe, load, game
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return translation.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
