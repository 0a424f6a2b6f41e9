"""Padding with what is in the image already."""

from __future__ import annotations

from jax import lax

from gan_jax.typing import Array

__all__ = ["reflection_pad"]


def reflection_pad(images: Array, width: int) -> Array:
    """Continue images beyond their edges by mirroring them there; the edge is not repeated.

    Args:
      images: [B, H, W, C].
      width: pixels to add on each side, fewer than H and W.

    Returns:
      [B, H + 2 width, W + 2 width, C], of the same dtype.

    Raises:
      ValueError: the images have no such axes, or too few pixels to mirror.

    >>> import jax.numpy as jnp
    >>> row = jnp.arange(1, 5).reshape(1, 1, 4, 1)
    >>> reflection_pad(jnp.repeat(row, 3, axis=1), 2)[0, 2, :, 0].tolist()
    [3, 2, 1, 2, 3, 4, 3, 2]
    """
    if images.ndim != 4 or not 0 <= width < min(images.shape[1:3]):
        raise ValueError(
            f"reflection_pad takes images [B, H, W, C] and a width from 0 to less than H and W, "
            f"got {list(images.shape)} and {width}"
        )
    if not width:
        return images
    for axis in (1, 2):
        last = images.shape[axis] - 1
        before = lax.slice_in_dim(images, 1, 1 + width, axis=axis)
        after = lax.slice_in_dim(images, last - width, last, axis=axis)
        mirrored = [lax.rev(edge, (axis,)) for edge in (before, after)]
        images = lax.concatenate([mirrored[0], images, mirrored[1]], axis)
    return images
