"""Samples of a generator, and a discriminator's opinion, in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gan_jax.errors import RunError
from gan_jax.progress import progress_lines
from gan_jax.train import Network, Shown, TrainState
from gan_jax.typing import Array, Batch, PRNGKey

__all__ = ["Critic", "Sampler", "critic_logits", "draw_samples", "make_critic"]

Sampler = Callable[[TrainState, Any, Array], Any]
Critic = Callable[[TrainState, Any, Batch], Array]
_CHUNK = 1000


def draw_samples(
    draw: Sampler,
    generator: TrainState,
    labels: np.ndarray,
    key: PRNGKey,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> np.ndarray:
    """Draw images of a generator, as many as there are labels.

    Args:
      draw: `(generator, {"label": labels}, keys) -> (images, finite)`, uint8 and whether all were
        finite before; compile it first.
      generator: its state.
      labels: int32 [N], the classes asked of a conditional generator.
      key: key of the latents.
      report: given a line with the time left every few seconds.

    Returns:
      uint8 [N, H, W, C].

    Raises:
      RunError: some are not finite, which bytes would not tell.
    """
    keys = jax.random.split(key, len(labels))
    progress = progress_lines("drawing samples", len(labels), report)
    images = []
    for start in range(0, len(labels), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        drawn, finite = draw(generator, {"label": labels[chunk]}, keys[chunk])
        if not finite:
            raise RunError("the generator draws NaN or infinity, which can't be measured")
        images.append(np.asarray(drawn))
        progress(min(start + _CHUNK, len(labels)))
    return np.concatenate(images)


def make_critic(shown: Shown) -> Critic:
    """Make the function that gives a discriminator's logits, with its running statistics.

    Args:
      shown: what a discriminator is shown of a sample, as in training.

    Returns:
      A function `(discriminator, images, {"label": labels}) -> logits`, on images in [-1, 1].
    """

    def critic(discriminator: TrainState, images: Array, batch: Batch) -> Array:
        return shown(Network(discriminator, train=False), images, batch)

    return critic


def critic_logits(
    critic: Critic, discriminator: TrainState, images: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Return a discriminator's logits of images, in batches.

    Args:
      critic: as from `make_critic`, on uint8 images; compile it first.
      discriminator: its state.
      images: uint8 [N, H, W, C].
      labels: int32 [N].

    Returns:
      Logits [N, ...].
    """
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(images), _CHUNK)]
    return np.concatenate(
        [np.asarray(critic(discriminator, images[c], {"label": labels[c]})) for c in chunks]
    )
