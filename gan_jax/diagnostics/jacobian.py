"""The Jacobian of a training step, and its eigenvalues: for games of few parameters."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from gan_jax.train import GANState
from gan_jax.typing import Array, Batch, TrainStep

__all__ = ["game_eigenvalues", "game_jacobian", "game_jacobian_spectral_radius"]


def game_jacobian(train_step: TrainStep, state: GANState, batch: Batch) -> Array:
    """Differentiate what one step makes of both players' parameters by these.

    `J_ij = d w'_i / d w_j`, with the generator's parameters first. The optimizers' states, the
    batch and the draws are held fixed. It is dense, and takes as many passes as there are
    parameters. With plain gradient descent at rate h the eigenvalues are `1 - h l`, `l` those of
    the gradient field.

    Args:
      train_step: the step.
      state: where to differentiate.
      batch: what the step is given.

    Returns:
      [P, P], P the number of both players' parameters.
    """
    players = state.generator, state.discriminator
    start, unravel = ravel_pytree(tuple(player.params for player in players))

    def moved(vector: Array) -> Array:
        generator, discriminator = (
            player.replace(params=params)
            for player, params in zip(players, unravel(vector), strict=True)
        )
        after, _ = train_step(
            state.replace(generator=generator, discriminator=discriminator), batch
        )
        return ravel_pytree((after.generator.params, after.discriminator.params))[0]

    jacobian: Callable[[Array], Array] = jax.jacfwd(moved)
    return jacobian(start)


def game_eigenvalues(train_step: TrainStep, state: GANState, batch: Batch) -> Array:
    """Return the eigenvalues of the Jacobian of one step.

    Args:
      train_step: the step.
      state: where to differentiate.
      batch: what the step is given.

    Returns:
      Complex [P], in no order. Not every backend computes them; the CPU does.

    Reference:
      Mescheder, Nowozin and Geiger, The Numerics of GANs, 2017, https://arxiv.org/abs/1705.10461
    """
    return jnp.linalg.eigvals(game_jacobian(train_step, state, batch))


def game_jacobian_spectral_radius(train_step: TrainStep, state: GANState, batch: Batch) -> Array:
    """Return the largest absolute eigenvalue of the Jacobian of one step.

    `max |eig(J)|`. At an equilibrium the game comes to rest if it is below 1, where a step's draws
    do not matter; at 1 or above it circles or leaves.

    Args:
      train_step: the step.
      state: where to differentiate.
      batch: what the step is given.

    Returns:
      [].

    Reference:
      Mescheder, Geiger and Nowozin, Which Training Methods for GANs do actually Converge?, 2018,
      https://arxiv.org/abs/1801.04406
    """
    return jnp.max(jnp.abs(game_eigenvalues(train_step, state, batch)))
