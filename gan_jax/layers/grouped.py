"""Grouped convolution on a CPU: the three operations of `gan_jax.layers.triad`, group by group.

XLA has no fast code there for the gradients of a grouped convolution, and little for itself. Each
group is an ordinary convolution, for which there is.
"""

from __future__ import annotations

from collections.abc import Callable

from jax import lax
from jax import numpy as jnp

from gan_jax.layers.geometry import Geometry
from gan_jax.typing import Array

__all__ = ["by_groups"]


def by_groups(
    operation: Callable[[Array, Array, Geometry], Array],
) -> Callable[[Array, Array, Geometry], Array]:
    """Make one of the three operations work on groups of channels.

    Groups part the last axis of both operands and of the result, whichever of images, maps and
    kernel [h, w, I / groups, O] they are.

    Args:
      operation: what is done to each group, `(left, right, geometry) -> result`.

    Returns:
      What is done to all of them, `geometry.groups`; the operation itself if there is but one.
    """

    def run(left: Array, right: Array, geometry: Geometry) -> Array:
        if geometry.groups == 1:
            return operation(left, right, geometry)
        alone = geometry._replace(groups=1)
        parts = _parted(left, geometry.groups), _parted(right, geometry.groups)
        return _joined(lax.map(lambda both: operation(both[0], both[1], alone), parts))

    return run


def _parted(operand: Array, groups: int) -> Array:
    """Bring the groups of the last axis to the front."""
    return jnp.moveaxis(operand.reshape(*operand.shape[:-1], groups, -1), -2, 0)


def _joined(results: Array) -> Array:
    """Bring groups at the front back into the last axis."""
    apart = jnp.moveaxis(results, 0, -2)
    return apart.reshape(*apart.shape[:-2], -1)
