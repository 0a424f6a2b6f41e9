"""StyleGAN2: styles scale every convolution, and its training is regularised lazily.

    python -m experiments.stylegan2
    python -m experiments.stylegan2 --preset ffhq256 --dataset photos/
    python -m experiments.stylegan2 --dataset few_photos/ --resolution 32 --adaptive
    python -m experiments.stylegan2 mix --workdir runs/stylegan2

`small` has no path lengths and no mixed styles, as the recipe for CIFAR-10 in the second paper has
none, and R1 every 4 steps: in so few steps, one in 16 comes too late, and all samples become alike.

On 2 CPU cores `small` comes to a Fréchet distance of 153.0 ± 34.3 in 82 s on MNIST (3 seeds; real
images have 1.8), and of 57.5 ± 4.8 in 85 s on Fashion-MNIST (3 seeds; real images have 0.4).

Reference:
  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
  https://arxiv.org/abs/1912.04958, its configuration F; adaptive augmentation, and the recipe for
  CIFAR-10, are those of Karras et al., Training Generative Adversarial Networks with Limited Data,
  2020, https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game
from gan_jax.command_line import require

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.exploration import Space
    from gan_jax.image_game import Game
    from gan_jax.train import Fake, Shown
    from gan_jax.typing import Step

PATH_INTERVAL = 4
NO_AUGMENTATION = {"augment_probability": 0.0, "real_sign": 0.0}


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "ffhq256", "ffhq1024"] = "small"
    """small: minutes on a CPU. ffhq256, ffhq1024: configuration F, for images of that side."""
    gamma: float | None = None
    """Strength of the R1 penalty."""
    r1_interval: int | None = None
    """Steps from one R1 penalty to the next, which is as many times as strong."""
    path_weight: float | None = None
    """Strength of the penalty on path lengths, 0 for none."""
    mixing: float | None = None
    """How often two styles are mixed in training, from 0 to 1."""
    half_life: float | None = None
    """Images after which the average has forgotten half of a generator."""
    adaptive: bool = False
    """Augment reals and fakes with a probability that follows how far the discriminator overfits:
    for few images."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        for name in ("gamma", "half_life"):
            value = getattr(self, name)
            require(value is None or 1e-12 <= value <= 1e12, name, value, "from 1e-12 to 1e12")
        path, mixing, interval = self.path_weight, self.mixing, self.r1_interval
        whole = interval is None or 1 <= interval <= 1_000_000
        require(whole, "r1_interval", interval, "a whole number from 1 to 1000000")
        require(path is None or 0 <= path <= 1e12, "path_weight", path, "from 0 to 1e12")
        require(mixing is None or 0 <= mixing <= 1, "mixing", mixing, "from 0 to 1")


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a StyleGAN2 on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/stylegan2")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "small":
        return dict(
            steps=1500, batch_size=32, features=32, learning_rate=4e-3, gamma=10.0, r1_interval=4,
            path_weight=0.0, mixing=0.0, half_life=5000.0,
        )  # fmt: skip
    return dict(
        resolution=int(config.preset.removeprefix("ffhq")),
        steps=25_000_000 // 32,
        batch_size=32,
        features=512,
        learning_rate=2e-3,
        gamma=10.0,
        r1_interval=16,
        path_weight=2.0,
        mixing=0.9,
        half_life=10_000.0,
    )


def networks(config: Settings) -> tuple[Any, nn.Module]:
    """Make the generator and the discriminator of settled settings.

    Maps are up to `features` wide: in `small` from a quarter of the image's side down, in
    configuration F from 64 down.
    """
    from gan_jax.models import stylegan2

    side = config.resolution // 4 if config.preset == "small" else 64
    sizes: dict[str, Any] = dict(
        base=image_game.pyramid(config.resolution)[0],
        num_classes=config.classes * config.conditional,
        channel_base=config.features * side,
        channel_max=config.features,
        mapping_layers=2 if config.preset == "small" else 8,
        dtype=config.dtype,
    )
    generator = stylegan2.Generator(
        config.resolution, config.channels, style_features=config.features, **sizes
    )
    return generator, stylegan2.Discriminator(**sizes)


def updates(config: Settings, fake: Fake, shown: Shown) -> Callable[..., Step]:
    """Make the function that makes a training step, given an augmentation or None."""
    from gan_jax import losses, penalties, train
    from gan_jax.models import stylegan2

    r1 = penalties.weighted(config.gamma, penalties.r1_penalty)
    path = stylegan2.styles_path(fake)

    def step(augment: Any = None) -> Step:
        see: dict[str, Any] = dict(shown=shown, augment=augment)
        turns = [
            train.discriminator_step(losses.non_saturating, fake, **see),
            train.lazy_penalty_step(config.r1_interval, (r1,), fake, **see),
            train.generator_step(losses.non_saturating, fake, **see),
        ]
        if config.path_weight:
            turns.append(
                train.path_length_step(
                    penalties.path_lengths, path, interval=PATH_INTERVAL, weight=config.path_weight
                )
            )
        return train.chain(*turns)

    return step


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import augment, train
    from gan_jax.models import stylegan2

    generator, discriminator = networks(config)
    latents, size = train.normal_prior(config.features), config.batch_size
    adapt = train.running_probability(partial(augment.adapt_probability, batch_size=size))

    def steps(fake: Fake, shown: Shown) -> Sequence[Step]:
        make = updates(config, fake, shown)

        def adaptive(state: train.GANState) -> Step:
            return make(augment.adaptive_augment(state.moving["augment_probability"]))

        step = make()
        if config.adaptive:
            step = train.with_running(train.state_dependent(adaptive), adapt)
        return step, train.ema_step(train.half_life_decay(config.half_life, batch_size=size))

    rate, usual = config.learning_rate, optax.adam(config.learning_rate, b1=0.0, b2=0.99)
    of_generator = train.lazy_adam(rate, interval=PATH_INTERVAL) if config.path_weight else usual
    return image_game.Game(
        generator,
        discriminator,
        prior=stylegan2.mixing_prior(latents, layers=generator.layers, probability=config.mixing),
        steps=steps,
        optimizers=(of_generator, train.lazy_adam(rate, interval=config.r1_interval)),
        moving={"path_length": 0.0, **(NO_AUGMENTATION if config.adaptive else {})},
        sampled=stylegan2.truncated_prior(latents, 1.0),
        truncated=partial(stylegan2.truncated_prior, latents),
        styles=styles_of,
    )


def styles_of(fake: Fake) -> Space:
    """Make the space of styles, one for each layer, with images without noise."""
    from gan_jax import train
    from gan_jax.exploration import Space
    from gan_jax.models import stylegan2

    def mapped(network: Callable[..., Any], batch: Any, keys: Any) -> Any:
        asked = stylegan2.StylesOf
        made = fake(lambda inputs, *labels: network(asked(inputs), *labels), batch, keys)
        return made.styles

    return Space(
        train.make_sampler(mapped),
        train.make_sampler(lambda network, _, styles: network(stylegan2.Styles(styles))),
        weights=stylegan2.style_weights,
    )


PAGE = image_game.Page("python -m experiments.stylegan2", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
