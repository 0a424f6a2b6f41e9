"""PacGAN: the discriminator judges several samples of one kind at once.

A generator that covers few modes is found out more easily by a look at several of its samples. Only
the wiring changes, and every loss, penalty and step works on packs as it does on single samples:

    step = make_train_step(
        packed_step(2, discriminator_step(loss, packed_fakes(2, fake))),
        packed_step(2, generator_step(loss, packed_fakes(2, fake))),
    )

The discriminator's input has `packs` times the channels; the generator is as it was. A batch of B
examples makes B / packs packs.

Reference:
  Lin et al., PacGAN: The Power of Two Samples in Generative Adversarial Networks, 2017,
  https://arxiv.org/abs/1712.04086
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.train.state import GANState
from gan_jax.train.wiring import Fake
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Sample, Step

__all__ = ["pack", "packed_fakes", "packed_step"]


def pack(packs: int, sample: Sample) -> Sample:
    """Join consecutive examples along the last axis.

    Args:
      packs: examples in a pack.
      sample: leaves [B, ..., C].

    Returns:
      Leaves [B / packs, ..., packs * C].

    Raises:
      ValueError: `packs` is below 1 or does not divide the batch of a device, or a leaf has no
        axis but the batch.

    >>> pack(2, jnp.arange(8.0).reshape(4, 2)).tolist()
    [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]

    Reference:
      Lin et al., PacGAN, 2017, https://arxiv.org/abs/1712.04086
    """
    check_whole("pack: packs", packs)

    def join(leaf: Array) -> Array:
        if leaf.ndim < 2:
            raise ValueError(f"a sample of shape {leaf.shape} has no channels to pack")
        return jnp.concatenate(jnp.unstack(_group(packs, leaf), axis=1), axis=-1)

    return jax.tree.map(join, sample)


def packed_step(packs: int, step: Step) -> Step:
    """Show a step packs in the place of reals.

    Args:
      packs: examples in a pack, at least 1.
      step: what to run, with `packed_fakes`.

    Returns:
      A `Step`. What else is in the batch is grouped: [B, ...] to [B / packs, packs, ...].

    Raises:
      ValueError: `packs` is below 1, or does not divide the batch of a device.
    """
    check_whole("packed_step: packs", packs)

    def packed(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        rest = {name: value for name, value in batch.items() if name != "real"}
        seen = {**jax.tree.map(partial(_group, packs), rest), "real": pack(packs, batch["real"])}
        return step(state, seen, key, axis_name=axis_name)

    return packed


def packed_fakes(packs: int, fake: Fake) -> Fake:
    """Make packs of independent fakes.

    Args:
      packs: examples in a pack.
      fake: makes single ones, see `gan_jax.train.wiring`; it sees the rest of the batch ungrouped,
        without `"real"`.

    Returns:
      A `Fake` for steps inside `packed_step`.
    """

    def make(generator: Callable[..., Any], batch: Batch, keys: Array) -> Sample:
        single = {
            name: jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), value)
            for name, value in batch.items()
            if name != "real"
        }
        each = jax.vmap(lambda key: jax.random.split(key, packs))(keys).reshape(-1)
        return pack(packs, fake(generator, single, each))

    return make


def _group(packs: int, leaf: Array) -> Array:
    count = leaf.shape[0]
    if count % packs:
        raise ValueError(f"a batch of {count} on a device can't be made into packs of {packs}")
    return leaf.reshape(count // packs, packs, *leaf.shape[1:])
