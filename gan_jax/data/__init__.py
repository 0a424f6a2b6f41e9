"""Data sets as whole uint8 arrays, and batches that are a pure function of the step."""

from gan_jax.data.batches import batch_indices, epoch_permutation, gather, normalize, to_uint8
from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.loading import load, load_auto
from gan_jax.data.prefetch import prefetch

__all__ = [
    "Dataset",
    "DatasetUnavailable",
    "batch_indices",
    "epoch_permutation",
    "gather",
    "load",
    "load_auto",
    "normalize",
    "prefetch",
    "to_uint8",
]
