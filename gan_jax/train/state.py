"""The state of the game, as a value: two players, a step count and a base key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from flax.training import train_state

from gan_jax.typing import Array, PRNGKey, PyTree

__all__ = ["GANState", "TrainState", "create_player", "create_state"]


class TrainState(train_state.TrainState):
    """One player: parameters, optimizer state, and every other collection of its network.

    Attributes:
      model_state: the mutable collections (`batch_stats`, ...), `{}` when there are none.
      ema_params: a moving average of `params`, or None for a player that keeps none.
    """

    model_state: PyTree
    ema_params: PyTree | None = None


class GANState(flax.struct.PyTreeNode):
    """The whole game, and all that a checkpoint holds.

    Attributes:
      step: int32 [], the number of training steps taken.
      key: the base key, never advanced: step `s` draws from `fold_in(key, s)`.
      generator: the generator's state.
      discriminator: the discriminator's state.
      moving: named running quantities, arrays or trees, that steps of their own keep up to date.
    """

    step: Array
    key: PRNGKey
    generator: TrainState
    discriminator: TrainState
    moving: Mapping[str, Any]


def create_player(
    key: PRNGKey,
    module: nn.Module,
    optimizer: optax.GradientTransformation,
    *inputs: Any,
    ema: bool = False,
) -> TrainState:
    """Initialise a network and its optimizer; run it under `jax.jit`, which compiles once.

    Args:
      key: key of the initial parameters.
      module: a linen module whose call takes `train`.
      optimizer: the player's optimizer.
      *inputs: example inputs of the module, with a batch axis.
      ema: keep a moving average of the parameters, starting at a copy of them.

    Returns:
      A `TrainState` at step 0.
    """
    model_state, params = flax.core.pop(module.init(key, *inputs, train=False), "params")
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        apply_fn=module.apply,
        params=params,
        tx=optimizer,
        opt_state=optimizer.init(params),
        model_state=model_state,
        ema_params=jax.tree.map(_start_average, params) if ema else None,
    )


def _start_average(parameter: Array) -> Array:
    """Copy, as a donated state has no buffer twice, with digits enough for small moves."""
    return jnp.array(parameter, jnp.promote_types(parameter.dtype, jnp.float32))


def create_state(
    key: PRNGKey,
    generator: TrainState,
    discriminator: TrainState,
    *,
    moving: Mapping[str, Any] | None = None,
) -> GANState:
    """Put two players at the start of their game.

    Args:
      key: the base key of everything random in training.
      generator: the generator's initial state.
      discriminator: the discriminator's initial state.
      moving: initial running quantities by name: numbers, arrays or trees of them, which are
        copied.

    Returns:
      A `GANState` at step 0.

    Raises:
      ValueError: the key is not one typed key.
    """
    dtype, shape = jnp.result_type(key), jnp.shape(key)
    if not jnp.issubdtype(dtype, jax.dtypes.prng_key) or shape:
        raise ValueError(
            f"create_state: key must be one of jax.random.key, got {dtype} {list(shape)}"
        )
    return GANState(
        step=jnp.zeros((), jnp.int32),
        key=key,
        generator=generator,
        discriminator=discriminator,
        moving=jax.tree.map(_own, dict(moving or {})),
    )


def _own(value: Any) -> Array:
    """Copy, as a donated state has no buffer twice, with a type that no later step changes."""
    return jnp.array(value, dtype=jnp.asarray(value).dtype)
