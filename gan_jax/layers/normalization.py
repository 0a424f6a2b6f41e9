"""Normalisation as an argument: each choice is a function of the mode that makes a layer."""

from __future__ import annotations

from collections.abc import Callable

from flax import linen as nn
from jax.nn.initializers import Initializer, ones
from jax.typing import DTypeLike

from gan_jax.typing import Array

__all__ = ["Normalization", "batch_norm", "layer_norm", "no_norm"]

Normalization = Callable[..., Callable[[Array], Array]]


def batch_norm(
    *,
    train: bool,
    axis_name: str | None = None,
    dtype: DTypeLike | None = None,
    scale_init: Initializer = ones,
) -> Callable[[Array], Array]:
    """Make a batch normalisation, over all devices where there are several.

    Running statistics keep 0.9 of themselves at each training step.

    Args:
      train: normalise by the batch (True) or by the running statistics (False).
      axis_name: the mapped axis of the devices, None on one device.
      dtype: of the result; statistics are taken and kept in float32 at least.
      scale_init: initializer of the scale.

    Returns:
      A layer, to be made inside a linen module.

    Reference:
      Ioffe and Szegedy, Batch Normalization, 2015, https://arxiv.org/abs/1502.03167
    """
    return nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        axis_name=axis_name,
        dtype=dtype,
        scale_init=scale_init,
    )


def layer_norm(
    *, train: bool, axis_name: str | None = None, dtype: DTypeLike | None = None
) -> Callable[[Array], Array]:
    """Make a layer normalisation over all but the batch axis: safe under a gradient penalty.

    Args:
      train: not looked at.
      axis_name: not looked at.
      dtype: of the result; statistics are taken in float32 at least.

    Returns:
      A layer, to be made inside a linen module.

    Reference:
      Ba et al., Layer Normalization, 2016, https://arxiv.org/abs/1607.06450
    """

    def normalize(inputs: Array) -> Array:
        return nn.LayerNorm(reduction_axes=tuple(range(1, inputs.ndim)), dtype=dtype)(inputs)

    return normalize


def no_norm(
    *, train: bool, axis_name: str | None = None, dtype: DTypeLike | None = None
) -> Callable[[Array], Array]:
    """Make the identity, for networks that are to go without normalisation.

    Args:
      train: not looked at.
      axis_name: not looked at.
      dtype: not looked at.

    Returns:
      The identity.
    """
    return lambda inputs: inputs
