"""Directions in which images change most, in closed form."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from gan_jax.typing import Array

__all__ = ["Directions", "closed_form_directions", "first_weights", "moved"]


class Directions(NamedTuple):
    """Orthogonal directions, the strongest first.

    Attributes:
      directions: unit vectors [D, D], one in each row; the largest component of each is positive.
      strengths: [D], how far the first features move for a unit step.
    """

    directions: Array
    strengths: Array


def closed_form_directions(*weights: Array) -> Directions:
    r"""Find the directions in which vectors move a network's first features most.

    They are the unit vectors `n` where `\|A n\|` is largest, each orthogonal to those before: the
    eigenvectors of `A^T A`, where `A = weights^T` is what multiplies the vectors first. The
    eigenvalues are the squares of the strengths `\|A n\|`.

    Args:
      *weights: one or more [D, F], such as a dense layer's kernel; those of several layers count
        as one `A` on top of each other.

    Returns:
      The D directions and their strengths, 0 for what the weights leave out.

    Raises:
      ValueError: there are no weights, or they are not all [D, F] of the same D.

    Example:
      >>> found = closed_form_directions(jnp.array([[0.0, 2.0], [-3.0, 0.0]]))
      >>> found.directions.tolist(), found.strengths.tolist()
      ([[0.0, 1.0], [1.0, 0.0]], [3.0, 2.0])

    Reference:
      Shen and Zhou, Closed-Form Factorization of Latent Semantics in GANs, 2020,
      https://arxiv.org/abs/2007.06600
    """
    shapes = [list(jnp.shape(each)) for each in weights]
    if not weights or any(len(s) != 2 or 0 in s or s[0] != shapes[0][0] for s in shapes):
        raise ValueError(f"weights must be one or more [D, F] of one D, got {shapes}")
    stacked = jnp.concatenate(weights, axis=1)
    stacked = stacked.astype(jnp.promote_types(stacked.dtype, jnp.float32))
    dimension, features = stacked.shape
    # With fewer features than dimensions, what the weights leave out needs directions too.
    left, strengths, _ = jnp.linalg.svd(stacked, full_matrices=features < dimension)
    rows = left.T
    largest = jnp.take_along_axis(rows, jnp.argmax(jnp.abs(rows), axis=1)[:, None], axis=1)
    rows = jnp.where(largest < 0, -rows, rows)
    return Directions(rows, jnp.pad(strengths, (0, dimension - len(strengths))))


def moved(
    vectors: Array, directions: Array, amounts: Array, *, layers: Sequence[int] | None = None
) -> Array:
    """Move vectors along directions.

    `moved[n, s, m] = vectors[s] + amounts[n, m] directions[n]`

    Args:
      vectors: [S, D] or [S, L, D].
      directions: [N, D].
      amounts: [N, M], how far along each direction.
      layers: which layers of [S, L, D] move, all of them if None.

    Returns:
      [N, S, M, D] or [N, S, M, L, D].

    Raises:
      ValueError: the shapes do not fit together, or there are no such layers.

    Example:
      >>> moved(jnp.ones((1, 2)), jnp.array([[0.0, 1.0]]), jnp.array([[-1.0, 2.0]])).tolist()
      [[[[1.0, 0.0], [1.0, 3.0]]]]
    """
    fits = (
        vectors.ndim in (2, 3)
        and directions.ndim == amounts.ndim == 2
        and vectors.shape[-1] == directions.shape[1]
        and len(amounts) == len(directions)
    )
    if not fits:
        raise ValueError(
            "vectors must be [S, D] or [S, L, D], directions [N, D] and amounts [N, M], got "
            f"{list(vectors.shape)}, {list(directions.shape)} and {list(amounts.shape)}"
        )
    steps = amounts[:, None, :, None] * directions[:, None, None, :]
    if vectors.ndim == 2:
        if layers is not None:
            raise ValueError("layers were given, and vectors [S, D] have none")
        return vectors[None, :, None] + steps
    return vectors[None, :, None] + steps[..., None, :] * _chosen(layers, vectors.shape[1])


def first_weights(network: Callable[[Array], Any], latents: Array) -> Array | None:
    """Find the dense layer that takes a network's latents first, and the weights of them in it.

    The network is run until then, not under `jax.jit`. What is joined behind the latents, such as
    an embedding of labels, is left out.

    Args:
      network: of flax modules, called with the latents.
      latents: floats [B, D], not all alike.

    Returns:
      The first D rows of that layer's `kernel`, [D, F]; None if the latents go elsewhere first.
    """
    found: list[Array] = []

    def look(
        call: Callable[..., Any], inputs: Any, keywords: Any, context: nn.module.InterceptorContext
    ) -> Any:
        if context.method_name == "__call__" and inputs and _begins_with(inputs[0], latents):
            kernel = context.module.variables.get("params", {}).get("kernel")
            if kernel is not None and kernel.ndim == 2:
                found.append(kernel[: latents.shape[1]])
                raise _FoundError
        return call(*inputs, **keywords)

    with contextlib.suppress(_FoundError), nn.intercept_methods(look):
        network(latents)
    return found[0] if found else None


class _FoundError(Exception):
    """Ends the run of a network of which no more is to be known."""


def _begins_with(inputs: Any, latents: Array) -> bool:
    """Tell whether a layer's inputs are the latents, and perhaps more behind them."""
    if np.ndim(inputs) != 2 or inputs.shape[1] < latents.shape[1]:
        return False
    first = np.asarray(inputs)[:, : latents.shape[1]]
    return np.array_equal(first, np.asarray(latents).astype(first.dtype))


def _chosen(layers: Sequence[int] | None, count: int) -> np.ndarray:
    """Return 1 for layers that are chosen and 0 for others, [1, 1, 1, L, 1]."""
    wrong = [layer for layer in layers or () if not 0 <= layer < count]
    if wrong:
        raise ValueError(f"layers has {wrong[0]}: they must be from 0 to {count - 1}")
    chosen = [layers is None or layer in layers for layer in range(count)]
    return np.reshape(chosen, (1, 1, 1, count, 1))
