"""Wrappers that make a penalty of a penalty: stronger or weaker, now and then.

Both keep the penalty's `__name__`, under which its value is reported.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Penalty", "every", "weighted"]

Penalty = Callable[..., jax.Array]
"""`(*, critic, real, fake, keys, step=0, **_) -> [B]`, naming only the arguments it reads."""


def weighted(weight: float | jax.Array | Callable[[Any], Any], penalty: Penalty) -> Penalty:
    """Multiply a penalty by a weight.

    `w p`, or `w(step) p` with a schedule.

    Args:
        weight: A number, or a schedule: a function of the training step, as in optax.
        penalty: The penalty to weight.

    Returns:
        The weighted penalty.

    Raises:
        ValueError: If the weight is a negative number.

    >>> penalty = weighted(lambda step: 10.0 * 0.5**step, lambda **_: jnp.ones(2))
    >>> print(penalty(step=1))
    [5. 5.]
    """
    number = None if callable(weight) or isinstance(weight, jax.core.Tracer) else weight
    if number is not None and (np.ndim(number) or not float(number) >= 0):
        raise ValueError(f"weight must be a number >= 0 or a schedule, got {weight!r}")

    def call(*, step: jax.Array | int = 0, **arguments: Any) -> jax.Array:
        scale = weight(step) if callable(weight) else weight
        return scale * penalty(step=step, **arguments)

    return _named_like(penalty, call)


def every(interval: int, penalty: Penalty) -> Penalty:
    """Evaluate a penalty at every `interval`-th step only, that much stronger.

    `k p` at every `k`-th step, which leaves its mean over the steps as it was; in between it is
    zero and costs nothing. Where the step itself is vmapped, as in a population of states, the
    branch turns into a select and nothing is saved.

    Args:
        interval: Number of steps `k` from one evaluation to the next.
        penalty: The penalty to evaluate.

    Returns:
        The lazy penalty.

    Raises:
        ValueError: If `interval` is not a whole number of at least 1.

    Reference:
        Karras et al., 2020, "Analyzing and Improving the Image Quality of StyleGAN",
        https://arxiv.org/abs/1912.04958
    """
    if not isinstance(interval, numbers.Integral) or interval < 1:
        raise ValueError(f"interval must be a whole number of steps >= 1, got {interval!r}")

    def call(*, step: jax.Array | int = 0, **arguments: Any) -> jax.Array:
        def evaluate() -> jax.Array:
            return interval * penalty(step=step, **arguments)

        skipped = jax.eval_shape(evaluate)
        return jax.lax.cond(step % interval == 0, evaluate, lambda: jnp.zeros_like(skipped))

    return _named_like(penalty, call)


def _named_like(penalty: Penalty, call: Penalty) -> Penalty:
    """Give `call` the penalty's name and docstring, which a partial keeps in its function."""
    while isinstance(penalty, functools.partial) and not hasattr(penalty, "__name__"):
        penalty = penalty.func
    return functools.wraps(penalty)(call)
