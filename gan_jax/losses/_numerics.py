"""What the losses share: promotion to float, stable pieces, and checks that fail in one line."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__: list[str] = []  # For this package alone.

EXP_LIMIT = 40.0


def as_float(array: jax.Array, name: str = "logits") -> jax.Array:
    """Cast floats to float32; float64 stays, so that a loss can be its own reference.

    Integers are refused, which might be labels or the bytes of images, and so is what is empty,
    whose mean would be NaN.
    """
    array = jnp.asarray(array)
    if not jnp.issubdtype(array.dtype, jnp.floating) or not array.size:
        raise ValueError(
            f"{name} must be floats, at least one, got {array.dtype} {list(array.shape)}"
        )
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def as_float_pair(
    first: jax.Array,
    second: jax.Array,
    *,
    names: tuple[str, str] = ("real", "fake"),
    what: str = "logits",
) -> tuple[jax.Array, jax.Array]:
    """Cast both and insist on one shape: broadcasting would quietly pair wrong entries."""
    first, second = (
        as_float(array, f"{name} {what}")
        for name, array in zip(names, (first, second), strict=True)
    )
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
    class_logits = as_float(class_logits, "class logits")
    return jax.nn.logsumexp(class_logits, axis=-1) - own_logit(class_logits, labels, name=name)


def own_logit(class_logits: jax.Array, labels: jax.Array, *, name: str = "labels") -> jax.Array:
    """Return the logit of each label, NaN where that is no class and can't be looked at."""
    labels, classes = jnp.asarray(labels), class_logits.shape[-1]
    check_labels(labels, class_logits.shape[:-1], name=name, classes=classes)
    places = jnp.where(labels < 0, classes, labels)  # or -1 would be the last class
    chosen = jnp.take_along_axis(
        class_logits, places[..., None], axis=-1, mode="fill", fill_value=jnp.nan
    )
    return chosen[..., 0]


def cosine_similarities(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Return the cosine of each row of `[B, D]` with each of `[C, D]`; that with zero is 0."""
    return jnp.matmul(unit_vectors(rows), unit_vectors(columns).T, precision="highest")


def unit_vectors(vectors: jax.Array) -> jax.Array:
    """Divide each row by its norm; the bound keeps the gradient finite at zero."""
    squared_norms = jnp.sum(jnp.square(vectors), axis=-1, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(squared_norms, 1e-16))


def check_labels(
    labels: jax.Array, shape: tuple[int, ...], *, name: str = "labels", classes: int | None = None
) -> None:
    """Refuse labels that are not one integer for each place of `shape`, or seen to be no class."""
    if labels.shape != shape or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(
            f"{name} must be integers of shape {shape}, got {labels.dtype} of shape {labels.shape}"
        )
    if classes is not None and not isinstance(labels, jax.core.Tracer):
        known = np.asarray(labels)
        wrong = known[(known < 0) | (known >= classes)]
        if len(wrong):
            raise ValueError(f"{name} must be from 0 to {classes - 1}, got {wrong[0]}")


def is_known(name: str, value: Any) -> bool:
    """Tell a number from one that is traced; refuse arrays, which would be broadcast."""
    if shape := getattr(value, "shape", ()):
        raise ValueError(f"{name} must be a number, got an array {list(shape)}")
    return not isinstance(value, jax.core.Tracer)


def check_range(name: str, value: Any, low: float, high: float = math.inf) -> None:
    """Refuse a number outside `[low, high]`; a traced one can't be looked at."""
    if is_known(name, value) and not low <= np.asarray(value) <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], got {value}")


def check_positive(name: str, value: Any) -> None:
    """Refuse a number that is not above 0; a traced one can't be looked at."""
    if is_known(name, value) and not 0 < np.asarray(value) < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")
