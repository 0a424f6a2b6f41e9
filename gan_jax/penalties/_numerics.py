"""What the penalties share: norms of gradients, points between samples, and one-line checks."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp

__all__: list[str] = []  # For this package alone.


def as_float(array: jax.Array) -> jax.Array:
    """Cast to float32; float64 stays."""
    array = jnp.asarray(array)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))


def mean_per_example(values: jax.Array) -> jax.Array:
    """Average over all axes but the first."""
    return jnp.mean(values, axis=tuple(range(1, values.ndim)))


def split_each(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Split every key in two."""
    halves = jax.vmap(jax.random.split)(keys)
    return halves[:, 0], halves[:, 1]


def squared_gradient_norm(critic: Callable[[Any], jax.Array], samples: Any) -> jax.Array:
    """Return `||∇D||²` at every example, `[B]`."""

    def squared_norm(gradient: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(as_float(gradient)), axis=tuple(range(1, gradient.ndim)))

    # Summing gives every example its own gradient, and suits patch maps and critics that look at
    # the whole batch, which a vmap over examples would not.
    gradients = jax.grad(lambda samples: jnp.sum(critic(samples)))(samples)
    return jax.tree.reduce(jnp.add, jax.tree.map(squared_norm, gradients))


def root(squared_norm: jax.Array) -> jax.Array:
    """Return the norm, with a finite slope at zero, where the square root alone has none."""
    return jnp.sqrt(squared_norm + 1e-12)


def between(keys: jax.Array, first: Any, second: Any) -> Any:
    """Draw a point on the line between two samples for every example."""

    def one_point(key: jax.Array, first: Any, second: Any) -> Any:
        alpha = jax.random.uniform(key)

        def mix(first: jax.Array, second: jax.Array) -> jax.Array:
            weight = alpha.astype(first.dtype)
            return weight * first + (1 - weight) * second

        return jax.tree.map(mix, first, second)

    return jax.vmap(one_point)(keys, first, second)


def check_keys(penalty: str, keys: jax.Array, *samples: Any) -> None:
    """Refuse samples of different shapes, or without a key for each of their examples."""
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(sample)] for sample in samples]
    lengths = {shape[:1] for sample in shapes for shape in sample}
    if lengths != {keys.shape} or any(sample != shapes[0] for sample in shapes):
        raise ValueError(
            f"{penalty} needs samples of the same shapes and one key per example, "
            f"got samples {', '.join(map(str, shapes))} and keys {keys.shape}"
        )


def check_at_least(penalty: str, name: str, value: Any, bound: float) -> None:
    """Refuse a Python number below its bound; a traced one can't be looked at."""
    if isinstance(value, Real) and not float(value) >= bound:
        raise ValueError(f"{penalty} needs {name} >= {bound:g}, got {value!r}")


def check_independence(penalty: str, mixes_examples: bool) -> None:
    """Refuse a critic that has no gradient at one example."""
    if mixes_examples:
        raise ValueError(
            f"{penalty} needs the critic's gradient at one example, but the critic normalises over "
            "the batch: use layer_norm or no_norm in it"
        )
