"""What the augmentations share: their type, chance and order, checks of what they are given."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "Augmentation",
    "as_float",
    "check_image",
    "check_matrix",
    "check_probability",
    "check_range",
    "compose",
    "product",
]

Augmentation = Callable[[jax.Array, jax.Array], jax.Array]
"""`(key, image) -> image` of one example `[H, W, C]`, of the same shape and dtype."""


def compose(*augmentations: Augmentation) -> Augmentation:
    """Make one augmentation of several, each with a key of its own.

    `augment(key, x) = fₙ(keyₙ, ... f₁(key₁, x))`, so the first one named is the first applied.

    Args:
        *augmentations: Functions `(key, image) -> image`.

    Returns:
        The function `(key, image) -> image` that applies them in turn.

    >>> def add(key, image):
    ...     return image + 1
    >>> def double(key, image):
    ...     return image * 2
    >>> print(compose(add, double)(jax.random.key(0), jnp.array(3.0)))
    8.0
    """

    def augment(key: jax.Array, image: jax.Array) -> jax.Array:
        keys = jax.random.split(key, len(augmentations))
        for augmentation, augmentation_key in zip(augmentations, keys, strict=True):
            image = augmentation(augmentation_key, image)
        return image

    return augment


def product(
    operations: Sequence[Callable[..., jax.Array]],
    key: jax.Array,
    probability: float | jax.Array,
    *arguments: Any,
) -> jax.Array:
    """Multiply matrices that operations draw, each executed with a probability, the first leftmost.

    `M₁ M₂ ... Mₙ`, where an operation that is not executed is exactly the identity: never executed
    at p = 0, always at p = 1. Where one stands k times, each time has the probability
    `1 - (1 - p)^(1/k)`, so that with probability p it is executed at least once.

    Args:
        operations: One or more functions `(key, *arguments) -> [N, N]`.
        key: Typed key.
        probability: p, in [0, 1].
        *arguments: What each operation takes after its key.

    Returns:
        The product, `[N, N]`.
    """
    *keys, chance_key = jax.random.split(key, len(operations) + 1)
    chances = jax.random.uniform(chance_key, (len(operations),))

    def draw(operation: Callable[..., jax.Array], key: jax.Array, chance: jax.Array) -> jax.Array:
        times, once = operations.count(operation), probability
        if times > 1:
            once = 1 - (1 - jnp.asarray(probability, float)) ** (1 / times)
        matrix = operation(key, *arguments)
        return jnp.where(chance < once, matrix, jnp.eye(len(matrix), dtype=matrix.dtype))

    # The default of some accelerators, three decimals, is a good part of a pixel.
    multiply = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    return functools.reduce(multiply, map(draw, operations, keys, chances))


def as_float(image: jax.Array) -> jax.Array:
    """Promote an image to float32 or better.

    Args:
        image: Floats of any shape.

    Returns:
        The image in float32, or in float64 if that is what it was.
    """
    return image.astype(jnp.promote_types(image.dtype, jnp.float32))


def check_image(image: jax.Array) -> None:
    """Refuse what is not one floating point image.

    Args:
        image: Should be `[H, W, C]`.

    Raises:
        ValueError: If it is not.
    """
    floats = jnp.issubdtype(jnp.result_type(image), jnp.floating)
    if jnp.ndim(image) != 3 or not floats or 0 in jnp.shape(image):
        raise ValueError(
            "image must be floats [H, W, C] of one example (vmap over a batch), "
            f"got {jnp.result_type(image)} {list(jnp.shape(image))}"
        )


def check_probability(probability: float | jax.Array) -> None:
    """Refuse what is no probability; a traced number can't be looked at, and passes.

    Args:
        probability: Should be one number in [0, 1].

    Raises:
        ValueError: If it is another number, or an array.
    """
    check_range("probability", probability, 0, 1)


def check_range(name: str, value: float | jax.Array, low: float, high: float = math.inf) -> None:
    """Refuse a number out of range; a traced one can't be looked at, and passes.

    Args:
        name: What it is called in the message.
        value: Should be one number in [low, high].
        low: The smallest.
        high: The largest; where it is infinite, that is not accepted either.

    Raises:
        ValueError: If it is another number, or an array.
    """
    known = None if isinstance(value, jax.core.Tracer) else np.asarray(value)
    if jnp.ndim(value) or (known is not None and not (low <= known <= high and known < math.inf)):
        accepted = f"in [{low}, {high}]" if high < math.inf else f"{low} or more"
        raise ValueError(f"{name} must be {accepted}, got {value!r}")


def check_matrix(name: str, matrix: jax.Array, size: int) -> None:
    """Refuse what is no square matrix of real numbers: an index beyond it would be moved inside.

    Args:
        name: What it is called in the message.
        matrix: Should be `[size, size]`.
        size: Rows and columns.

    Raises:
        ValueError: If it is another array.
    """
    real = not jnp.issubdtype(jnp.result_type(matrix), jnp.complexfloating)
    if jnp.shape(matrix) != (size, size) or not real:
        raise ValueError(
            f"{name} must be a matrix [{size}, {size}] of real numbers, "
            f"got {jnp.result_type(matrix)} {list(jnp.shape(matrix))}"
        )
