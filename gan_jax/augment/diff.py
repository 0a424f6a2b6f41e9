"""DiffAugment: random colour, translation and cutout, on every image.

Each function takes one image `[H, W, C]` in [-1, 1] and is affine in it for a given key. What it
pushes out of [-1, 1] stays there.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from .common import as_float, check_image, compose

__all__ = [
    "diff_augment",
    "random_brightness",
    "random_contrast",
    "random_cutout",
    "random_saturation",
    "random_translation",
]


def diff_augment(key: jax.Array, image: jax.Array) -> jax.Array:
    """Augment an image as DiffAugment does: colour, then translation, then cutout.

    `cutout(translation(contrast(saturation(brightness(x)))))`. It is an augmentation itself; for a
    part of it, or other constants, `compose` the functions: the authors found translation and
    cutout enough where data are not scarce.

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.

    Returns:
        The augmented image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]`.

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    return _diff_augment(key, image)


def random_brightness(key: jax.Array, image: jax.Array, *, reach: float = 0.5) -> jax.Array:
    """Add the same random number to every value of an image.

    `x + b` with `b ~ U(-reach, reach)`

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.
        reach: The largest change.

    Returns:
        The augmented image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]`.

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    check_image(image)
    change = jax.random.uniform(key, minval=-reach, maxval=reach)
    return (as_float(image) + change).astype(image.dtype)


def random_saturation(
    key: jax.Array, image: jax.Array, *, low: float = 0.0, high: float = 2.0
) -> jax.Array:
    """Move the channels of every pixel away from their mean, or towards it.

    `s (x - m) + m` with m the mean of a pixel's channels and `s ~ U(low, high)`. One channel stays
    as it is.

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.
        low: The smallest factor; at 0 the image is grey.
        high: The largest factor.

    Returns:
        The augmented image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]`, or low is above high.

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    check_image(image)
    pixels = as_float(image)
    mean = jnp.mean(pixels, axis=-1, keepdims=True)
    factor = jax.random.uniform(key, minval=low, maxval=_above("random_saturation", low, high))
    return (factor * (pixels - mean) + mean).astype(image.dtype)


def random_contrast(
    key: jax.Array, image: jax.Array, *, low: float = 0.5, high: float = 1.5
) -> jax.Array:
    """Move every value of an image away from the image's mean, or towards it.

    `c (x - m) + m` with m the mean of all of the image and `c ~ U(low, high)`

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.
        low: The smallest factor.
        high: The largest factor.

    Returns:
        The augmented image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]`, or low is above high.

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    check_image(image)
    pixels = as_float(image)
    mean = jnp.mean(pixels)
    factor = jax.random.uniform(key, minval=low, maxval=_above("random_contrast", low, high))
    return (factor * (pixels - mean) + mean).astype(image.dtype)


def random_translation(key: jax.Array, image: jax.Array, *, ratio: float = 0.125) -> jax.Array:
    """Shift an image by whole pixels and fill with zeros what comes into view.

    `y[i, j] = x[i + s, j + t]` with s uniform over the whole numbers up to `⌊ratio H + 1/2⌋` either
    way, t likewise with W, and x zero outside.

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.
        ratio: The largest shift, as a part of the height and of the width.

    Returns:
        The shifted image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]` or ratio is outside [0, 1].

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    check_image(image)
    rows, columns = _part("random_translation", image, ratio)
    padded = jnp.pad(image, ((rows, rows), (columns, columns), (0, 0)))
    row_key, column_key = jax.random.split(key)
    row = jax.random.randint(row_key, (), 0, 2 * rows + 1)
    column = jax.random.randint(column_key, (), 0, 2 * columns + 1)
    return jax.lax.dynamic_slice(padded, (row, column, 0), image.shape)


def random_cutout(key: jax.Array, image: jax.Array, *, ratio: float = 0.5) -> jax.Array:
    """Set a rectangle at a random place to zero.

    `x (1 - mask)`, the mask being `⌊ratio H + 1/2⌋` by `⌊ratio W + 1/2⌋` pixels around a centre
    that is uniform over the image, and cut off at its border.

    Args:
        key: Typed key.
        image: Floats `[H, W, C]`.
        ratio: Side of the rectangle, as a part of the height and of the width.

    Returns:
        The image with the hole, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]` or ratio is outside [0, 1].

    Reference:
        Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
        https://arxiv.org/abs/2006.10738
    """
    check_image(image)
    sides = _part("random_cutout", image, ratio)

    def hole(key: jax.Array, size: int, side: int) -> jax.Array:
        # An even side has its centre between two pixels: before the first or after the last, too.
        centre = jax.random.randint(key, (), 0, size + 1 - side % 2)
        offset = jnp.arange(size) - (centre - side // 2)
        return (offset >= 0) & (offset < side)

    rows, columns = map(hole, jax.random.split(key), image.shape[:2], sides)
    return jnp.where((rows[:, None] & columns[None, :])[..., None], 0, image)


def _above(name: str, low: float, high: float) -> float:
    """Return the upper end of a range; below the lower one it would not be looked at."""
    known = not any(isinstance(end, jax.core.Tracer) for end in (low, high))
    if known and not low <= high:
        raise ValueError(f"{name}: low must be at most high, got {low!r} and {high!r}")
    return high


def _part(name: str, image: jax.Array, ratio: float) -> tuple[int, int]:
    """Return a part of the height and of the width, in whole pixels."""
    if not 0 <= ratio <= 1:
        raise ValueError(f"{name}: ratio must be in [0, 1], got {ratio!r}")
    height, width, _ = image.shape
    return math.floor(ratio * height + 0.5), math.floor(ratio * width + 0.5)


_diff_augment = compose(
    random_brightness, random_saturation, random_contrast, random_translation, random_cutout
)
