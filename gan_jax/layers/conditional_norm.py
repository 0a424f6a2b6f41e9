"""Normalisation that a label or a vector steers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, zeros
from jax.typing import DTypeLike

from gan_jax.layers.conditioning import inside
from gan_jax.typing import Array

__all__ = ["ConditionalBatchNorm", "ConditionalNormalization", "conditional_batch_norm"]

ConditionalNormalization = Callable[..., Callable[[Array, Array], Array]]


class ConditionalBatchNorm(nn.Module):
    """Normalise by the batch, with a gain and a bias that depend on a condition.

    `(1 + g(c)) (x - mean) / sqrt(var + 1e-5) + b(c)`, where g and b are a table's rows for labels,
    as Miyato and Koyama have it, and linear maps without bias for vectors, as BigGAN has it. With
    the default initializer, g and b start at 0 and the layer as a plain normalisation, as de Vries
    et al. have it. Running statistics keep 0.9 of themselves at each training step.

    Attributes:
      num_classes: number of classes of labels; 0 if the condition is a vector.
      kernel_init: initializer of g and b; if those are spectral, another than zeros, which have no
        direction.
      dense: makes g and b for vectors, called as `flax.linen.Dense`.
      embed: makes g and b for labels, called as `flax.linen.Embed`.
      dtype: of the result; statistics are taken and kept in float32 at least.

    Reference:
      de Vries et al., Modulating early visual processing by language, 2017,
      https://arxiv.org/abs/1707.00683; Miyato and Koyama, cGANs with Projection Discriminator,
      2018, https://arxiv.org/abs/1802.05637; Brock et al., Large Scale GAN Training for High
      Fidelity Natural Image Synthesis, 2018, https://arxiv.org/abs/1809.11096
    """

    num_classes: int = 0
    kernel_init: Initializer = zeros
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    embed: Callable[..., Callable[[Array], Array]] = nn.Embed
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self, maps: Array, condition: Array, *, train: bool, axis_name: str | None = None
    ) -> Array:
        """Normalise.

        Args:
          maps: [B, ..., C], from a layer without a bias, which would be cancelled.
          condition: labels, int32 [B], if there are classes; else vectors, floats [B, D].
          train: normalise by the batch (True) or by the running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, ..., C].

        Raises:
          ValueError: the maps or the condition are not as said. Labels that are traced can't be
            looked at: of no class they give NaN.
        """
        self._check(maps, condition)
        if self.num_classes:
            condition = inside("labels", condition, self.num_classes)
        channels = maps.shape[-1]
        wide = jnp.promote_types(maps.dtype, jnp.float32)
        normalized = nn.BatchNorm(
            use_running_average=not train,
            momentum=0.9,
            axis_name=axis_name,
            use_scale=False,
            use_bias=False,
            dtype=wide,
        )(maps)

        if self.num_classes:
            make = partial(self.embed, self.num_classes, embedding_init=self.kernel_init)
        else:
            make = partial(self.dense, use_bias=False, kernel_init=self.kernel_init)
        gain, bias = (make(channels, name=name)(condition) for name in ("gain", "bias"))
        at_each_pixel = partial(jnp.expand_dims, axis=tuple(range(1, maps.ndim - 1)))
        outputs = (1 + at_each_pixel(gain)) * normalized + at_each_pixel(bias)
        return outputs.astype(wide if self.dtype is None else self.dtype)

    def _check(self, maps: Array, condition: Array) -> None:
        labels = jnp.issubdtype(condition.dtype, jnp.integer)
        got = f"got {condition.dtype} {list(condition.shape)} for maps {list(maps.shape)}"
        if self.num_classes and not (labels and condition.shape == maps.shape[:1]):
            raise ValueError(f"with num_classes={self.num_classes} the condition is labels: {got}")
        if maps.ndim < 2 or not jnp.issubdtype(maps.dtype, jnp.floating):
            raise ValueError(f"maps must be floats [B, ..., C]: {got}")
        floats = jnp.issubdtype(condition.dtype, jnp.floating)
        vectors = floats and condition.ndim == 2 and condition.shape[0] == maps.shape[0]
        if not self.num_classes and not vectors:
            raise ValueError(f"without num_classes the condition is floats [B, D]: {got}")


def conditional_batch_norm(
    *,
    train: bool,
    axis_name: str | None = None,
    dtype: DTypeLike | None = None,
    **attributes: Any,
) -> Callable[[Array, Array], Array]:
    """Make a conditional batch normalisation, as `batch_norm` makes an unconditional one.

    `norm(train=..., axis_name=..., dtype=...)(maps, condition)`, with `norm` for instance
    `partial(conditional_batch_norm, num_classes=10)`; see `ConditionalBatchNorm`.

    Args:
      train: normalise by the batch (True) or by the running statistics (False).
      axis_name: the mapped axis of the devices, None on one device.
      dtype: of the result; statistics are taken and kept in float32 at least.
      **attributes: the others of `ConditionalBatchNorm`.

    Returns:
      A layer, to be made inside a linen module.

    Reference:
      de Vries et al., Modulating early visual processing by language, 2017,
      https://arxiv.org/abs/1707.00683
    """
    layer = ConditionalBatchNorm(dtype=dtype, **attributes)
    return partial(layer, train=train, axis_name=axis_name)
