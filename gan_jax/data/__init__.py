"""Data sets as whole uint8 arrays, batches as functions of the step, distributions in the plane."""

from gan_jax.data.batches import (
    batch_indices,
    epoch_permutation,
    for_step,
    gather,
    normalize,
    to_uint8,
)
from gan_jax.data.catalogue import is_path
from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.jitter import jitter
from gan_jax.data.loading import load, load_auto
from gan_jax.data.paired import Pairs, load_pairs
from gan_jax.data.points import empirical, read_distribution
from gan_jax.data.prefetch import prefetch
from gan_jax.data.shapes import checkerboard, line, moons, spiral
from gan_jax.data.stacked import STACKED
from gan_jax.data.synthetic import Distribution, Modes, clusters, grid, mixture, ring
from gan_jax.data.unpaired import Unpaired, gather_unpaired, load_unpaired, unpaired_indices

__all__ = [
    "STACKED",
    "Dataset",
    "DatasetUnavailable",
    "Distribution",
    "Modes",
    "Pairs",
    "Unpaired",
    "batch_indices",
    "checkerboard",
    "clusters",
    "empirical",
    "epoch_permutation",
    "for_step",
    "gather",
    "gather_unpaired",
    "grid",
    "is_path",
    "jitter",
    "line",
    "load",
    "load_auto",
    "load_pairs",
    "load_unpaired",
    "mixture",
    "moons",
    "normalize",
    "prefetch",
    "read_distribution",
    "ring",
    "spiral",
    "to_uint8",
    "unpaired_indices",
]
