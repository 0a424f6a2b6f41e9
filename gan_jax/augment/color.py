"""Random changes of the colours, as matrices, for `adaptive_augment`.

Each function draws a matrix `[4, 4]` that acts on `(red, green, blue, 1)`. The luma axis is that of
the greys, `(1, 1, 1)/√3`; hue and saturation do not move along it, so they leave a grey image as it
is, and there a luma flip makes a negative, all as in StyleGAN2-ADA. The reference of all is Karras
et al., 2020, "Training Generative Adversarial Networks with Limited Data",
https://arxiv.org/abs/2006.06676, appendix B.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .common import as_float, check_image, check_matrix

__all__ = [
    "COLOR",
    "brightness",
    "contrast",
    "hue_rotation",
    "luma_flip",
    "recolor",
    "saturation",
]


def brightness(key: jax.Array, *, deviation: float = 0.2) -> jax.Array:
    """Draw a number to add to all channels.

    `x + b` with `b ~ N(0, deviation²)`

    Args:
        key: Typed key.
        deviation: Standard deviation of b.

    Returns:
        The matrix, `[4, 4]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    change = deviation * jax.random.normal(key)
    return _alike(1.0, 0.0, 0.0, change)


def contrast(key: jax.Array, *, deviation: float = 0.5) -> jax.Array:
    """Draw a factor for all channels.

    `c x` with `c = 2^N(0, deviation²)`

    Args:
        key: Typed key.
        deviation: Standard deviation of `log₂ c`.

    Returns:
        The matrix, `[4, 4]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    factor = jnp.exp2(deviation * jax.random.normal(key))
    return _alike(factor, 0.0, 0.0)


def luma_flip(key: jax.Array) -> jax.Array:
    """Draw a change of sign of the luma, which leaves the chroma as it is.

    `x - 2 v vᵀx` with v the luma axis, by a fair coin.

    Args:
        key: Typed key.

    Returns:
        The matrix, `[4, 4]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    others = jnp.where(jax.random.bernoulli(key), -2 / 3, 0.0)
    return _alike(1 + others, others, others)


def hue_rotation(key: jax.Array, *, limit: float = math.pi) -> jax.Array:
    """Draw a rotation of the colours around the luma axis.

    `R(v, θ) x` with v the luma axis and `θ ~ U(-limit, limit)`

    Args:
        key: Typed key.
        limit: The largest angle, in radians; at 2π/3 red has become green.

    Returns:
        The matrix, `[4, 4]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    angle = jax.random.uniform(key, minval=-limit, maxval=limit)
    luma, sine = (1 - jnp.cos(angle)) / 3, jnp.sin(angle) / math.sqrt(3)
    return _alike(jnp.cos(angle) + luma, luma - sine, luma + sine)


def saturation(key: jax.Array, *, deviation: float = 1.0) -> jax.Array:
    """Draw a factor for the chroma, which leaves the luma as it is.

    `v vᵀx + s (x - v vᵀx)` with v the luma axis and `s = 2^N(0, deviation²)`

    Args:
        key: Typed key.
        deviation: Standard deviation of `log₂ s`.

    Returns:
        The matrix, `[4, 4]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    factor = jnp.exp2(deviation * jax.random.normal(key))
    others = (1 - factor) / 3
    return _alike(factor + others, others, others)


COLOR = (brightness, contrast, luma_flip, hue_rotation, saturation)
"""The paper's colour transformations."""


def recolor(image: jax.Array, matrix: jax.Array) -> jax.Array:
    """Apply a matrix to the colour of every pixel.

    `A x + b`. A grey image is treated as a colour image of three equal channels, whose mean is
    taken at the end.

    Args:
        image: Floats `[H, W, 3]` or `[H, W, 1]`.
        matrix: A, and b in the last column, `[4, 4]`.

    Returns:
        The recoloured image, of the same shape and dtype, computed in float32 or better.

    Raises:
        ValueError: If the image or the matrix is not as said.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    check_image(image)
    channels = image.shape[-1]
    if channels not in (1, 3):
        raise ValueError(f"colours are changed of images with 1 or 3 channels, got {channels}")
    check_matrix("matrix", matrix, 4)
    linear, offset = matrix[:3, :3], matrix[:3, 3]
    if channels == 1:
        linear, offset = jnp.mean(jnp.sum(linear, 1))[None, None], jnp.mean(offset)[None]
    pixels = jnp.matmul(as_float(image), linear.T, precision=jax.lax.Precision.HIGHEST)
    return (pixels + offset[None, None]).astype(image.dtype)


def _alike(
    same: jax.Array | float,
    following: jax.Array | float,
    last: jax.Array | float,
    offset: jax.Array | float = 0.0,
) -> jax.Array:
    """Return the matrix that treats all three channels alike: what each takes from the three."""
    return jnp.array(
        [
            [same, following, last, offset],
            [last, same, following, offset],
            [following, last, same, offset],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
