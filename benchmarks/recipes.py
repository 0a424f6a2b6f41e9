"""Recipes for a grid of 25 Gaussians: the same networks and optimizer, another objective each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gan_jax import augment, layers, losses, penalties, train
from gan_jax.models import mlp
from gan_jax.typing import Array, PRNGKey, Step, TrainStep

__all__ = ["RECIPES", "SCALE", "Recipe", "grid_points", "make"]

LATENTS = 8
WIDTH = 64
SCALE = 0.2  # the grid's places are at -0.8, -0.4, ..., 0.8, inside the generator's range
_FAKE = train.unconditional(train.normal_prior(LATENTS))
# Not a divisor of the grid's spacing, which would tell the discriminator where the modes are.
_INPUTS = layers.FourierFeatures(4, base=1.85 * math.pi)
_HEAD = partial(layers.ProjectionHead, dense=layers.SpectralDense)


class Recipe(NamedTuple):
    """How a game is played.

    Attributes:
      steps: makes the elements of a training step, given the number of training steps.
      discriminator: fields of the discriminator that differ.
      rates: the factors by which the generator's and the discriminator's learning rates differ.
      optimizer: of both players, called with a learning rate.
      channels: of the discriminator's input.
      moving: initial running quantities.
      batches: how many batches a training step looks at.
      updates: of the generator and of the discriminator in a training step, by which optimizers
        count their schedules.
    """

    steps: Callable[[int], tuple[Step, ...]]
    discriminator: Mapping[str, Any] = MappingProxyType({})
    rates: tuple[float, float] = (1.0, 1.0)
    optimizer: Callable[..., optax.GradientTransformation] = partial(optax.adam, b1=0.0, b2=0.99)
    channels: int = 2
    moving: Mapping[str, float] = MappingProxyType({})
    batches: int = 1
    updates: tuple[int, int] = (1, 1)


def alternating(loss: losses.AdversarialLoss, *terms: penalties.Penalty) -> Recipe:
    """Play the plain game, with penalties.

    Args:
      loss: what the players minimise.
      *terms: penalties on the discriminator.

    Returns:
      A recipe.
    """
    learn = train.discriminator_step(loss, _FAKE, penalties=terms)
    return Recipe(lambda total: (learn, train.generator_step(loss, _FAKE)))


def _relativistic(total: int) -> tuple[Step, ...]:
    gamma = optax.exponential_decay(0.02, int(0.8 * total), 2e-3, end_value=4e-5)
    terms = (
        penalties.weighted(gamma, penalties.r1_penalty),
        penalties.weighted(gamma, penalties.r2_penalty),
    )
    learn = train.discriminator_step(losses.relativistic, _FAKE, penalties=terms)
    return learn, train.generator_step(losses.relativistic, _FAKE)


def _clipped(total: int) -> tuple[Step, ...]:
    learn = train.discriminator_step(losses.wasserstein, _FAKE)
    critic = train.repeat(5, train.chain(learn, train.clip_step(0.1)))
    return critic, train.last_slice(5, train.generator_step(losses.wasserstein, _FAKE))


def _packed(total: int) -> tuple[Step, ...]:
    fake = train.packed_fakes(2, _FAKE)
    loss = losses.non_saturating
    return (
        train.packed_step(2, train.discriminator_step(loss, fake)),
        train.packed_step(2, train.generator_step(loss, fake)),
    )


def _unrolled(total: int) -> tuple[Step, ...]:
    loss = losses.non_saturating
    learn = train.discriminator_step(loss, _FAKE)
    return learn, train.generator_step(loss, _FAKE, against=train.unroll(5, learn))


def _noisy(total: int) -> tuple[Step, ...]:
    scale = optax.linear_schedule(SCALE, 0.002, int(0.8 * total))

    def game(state: train.GANState) -> Step:
        noise = augment.instance_noise(scale(state.step))
        return train.chain(
            train.discriminator_step(losses.non_saturating, _FAKE, augment=noise),
            train.generator_step(losses.non_saturating, _FAKE, augment=noise),
        )

    return (train.state_dependent(game),)


def _lecam(total: int) -> tuple[Step, ...]:
    def learn(state: train.GANState) -> Step:
        term = partial(
            penalties.lecam_penalty,
            real_average=state.moving["real_logit"],
            fake_average=state.moving["fake_logit"],
        )
        terms = (penalties.weighted(0.3, term),)
        return train.discriminator_step(losses.hinge, _FAKE, penalties=terms)

    average = train.running_average(0.99, "real_logit", "fake_logit")
    learning = train.with_running(train.state_dependent(learn), average)
    return learning, train.generator_step(losses.hinge, _FAKE)


def _consensus(total: int) -> tuple[Step, ...]:
    return (train.consensus_step(losses.non_saturating, _FAKE, strength=1.0),)


def _extragradient(total: int) -> tuple[Step, ...]:
    return (train.extragradient(train.simultaneous_step(losses.non_saturating, _FAKE)),)


_spectral = {"dense": layers.SpectralDense, "head": _HEAD}
# Gamma 0.01, lambda 0.1 and a slope of 1 in the grid's own unit, in which slopes are SCALE times
# as large.
_r1 = penalties.weighted(0.01 * SCALE**2, penalties.r1_penalty)
_gp = penalties.weighted(0.1 * SCALE**2, partial(penalties.gradient_penalty, target=1 / SCALE))

RECIPES: dict[str, Recipe] = {
    "non-saturating": alternating(losses.non_saturating),
    "minimax (saturating)": alternating(losses.minimax),
    "minimax, discriminator 5 times faster": alternating(losses.minimax)._replace(rates=(1.0, 5.0)),
    "least squares": alternating(losses.least_squares),
    "hinge": alternating(losses.hinge),
    "hinge + spectral norm": alternating(losses.hinge)._replace(discriminator=_spectral),
    "relativistic": alternating(losses.relativistic),
    "relativistic average": alternating(losses.relativistic_average),
    "reverse KL (f-GAN)": alternating(losses.reverse_kullback_leibler),
    "total variation (f-GAN)": alternating(losses.total_variation),
    "Wasserstein, clipped": Recipe(
        _clipped, optimizer=optax.rmsprop, rates=(0.1, 0.1), batches=5, updates=(1, 5)
    ),
    "Wasserstein + gradient penalty": alternating(losses.wasserstein, _gp),
    "non-saturating + R1": alternating(losses.non_saturating, _r1),
    "relativistic + R1 + R2, annealed": Recipe(_relativistic),
    "hinge + LeCam": Recipe(_lecam, moving={"real_logit": 0.0, "fake_logit": 0.0}),
    "non-saturating, packs of 2": Recipe(_packed, channels=4),
    # A root that is differentiated needs something under it.
    "non-saturating, unrolled 5": Recipe(
        _unrolled, optimizer=partial(optax.adam, b1=0.0, b2=0.99, eps_root=1e-12)
    ),
    "non-saturating, fading instance noise": Recipe(_noisy),
    "non-saturating, consensus": Recipe(_consensus),
    "non-saturating, extragradient": Recipe(_extragradient, updates=(2, 2)),
}


def make(
    recipe: Recipe, total: int, *, learning_rate: float = 2e-3
) -> tuple[Callable[[PRNGKey], train.GANState], TrainStep]:
    """Make the game of a recipe.

    Args:
      recipe: what to play.
      total: the number of training steps.
      learning_rate: at the start; it falls to 0 by a cosine.

    Returns:
      What creates the state of a key, and the training step.
    """
    generator: nn.Module = mlp.Generator((2,), features=(WIDTH,) * 3)
    fields: dict[str, Any] = {"inputs": _INPUTS, **recipe.discriminator}
    discriminator = mlp.Discriminator(features=(WIDTH,) * 3, **fields)
    optimizers = [
        recipe.optimizer(optax.cosine_decay_schedule(learning_rate * factor, total * updates))
        for factor, updates in zip(recipe.rates, recipe.updates, strict=True)
    ]

    def create(key: PRNGKey) -> train.GANState:
        keys = jax.random.split(key, 3)
        return train.create_state(
            keys[0],
            train.create_player(keys[1], generator, optimizers[0], jnp.zeros((1, LATENTS))),
            train.create_player(
                keys[2], discriminator, optimizers[1], jnp.zeros((1, recipe.channels))
            ),
            moving={name: jnp.float32(value) for name, value in recipe.moving.items()},
        )

    return create, train.make_train_step(*recipe.steps(total))


def grid_points(key: PRNGKey, count: int) -> Array:
    """Draw points of the grid of 25 Gaussians: places 2 apart, standard deviation 0.05.

    Args:
      key: of the draw.
      count: how many.

    Returns:
      float32 [count, 2], multiplied by `SCALE`.
    """
    place_key, noise_key = jax.random.split(key)
    places = 2.0 * jax.random.randint(place_key, (count, 2), -2, 3)
    return SCALE * (places + 0.05 * jax.random.normal(noise_key, (count, 2)))
