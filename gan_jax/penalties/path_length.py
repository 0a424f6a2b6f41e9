"""StyleGAN2's penalty on a generator whose images move unevenly with its latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import as_float, check_keys, check_number, root

__all__ = ["path_length_penalty", "path_lengths"]


def path_lengths(
    generate: Callable[[jax.Array], jax.Array], latents: jax.Array, keys: jax.Array
) -> jax.Array:
    """Measure how far images move, in a random direction, for a small step in the latents.

    `||Jᵀ y||` with `J = ∂ images / ∂ latents` and `y ~ N(0, I) / sqrt(H W)`. For styles per layer
    the square is summed over features and averaged over layers before the root, as in NVIDIA's
    code. Gradients flow to all that `generate` closes over, and through the latents to what made
    them.

    Args:
        generate: Maps latents to images `[B, H, W, C]`, or to `[B, ..., C]`; it must not mix
            examples.
        latents: Latents or styles, `[B, D]`, or `[B, L, D]` with a style per layer.
        keys: One typed key per example, `[B]`, for `y`.

    Returns:
        Length per example, `[B]`.

    Raises:
        ValueError: If the latents have other axes, there is not one key per example or not one
            image.

    Reference:
        Karras et al., 2020, "Analyzing and Improving the Image Quality of StyleGAN",
        https://arxiv.org/abs/1912.04958
    """
    check_keys("path_lengths", keys, latents)
    if latents.ndim not in (2, 3):
        raise ValueError(f"path_lengths needs latents [B, D] or [B, L, D], got {latents.shape}")

    def products(latents: jax.Array) -> jax.Array:
        images = as_float(generate(latents), "images")
        if images.ndim < 2 or images.shape[0] != len(keys):
            raise ValueError(
                f"path_lengths needs images [{len(keys)}, ..., C], got {list(images.shape)}"
            )
        draw = jax.vmap(lambda key: jax.random.normal(key, images.shape[1:], images.dtype))
        return jnp.sum(images * (draw(keys) / math.sqrt(math.prod(images.shape[1:-1]))))

    squares = jnp.square(as_float(jax.grad(products)(latents)))
    return root(jnp.mean(jnp.sum(squares, axis=-1), axis=tuple(range(1, latents.ndim - 1))))


def path_length_penalty(*, lengths: jax.Array, average: float | jax.Array, **_: Any) -> jax.Array:
    """Pull path lengths towards their running average.

    `(l - a)²`. The average is a constant here; keeping it is a step's business. In NVIDIA's code
    it moves before the penalty sees it, by 0.01 of the way to the mean of the lengths, and the
    weight is 2.

    Args:
        lengths: Path lengths `l`, `[B]`, as `path_lengths` measures them.
        average: Their running average `a`, `[]`.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If the average is no number, or lengths are not floats.

    >>> print(path_length_penalty(lengths=jnp.array([1.0, 4.0]), average=2.0))
    [1. 4.]

    Reference:
        Karras et al., 2020, "Analyzing and Improving the Image Quality of StyleGAN",
        https://arxiv.org/abs/1912.04958
    """
    check_number("path_length_penalty", "average", average)
    return jnp.square(as_float(lengths, "lengths") - jax.lax.stop_gradient(average))
