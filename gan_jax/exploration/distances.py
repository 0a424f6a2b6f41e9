"""How far images are from one that is looked for, and latents from those that are usual."""

from __future__ import annotations

import jax.numpy as jnp

from gan_jax.typing import Array

__all__ = ["mean_square_distance", "multiscale_distance", "norm_penalty"]


def mean_square_distance(images: Array, target: Array) -> Array:
    """Measure how far pixels are apart: the mean of their squared differences.

    Args:
      images: [B, H, W, C].
      target: [1, H, W, C] or [B, H, W, C].

    Returns:
      [B].

    Example:
      >>> mean_square_distance(jnp.ones((2, 4, 4, 1)), jnp.zeros((1, 4, 4, 1))).tolist()
      [1.0, 1.0]
    """
    return jnp.mean(jnp.square(images - target), axis=(1, 2, 3))


def multiscale_distance(images: Array, target: Array, *, smallest: int = 4) -> Array:
    """Measure how far images are apart at every scale at which they can be seen.

    The mean, over the images and both halved again and again, of `mean_square_distance`. What is
    large counts at all scales and fine detail at one, so that a search is led to a shape that is a
    little out of place, and to its details later.

    Args:
      images: [B, H, W, C].
      target: [1, H, W, C] or [B, H, W, C].
      smallest: images are halved, by the mean of squares of 2 x 2 pixels, as long as both sides
        are even and then at least so many pixels long.

    Returns:
      [B].

    Example:
      >>> stripes = jnp.tile(jnp.array([-1.0, 1.0]), 4).reshape(1, 1, 8, 1)
      >>> images = jnp.broadcast_to(stripes, (1, 8, 8, 1))
      >>> multiscale_distance(images, jnp.zeros_like(images)).tolist()  # at 8 x 8 1, at 4 x 4 0
      [0.5]
    """
    difference = images - target
    terms = [jnp.mean(jnp.square(difference), axis=(1, 2, 3))]
    while all(side % 2 == 0 and side // 2 >= smallest for side in difference.shape[1:3]):
        number, height, width, channels = difference.shape
        squares = difference.reshape(number, height // 2, 2, width // 2, 2, channels)
        difference = jnp.mean(squares, axis=(2, 4))
        terms.append(jnp.mean(jnp.square(difference), axis=(1, 2, 3)))
    return jnp.mean(jnp.stack(terms), axis=0)


def norm_penalty(latents: Array) -> Array:
    r"""Penalise latents that are not as long as normal ones: `(\|z\|^2 / D - 1)^2`.

    Nearly all normal latents are close to a sphere of radius `sqrt(D)`; a search that may leave it
    finds images of latents that are never drawn.

    Args:
      latents: [B, ...], D numbers each.

    Returns:
      [B].

    Example:
      >>> norm_penalty(jnp.array([[1.0, -1.0], [2.0, 2.0]])).tolist()
      [0.0, 9.0]
    """
    return jnp.square(jnp.mean(jnp.square(latents), axis=tuple(range(1, latents.ndim))) - 1)
