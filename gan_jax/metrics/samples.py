"""A set of images as metrics see it: pixels, features, classes, each made when it is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from gan_jax.metrics.checks import random_stream
from gan_jax.metrics.classes import class_histogram
from gan_jax.metrics.classifier import digest_of
from gan_jax.metrics.extractors import Extracted, Extractor
from gan_jax.metrics.reference_cache import kept
from gan_jax.metrics.streaming import moments
from gan_jax.progress import progress_lines

__all__ = ["Samples"]


class Samples:
    """Images of one kind, and what an extractor makes of them: once, and only if it is needed.

    Attributes:
      kind: `"fake"`, or the split of real images.
      extractor: makes the features.
      labels: their classes, or those asked for; None if there are none.
    """

    def __init__(
        self,
        kind: str,
        images: np.ndarray | Sequence[np.ndarray],
        extractor: Extractor,
        *,
        labels: ArrayLike | None = None,
        mixed: bool = True,
        cached: bool = False,
        report: Callable[[str], None] = lambda line: None,
    ):
        """Name images; nothing is computed yet.

        Args:
          kind: what they are.
          images: uint8 [N, H, W, C], or several such arrays where the extractor takes images of
            different sizes.
          extractor: makes features of them.
          labels: integers [N].
          mixed: whether any first ones stand for all; of images in an order, such as by class,
            `first` takes random ones.
          cached: keep features and moments in the user's cache folder: for reference images.
          report: given a line for what takes long, and for where features are kept.

        Raises:
          ValueError: there is another number of labels than of images.
        """
        self.kind = kind
        self.extractor = extractor
        self.labels = None if labels is None else np.asarray(labels)
        self._chunks = (images,) if isinstance(images, np.ndarray) else tuple(images)
        self._mixed, self._cached, self._report = mixed, cached, report
        self._whole: Callable[[], Extracted] | None = None
        self._firsts: dict[int, Samples] = {}
        if self.labels is not None and len(self.labels) != len(self):
            raise ValueError(
                f"there are {len(self)} {kind} images and {len(self.labels)} labels of them"
            )

    def __len__(self) -> int:
        """Return how many images there are."""
        return sum(map(len, self._chunks))

    @property
    def size(self) -> str:
        """How many of what: `"10000 test"`."""
        return f"{len(self)} {self.kind}"

    @property
    def images(self) -> np.ndarray:
        """All images, uint8 [N, H, W, C]; they must be of one shape."""
        shapes = {chunk.shape[1:] for chunk in self._chunks}
        if len(shapes) != 1:
            found = " and ".join(map(str, sorted(map(list, shapes))[:2]))
            raise ValueError(f"the {self.kind} images are of several shapes, such as {found}")
        return self._chunks[0] if len(self._chunks) == 1 else np.concatenate(self._chunks)

    @functools.cached_property
    def digest(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the images."""
        return digest_of({str(index): chunk for index, chunk in enumerate(self._chunks)})[:12]

    @functools.cached_property
    def extracted(self) -> Extracted:
        """Features and logits."""
        if self._whole is not None:
            return self._whole()
        if not self._cached:
            return self._extract()
        return Extracted(self._kept["features"], self._kept.get("logits"))

    @property
    def features(self) -> np.ndarray:
        """What the extractor makes of them, float32 [N, D]."""
        return self.extracted.features

    @property
    def logits(self) -> np.ndarray:
        """Of the extractor's classes, float32 [N, K]."""
        if self.extracted.logits is None:
            raise ValueError(f"{self.extractor.name} knows no classes")
        return self.extracted.logits

    @functools.cached_property
    def gives_logits(self) -> bool:
        """Whether the extractor knows classes: found out on one image."""
        one = self if "extracted" in vars(self) else self.first(1)
        extracted = self.extracted if one is self else self.extractor(one._chunks)
        return extracted.logits is not None

    @functools.cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the covariance of the features, float64 [D] and [D, D]."""
        if not self._cached or self._whole is not None:
            return moments(self.features)
        return self._kept["mean"], self._kept["covariance"]

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """Of each class, [N, K]."""
        return softmax(self.logits, axis=1)

    @property
    def classes(self) -> np.ndarray:
        """The likeliest class of each, [N]."""
        return self.probabilities.argmax(axis=1)

    @property
    def histogram(self) -> np.ndarray:
        """How many are of each class, [K]."""
        return class_histogram(self.classes, self.probabilities.shape[1])

    def first(self, count: int) -> Samples:
        """Return the first ones, or random ones, always the same; only they are extracted.

        Args:
          count: how many.

        Returns:
          These samples themselves, if there are no more.
        """
        if count >= len(self):
            return self
        if count not in self._firsts:
            chosen = np.arange(count)
            if not self._mixed:
                chosen = np.sort(random_stream(0).permutation(len(self))[:count])
            ends = np.cumsum([len(chunk) for chunk in self._chunks])[:-1]
            parts = np.split(chosen, np.searchsorted(chosen, ends))
            starts = [0, *ends]
            chunks = [
                chunk[: len(part)] if self._mixed else chunk[part - start]
                for chunk, part, start in zip(self._chunks, parts, starts, strict=True)
                if len(part)
            ]
            self._firsts[count] = self._like(chunks, chosen)
        return self._firsts[count]

    @functools.cached_property
    def halves(self) -> tuple[Samples, Samples]:
        """Two halves drawn without replacement, always the same; all are extracted together."""
        order = random_stream(0).permutation(len(self))
        first, second = (self._part(half) for half in np.array_split(order, 2))
        return first, second

    def _part(self, chosen: np.ndarray) -> Samples:
        if len(self._chunks) == 1:
            images: Sequence[np.ndarray] = [self._chunks[0][chosen]]
        else:  # each image may have a shape of its own
            singly = [image[None] for chunk in self._chunks for image in chunk]
            images = [singly[index] for index in chosen]

        def take() -> Extracted:
            features, logits = self.extracted
            return Extracted(features[chosen], None if logits is None else logits[chosen])

        part = self._like(images, chosen)
        part._whole = take
        return part

    def _like(self, images: Sequence[np.ndarray], chosen: np.ndarray) -> Samples:
        return Samples(
            self.kind,
            images,
            self.extractor,
            labels=None if self.labels is None else self.labels[chosen],
            mixed=self._mixed,
            cached=self._cached,
            report=self._report,
        )

    def _extract(self) -> Extracted:
        what = f"extracting features of {self.kind} images"
        return self.extractor(self._chunks, progress=progress_lines(what, len(self), self._report))

    @functools.cached_property
    def _kept(self) -> dict[str, np.ndarray]:
        """Features, logits and moments, from the user's cache folder."""

        def make() -> dict[str, np.ndarray]:
            features, logits = self._extract()
            mean, covariance = moments(features)
            arrays = {"features": features, "mean": mean, "covariance": covariance}
            return arrays if logits is None else {**arrays, "logits": logits}

        images = f"{self.size} images {self.digest}"
        arrays = kept("features", (images, self.extractor.name), make, report=self._report)
        return arrays if {"features", "mean", "covariance"} <= arrays.keys() else make()
