"""What the discriminators ask of images."""

from __future__ import annotations

from jax import numpy as jnp

from gan_jax.typing import Array

__all__ = ["check_images"]


def check_images(images: Array, *, axes: int | None = None) -> None:
    """Refuse what is not floats: bytes in [0, 255] would pass for numbers in [-1, 1].

    Args:
      images: should be floats [B, ...], at least one, with something in it.
      axes: how many axes there must be; any number of at least 2 if None.

    Raises:
      ValueError: they are anything else.
    """
    fits = images.ndim == axes if axes else images.ndim >= 2
    if not fits or 0 in images.shape or not jnp.issubdtype(images.dtype, jnp.floating):
        shape = "[B, H, W, C]" if axes == 4 else "[B, ...]"
        raise ValueError(
            f"images must be floats {shape}, as data.normalize makes them, "
            f"got {images.dtype} {list(images.shape)}"
        )
