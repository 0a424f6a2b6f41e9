"""Many devices, and many processes: a training step gives on all what it gives on one."""

from gan_jax.parallel.placement import local, local_devices, place, replicated, split
from gan_jax.parallel.processes import (
    check_same,
    first_says,
    is_first,
    join,
    largest,
    leave_soon,
    peers_watched,
    together,
)
from gan_jax.parallel.steps import batch_share, pmap, shard_map

__all__ = [
    "batch_share",
    "check_same",
    "first_says",
    "is_first",
    "join",
    "largest",
    "leave_soon",
    "local",
    "local_devices",
    "peers_watched",
    "place",
    "pmap",
    "replicated",
    "shard_map",
    "split",
    "together",
]
