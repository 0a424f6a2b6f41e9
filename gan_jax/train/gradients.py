"""Gradients of a player's objective, and what the devices tell each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gan_jax.typing import Array, PyTree

__all__ = ["average", "gather", "value_and_gradients"]


def value_and_gradients(
    objective: Callable[[PyTree], tuple[Array, Any]],
    params: PyTree,
    *,
    axis_name: str | None = None,
) -> tuple[tuple[Array, Any], PyTree]:
    """Differentiate a player's objective, averaging the gradient over the devices.

    Args:
      objective: `params -> (scalar, auxiliary)`.
      params: where to differentiate.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      `((scalar, auxiliary), gradients)`; the gradients are the same on every device.
    """
    result, gradients = jax.value_and_grad(objective, has_aux=True)(params)
    return result, average(gradients, axis_name=axis_name)


def average(tree: PyTree, *, axis_name: str | None = None) -> PyTree:
    """Average a tree over the devices; on one device, return it as it is.

    Args:
      tree: arrays.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      The same tree, its leaves averaged.
    """
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def gather(logits: Array, *, axis_name: str | None = None) -> Array:
    """Join the logits of all devices, in the order of the global batch.

    Losses are computed on the global batch by every device alike, so that one which compares
    examples with each other (relativistic averages, say) needs to know nothing of devices. The
    gradient is right because the transpose of this gather sums over devices what the average of
    gradients then divides.

    Args:
      logits: [B, ...] of this device.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      [N * B, ...] for N devices.
    """
    return logits if axis_name is None else jax.lax.all_gather(logits, axis_name, tiled=True)
