"""How a run lies on its devices: states whole on each, batches split between them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import (
    AxisType,
    Mesh,
    NamedSharding,
    PartitionSpec,
    Sharding,
    SingleDeviceSharding,
)

from gan_jax.typing import PyTree

__all__ = ["AXIS", "layout", "local", "local_devices", "place", "replicated", "split"]

AXIS = "batch"


def layout(
    devices: Sequence[jax.Device], batch_axis: int
) -> tuple[Mesh, NamedSharding, NamedSharding]:
    """Lay devices out along one axis, named `"batch"`.

    Args:
      devices: of this process, or of all.
      batch_axis: the axis of a batch's leaves that is split.

    Returns:
      The mesh, how a state lies on it, and how a batch does.
    """
    mesh = jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)
    divided = PartitionSpec(*[None] * batch_axis, AXIS)
    return mesh, NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, divided)


def local_devices(devices: Sequence[jax.Device]) -> list[jax.Device]:
    """Return those devices that belong to this process.

    Args:
      devices: of this process, or of all.

    Returns:
      At least one of them where each process has a part in the run.
    """
    return [device for device in devices if device.process_index == jax.process_index()]


def replicated(devices: Sequence[jax.Device]) -> Sharding:
    """Say that an array is whole on each device.

    Args:
      devices: of this process, or of all.

    Returns:
      The sharding, of a single device where there is but one.
    """
    return SingleDeviceSharding(devices[0]) if len(devices) == 1 else layout(devices, 0)[1]


def split(devices: Sequence[jax.Device], batch_axis: int = 0) -> Sharding:
    """Say that an array is split between the devices along the axis of the batch.

    Args:
      devices: of this process, or of all.
      batch_axis: which axis that is.

    Returns:
      The sharding, of a single device where there is but one.
    """
    return SingleDeviceSharding(devices[0]) if len(devices) == 1 else layout(devices, batch_axis)[2]


def place(tree: PyTree, sharding: Sharding) -> PyTree:
    """Put arrays of the host onto devices, each process what its own devices hold.

    Args:
      tree: NumPy arrays, or what can be indexed like them, such as memory maps: of several
        processes, each reads only the rows that it places.
      sharding: where they go; all processes name the same.

    Returns:
      The same tree of global `jax.Array`.
    """

    def put(array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(
            array.shape, sharding, lambda index: np.asarray(array[index])
        )

    return jax.tree.map(put, tree)


def local(tree: PyTree) -> PyTree:
    """Return what the first device of this process has of arrays that are whole on each.

    Nothing is copied. A program given these runs on that device alone, without the other processes.

    Args:
      tree: arrays that are whole on each device.

    Returns:
      The same tree, of arrays on one device.
    """
    return jax.tree.map(lambda array: array.addressable_data(0), tree)
