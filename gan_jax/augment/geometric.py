"""Random moves of the pixels, as matrices, for `adaptive_augment`.

Each function draws the inverse of a move, `[3, 3]`: it takes a position `(x, y, 1)` of the output,
in pixels from the centre, x to the right and y down, to a position of the input. The reference of
all is Karras et al., 2020, "Training Generative Adversarial Networks with Limited Data",
https://arxiv.org/abs/2006.06676, appendix B.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

__all__ = [
    "BLITTING",
    "GEOMETRY",
    "anisotropic_scaling",
    "flip",
    "fractional_translation",
    "integer_translation",
    "isotropic_scaling",
    "quarter_turn",
    "rotation",
]


def flip(key: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Draw a mirror image, left for right.

    `diag(±1, 1, 1)`, by a fair coin: executed with probability p it flips p/2 of the images, and
    for p < 1 an image can be told from its mirror image by how often it is seen.

    Args:
        key: Typed key.
        size: Height and width of the image (not used).

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    return _scaling(jnp.where(jax.random.bernoulli(key), -1.0, 1.0), 1.0)


def quarter_turn(key: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Draw a rotation by a multiple of 90 degrees.

    `R(k π/2)` with k uniform on 0, 1, 2, 3. An image that is not square is left as it is.

    Args:
        key: Typed key.
        size: Height and width of the image.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    if size[0] != size[1]:
        return jnp.eye(3)
    turns = jnp.floor(4 * jax.random.uniform(key)).astype(int)
    cosine, sine = jnp.array([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)])[turns]
    return _turning(cosine, sine)


def integer_translation(
    key: jax.Array, size: tuple[int, int], *, ratio: float = 0.125
) -> jax.Array:
    """Draw a shift by whole pixels.

    `round(t · (W, H))` with `t ~ U(-ratio, ratio)²`

    Args:
        key: Typed key.
        size: Height and width of the image.
        ratio: The largest shift, as a part of the width and of the height.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    x, y = jax.random.uniform(key, (2,), minval=-ratio, maxval=ratio)
    return _shift(jnp.round(x * size[1]), jnp.round(y * size[0]))


def isotropic_scaling(
    key: jax.Array, size: tuple[int, int], *, deviation: float = 0.2
) -> jax.Array:
    """Draw an enlargement of both sides.

    `s = 2^N(0, deviation²)`, both ways.

    Args:
        key: Typed key.
        size: Height and width of the image (not used).
        deviation: Standard deviation of `log₂ s`.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    inverse = jnp.exp2(-deviation * jax.random.normal(key))
    return _scaling(inverse, inverse)


def anisotropic_scaling(
    key: jax.Array, size: tuple[int, int], *, deviation: float = 0.2
) -> jax.Array:
    """Draw an enlargement of the width that the height makes up for.

    `s = 2^N(0, deviation²)` along x, `1 / s` along y.

    Args:
        key: Typed key.
        size: Height and width of the image (not used).
        deviation: Standard deviation of `log₂ s`.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    exponent = deviation * jax.random.normal(key)
    return _scaling(jnp.exp2(-exponent), jnp.exp2(exponent))


def rotation(key: jax.Array, size: tuple[int, int], *, limit: float = math.pi) -> jax.Array:
    """Draw a rotation by any angle.

    `R(θ)` with `θ ~ U(-limit, limit)`. It stands twice in the paper's recipe, before and after the
    anisotropic scaling, whose direction is so any.

    Args:
        key: Typed key.
        size: Height and width of the image (not used).
        limit: The largest angle, in radians.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    angle = jax.random.uniform(key, minval=-limit, maxval=limit)
    return _turning(jnp.cos(angle), jnp.sin(angle))


def fractional_translation(
    key: jax.Array, size: tuple[int, int], *, deviation: float = 0.125
) -> jax.Array:
    """Draw a shift by any distance.

    `t · (W, H)` with `t ~ N(0, deviation²)²`

    Args:
        key: Typed key.
        size: Height and width of the image.
        deviation: Standard deviation of the shift, as a part of the width and of the height.

    Returns:
        The inverse matrix, `[3, 3]`.

    Reference:
        Karras et al., 2020, https://arxiv.org/abs/2006.06676
    """
    x, y = deviation * jax.random.normal(key, (2,))
    return _shift(x * size[1], y * size[0])


BLITTING = (flip, quarter_turn, integer_translation)
"""The paper's pixel blitting: moves that take pixels to pixels."""

GEOMETRY = (isotropic_scaling, rotation, anisotropic_scaling, rotation, fractional_translation)
"""The paper's general geometric transformations."""


def _scaling(x: jax.Array | float, y: jax.Array | float) -> jax.Array:
    """Return the matrix that multiplies a position by `(x, y)`."""
    return jnp.array([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def _turning(cosine: jax.Array, sine: jax.Array) -> jax.Array:
    """Return the matrix that turns a position from x towards y."""
    return jnp.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _shift(x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the inverse of the matrix that adds `(x, y)` to a position."""
    return jnp.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, 1.0]])
