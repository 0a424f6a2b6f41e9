"""A small convolutional classifier of a data set, whose features judge generated images."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict

__all__ = ["Classifier", "Network", "classifier_maps", "classify", "digest_of"]

_BATCH = 512
_MAPS = "maps"


class Network(nn.Module):
    """Two strided convolutions, a layer of features, and the logits.

    Attributes:
      num_classes: how many classes there are.
      channels: channels of the convolutions; each halves the height and the width.
      features: how many features there are.
    """

    num_classes: int
    channels: tuple[int, int] = (24, 48)
    features: int = 128

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Classify images.

        Args:
          images: uint8 [B, H, W, C].

        Returns:
          The features after their ReLU, float32 [B, features], and the logits, [B, num_classes].
        """
        x = images.astype(jnp.float32) / 255
        x = nn.relu(nn.Conv(self.channels[0], (5, 5), 2)(x))
        self.sow(_MAPS, "first", x)
        x = nn.relu(nn.Conv(self.channels[1], (3, 3), 2)(x))
        self.sow(_MAPS, "second", x)
        features = nn.relu(nn.Dense(self.features)(x.reshape(len(x), -1)))
        return features, nn.Dense(self.num_classes)(features)


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier.

    Attributes:
      name: what figures measured with it are named after, such as `"mnist-cnn"`.
      params: the parameters of its `Network`.
      num_classes: how many classes it tells apart.
      image_shape: the height, width and channels of its images.
      test_accuracy: the fraction of held-out images it classifies rightly.
    """

    name: str
    params: Mapping[str, Any]
    num_classes: int
    image_shape: tuple[int, int, int]
    test_accuracy: float

    @functools.cached_property
    def digest(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the parameters."""
        return digest_of(flatten_dict(self.params, sep="/"))[:12]


def classify(classifier: Classifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the features and the logits of images, computed in batches.

    Args:
      classifier: a trained classifier.
      images: uint8 [N, H, W, C], of the classifier's height, width and channels.

    Returns:
      Features float32 [N, D], and logits float32 [N, num_classes].

    Raises:
      ValueError: images are not uint8, not of the classifier's shape, or none at all.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != classifier.image_shape or not len(images):
        raise ValueError(
            f"{classifier.name} classifies uint8 images [N, "
            f"{', '.join(map(str, classifier.image_shape))}], N at least 1, "
            f"not {images.dtype} {list(images.shape)}"
        )
    padding = [(0, -len(images) % _BATCH), (0, 0), (0, 0), (0, 0)]
    batches = np.pad(images, padding).reshape(-1, _BATCH, *classifier.image_shape)
    network = Network(classifier.num_classes)
    results = [_apply(network, classifier.params, batch) for batch in batches]
    features, logits = (
        np.concatenate(parts)[: len(images)] for parts in zip(*results, strict=True)
    )
    return features, logits


def classifier_maps(
    classifier: Classifier, images: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return what a classifier makes of images, layer by layer; a loss may go through it.

    Args:
      classifier: a trained classifier.
      images: numbers from 0 to 255, [B, H, W, C], of the classifier's height, width and channels.

    Returns:
      The maps of both convolutions, [B, h, w, c] each, and the features [B, D].
    """
    network = Network(classifier.num_classes)
    (features, _), kept = network.apply({"params": classifier.params}, images, mutable=[_MAPS])
    maps = kept[_MAPS]
    return maps["first"][0], maps["second"][0], features


def digest_of(arrays: Mapping[str, Any]) -> str:
    """Return the SHA-256 of named arrays: of their names, types, shapes and bytes.

    Args:
      arrays: array-likes by name; their order does not count.

    Returns:
      64 hexadecimal digits.

    Example:
      >>> digest_of({"a": [1, 2]}) == digest_of({"a": [2, 1]})
      False
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data.cast("B") if array.size else b"")
    return digest.hexdigest()


@functools.partial(jax.jit, static_argnums=0)
def _apply(network: Network, params: Mapping[str, Any], images: jax.Array) -> Any:
    # Accelerators round the factors of products by default, which would move the features.
    with jax.default_matmul_precision("highest"):
        return network.apply({"params": params}, images)
