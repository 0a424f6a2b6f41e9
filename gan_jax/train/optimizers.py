"""What optimizers of games need beyond optax: a memory of where the player was, lazy Adam.

Optimistic Adam is `optax.optimistic_adam_v2`; two time scales are two optimizers, as each player
has its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.train.checks import check_whole
from gan_jax.typing import Array, PyTree

__all__ = ["HistoryState", "historical_averaging", "lazy_adam"]


class HistoryState(NamedTuple):
    """Where a player was so far.

    Attributes:
      mean: of its parameters over the updates so far.
      updates: int32 [], how many there were.
    """

    mean: PyTree
    updates: Array


def historical_averaging(weight: float | Array) -> optax.GradientTransformation:
    r"""Pull a player's parameters towards their mean over all its updates so far.

    `gradient + 2 * weight * (params - mean)`, the gradient of `weight * ||params - mean||^2` with
    the mean, which includes the parameters of now, held fixed. Chain it before the optimizer:
    `optax.chain(historical_averaging(0.01), optax.adam(2e-4))`.

    Args:
      weight: of the squared distance.

    Returns:
      A gradient transformation.

    Raises:
      ValueError: on an update without parameters.

    Reference:
      Salimans et al., Improved Techniques for Training GANs, 2016,
      https://arxiv.org/abs/1606.03498
    """

    def init(params: PyTree) -> HistoryState:
        mean = jax.tree.map(lambda p: jnp.zeros(p.shape, _accurate(p)), params)
        return HistoryState(mean, jnp.zeros((), jnp.int32))

    def update(
        gradients: PyTree, state: HistoryState, params: PyTree | None = None
    ) -> tuple[PyTree, HistoryState]:
        if params is None:
            raise ValueError("historical_averaging needs the parameters: update(..., params)")
        updates = state.updates + 1
        mean = jax.tree.map(lambda m, p: m + (p - m) / updates.astype(m.dtype), state.mean, params)
        pulled = jax.tree.map(
            lambda g, p, m: (g + 2 * weight * (p - m)).astype(g.dtype), gradients, params, mean
        )
        return pulled, HistoryState(mean, updates)

    return optax.GradientTransformation(init, update)


def lazy_adam(
    learning_rate: optax.ScalarOrSchedule,
    *,
    interval: int,
    b1: float = 0.0,
    b2: float = 0.99,
    eps: float = 1e-8,
) -> optax.GradientTransformation:
    r"""Make the Adam of a player that takes an additional, lazy step every `interval` steps.

    `learning_rate * c`, `b1^c`, `b2^c` with `c = interval / (interval + 1)`: over `interval` steps
    and the lazy one in between, rate and memory are those of `interval` ordinary steps. It goes
    with `lazy_penalty_step` and `path_length_step`, which are updates of their own; a penalty under
    `penalties.every` is part of the ordinary update and wants no correction.

    Args:
      learning_rate: of the optimizer without lazy steps, or a schedule of its updates.
      interval: steps from one lazy step to the next: StyleGAN2's 16 for the discriminator's R1, 4
        for the generator's path length.
      b1: Adam's decay of the first moment without lazy steps.
      b2: that of the second moment.
      eps: Adam's epsilon.

    Returns:
      An optimizer.

    Raises:
      ValueError: `interval` is below 1.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958, appendix B.
    """
    check_whole("lazy_adam: interval", interval)
    c = interval / (interval + 1)
    rate: Any = learning_rate
    scaled = (lambda count: rate(count) * c) if callable(rate) else rate * c
    return optax.adam(scaled, b1=b1**c, b2=b2**c, eps=eps)


def _accurate(parameter: Array) -> Any:
    return jnp.promote_types(parameter.dtype, jnp.float32)
