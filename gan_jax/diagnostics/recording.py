"""The gradients of any training step, read without a change to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.train import GANState, TrainState
from gan_jax.typing import Batch, PyTree, TrainStep

__all__ = ["Gradients", "Recorded", "keep_gradients", "successive_gradients"]


class Recorded(NamedTuple):
    """The state of an optimizer that keeps what it is given.

    Attributes:
      inner: the state of the optimizer itself.
      gradient: the sum of the gradients so far.
    """

    inner: PyTree
    gradient: PyTree


class Gradients(NamedTuple):
    """The gradients of both players, trees as their parameters.

    Attributes:
      generator: the generator's.
      discriminator: the discriminator's.
    """

    generator: PyTree
    discriminator: PyTree


def keep_gradients(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Make an optimizer keep the sum of the gradients that it is given; it moves as before.

    Args:
      optimizer: what it is.

    Returns:
      The same, with a `Recorded` state.
    """
    inner = optax.with_extra_args_support(optimizer)

    def init(params: PyTree) -> Recorded:
        return Recorded(inner.init(params), jax.tree.map(jnp.zeros_like, params))

    def update(
        gradients: PyTree, state: Recorded, params: PyTree | None = None, **extra: Any
    ) -> tuple[PyTree, Recorded]:
        updates, moved = inner.update(gradients, state.inner, params, **extra)
        kept = jax.tree.map(lambda k, g: k + g.astype(k.dtype), state.gradient, gradients)
        return updates, Recorded(moved, kept)

    return optax.GradientTransformationExtraArgs(init, update)


def successive_gradients(
    train_step: TrainStep, state: GANState, batch: Batch, *, scan: bool = True
) -> tuple[Gradients, Gradients]:
    """Return what moves both players at a state, and what moves them right after.

    The step is taken twice, as it is and on the same batch, with the same draws and the same count
    of steps: what differs is where the players stand. The optimizers record on the way, so that any
    recipe's gradients can be read, unrolled, lazy or clipped as it may be; where a player is
    updated several times in a training step, the sum is taken. The state itself is left alone.

    Args:
      train_step: the step of the recipe.
      state: where the game is.
      batch: what the step is given.
      scan: compile the step once, as the body of a loop; off for networks that the backend runs
        badly there.

    Returns:
      The gradients at the state, and those where the step leads.
    """

    def take(now: GANState, _: None) -> tuple[GANState, Gradients]:
        after = train_step(_wiped(now), batch)[0]
        players = after.generator, after.discriminator
        read = Gradients(*(player.opt_state.gradient for player in players))
        return after.replace(step=state.step), read

    recorded = state.replace(
        generator=_recorded(state.generator), discriminator=_recorded(state.discriminator)
    )
    if scan:
        _, both = jax.lax.scan(take, recorded, length=2)
        first, second = (jax.tree.map(lambda g, i=i: g[i], both) for i in (0, 1))
        return first, second
    after, first = take(recorded, None)
    return first, take(after, None)[1]


def _recorded(player: TrainState) -> TrainState:
    gradient = jax.tree.map(jnp.zeros_like, player.params)
    return player.replace(
        tx=keep_gradients(player.tx), opt_state=Recorded(player.opt_state, gradient)
    )


def _wiped(state: GANState) -> GANState:
    """Forget the gradients recorded so far."""

    def wiped(player: TrainState) -> TrainState:
        empty: PyTree = jax.tree.map(jnp.zeros_like, player.opt_state.gradient)
        return player.replace(opt_state=player.opt_state._replace(gradient=empty))

    return state.replace(generator=wiped(state.generator), discriminator=wiped(state.discriminator))
