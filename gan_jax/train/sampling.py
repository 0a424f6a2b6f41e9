"""Samples from a trained generator."""

from __future__ import annotations

from collections.abc import Callable

from gan_jax.train.network import Network
from gan_jax.train.state import TrainState
from gan_jax.train.wiring import Fake
from gan_jax.typing import Array, Batch, Sample

__all__ = ["make_sampler"]


def make_sampler(fake: Fake) -> Callable[[TrainState, Batch, Array], Sample]:
    """Make the function that draws samples for people to look at, or for a metric to judge.

    It uses the averaged parameters where the generator keeps them, and running statistics in
    normalisation layers.

    Args:
      fake: how a fake is made, as in training.

    Returns:
      A function `(generator, batch, keys) -> sample` of the generator's state, of what else a fake
      is made from (`{}` for latents alone) and of one key per example.
    """

    def sample(generator: TrainState, batch: Batch, keys: Array) -> Sample:
        averaged = generator.ema_params
        params = generator.params if averaged is None else averaged
        return fake(Network(generator, params, train=False), batch, keys)

    return sample
