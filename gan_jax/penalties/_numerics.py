"""What the penalties share: norms of gradients, points between samples, and one-line checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

__all__: list[str] = []  # For this package alone.


def as_float(array: jax.Array, name: str = "an array") -> jax.Array:
    """Cast floats to float32; float64 stays. Refuse other numbers: bytes, labels, complex ones."""
    array = jnp.asarray(array)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise ValueError(f"{name} must be floats, got {array.dtype} {list(array.shape)}")
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

    check_samples("a gradient penalty", samples)
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


def check_samples(penalty: str, *samples: Any) -> None:
    """Refuse samples that are not floats `[B, ...]`, B at least 1 and the same in all leaves."""
    leaves = jax.tree.leaves(samples)
    kinds = [f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}" for leaf in leaves]
    floats = all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in leaves)
    lengths = {jnp.shape(leaf)[:1] for leaf in leaves}
    if not floats or len(lengths) != 1 or lengths <= {(), (0,)}:
        raise ValueError(
            f"{penalty} needs samples of floats [B, ...], B at least 1, got {', '.join(kinds)}"
        )


def check_each_key(penalty: str, keys: jax.Array) -> None:
    """Refuse what is no row of typed keys."""
    dtype, shape = jnp.result_type(keys), jnp.shape(keys)
    if not jnp.issubdtype(dtype, jax.dtypes.prng_key) or len(shape) != 1 or not shape[0]:
        raise ValueError(
            f"{penalty} needs one key per example, [B] of the type that jax.random.key makes, "
            f"got {dtype} {list(shape)}"
        )


def check_keys(penalty: str, keys: jax.Array, *samples: Any) -> None:
    """Refuse samples of different shapes, or without a key for each of their examples."""
    check_each_key(penalty, keys)
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(sample)] for sample in samples]
    lengths = {shape[:1] for sample in shapes for shape in sample}
    if lengths != {keys.shape} or any(sample != shapes[0] for sample in shapes):
        raise ValueError(
            f"{penalty} needs samples of the same shapes and one key per example, "
            f"got samples {', '.join(map(str, shapes))} and keys {keys.shape}"
        )
    check_samples(penalty, *samples)


def check_at_least(penalty: str, name: str, value: Any, bound: float) -> None:
    """Refuse a number below its bound, unless it is traced, and arrays, which would broadcast."""
    check_number(penalty, name, value)
    if not isinstance(value, jax.core.Tracer) and not float(value) >= bound:
        raise ValueError(f"{penalty} needs {name} >= {bound:g}, got {value!r}")


def check_number(penalty: str, name: str, value: Any) -> None:
    """Refuse an array where a number is due."""
    if jnp.ndim(value) or jnp.issubdtype(jnp.result_type(value), jnp.complexfloating):
        kind = f"{jnp.result_type(value)} {list(jnp.shape(value))}"
        raise ValueError(f"{penalty} needs a number for {name}, got {kind}")


def check_independence(penalty: str, mixes_examples: bool) -> None:
    """Refuse a critic that has no gradient at one example."""
    if mixes_examples:
        raise ValueError(
            f"{penalty} needs the critic's gradient at one example, but the critic normalises over "
            "the batch: use layer_norm or no_norm in it"
        )
