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

from gan_jax.train.priors import Prior
from gan_jax.typing import Array, Batch, Sample

__all__ = ["Fake", "Shown", "alone", "conditional", "unconditional", "with_labels"]

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
