"""Where MNIST and Fashion-MNIST come from: addresses, sizes and checksums of their archives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gan_jax.data.dataset import Dataset

__all__ = ["SOURCES", "Archive", "Source"]


class Archive(NamedTuple):
    """One gzipped IDX file, and how to know that it is the right one.

    Attributes:
      file: its name below the source's address.
      size: its compressed size in bytes.
      sha256: the SHA-256 of its compressed bytes, 64 hexadecimal digits.
      shape: the shape of the uint8 array in it.
    """

    file: str
    size: int
    sha256: str
    shape: tuple[int, ...]


class Source(NamedTuple):
    """A data set published as one archive of images and one of labels per split.

    Attributes:
      name: its name here and in TFDS.
      title: its name for people.
      url: the folder of the archives; ends in a slash.
      class_names: the name of each label.
      splits: the (images, labels) archives of each split.
    """

    name: str
    title: str
    url: str
    class_names: tuple[str, ...]
    splits: Mapping[str, tuple[Archive, Archive]]

    def dataset(self, split: str, images: np.ndarray, labels: np.ndarray, origin: str) -> Dataset:
        """Return a split as a `Dataset` after checking that its arrays are what they must be.

        Args:
          split: one of `splits`.
          images: uint8 [N, H, W, C].
          labels: int32 [N].
          origin: where the arrays came from.

        Returns:
          The data set.

        Raises:
          ValueError: an array has another shape or type, or a label is out of range.
        """
        shape = (*self.splits[split][0].shape, 1)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"images are {images.dtype} {images.shape}, not uint8 {shape}")
        if labels.shape != shape[:1] or labels.dtype != np.int32:
            raise ValueError(f"labels are {labels.dtype} {labels.shape}, not int32 {shape[:1]}")
        num_classes = len(self.class_names)
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(f"labels reach from {labels.min()} to {labels.max()}")
        return Dataset(self.name, split, images, labels, num_classes, self.class_names, origin)


def _splits(archives: str) -> dict[str, tuple[Archive, Archive]]:
    """Read lines of size and SHA-256: train images, train labels, test images, test labels."""
    rows = [(int(size), sha256) for size, sha256 in map(str.split, archives.strip().splitlines())]
    return {
        "train": (
            Archive("train-images-idx3-ubyte.gz", *rows[0], (60_000, 28, 28)),
            Archive("train-labels-idx1-ubyte.gz", *rows[1], (60_000,)),
        ),
        "test": (
            Archive("t10k-images-idx3-ubyte.gz", *rows[2], (10_000, 28, 28)),
            Archive("t10k-labels-idx1-ubyte.gz", *rows[3], (10_000,)),
        ),
    }


_MNIST = Source(
    name="mnist",
    title="MNIST",
    url="https://storage.googleapis.com/cvdf-datasets/mnist/",
    class_names=tuple("0123456789"),
    splits=_splits("""
        9912422 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
        28881 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
        1648877 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
        4542 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
    """),
)

_FASHION_MNIST = Source(
    name="fashion_mnist",
    title="Fashion-MNIST",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    splits=_splits("""
        26421880 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
        29515 a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
        4422102 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
        5148 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
    """),
)

SOURCES: dict[str, Source] = {source.name: source for source in (_MNIST, _FASHION_MNIST)}
