"""A pool of earlier fakes, so that the discriminator does not forget them.

Reference:
  Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training,
  2016, https://arxiv.org/abs/1612.07828
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax
import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.train.gradients import gather
from gan_jax.train.network import Network
from gan_jax.train.priors import example_keys
from gan_jax.train.state import GANState
from gan_jax.train.wiring import Fake
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Sample, Step

__all__ = ["Pool", "exchange", "pooled_step", "start_pool"]


class Pool(flax.struct.PyTreeNode):
    """Earlier fakes, as a value.

    Attributes:
      samples: leaves [N, ...], of which the first `count` are there.
      count: int32 [], how many are there.
    """

    samples: Sample
    count: Array


def start_pool(size: int, sample: Sample) -> Pool:
    """Make an empty pool.

    Args:
      size: how many samples N it holds, 50 in CycleGAN.
      sample: an example without batch axis, or its shapes.

    Returns:
      A `Pool`, to be put into `state.moving["pool"]`.

    Raises:
      ValueError: `size` is below 1.
    """
    check_whole("start_pool: size", size)
    samples = jax.tree.map(lambda leaf: jnp.zeros((size, *leaf.shape), leaf.dtype), sample)
    return Pool(samples=samples, count=jnp.zeros((), jnp.int32))


def exchange(pool: Pool, fakes: Sample, keys: Array) -> tuple[Pool, Sample]:
    """Hand fakes to the pool one after the other, and take back new or old ones.

    While the pool is not full it keeps each and gives it back. Then it gives back, with probability
    1/2, one of its own at random and keeps the new one in its place.

    Args:
      pool: the pool before.
      fakes: leaves [B, ...].
      keys: one per fake, [B].

    Returns:
      The pool after, and fakes [B, ...].

    Raises:
      ValueError: the fakes are of other shapes or types than the pool's.

    Reference:
      Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
      2017, https://arxiv.org/abs/1703.10593
    """
    size = jax.tree.leaves(pool.samples)[0].shape[0]
    kinds = [
        [(leaf.dtype, leaf.shape[1:]) for leaf in jax.tree.leaves(samples)]
        for samples in (pool.samples, fakes)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError(f"exchange: a pool of {kinds[0]} can't hold {kinds[1]}")

    def one(pool: Any, fake_and_key: tuple[Sample, Array]) -> tuple[Pool, Sample]:
        fake, key = fake_and_key
        coin_key, place_key = jax.random.split(key)
        full = pool.count == size
        swap = full & jax.random.bernoulli(coin_key)
        place = jnp.where(full, jax.random.randint(place_key, (), 0, size), pool.count)
        old = jax.tree.map(lambda leaf: leaf[place], pool.samples)
        given = jax.tree.map(lambda old, new: jnp.where(swap, old, new), old, fake)
        kept = jax.tree.map(
            lambda leaf, old, new: leaf.at[place].set(jnp.where(swap | ~full, new, old)),
            pool.samples,
            old,
            fake,
        )
        return Pool(kept, jnp.minimum(pool.count + 1, size)), given

    return jax.lax.scan(one, pool, (fakes, keys))


def pooled_step(make: Callable[[Fake], Step], fake: Fake) -> Step:
    """Let a step learn from fakes of the pool.

    Args:
      make: makes the step of a `Fake`, e.g. `lambda fake: discriminator_step(loss, fake)`.
      fake: makes new samples, see `gan_jax.train.wiring`.

    Returns:
      A `Step` that keeps the pool in `state.moving["pool"]`, see `start_pool`. All devices share
      one, which meets the fakes in the order of the global batch. Samples come back without the
      rest of the batch they were made for: a discriminator with labels wants them in the sample.
    """

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        key, latent_key, pool_key = jax.random.split(key, 3)
        count = jax.tree.leaves(batch["real"])[0].shape[0]
        latent_keys = example_keys(latent_key, count, axis_name=axis_name)
        fakes = fake(Network(state.generator, axis_name=axis_name), batch, latent_keys)
        fakes = jax.lax.stop_gradient(fakes)
        every = jax.tree.map(lambda leaf: gather(leaf, axis_name=axis_name), fakes)
        total = jax.tree.leaves(every)[0].shape[0]
        pool, given = exchange(state.moving["pool"], every, example_keys(pool_key, total))
        first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * count
        mine = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, count), given)
        state = state.replace(moving={**state.moving, "pool": pool})
        return make(lambda *_: mine)(state, batch, key, axis_name=axis_name)

    return step
