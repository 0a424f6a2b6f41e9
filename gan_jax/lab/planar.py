"""The networks and the rules of a game in the plane, made of functions and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from gan_jax import layers, train
from gan_jax.data import Distribution
from gan_jax.lab.game import VIEW, Game, Hyperparameters
from gan_jax.losses import AdversarialLoss
from gan_jax.models import mlp
from gan_jax.penalties import Penalty, weighted
from gan_jax.typing import Array, Batch, PRNGKey, TrainStep

__all__ = ["planar_game"]

_DEPTH = 3
# The longest wave is not a multiple of the spacing of a grid, which would tell where its modes are.
_LONGEST_WAVE = 1.35 * VIEW
_FALL = 0.8


def planar_game(
    distribution: Distribution,
    loss: AdversarialLoss,
    *,
    penalties: Sequence[Penalty] = (),
    steps: int,
    batch_size: int = 128,
    width: int = 64,
    normals: int = 2,
    signs: int = 10,
    octaves: int = 4,
    spectral: bool = False,
    critic_steps: int = 1,
    pack: int = 1,
    clipped: bool = False,
    averaged: bool = False,
) -> Game:
    """Make a game of small networks on a distribution in the plane.

    Both networks have three hidden layers with leaky rectifiers, and Adam, whose learning rates
    fall to 0 by a cosine. What is given here shapes the program; the numbers that members of a
    population may differ in come later.

    Args:
      distribution: the data.
      loss: what the players minimise.
      penalties: on the discriminator, added up and multiplied by `gamma`.
      steps: training steps in all.
      batch_size: reals, and fakes, per update.
      width: of the hidden layers.
      normals: latents from N(0, 1).
      signs: latents that are -1 or 1.
      octaves: Fourier features that the discriminator gets of its input.
      spectral: whether the discriminator has spectral normalisation.
      critic_steps: updates of the discriminator per update of the generator.
      pack: samples that the discriminator judges at a time.
      clipped: whether the discriminator's parameters are clipped, to `clip`.
      averaged: whether the generator is averaged, with decay `ema`.

    Returns:
      The game. Its hyper-parameters are `learning_rate` (the discriminator's), `generator_rate`
      (the generator's as a share of it), `beta1`, `beta2`, `gamma`, `gamma_fall` (what gamma is
      multiplied by over the first 4/5 of the steps) and, where they have a use, `clip` and `ema`.

    Raises:
      ValueError: there is nothing in the latents, or the batch is not made of packs.
    """
    if normals < 0 or signs < 0 or normals + signs < 1:
        raise ValueError(f"planar_game: {normals} normals and {signs} signs: at least 1 latent")
    if pack < 1 or batch_size % pack:
        raise ValueError(f"planar_game: batch_size {batch_size} can't be made into packs of {pack}")
    prior = train.join_priors(train.normal_prior(normals), train.sign_prior(signs))
    rules = _Rules(tuple(penalties), steps, critic_steps, pack, clipped, averaged)
    networks = (
        mlp.Generator((2,), features=(width,) * _DEPTH, output=lambda points: points),
        _discriminator(width, octaves, spectral=spectral),
    )
    inputs = (jnp.zeros((1, normals + signs)), jnp.zeros((1, 2 * pack)))
    return Game(
        distribution=distribution,
        loss=loss,
        prior=prior,
        shown=partial(_in_packs, pack) if pack > 1 else train.alone,
        pack=pack,
        create=partial(_create, rules, networks, inputs),
        train_step=partial(_train_step, rules, loss, train.unconditional(prior)),
        batch_size=batch_size * critic_steps,
        steps=steps,
    )


class _Rules(NamedTuple):
    """What shapes a training step."""

    penalties: tuple[Penalty, ...]
    steps: int
    critic_steps: int
    pack: int
    clipped: bool
    averaged: bool


def _create(
    rules: _Rules,
    networks: tuple[nn.Module, nn.Module],
    inputs: tuple[Array, Array],
    numbers: Hyperparameters,
    key: PRNGKey,
) -> train.GANState:
    """Make the players at their start, the generator first."""
    keys = jax.random.split(key, 3)
    rates = (numbers["learning_rate"] * numbers["generator_rate"], numbers["learning_rate"])
    updates = (rules.steps, rules.steps * rules.critic_steps)
    averages = (rules.averaged, False)
    players = [
        _with_rate(train.create_player(k, network, _adam(count), seen, ema=ema), numbers, rate)
        for k, network, count, seen, ema, rate in zip(
            keys[1:], networks, updates, inputs, averages, rates, strict=True
        )
    ]
    return train.create_state(keys[0], *players)


def _train_step(
    rules: _Rules, loss: AdversarialLoss, fake: train.Fake, numbers: Hyperparameters
) -> TrainStep:
    """Make the training step: the discriminator's updates, the generator's, the average."""
    gamma = partial(_falling, numbers, int(_FALL * rules.steps))
    terms = tuple(weighted(gamma, penalty) for penalty in rules.penalties)
    shown_fake = train.packed_fakes(rules.pack, fake) if rules.pack > 1 else fake
    learn = train.discriminator_step(loss, shown_fake, penalties=terms)
    move = train.generator_step(loss, shown_fake)
    if rules.pack > 1:
        learn, move = train.packed_step(rules.pack, learn), train.packed_step(rules.pack, move)
    if rules.clipped:
        learn = train.chain(learn, train.clip_step(numbers["clip"]))
    if rules.critic_steps > 1:
        learn = train.repeat(rules.critic_steps, learn)
        move = train.last_slice(rules.critic_steps, move)
    average = (train.ema_step(numbers["ema"]),) if rules.averaged else ()
    return train.make_train_step(learn, move, *average)


def _discriminator(width: int, octaves: int, *, spectral: bool) -> mlp.Discriminator:
    base = 2 * jnp.pi / _LONGEST_WAVE
    inputs = layers.FourierFeatures(octaves, base=base) if octaves else None
    if not spectral:
        return mlp.Discriminator(features=(width,) * _DEPTH, inputs=inputs)
    head = partial(layers.ProjectionHead, dense=layers.SpectralDense)
    return mlp.Discriminator(
        features=(width,) * _DEPTH, inputs=inputs, dense=layers.SpectralDense, head=head
    )


def _adam(updates: int) -> optax.GradientTransformation:
    """Return Adam whose numbers are in its state, where members of a population can differ."""
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=1.0, b1=0.0, b2=0.99)
    return optax.chain(adam, optax.scale_by_schedule(optax.cosine_decay_schedule(1.0, updates)))


def _with_rate(
    player: train.TrainState, numbers: Hyperparameters, rate: Array | float
) -> train.TrainState:
    values = {"learning_rate": rate, "b1": numbers["beta1"], "b2": numbers["beta2"]}
    values = {name: jnp.asarray(value, jnp.float32) for name, value in values.items()}
    return player.replace(opt_state=optax.tree.set(player.opt_state, **values))


def _falling(numbers: Hyperparameters, fall: int, step: Array) -> Array:
    """Return gamma at a step: a geometric fall, then constant."""
    share = jnp.minimum(step / max(1, fall), 1.0)
    return numbers["gamma"] * jnp.asarray(numbers["gamma_fall"], jnp.float32) ** share


def _in_packs(pack: int, discriminator: Callable[..., Any], sample: Array, batch: Batch) -> Array:
    """Show neighbours as packs, but for the last ones if they fill none."""
    return discriminator(train.pack(pack, sample[: len(sample) // pack * pack]))
