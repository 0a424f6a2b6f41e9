"""One training step on many devices: the batch is split, the state is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax

from gan_jax.errors import UsageError
from gan_jax.parallel.placement import AXIS, layout
from gan_jax.typing import Batch, Metrics, PyTree, TrainStep

__all__ = ["batch_share", "pmap", "shard_map"]


def pmap(
    train_step: TrainStep,
    *,
    devices: Sequence[jax.Device] | None = None,
    batch_axis: int = 0,
) -> Callable[[PyTree, Batch], tuple[PyTree, Metrics]]:
    """Run a training step on all devices of this process by `jax.pmap`, giving what one gives.

    State and metrics are whole values, not stacked per device; the state given is donated.

    Args:
      train_step: `(state, batch, *, axis_name) -> (state, metrics)`.
      devices: the devices to use, all local ones if None.
      batch_axis: the axis of the batch's leaves along which they are split: 0, or 1 for batches
        stacked for `scan_steps`.

    Returns:
      A compiled function of a state and a global batch.

    Raises:
      UsageError: on a call, when the global batch can't be split evenly.
    """
    mesh, whole, split = layout(list(devices or jax.local_devices()), batch_axis)
    # What `pmap` gives each device is one index of an axis of its own, so the batch gets one.
    parallel = jax.pmap(
        partial(train_step, axis_name=AXIS),
        axis_name=AXIS,
        in_axes=(None, batch_axis),
        out_axes=(None, None),
        devices=list(mesh.devices.flat),
        donate_argnums=(0,),
    )

    def step(state: PyTree, batch: Batch) -> tuple[PyTree, Metrics]:
        share = batch_share(_size(batch, batch_axis), mesh.size)

        def per_device(leaf: jax.Array) -> jax.Array:
            before, after = leaf.shape[:batch_axis], leaf.shape[batch_axis + 1 :]
            return leaf.reshape(*before, mesh.size, share, *after)

        batch = jax.tree.map(per_device, batch)
        return parallel(jax.device_put(state, whole), jax.device_put(batch, split))

    return step


def shard_map(
    train_step: TrainStep,
    *,
    devices: Sequence[jax.Device] | None = None,
    batch_axis: int = 0,
) -> Callable[[PyTree, Batch], tuple[PyTree, Metrics]]:
    """Run a training step on all devices by `jax.shard_map`, giving what one device gives.

    The devices may be of several processes. Each of them then calls it with the state and the batch
    placed on all (see `gan_jax.parallel.place`).

    Args:
      train_step: `(state, batch, *, axis_name) -> (state, metrics)`.
      devices: the devices to use, all if None.
      batch_axis: the axis of the batch's leaves along which they are split.

    Returns:
      A compiled function of a state and a global batch; the state given is donated.

    Raises:
      UsageError: on a call, when the global batch can't be split evenly.
    """
    mesh, whole, split = layout(list(devices or jax.devices()), batch_axis)
    # With check_vma=True gradients of replicated parameters come out summed, not averaged.
    sharded = jax.shard_map(
        partial(train_step, axis_name=AXIS),
        mesh=mesh,
        in_specs=(whole.spec, split.spec),
        out_specs=(whole.spec, whole.spec),
        check_vma=False,
    )
    compiled = jax.jit(sharded, donate_argnums=0)

    def step(state: PyTree, batch: Batch) -> tuple[PyTree, Metrics]:
        batch_share(_size(batch, batch_axis), mesh.size)
        return compiled(jax.device_put(state, whole), jax.device_put(batch, split))

    return step


def batch_share(batch_size: int, devices: int, *, group: int = 1) -> int:
    """Return how many examples of a global batch each device gets.

    Args:
      batch_size: examples in the global batch.
      devices: number of devices.
      group: examples that stay on one device together: a pack, or one for each of several updates.

    Returns:
      `batch_size / devices`.

    Raises:
      UsageError: the number of groups is not a positive multiple of `devices`.
    """
    groups = batch_size // group
    if groups < 1 or groups % devices:
        raise UsageError(
            f"batch size {groups} can't be split over {devices} devices: "
            f"it must be a positive multiple of {devices} (--devices takes fewer)"
        )
    return batch_size // devices


def _size(batch: Batch, batch_axis: int) -> int:
    return jax.tree.leaves(batch)[0].shape[batch_axis]
