"""Standing statistics: what a generator's normalisations use once training is over."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.train.gradients import average
from gan_jax.train.network import Network
from gan_jax.train.priors import Prior, example_keys
from gan_jax.train.state import TrainState
from gan_jax.train.wiring import Fake
from gan_jax.typing import Array, Batch, PRNGKey, PyTree

__all__ = ["standing_statistics"]


def standing_statistics(
    generator: TrainState,
    key: PRNGKey,
    *,
    fake: Fake,
    size: int,
    batches: int = 100,
    conditions: Mapping[str, Prior] | None = None,
    axis_name: str | None = None,
) -> TrainState:
    """Replace a generator's running statistics by averages over batches of fresh fakes.

    `mean = (1 / N) sum_n mean_n, var = (1 / N) sum_n var_n`, where `mean_n` and `var_n` are those
    by which the generator normalises batch `n` in training. Running statistics lag behind
    parameters that move, and belong to the prior of training; these belong to the parameters that
    samples are drawn with, the averaged ones where the generator keeps them, and to the prior that
    is given, which may be truncated. As in the authors' PyTorch code `var` leaves out how far the
    means of batches lie apart: it is what a batch was divided by in training, on average.

    Everything else in the state is left as it is. Run it under `jax.jit`, with keywords bound by
    `functools.partial`.

    Args:
      generator: its state.
      key: the key of all fakes; the same key gives the same statistics, on any number of devices.
      fake: how a fake is made, see `gan_jax.train.wiring`, with the prior of the samples to come.
      size: examples B of a batch on each device; variances within small batches are smaller.
      batches: how many batches N.
      conditions: what else fakes are made from, by its name in the batch: how one example's is
        drawn. A conditional generator takes labels, e.g.
        `{"label": lambda key: jax.random.randint(key, (), 0, 10)}`.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      The generator with its collection `batch_stats` replaced, if it has one. A statistic that
      does not move in training stays.

    Raises:
      ValueError: `size` or `batches` is no whole number from 1.

    Reference:
      Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image
      Synthesis, 2018, https://arxiv.org/abs/1809.11096
    """
    check_whole("standing_statistics: size", size)
    check_whole("standing_statistics: batches", batches)
    before = generator.model_state.get("batch_stats", {})
    if not jax.tree.leaves(before):
        return generator
    averaged = generator.ema_params
    params = generator.params if averaged is None else averaged
    conditions = dict(conditions or {})

    def after(statistics: PyTree, batch: Batch, keys: Array) -> PyTree:
        """Return where one batch takes the running statistics."""
        collections = {**generator.model_state, "batch_stats": statistics}
        network = Network(generator.replace(model_state=collections), params, axis_name=axis_name)
        fake(network, batch, keys)
        return network.model_state["batch_stats"]

    def of_batch(index: Array) -> tuple[PyTree, PyTree]:
        """Return what a batch adds to the running statistics, and their share that it keeps."""
        draws = jax.random.split(jax.random.fold_in(key, index), 1 + len(conditions))
        latents, *others = (example_keys(draw, size, axis_name=axis_name) for draw in draws)
        batch = {
            name: jax.vmap(prior)(keys)
            for (name, prior), keys in zip(conditions.items(), others, strict=True)
        }
        # They move to `share * old + (1 - share) * new`, whatever the share of a layer.
        zeros, ones = (jax.tree.map(fill, before) for fill in (jnp.zeros_like, jnp.ones_like))
        return jax.jvp(lambda statistics: after(statistics, batch, latents), (zeros,), (ones,))

    def standing(old: Array, added: Array, share: Array) -> Array:
        new = jnp.mean(added, axis=0) / jnp.where(share[0] < 1, 1 - share[0], 1)
        return jnp.where(share[0] < 1, new, old).astype(old.dtype)

    added, shares = jax.lax.map(of_batch, jnp.arange(batches))
    statistics = average(jax.tree.map(standing, before, added, shares), axis_name=axis_name)
    return generator.replace(model_state={**generator.model_state, "batch_stats": statistics})
