"""A game in the plane, as functions of numbers: what a population of training runs is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax
import jax
import jax.numpy as jnp

from gan_jax.data import Distribution
from gan_jax.losses import AdversarialLoss
from gan_jax.train import Fake, GANState, Prior, Shown, make_sampler, unconditional
from gan_jax.typing import Array, Metrics, PRNGKey, TrainStep

__all__ = ["VIEW", "Game", "Hyperparameters", "Run", "advance", "draw_fakes", "finish", "start"]

VIEW = 4.0
Hyperparameters = Mapping[str, Any]


class Game(NamedTuple):
    """A recipe on a distribution.

    Networks see the plane scaled so that what holds the data is [-4, 4], whatever the distribution:
    the same rates, weights and frequencies suit all.

    Attributes:
      distribution: the data, in its own unit.
      loss: what the players minimise.
      prior: draws one example's latents.
      shown: what the discriminator is shown of single samples, neighbours as packs.
      pack: samples that it judges at a time.
      create: makes the initial state from hyper-parameters and a key.
      train_step: makes the training step from hyper-parameters.
      batch_size: reals per training step, all of them.
      steps: training steps in all.
    """

    distribution: Distribution
    loss: AdversarialLoss
    prior: Prior
    shown: Shown
    pack: int
    create: Callable[[Hyperparameters, PRNGKey], GANState]
    train_step: Callable[[Hyperparameters], TrainStep]
    batch_size: int
    steps: int

    @property
    def fake(self) -> Fake:
        """How a fake is made."""
        return unconditional(self.prior)

    @property
    def scale(self) -> float:
        """What the data's unit is multiplied by before a network sees it."""
        return VIEW / self.distribution.extent

    def reals(self, key: PRNGKey, count: int) -> Array:
        """Draw reals as the networks see them.

        Args:
          key: of the draw.
          count: how many.

        Returns:
          [count, 2].
        """
        return self.scale * self.distribution.sample(key, count)


class Run(flax.struct.PyTreeNode):
    """A run in progress.

    Attributes:
      state: the players.
      data_key: key of the reals; step s draws them by `fold_in(data_key, s)`.
      view_key: key of the samples that are looked at: always the same latents.
      look_key: key of what else a look needs; the look after step s has `fold_in(look_key, s)`.
    """

    state: GANState
    data_key: PRNGKey
    view_key: PRNGKey
    look_key: PRNGKey


def start(game: Game, hyperparameters: Hyperparameters, key: PRNGKey) -> Run:
    """Put a run at its start.

    Args:
      game: what is played.
      hyperparameters: numbers by name.
      key: of everything random in the run.

    Returns:
      The run at step 0.
    """
    create_key, *keys = jax.random.split(key, 4)
    return Run(game.create(hyperparameters, create_key), *keys)


def advance(
    game: Game, hyperparameters: Hyperparameters, run: Run, *, steps: int
) -> tuple[Run, Metrics]:
    """Take training steps, on fresh reals at each.

    Args:
      game: what is played.
      hyperparameters: numbers by name.
      run: where it is.
      steps: how many, a Python number.

    Returns:
      The run after them, and the means of the metrics over them.
    """
    step = game.train_step(hyperparameters)

    def take(state: GANState, _: None) -> tuple[GANState, Metrics]:
        key = jax.random.fold_in(run.data_key, state.step)
        return step(state, {"real": game.reals(key, game.batch_size)})

    state, metrics = jax.lax.scan(take, run.state, length=steps)
    return run.replace(state=state), jax.tree.map(lambda rows: jnp.mean(rows, axis=0), metrics)


def draw_fakes(game: Game, run: Run, *, count: int) -> Array:
    """Draw samples of a run's generator, in the data's own unit and of the same latents every time.

    Args:
      game: what is played.
      run: where it is.
      count: how many.

    Returns:
      [count, 2].
    """
    sample = make_sampler(game.fake)
    return sample(run.state.generator, {}, jax.random.split(run.view_key, count)) / game.scale


def finish(game: Game, hyperparameters: Hyperparameters, key: PRNGKey, *, count: int) -> Array:
    """Play a game from its start to its end, for a `population` of them.

    Args:
      game: what is played.
      hyperparameters: numbers by name.
      key: of everything random in the run.
      count: how many samples are drawn at the end.

    Returns:
      Samples [count, 2], as from `draw_fakes`.
    """
    begun = start(game, hyperparameters, key)
    ended, _ = advance(game, hyperparameters, begun, steps=game.steps)
    return draw_fakes(game, ended, count=count)
