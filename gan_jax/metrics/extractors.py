"""What metrics are computed of: features of images, and where there are classes their logits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import jax
import numpy as np

from gan_jax.metrics.classifier import Classifier, classify

__all__ = ["BatchExtractor", "Extracted", "Extractor", "classifier_extractor", "pixel_extractor"]

T = TypeVar("T")


class Extracted(NamedTuple):
    """What an extractor makes of N images.

    Attributes:
      features: float32 [N, D].
      logits: of K classes, float32 [N, K]; None where the extractor knows no classes.
    """

    features: np.ndarray
    logits: np.ndarray | None


class Extractor(Protocol):
    """Make features of images: `(images) -> features, logits`.

    A figure depends on what made its features, so it carries the extractor's name: figures of
    different names do not compare. Features that are kept are found again by it. So a name must
    identify the weights, best by a digest of them.
    """

    @property
    def name(self) -> str:
        """The network, its weights and its resize: `"inception-v3/6726825d/tf1-bilinear"`."""

    @property
    def images(self) -> str:
        """The shapes of uint8 images that it takes, in words: `"[N, H, W, 1 or 3]"`."""

    def __call__(
        self,
        images: np.ndarray | Iterable[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Extracted:
        """Extract the features and the logits of images.

        Args:
          images: uint8 arrays of the shape `images` says: one of them, or a stream.
          progress: given the number of images that are done, after each batch.

        Returns:
          Features and logits, in the order of the images.

        Raises:
          ValueError: the images are of another type or shape, or there are none.
        """


@dataclass(frozen=True, eq=False)
class BatchExtractor:
    """An `Extractor` made of a function of batches.

    The function only ever sees batches of one size, the last one filled up with black images, so
    that it is compiled once, and an image has the same features in any company.

    Attributes:
      name: the network, its weights and its resize.
      images: the shapes of uint8 images that it takes, in words.
      accepts: whether it takes images of a shape (H, W, C).
      extract: features and logits of a batch, uint8 [batch_size, H, W, C]; may be on a device.
      batch_size: how many images make a batch.
      test_accuracy: of a classifier, the fraction of held-out images it classifies rightly.
    """

    name: str
    images: str
    accepts: Callable[[tuple[int, ...]], bool]
    extract: Callable[[np.ndarray], Extracted]
    batch_size: int
    test_accuracy: float | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}: it must be at least 1")

    def __call__(
        self,
        images: np.ndarray | Iterable[np.ndarray],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Extracted:
        """Extract the features and the logits of images, as `Extractor` says."""
        parts: list[Extracted] = []
        done = 0
        started = ((len(batch), self._start(batch)) for batch in self._batches(images))
        for count, extracted in _one_ahead(started):
            parts.append(jax.tree.map(lambda x, n=count: np.asarray(x)[:n], extracted))
            done += count
            if progress is not None:
                progress(done)
        if not done:
            raise ValueError(f"{self.name} is given no images")
        logits = [part.logits for part in parts if part.logits is not None]
        features = np.concatenate([part.features for part in parts])
        return Extracted(features, np.concatenate(logits) if logits else None)

    def _batches(self, images: np.ndarray | Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for chunk in [images] if isinstance(images, (np.ndarray, jax.Array)) else images:
            chunk = np.asarray(chunk)
            shape = chunk.shape[1:]
            if chunk.dtype != np.uint8 or len(shape) != 3 or 0 in shape or not self.accepts(shape):
                raise ValueError(
                    f"{self.name} takes uint8 images {self.images}, "
                    f"not {chunk.dtype} {list(chunk.shape)}"
                )
            for start in range(0, len(chunk), self.batch_size):
                yield chunk[start : start + self.batch_size]

    def _start(self, batch: np.ndarray) -> Extracted:
        missing = self.batch_size - len(batch)
        return self.extract(np.pad(batch, [(0, missing), (0, 0), (0, 0), (0, 0)]))


def _one_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield each item when the next one is made, so that a device always has work."""
    held: list[T] = []
    for item in items:
        yield from held
        held = [item]
    yield from held


def pixel_extractor(*, batch_size: int = 512) -> BatchExtractor:
    """Take the pixels themselves for features.

    `x / 255`, flattened. There are no logits.

    Args:
      batch_size: how many images are copied at a time.

    Returns:
      An extractor of images of any shape, named `"pixels"`.

    Example:
      >>> pixel_extractor()(np.full((1, 1, 2, 1), 255, np.uint8)).features.tolist()
      [[1.0, 1.0]]
    """

    def extract(images: np.ndarray) -> Extracted:
        return Extracted(images.reshape(len(images), -1) / np.float32(255), None)

    return BatchExtractor("pixels", "[N, H, W, C]", lambda shape: True, extract, batch_size)


def classifier_extractor(classifier: Classifier) -> BatchExtractor:
    """Take the features of a classifier trained on the data set itself.

    It needs nothing that has to be downloaded: `cached_classifier` trains it once per machine.

    Args:
      classifier: a trained one.

    Returns:
      An extractor of images of the classifier's shape, named after it and its parameters:
      `"mnist-cnn/0123456789ab"`. Its `test_accuracy` is the classifier's.
    """
    shape = classifier.image_shape
    return BatchExtractor(
        name=f"{classifier.name}/{classifier.digest}",
        images=f"[N, {', '.join(map(str, shape))}]",
        accepts=lambda found: found == shape,
        extract=lambda images: Extracted(*classify(classifier, images)),
        batch_size=512,
        test_accuracy=classifier.test_accuracy,
    )
