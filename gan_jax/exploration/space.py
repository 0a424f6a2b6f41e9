"""Spaces of vectors that a generator makes images of, and how vectors of layers are combined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp

from gan_jax.train import TrainState
from gan_jax.typing import Array, Batch, PyTree

__all__ = ["Space", "mix", "tied"]


class Space(NamedTuple):
    """Vectors that a generator makes images of: its latents, or the styles behind a mapping.

    The functions take a generator's state and what else a fake is made from, as samplers do.

    Attributes:
      draw: `(generator, {"label": labels}, keys) -> vectors`, one for each key: [B, D], or
        [B, L, D] if each of L layers takes one of its own.
      render: `(generator, {"label": labels}, vectors) -> images`.
      gaussian: whether vectors are normal, so that walks between them are on a sphere.
      weights: `params -> matrices`, each [D, F], that vectors are multiplied by first,
        `vectors @ matrix`; one for each layer if each takes a vector of its own. None if
        `first_weights` finds them.
    """

    draw: Callable[[TrainState, Batch, Array], Array]
    render: Callable[[TrainState, Batch, Array], Array]
    gaussian: bool = False
    weights: Callable[[PyTree], Sequence[Array]] | None = None


def tied(space: Space, layers: int) -> Space:
    """Give all layers the same vector.

    Inverted in such a space of styles, an image gets one style, as StyleGAN2's projector has it,
    and not one for each layer, with which images can be made that no latents lead to.

    Args:
      space: its vectors are [B, L, D].
      layers: how many layers L there are.

    Returns:
      A space of vectors [B, D]: the first layer's of those that were drawn.
    """
    return space._replace(
        draw=lambda generator, batch, keys: space.draw(generator, batch, keys)[:, 0],
        render=lambda generator, batch, vectors: space.render(
            generator, batch, jnp.repeat(vectors[:, None], layers, axis=1)
        ),
    )


def mix(coarse: Array, fine: Array, layers: int) -> Array:
    """Take the first layers' styles from one source and the rest from another, all pairs of them.

    Args:
      coarse: styles [M, L, D] of the first layers, which decide what is large.
      fine: styles [N, L, D] of the others.
      layers: how many are the first, from 0 to L.

    Returns:
      [M, N, L, D].

    Raises:
      ValueError: the shapes do not fit together, or there are fewer layers.

    Example:
      >>> mix(jnp.zeros((1, 3, 1)), jnp.ones((1, 3, 1)), 2)[0, 0, :, 0].tolist()
      [0.0, 0.0, 1.0]

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1812.04948, section 3.1.
    """
    if coarse.ndim != 3 or fine.ndim != 3 or coarse.shape[1:] != fine.shape[1:]:
        raise ValueError(
            f"styles must be [M, L, D] and [N, L, D], got {list(coarse.shape)} and "
            f"{list(fine.shape)}"
        )
    if not 0 <= layers <= coarse.shape[1]:
        raise ValueError(f"layers is {layers}: it must be from 0 to {coarse.shape[1]}")
    pairs = (len(coarse), len(fine))
    first, rest = coarse[:, None, :layers], fine[None, :, layers:]
    parts = [jnp.broadcast_to(part, (*pairs, *part.shape[2:])) for part in (first, rest)]
    return jnp.concatenate(parts, axis=2)
