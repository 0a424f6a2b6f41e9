"""Random crops and mirror images, the same for all images of an example."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["jitter"]


def jitter(key: jax.Array, images: Any, *, enlarge: float = 286 / 256, flip: bool = True) -> Any:
    """Enlarge the images of one example, cut their size out at a random place, and mirror them.

    All images of the example get the same place and the same side, so that a pair stays aligned.
    Corners of the cut are uniform over the whole pixels of the enlarged images; by a fair coin left
    becomes right. Where the images differ in size, as in super-resolution, place and enlarged size
    are those of the smallest, times how many times larger another is. Images are enlarged
    bilinearly, as in the first code of Pix2Pix, which stays within the range of their values.

    It belongs on the device, inside the step, each example with the key of its index in the global
    batch, so that the data stay as they are and N devices draw what one does:

      keys = example_keys(key, batch_size, axis_name=axis_name)
      seen = jax.vmap(jitter)(keys, {"source": batch["source"], "real": batch["real"]})

    Sides without pairs are jittered in two calls, with keys of their own.

    Args:
      key: typed PRNG key of the example.
      images: a tree of images [H, W, C], uint8 or floats; heights and widths are whole multiples of
        those of the smallest.
      enlarge: how many times larger they become before they are cut, 1 or more; static. 286 of 256
        pixels are Pix2Pix's.
      flip: whether half of the examples are mirrored; static.

    Returns:
      The same tree, of the same shapes and dtypes; bytes are rounded.

    Raises:
      ValueError: there are no images, one is no image [H, W, C], their sizes do not fit, or
        `enlarge` is not a finite number from 1.

    Example:
      >>> rows = jnp.arange(6.0).reshape(2, 3, 1)
      >>> jitter(jax.random.key(3), rows, enlarge=1.0)[..., 0].tolist()
      [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]

    Reference:
      Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.07004, section 6.2
    """
    leaves, tree = jax.tree.flatten(images)
    _check_enlarge(enlarge)
    times = _times([_size(leaf) for leaf in leaves])
    height, width = min(_size(leaf) for leaf in leaves)
    high, wide = round(height * enlarge), round(width * enlarge)
    corner_key, flip_key = jax.random.split(key)
    ends = jnp.array([high - height + 1, wide - width + 1])
    top, left = jax.random.randint(corner_key, (2,), 0, ends)
    mirrored = jnp.logical_and(flip, jax.random.bernoulli(flip_key))

    def cut(image: jax.Array, factor: int) -> jax.Array:
        image = jnp.asarray(image)
        floats = image.astype(jnp.promote_types(image.dtype, jnp.float32))
        enlarged = (factor * high, factor * wide, image.shape[2])
        floats = jax.image.resize(floats, enlarged, "linear")
        floats = jax.lax.dynamic_slice(floats, (factor * top, factor * left, 0), image.shape)
        floats = jnp.where(mirrored, floats[:, ::-1], floats)
        return (jnp.round(floats) if image.dtype == jnp.uint8 else floats).astype(image.dtype)

    return jax.tree.unflatten(tree, map(cut, leaves, times))


def _check_enlarge(enlarge: Any) -> None:
    is_number = isinstance(enlarge, Real) and not isinstance(enlarge, bool)
    if not is_number or not 1 <= enlarge < math.inf:
        raise ValueError(f"jitter: enlarge is {enlarge!r}, it must be a finite number from 1")


def _size(image: Any) -> tuple[int, int]:
    """Return the height and width of what must be an image."""
    dtype, shape = jnp.result_type(image), jnp.shape(image)
    if (
        len(shape) != 3
        or 0 in shape
        or not (dtype == jnp.uint8 or jnp.issubdtype(dtype, jnp.floating))
    ):
        raise ValueError(
            "jitter: images must be uint8 or floats [H, W, C] of one example (vmap over a batch), "
            f"got {dtype} {list(shape)}"
        )
    return shape[0], shape[1]


def _times(sizes: list[tuple[int, int]]) -> list[int]:
    """Return how many times larger each image is than the smallest."""
    if not sizes:
        raise ValueError("jitter: there are no images")
    height, width = min(sizes)
    times = [size[0] // height for size in sizes]
    for size, factor in zip(sizes, times, strict=True):
        if size != (factor * height, factor * width):
            raise ValueError(
                f"jitter: an image of {size[0]} x {size[1]} is no whole number of times as large "
                f"as one of {height} x {width}"
            )
    return times
