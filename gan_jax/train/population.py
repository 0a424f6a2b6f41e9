"""Many training runs in one program: over seeds and over any number a recipe is made with.

A run is a pure function of its hyper-parameters and its key, so a population is that function
mapped. What the members differ in has to be numbers (rates, weights, decays): networks, batch sizes
and the number of critic updates shape the program, and each of their values is a program of its
own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from gan_jax.typing import Array, PyTree

__all__ = [
    "Member",
    "Spread",
    "one_by_one",
    "over_devices",
    "population",
    "seed_keys",
    "usual_spread",
    "vectorized",
]

_AXIS = "members"

Member = Callable[[PyTree, PyTree], PyTree]
"""`(hyperparameters, key or state) -> results`, of one member."""
Spread = Callable[[Member], Member]
"""Makes the same function of all members out of one: leaves get a first axis [N]."""


def vectorized(member: Member) -> Member:
    """Run all members side by side, by `jax.vmap`.

    This fills an accelerator that one small run leaves idle.

    Args:
      member: what one member does.

    Returns:
      What all members do: leaves [N, ...] in and out, compiled once for each N.
    """
    return jax.jit(jax.vmap(member))


def one_by_one(member: Member) -> Member:
    """Run one member after the other in one program, by `jax.lax.map`.

    Args:
      member: what one member does.

    Returns:
      What all members do: leaves [N, ...] in and out, compiled once for each N.
    """
    return jax.jit(partial(_map, member))


def over_devices(
    member: Member, *, devices: Sequence[jax.Device] | None = None, spread: Spread = one_by_one
) -> Member:
    """Give each device a share of the members, by `jax.pmap`.

    The last member fills up the shares if the devices do not divide the members; what it gives
    again is dropped.

    Args:
      member: what one member does.
      devices: who takes part, all local devices if None.
      spread: how a device runs its share, `one_by_one` or `vectorized`.

    Returns:
      What all members do: leaves [N, ...] in and out, compiled once for each N.
    """
    chosen = list(devices or jax.local_devices())
    mapped = jax.pmap(spread(member), devices=chosen)
    mesh = jax.make_mesh((len(chosen),), (_AXIS,), axis_types=(AxisType.Auto,), devices=chosen)
    split = NamedSharding(mesh, PartitionSpec(_AXIS))

    def run(hyperparameters: PyTree, members: PyTree) -> PyTree:
        count = _count((hyperparameters, members))
        share = -(-count // len(chosen))
        places = jnp.minimum(jnp.arange(share * len(chosen)), count - 1)
        places = places.reshape(len(chosen), share)
        given = jax.tree.map(lambda leaf: leaf[places], (hyperparameters, members))
        results = mapped(*jax.device_put(given, split))
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[:count], results)

    return run


def usual_spread(devices: Sequence[jax.Device] | None = None) -> Spread:
    """Return what is fastest for small networks on these devices.

    On several CPU devices one member after the other on each, which was the fastest way by
    `benchmarks.population`. On one CPU device too, which keeps the bits of separate runs, though
    there `vectorized` was 1.2 times as fast. On accelerators all at once on each: not measured.

    Args:
      devices: who takes part, all local devices if None.

    Returns:
      `one_by_one` or `vectorized`, or `over_devices` of it where there are several devices.
    """
    chosen = list(devices or jax.local_devices())
    spread = one_by_one if chosen[0].platform == "cpu" else vectorized
    return spread if len(chosen) == 1 else partial(over_devices, devices=chosen, spread=spread)


def seed_keys(seeds: ArrayLike | Sequence[int]) -> Array:
    """Return the key of each seed: `jax.random.key(seed)`.

    Args:
      seeds: whole numbers from 0 to 2^32 - 1, [N].

    Returns:
      Typed keys [N].

    Raises:
      ValueError: a seed is anything else.
    """
    numbers = np.asarray(seeds)
    whole = numbers.dtype.kind in "iu" and numbers.ndim == 1
    if not whole or not np.array_equal(numbers.astype(np.uint32), numbers):
        raise ValueError(f"seeds must be whole numbers [N] from 0 to 4294967295, got {seeds!r}")
    return jax.vmap(jax.random.key)(jnp.asarray(numbers, jnp.uint32))


def population(
    train: Member,
    hyperparameters: PyTree,
    keys: PyTree,
    *,
    spread: Spread | None = None,
    chunk: int | None = None,
    kept: MutableMapping[str, Sequence[np.ndarray]] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> PyTree:
    """Train a population.

    `results_n = train(hyperparameters_n, key_n)`

    Member n gets what `train` alone would give it; in XLA's hands equal to float tolerance, as the
    compiler may order sums differently in another program.

    It is compiled anew in every call. Where calls repeat, as with states that go on, make
    `run = usual_spread()(train)` once and call that. An optimizer whose numbers differ between
    members keeps them in its state (`optax.inject_hyperparams`): a `TrainState` that is returned
    must not hold traced numbers in its `tx`, which is static.

    Args:
      train: trains one member, from its hyper-parameters (a pytree of scalars, traced) and its key
        (or whatever it starts from, such as the state an earlier call returned), and returns arrays
        of shapes that do not depend on either.
      hyperparameters: leaves [N].
      keys: typed keys [N], or a pytree of leaves [N, ...].
      spread: how members share the machine; `usual_spread()` if None.
      chunk: members per dispatch, so that their states and results fit the memory; all if None.
        The last chunk is filled up, so that one program serves all.
      kept: the leaves of results of chunks that were trained before, by a digest of what they were
        given, to which new ones are added; a mapping that writes files makes a population
        resumable. It must be another one for another `train`.
      report: told the number of members done and of all, after each chunk.

    Returns:
      The results, leaves [N, ...]: NumPy's, on the host, and keys.

    Raises:
      ValueError: leaves differ in N, there are none, or `chunk` is below 1.

    Example:
      >>> train = lambda rate, start: {"end": start - rate * start}
      >>> ends = population(train, jnp.array([0.0, 0.5]), jnp.array([2.0, 2.0]))
      >>> ends["end"].tolist()
      [2.0, 1.0]
    """
    given = jax.tree.map(jnp.asarray, (hyperparameters, keys))
    count = _count(given)
    if chunk is not None and chunk < 1:
        raise ValueError(f"population: chunk is {chunk}, it must be at least 1")
    size = min(chunk or count, count)
    run = (spread or usual_spread())(train)
    results = jax.eval_shape(train, *jax.tree.map(lambda leaf: leaf[0], given))
    parts = []
    for first, places in _chunks(count, size):
        part = jax.tree.map(lambda leaf, places=places: leaf[places], given)
        name = _digest(part)
        leaves = None if kept is None else kept.get(name)
        if leaves is None:
            leaves = [np.asarray(_plain(leaf)) for leaf in jax.tree.leaves(run(*part))]
            if kept is not None:
                kept[name] = leaves
        parts.append([leaf[: count - first] for leaf in leaves])
        if report is not None:
            report(min(first + size, count), count)
    leaves = [np.concatenate(leaf) for leaf in zip(*parts, strict=True)]
    return jax.tree.unflatten(
        jax.tree.structure(results), map(_like, jax.tree.leaves(results), leaves)
    )


def _map(member: Member, hyperparameters: PyTree, members: PyTree) -> PyTree:
    return jax.lax.map(lambda pair: member(*pair), (hyperparameters, members))


def _count(given: PyTree) -> int:
    """Return N, the same for all leaves."""
    counts = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(given)}
    if len(counts) != 1 or 0 in counts:
        shown = sorted(map(str, counts))
        raise ValueError(
            "population: hyper-parameters and keys must be arrays [N, ...] of one N of at least "
            f"1, not of {', '.join(shown) or 'none'}"
        )
    return int(counts.pop())


def _chunks(count: int, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield where each chunk begins, and its members, the last repeated to fill it up."""
    for first in range(0, count, size):
        yield first, np.minimum(np.arange(first, first + size), count - 1)


def _digest(given: PyTree) -> str:
    """Name what a chunk is given, by names, types, shapes and contents."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(given):
        content = np.asarray(_plain(leaf))
        digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {content.shape} ".encode())
        digest.update(np.ascontiguousarray(content).tobytes())
    return digest.hexdigest()


def _plain(leaf: Array) -> Array:
    """Return an array of numbers: of keys, their data."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _like(expected: jax.ShapeDtypeStruct, leaf: np.ndarray) -> Array | np.ndarray:
    """Return keys where keys are expected."""
    if not _is_key(expected):
        return leaf
    return jax.random.wrap_key_data(
        jnp.asarray(leaf), impl=jax.random.key_impl(jnp.empty(0, expected.dtype))
    )


def _is_key(leaf: Array | jax.ShapeDtypeStruct) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
