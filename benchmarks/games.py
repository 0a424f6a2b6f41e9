"""Our side of the comparisons: the games.

What a test plays small or predictable is an argument: widths, optimizers, and how a fake is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gan_jax import losses, penalties, train
from gan_jax.layers import Conv, ConvTranspose, no_norm
from gan_jax.models import dcgan, mlp
from gan_jax.typing import PRNGKey, TrainStep

__all__ = [
    "CRITIC_UPDATES",
    "IMAGE_FAKE",
    "POINT_FAKE",
    "Convolutions",
    "Game",
    "dcgan32",
    "grid_of_gaussians",
    "mlp2d",
    "r1",
    "uniform_images",
    "wgan_gp",
]

CRITIC_UPDATES = 5
IMAGE_LATENTS = 100
POINT_LATENTS = 2
IMAGE_FAKE = train.unconditional(train.normal_prior(IMAGE_LATENTS))
POINT_FAKE = train.unconditional(train.normal_prior(POINT_LATENTS))
DCGAN_ADAM = optax.adam(2e-4, b1=0.5)
WGAN_GP_ADAM = optax.adam(1e-4, b1=0.0, b2=0.9)
MLP_ADAM = optax.adam(1e-3, b1=0.5)


class Game(NamedTuple):
    """A game to time.

    Attributes:
      create: puts the players at the start, given a key.
      step: the training step.
    """

    create: Callable[[PRNGKey], train.GANState]
    step: TrainStep


class Convolutions(NamedTuple):
    """What networks are made of: our convolutions, unless told otherwise."""

    conv: Callable[..., Any] = Conv
    conv_transpose: Callable[..., Any] = ConvTranspose


OURS = Convolutions()


def dcgan32(
    *,
    width: int = 64,
    convolutions: Convolutions = OURS,
    optimizer: optax.GradientTransformation = DCGAN_ADAM,
    fake: train.Fake = IMAGE_FAKE,
) -> Game:
    """Make the game of DCGAN on 32x32 images, on one forward pass of the generator.

    Args:
      width: channels of the convolution nearest the image.
      convolutions: what the networks are made of.
      optimizer: of both players.
      fake: how a fake is made.

    Returns:
      The game.

    Reference:
      Radford et al., 2015, https://arxiv.org/abs/1511.06434
    """
    create = _image_players(width, convolutions, optimizer)
    step = train.shared_forward_step(losses.non_saturating, fake)
    return Game(create, train.make_train_step(step))


def r1(
    *,
    width: int = 64,
    convolutions: Convolutions = OURS,
    optimizer: optax.GradientTransformation = DCGAN_ADAM,
    fake: train.Fake = IMAGE_FAKE,
) -> Game:
    """Make the same game with an unnormalised critic under R1, `10 / 2 ||∇D(x)||²`.

    Args:
      width: channels of the convolution nearest the image.
      convolutions: what the networks are made of.
      optimizer: of both players.
      fake: how a fake is made.

    Returns:
      The game.

    Reference:
      Mescheder et al., 2018, https://arxiv.org/abs/1801.04406
    """
    create = _image_players(width, convolutions, optimizer, norm=no_norm)
    terms = (penalties.weighted(10.0, penalties.r1_penalty),)
    step = train.shared_forward_step(losses.non_saturating, fake, penalties=terms)
    return Game(create, train.make_train_step(step))


def wgan_gp(
    *,
    width: int = 64,
    convolutions: Convolutions = OURS,
    optimizer: optax.GradientTransformation = WGAN_GP_ADAM,
    fake: train.Fake = IMAGE_FAKE,
) -> Game:
    """Make the Wasserstein game with a gradient penalty: 5 updates of the critic, 1 of the other.

    A batch holds the reals of all 5.

    Args:
      width: channels of the convolution nearest the image.
      convolutions: what the networks are made of.
      optimizer: of both players.
      fake: how a fake is made.

    Returns:
      The game.

    Reference:
      Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028
    """
    create = _image_players(width, convolutions, optimizer, norm=no_norm)
    terms = (penalties.weighted(10.0, penalties.gradient_penalty),)
    critic_step = train.discriminator_step(losses.wasserstein, fake, penalties=terms)
    generator_step = train.generator_step(losses.wasserstein, fake)
    step = train.make_train_step(
        train.repeat(CRITIC_UPDATES, critic_step),
        train.last_slice(CRITIC_UPDATES, generator_step),
    )
    return Game(create, step)


def mlp2d(
    *,
    width: int = 128,
    optimizer: optax.GradientTransformation = MLP_ADAM,
    fake: train.Fake = POINT_FAKE,
) -> Game:
    """Make the game of two dense networks on points of the plane.

    Args:
      width: of the three hidden layers.
      optimizer: of both players.
      fake: how a fake is made.

    Returns:
      The game.
    """
    generator = mlp.Generator((2,), features=(width,) * 3)
    discriminator = mlp.Discriminator(features=(width,) * 3)
    examples = jnp.zeros((1, POINT_LATENTS)), jnp.zeros((1, 2))
    create = _creation(generator, discriminator, optimizer, *examples)
    step = train.shared_forward_step(losses.non_saturating, fake)
    return Game(create, train.make_train_step(step))


def uniform_images(count: int) -> np.ndarray:
    """Draw images of noise.

    Args:
      count: how many.

    Returns:
      float32 [count, 32, 32, 1] in [-1, 1].
    """
    numbers = np.random.default_rng(0).uniform(-1.0, 1.0, (count, 32, 32, 1))
    return numbers.astype(np.float32)


def grid_of_gaussians(*shape: int) -> np.ndarray:
    """Draw points around the 25 places of a grid.

    Args:
      *shape: how many.

    Returns:
      float32 [*shape, 2] in about [-1, 1].
    """
    generator = np.random.default_rng(0)
    places = 0.4 * generator.integers(-2, 3, (*shape, 2))
    return (places + 0.02 * generator.standard_normal(places.shape)).astype(np.float32)


def _image_players(
    width: int,
    convolutions: Convolutions,
    optimizer: optax.GradientTransformation,
    **discriminator_fields: Any,
) -> Callable[[PRNGKey], train.GANState]:
    """Pair a generator, always with batch normalisation, with a discriminator."""
    generator = dcgan.Generator32(
        features=(4 * width, 2 * width, width), conv_transpose=convolutions.conv_transpose
    )
    discriminator = dcgan.Discriminator32(
        features=(width, 2 * width, 4 * width), conv=convolutions.conv, **discriminator_fields
    )
    examples = jnp.zeros((1, IMAGE_LATENTS)), jnp.zeros((1, 32, 32, 1))
    return _creation(generator, discriminator, optimizer, *examples)


def _creation(
    generator: nn.Module,
    discriminator: nn.Module,
    optimizer: optax.GradientTransformation,
    latents: jax.Array,
    sample: jax.Array,
) -> Callable[[PRNGKey], train.GANState]:
    """Return what puts two players at the start of their game."""

    @jax.jit
    def create(key: PRNGKey) -> train.GANState:
        keys = jax.random.split(key, 3)
        return train.create_state(
            keys[0],
            train.create_player(keys[1], generator, optimizer, latents),
            train.create_player(keys[2], discriminator, optimizer, sample),
        )

    return create
