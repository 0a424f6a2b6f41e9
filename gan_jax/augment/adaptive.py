"""Adaptive discriminator augmentation: transformations executed with a probability that adapts."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from .color import COLOR, recolor
from .common import Augmentation, check_image, check_probability, check_range, product
from .geometric import BLITTING, GEOMETRY
from .resample import blit, warp

__all__ = ["adapt_probability", "adaptive_augment"]

Draw = Callable[..., jax.Array]


def adaptive_augment(
    probability: float | jax.Array,
    *,
    blitting: Sequence[Draw] = BLITTING,
    geometry: Sequence[Draw] = GEOMETRY,
    color: Sequence[Draw] = COLOR,
) -> Augmentation:
    """Augment an image by transformations that are each executed with a probability.

    `recolor(C, warp(G⁻¹, x))`, where `G⁻¹` and C are the products of what the operations draw, each
    for itself and for each example. An image for which none is executed comes back bit by bit, and
    one that was only mirrored, turned by right angles or shifted by whole pixels is a copy of its
    pixels; any other is resampled once. The defaults are the paper's `bgc`, the best of its sets.
    For the distribution of the images not to be confused with that of the augmented ones p must
    stay well below 1 (0.8 in the paper).

    Args:
        probability: p, in [0, 1]; may be traced, as a quantity of the training state is.
        blitting: Operations `(key, (height, width)) -> [3, 3]` that take pixels to pixels, the
            first to be applied first. An operation with other constants is a `functools.partial`;
            `()` leaves a group out.
        geometry: Operations of the same kind that do not, applied after them. The rotation stands
            twice, and is executed at least once with probability p, each time `1 - √(1 - p)`.
        color: Operations `key -> [4, 4]`, applied after those. They take images of 1 or 3 channels.

    Returns:
        The function `(key, image) -> image` of one example `[H, W, C]`, affine in the image.

    Raises:
        ValueError: If probability is a number outside [0, 1]; when called, if the image is not
            floats `[H, W, C]`.

    >>> image = jnp.arange(4.0).reshape(2, 2, 1)
    >>> mirror = adaptive_augment(1.0, blitting=BLITTING[:1], geometry=(), color=())
    >>> print(mirror(jax.random.key(1), image)[..., 0])
    [[1. 0.]
     [3. 2.]]

    Reference:
        Karras et al., 2020, "Training Generative Adversarial Networks with Limited Data",
        https://arxiv.org/abs/2006.06676
    """
    check_probability(probability)

    def augment(key: jax.Array, image: jax.Array) -> jax.Array:
        check_image(image)
        size = image.shape[:2]
        blit_key, warp_key, color_key = jax.random.split(key, 3)
        original, inverse = image, jnp.eye(3)
        if blitting:
            inverse = product(blitting, blit_key, probability, size)
            image = blit(original, inverse)
        if geometry:
            general = product(geometry, warp_key, probability, size)
            inverse = jnp.matmul(inverse, general, precision=jax.lax.Precision.HIGHEST)
            image = jnp.where(_is_identity(general), image, warp(original, inverse))
        if color:
            # The operation to be applied first stands rightmost.
            matrix = product(color[::-1], color_key, probability)
            image = jnp.where(_is_identity(matrix), image, recolor(image, matrix))
        return image

    return augment


def adapt_probability(
    probability: float | jax.Array,
    real_sign: float | jax.Array,
    *,
    batch_size: int,
    target: float = 0.6,
    interval: int = 4,
    images: int = 500_000,
) -> jax.Array:
    """Raise the probability where the discriminator overfits its reals, lower it where not.

    `clip(p + sign(r - target) · batch_size · interval / images, 0, 1)` with `r = E sign(D(x))`.
    StyleGAN2-ADA leaves p unbounded above; beyond 1 it augments no more than at 1, only takes the
    longer to come down again.

    Args:
        probability: p, in [0, 1].
        real_sign: r, the mean sign of the logits of reals, in [-1, 1], since the last adaptation.
        batch_size: Images in a batch, of all devices together.
        target: r at which p stays.
        interval: Batches from one adaptation to the next.
        images: How many images p takes to go from 0 to 1.

    Returns:
        The probability that follows, `[]`.

    Raises:
        ValueError: If probability is a number outside [0, 1], real_sign one outside [-1, 1], or
            batch_size, interval or images one that is not positive.

    >>> print(adapt_probability(0.5, 0.9, batch_size=64, images=2560))
    0.6

    Reference:
        Karras et al., 2020, "Training Generative Adversarial Networks with Limited Data",
        https://arxiv.org/abs/2006.06676
    """
    check_probability(probability)
    counts = {"batch_size": batch_size, "interval": interval, "images": images}
    for name, count in counts.items():
        if isinstance(count, numbers.Real) and not 0 < count < math.inf:
            raise ValueError(f"adapt_probability: {name} must be positive, got {count!r}")
    check_range("adapt_probability: real_sign", real_sign, -1, 1)
    change = jnp.sign(jnp.asarray(real_sign, float) - target) * (batch_size * interval / images)
    return jnp.clip(probability + change, 0, 1)


def _is_identity(matrix: jax.Array) -> jax.Array:
    return jnp.all(matrix == jnp.eye(len(matrix), dtype=matrix.dtype))
