"""What the losses share: promotion to float, stable pieces, and checks that fail in one line."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__: list[str] = []  # For this package alone.

EXP_LIMIT = 40.0


def as_float(array: jax.Array) -> jax.Array:
    """Cast to float32; float64 stays, so that a loss can be its own reference."""
    array = jnp.asarray(array)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def as_float_pair(
    first: jax.Array,
    second: jax.Array,
    *,
    names: tuple[str, str] = ("real", "fake"),
    what: str = "logits",
) -> tuple[jax.Array, jax.Array]:
    """Cast both and insist on one shape: broadcasting would quietly pair wrong entries."""
    first, second = as_float(first), as_float(second)
    if first.shape != second.shape:
        one, other = names
        raise ValueError(
            f"{one} and {other} {what} must have the same shape, "
            f"got {one} {first.shape} and {other} {second.shape}"
        )
    return first, second


def exp_then_tangent(x: jax.Array) -> jax.Array:
    """Return `exp(x)` up to `x = 40` and its tangent there beyond, so that nothing overflows."""
    bounded = jnp.minimum(x, EXP_LIMIT)
    return jnp.exp(bounded) * (1.0 + (x - bounded))


def cross_entropy(class_logits: jax.Array, labels: jax.Array, *, name: str = "labels") -> jax.Array:
    """Return `-log softmax(logits)[label]` for each label; the classes are the last axis."""
    class_logits, labels = as_float(class_logits), jnp.asarray(labels)
    check_labels(labels, class_logits.shape[:-1], name=name)
    chosen = jnp.take_along_axis(class_logits, labels[..., None], axis=-1)[..., 0]
    return jax.nn.logsumexp(class_logits, axis=-1) - chosen


def cosine_similarities(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Return the cosine of each row of `[B, D]` with each of `[C, D]`; that with zero is 0."""
    return jnp.matmul(unit_vectors(rows), unit_vectors(columns).T, precision="highest")


def unit_vectors(vectors: jax.Array) -> jax.Array:
    """Divide each row by its norm; the bound keeps the gradient finite at zero."""
    squared_norms = jnp.sum(jnp.square(vectors), axis=-1, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(squared_norms, 1e-16))


def check_labels(labels: jax.Array, shape: tuple[int, ...], *, name: str = "labels") -> None:
    """Refuse labels that are not one integer for each place of `shape`."""
    if labels.shape != shape or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"{name} must be integers of shape {shape}, got {labels.dtype} of shape {labels.shape}"
        )


def is_number(value: Any) -> bool:
    """Tell a number of Python or numpy from an array of JAX, which may be traced."""
    return isinstance(value, (int, float, np.number))


def check_range(name: str, value: Any, low: float, high: float = math.inf) -> None:
    """Refuse a number outside `[low, high]`; a traced one can't be looked at."""
    if is_number(value) and not low <= value <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")


def check_positive(name: str, value: Any) -> None:
    """Refuse a number that is not above 0; a traced one can't be looked at."""
    if is_number(value) and not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")
