import jax
import numpy as np
import pytest

from gan_jax import parallel


class Rows:
    """What can be indexed like an array, and remembers which rows were asked for."""

    def __init__(self, array):
        self.array, self.shape, self.asked = array, array.shape, []

    def __getitem__(self, index):
        self.asked.append(index[0].indices(len(self.array))[:2])
        return self.array[index]


@pytest.mark.parametrize("count", [1, 2, 8])
def test_states_are_whole_on_each_device_and_batches_are_split(count):
    devices = jax.devices()[:count]
    array = np.arange(48.0, dtype=np.float32).reshape(16, 3)
    whole = parallel.place({"a": array}, parallel.replicated(devices))["a"]
    parts = parallel.place(array, parallel.split(devices))
    sideways = parallel.place(array.T, parallel.split(devices, 1))
    assert {shard.data.shape for shard in whole.addressable_shards} == {(16, 3)}
    assert {shard.data.shape for shard in parts.addressable_shards} == {(16 // count, 3)}
    assert {shard.data.shape for shard in sideways.addressable_shards} == {(3, 16 // count)}
    for placed, expected in ((whole, array), (parts, array), (sideways, array.T)):
        assert placed.devices() == set(devices)
        np.testing.assert_array_equal(placed, expected)


def test_only_the_rows_that_are_placed_are_read():
    rows = Rows(np.arange(8))
    parallel.place([rows], parallel.split(jax.devices()[:4]))
    assert sorted(set(rows.asked)) == [(0, 2), (2, 4), (4, 6), (6, 8)]


def test_the_local_part_is_on_one_device_and_works_alone():
    devices = jax.devices()[2:5]
    state = {"key": jax.random.key(3), "weights": np.arange(3.0, dtype=np.float32)}
    state = jax.jit(lambda tree: tree, out_shardings=parallel.replicated(devices))(state)
    part = parallel.local(state)
    assert all(leaf.devices() == {devices[0]} for leaf in jax.tree.leaves(part))
    assert part["key"] == jax.random.key(3)
    np.testing.assert_array_equal(part["weights"], [0.0, 1.0, 2.0])
    assert jax.jit(lambda tree: tree["weights"] + 1)(part).devices() == {devices[0]}


def test_all_devices_here_are_local():
    assert parallel.local_devices(jax.devices()) == jax.devices()
