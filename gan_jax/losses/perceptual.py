"""Distances of images by what a network sees in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import as_float_pair, check_range
from .reconstruction import l2_loss

__all__ = ["perceptual_loss", "style_loss"]


def perceptual_loss(
    output: jax.Array,
    target: jax.Array,
    *,
    features: Callable[[jax.Array], Any],
    distance: Callable[[jax.Array, jax.Array], jax.Array] = l2_loss,
    weight: float = 1.0,
) -> jax.Array:
    """Compute the distance of an image's features to those of its own target.

    `λ Σ_l mean (φ_l(o) - φ_l(t))²`, the mean over all numbers of layer l. SRGAN divides by a
    layer's pixels and not by its channels. Where `feature_matching_loss` compares the means of two
    batches, this compares example with example; of a single layer it is what `l2_loss` of the
    features averages to.

    Args:
        output: What was made, floats `[B, ...]`.
        target: What it should be, of the same shape.
        features: Makes features of images: `[B, ...]`, or any pytree of these for several layers;
            in the papers, a fixed network that classifies images. To weigh the layers, let it
            scale them.
        distance: Of two arrays of features, for each entry: `l2_loss` in the papers, or `l1_loss`.
        weight: The factor `λ`.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If the two shapes differ, there is no batch axis, features are not `[B, ...]`,
            or `weight` is below 0.

    >>> two_layers = lambda images: (images, images.sum(axis=1))
    >>> output, target = jnp.array([[1.0, 2.0], [0.0, 0.0]]), jnp.array([[1.0, 0.0], [0.0, 0.0]])
    >>> print(perceptual_loss(output, target, features=two_layers))
    [6. 0.]

    Reference:
        Johnson et al., 2016, "Perceptual Losses for Real-Time Style Transfer and
        Super-Resolution", https://arxiv.org/abs/1603.08155; Ledig et al., 2016, "Photo-Realistic
        Single Image Super-Resolution Using a Generative Adversarial Network",
        https://arxiv.org/abs/1609.04802
    """
    check_range("weight", weight, 0.0)
    output, target = as_float_pair(output, target, names=("output", "target"), what="images")
    if output.ndim == 0:
        raise ValueError("images must be [B, ...], got []")
    layers = jax.tree.leaves(jax.tree.map(distance, features(output), features(target)))
    if not layers:
        raise ValueError("features must be arrays [B, ...], got none")
    means = (_means(layer, len(output)) for layer in layers)
    return weight * sum(means, start=jnp.zeros(()))


def style_loss(
    output: jax.Array,
    style: jax.Array,
    *,
    features: Callable[[jax.Array], Any],
    weight: float = 1.0,
) -> jax.Array:
    """Compute how far the textures of an image are from those of another, wherever they are.

    `λ Σ_l ||G_l(o) - G_l(s)||²_F` of the Gram matrices `G = φ^T φ / (H W C)` of layer l: how often
    two channels of its maps are active together, at whatever pixel.

    Args:
        output: What was made, floats `[B, ...]`.
        style: An image in the style it should have, for each example, of the same shape.
        features: Makes maps `[B, H, W, C]` of images, or any pytree of these for several layers.
        weight: The factor `λ`.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If the two shapes differ, features are not `[B, H, W, C]`, or `weight` is below
            0.

    >>> images = jnp.arange(8.0).reshape(1, 2, 2, 2)
    >>> print(style_loss(images, images[:, ::-1, ::-1], features=lambda images: images))
    [0.]

    Reference:
        Gatys et al., 2015, "A Neural Algorithm of Artistic Style",
        https://arxiv.org/abs/1508.06576; as a generator's loss Johnson et al., 2016, "Perceptual
        Losses for Real-Time Style Transfer and Super-Resolution", https://arxiv.org/abs/1603.08155
    """
    check_range("weight", weight, 0.0)
    output, style = as_float_pair(output, style, names=("output", "style"), what="images")
    grams = jax.tree.map(
        lambda made, wanted: _gram(made, len(output)) - _gram(wanted, len(output)),
        features(output),
        features(style),
    )
    layers = [jnp.sum(jnp.square(each), axis=(1, 2)) for each in jax.tree.leaves(grams)]
    if not layers:
        raise ValueError("features must be arrays [B, H, W, C], got none")
    return weight * sum(layers, start=jnp.zeros(()))


def _gram(maps: jax.Array, batch: int) -> jax.Array:
    """Return how channels go together, [B, C, C]."""
    if maps.ndim != 4 or len(maps) != batch:
        raise ValueError(
            f"features must be [B, H, W, C] for a batch of {batch}, got {list(maps.shape)}"
        )
    pixels = maps.reshape(batch, -1, maps.shape[-1])
    return jnp.einsum("bpc,bpd->bcd", pixels, pixels) / (pixels.shape[1] * pixels.shape[2])


def _means(entries: jax.Array, batch: int) -> jax.Array:
    """Average over all axes but that of the batch."""
    if entries.ndim == 0 or len(entries) != batch:
        raise ValueError(
            f"features must be [B, ...] for a batch of {batch}, got {list(entries.shape)}"
        )
    return jnp.mean(entries.reshape(batch, -1), axis=1)
