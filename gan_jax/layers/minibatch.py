"""Layers that let a discriminator compare the examples of a batch, so that it sees lost variety.

Both are called `(maps, axis_name=)` and add channels to what they are given. An example's logit
then depends on the others: penalties must take gradients of the whole batch at once.
"""

from __future__ import annotations

from collections.abc import Callable

from flax import linen as nn
from jax import lax
from jax import numpy as jnp

from gan_jax.typing import Array

__all__ = ["MinibatchDiscrimination", "MinibatchStandardDeviation"]


class MinibatchStandardDeviation(nn.Module):
    """Add the standard deviation within groups of examples as channels.

    `mean over pixels and channels of sqrt(var over the group + 1e-8)`, one number per group, the
    same at every pixel. Groups are of consecutive examples, so that a batch split over devices has
    the same groups; NVIDIA's code puts every `B / group_size`-th example into one.

    Attributes:
      group_size: examples in a group.
      features: channels to add, each the mean over as large a part of the maps' channels.

    Reference:
      Karras et al., Progressive Growing of GANs, 2017, https://arxiv.org/abs/1710.10196; in groups
      as in Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """

    group_size: int = 4
    features: int = 1

    @nn.compact
    def __call__(self, maps: Array, *, axis_name: str | None = None) -> Array:
        """Add the channels.

        Args:
          maps: [B, H, W, C], or features [B, C].
          axis_name: not looked at: no group reaches over devices.

        Returns:
          [B, H, W, C + features], or [B, C + features].

        Raises:
          ValueError: `group_size` does not divide the batch of a device (while initialising, every
            example is a group), or `features` the channels; or the maps are not as said.
        """
        _check_maps("minibatch standard deviation", maps)
        batch, channels = maps.shape[0], maps.shape[-1]
        size = 1 if self.is_initializing() else self.group_size
        if size < 1 or batch % size:
            raise ValueError(
                f"a batch of {batch} is not made of groups of {size}: set group_size to a divisor"
            )
        if self.features < 1 or channels % self.features:
            raise ValueError(
                f"{channels} channels can't be parted into {self.features}: "
                f"set features to a divisor"
            )
        wide = maps.astype(jnp.promote_types(maps.dtype, jnp.float32))
        groups = wide.reshape(-1, size, *maps.shape[1:-1], self.features, channels // self.features)
        deviation = jnp.sqrt(jnp.var(groups, axis=1) + 1e-8)
        spatial = tuple(range(1, maps.ndim - 1))
        means = jnp.repeat(jnp.mean(deviation, axis=(*spatial, -1)), size, axis=0)
        added = jnp.broadcast_to(jnp.expand_dims(means, spatial), (*maps.shape[:-1], self.features))
        return jnp.concatenate([maps, added.astype(maps.dtype)], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """Add how close an example is to the others of the batch, by learnt distances.

    `o(x_i)_b = sum over j != i of exp(-||M_ib - M_jb||_1)` with `M_i = f(x_i) T`, a matrix
    [features, kernel_features]. The sum leaves the example itself out, as the authors' code does;
    the paper's formula counts it, which adds 1. Over several devices, all their examples count.

    Attributes:
      features: numbers `o` to add, the rows of `M`.
      kernel_features: the columns of `M`.
      dense: makes `T`, called as `flax.linen.Dense`.

    Reference:
      Salimans et al., Improved Techniques for Training GANs, 2016, https://arxiv.org/abs/1606.03498
    """

    features: int
    kernel_features: int
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense

    @nn.compact
    def __call__(self, maps: Array, *, axis_name: str | None = None) -> Array:
        """Add the numbers.

        Args:
          maps: features [B, F], or anything [B, ...], which is flattened.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, F + features].

        Raises:
          ValueError: the maps are not as said, or an attribute is below 1.
        """
        _check_maps("minibatch discrimination", maps)
        if self.features < 1 or self.kernel_features < 1:
            raise ValueError(
                "features and kernel_features must be at least 1, "
                f"got {self.features} and {self.kernel_features}"
            )
        flat = maps.reshape(maps.shape[0], -1)
        wide = flat.astype(jnp.promote_types(flat.dtype, jnp.float32))
        product = self.dense(self.features * self.kernel_features, use_bias=False)(wide)
        rows = product.reshape(-1, self.features, self.kernel_features)
        others, here = rows, jnp.arange(len(rows))
        if axis_name is not None and not self.is_initializing():
            others = lax.all_gather(rows, axis_name, tiled=True)
            here += lax.axis_index(axis_name) * len(rows)
        distance = jnp.sum(jnp.abs(rows[:, None] - others[None]), axis=-1)
        itself = here[:, None] == jnp.arange(len(others))[None]
        closeness = jnp.sum(jnp.where(itself[:, :, None], 0, jnp.exp(-distance)), axis=1)
        return jnp.concatenate([flat, closeness.astype(flat.dtype)], axis=-1)


def _check_maps(layer: str, maps: Array) -> None:
    floats = jnp.issubdtype(maps.dtype, jnp.floating)
    if maps.ndim < 2 or 0 in maps.shape or not floats:
        raise ValueError(f"{layer} takes floats [B, ..., C], got {maps.dtype} {list(maps.shape)}")
