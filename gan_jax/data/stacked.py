"""Three random digits stacked into the channels of one image: a thousand known modes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.errors import UsageError

__all__ = ["STACKED", "load_stacked", "stack"]

STACKED = {"stacked_digits": "digits", "stacked_mnist": "mnist"}
"""The names of stacks, and what each is stacked of."""

_COUNTS = {"train": 128_000, "test": 26_000}
_SEEDS = {"train": 0, "test": 1}
_CHANNELS = 3
_CHUNK = 4096


def load_stacked(
    name: str, split: str, load: Callable[..., Dataset], *, channels: int | None = None
) -> Dataset:
    """Stack a split of digits: 128,000 triples of training digits, or 26,000 of test digits.

    The triples are drawn once and for all, with seed 0 for training and 1 for the test.

    Args:
      name: one of `STACKED`.
      split: `"train"` or `"test"`.
      load: loads the digits, `(name, split=...)`.
      channels: 3, or None for the same.

    Returns:
      The data set, uint8 [N, H, W, 3], and for labels the three digits read as one number.

    Raises:
      UsageError: there is no such split, or other channels were asked for.
      DatasetUnavailable: the digits can't be had.

    Reference:
      Metz et al., Unrolled Generative Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.02163; so many are drawn by Lin et al., PacGAN, 2017,
      https://arxiv.org/abs/1712.04086, there of the training and the test digits together.
    """
    if split not in _COUNTS:
        raise UsageError(f"split {split!r} of {name} is not one of {', '.join(_COUNTS)}")
    if channels not in (None, _CHANNELS):
        raise UsageError(f"channels is {channels}: {name} has {_CHANNELS}, a digit in each")
    return stack(name, load(STACKED[name], split=split), _COUNTS[split], seed=_SEEDS[split])


def stack(name: str, digits: Dataset, count: int, *, seed: int) -> Dataset:
    """Stack random triples of grey images, drawn with replacement.

    `label = K^2 a + K b + c` of the labels a, b and c of the channels and K classes. A seed draws
    the same on every machine, with every version of NumPy.

    Args:
      name: what the data set is called.
      digits: images of one channel, uint8 [M, H, W, 1].
      count: N, how many triples.
      seed: what is drawn.

    Returns:
      The data set, uint8 [N, H, W, 3] with K^3 classes.

    Raises:
      ValueError: the images have more than one channel.
    """
    if digits.images.shape[3] != 1:
        raise ValueError(f"{digits.name} must have one channel, not {digits.images.shape[3]}")
    # Raw output, which NumPy keeps the same; the remainder favours none by more than 1 in 2^40.
    raw = np.random.Philox(np.random.SeedSequence(seed)).random_raw(count * _CHANNELS)
    drawn = (raw % len(digits.labels)).astype(np.int64).reshape(count, _CHANNELS)
    grey = digits.images[..., 0]
    images = np.empty((count, *grey.shape[1:], _CHANNELS), np.uint8)
    for start in range(0, count, _CHUNK):  # no second copy of them all
        part = slice(start, start + _CHUNK)
        images[part] = np.moveaxis(grey[drawn[part]], 1, -1)
    classes = digits.num_classes
    names = np.indices((classes,) * _CHANNELS).reshape(_CHANNELS, -1).T
    return Dataset(
        name,
        digits.split,
        images,
        (digits.labels[drawn] @ classes ** np.arange(_CHANNELS)[::-1]).astype(np.int32),
        classes**_CHANNELS,
        tuple("".join(digits.class_names[label] for label in labels) for labels in names),
        f"{count:,} triples drawn with seed {seed} of the {len(digits.labels):,} {digits.split} "
        f"images of {digits.name}: {digits.origin}",
    )
