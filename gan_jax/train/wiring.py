"""What a fake is made from, and what a discriminator is shown.

A game is wired by two small functions, and the steps know nothing else of images or labels:

* `fake(generator, batch, keys) -> sample`
* `shown(discriminator, sample, batch) -> logits`

`generator` and `discriminator` are the networks as plain callables, `keys` has one key per example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.train.priors import Prior
from gan_jax.typing import Array, Batch, Sample

__all__ = [
    "Fake",
    "Shown",
    "alone",
    "beside_source",
    "conditional",
    "translating",
    "unconditional",
    "with_labels",
]

Fake = Callable[[Callable[..., Any], Batch, Array], Sample]
Shown = Callable[[Callable[..., Any], Sample, Batch], Array]


def unconditional(prior: Prior) -> Fake:
    """Make fakes from latents alone: `generator(latents)`.

    Args:
      prior: draws one example's latents.

    Returns:
      A `fake` function.
    """
    return lambda generator, batch, keys: generator(jax.vmap(prior)(keys))


def conditional(prior: Prior) -> Fake:
    """Make fakes of the batch's own classes: `generator(latents, labels)`.

    Taking the labels of the reals keeps both samples' class frequencies equal, and pairs a real
    with a fake of the same class in relativistic losses.

    Args:
      prior: draws one example's latents.

    Returns:
      A `fake` function that reads `batch["label"]`.
    """
    return lambda generator, batch, keys: generator(jax.vmap(prior)(keys), batch["label"])


def translating(prior: Prior | None = None) -> Fake:
    """Make fakes of the batch's sources: `generator(source)`, or `generator(source, noise)`.

    Args:
      prior: draws one example's noise; None for a generator that takes none. A generator with
        dropout takes the keys themselves: `lambda key: key`.

    Returns:
      A `fake` function that reads `batch["source"]`.

    Reference:
      Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.07004
    """
    if prior is None:
        return lambda generator, batch, keys: generator(batch["source"])
    return lambda generator, batch, keys: generator(batch["source"], jax.vmap(prior)(keys))


def alone(discriminator: Callable[..., Any], sample: Sample, batch: Batch) -> Array:
    """Show the discriminator the sample and nothing else.

    Args:
      discriminator: the network as a callable.
      sample: leaves [B, ...].
      batch: not looked at.

    Returns:
      Logits.
    """
    return discriminator(sample)


def with_labels(discriminator: Callable[..., Any], sample: Sample, batch: Batch) -> Array:
    """Show the discriminator the sample and the class it should be of.

    Args:
      discriminator: the network as a callable.
      sample: leaves [B, ...].
      batch: its `"label"`, int32 [B], is read.

    Returns:
      Logits.
    """
    return discriminator(sample, batch["label"])


def beside_source(discriminator: Callable[..., Any], sample: Sample, batch: Batch) -> Array:
    """Show the discriminator the sample and what it was, or could have been, made of.

    Args:
      discriminator: the network as a callable.
      sample: images [B, H, W, C].
      batch: its `"source"`, [B, H, W, C'], is joined to the images by channels, and comes first.

    Returns:
      Logits.

    Reference:
      Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.07004
    """
    return discriminator(jnp.concatenate([batch["source"], sample], axis=-1))
