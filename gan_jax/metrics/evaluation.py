"""Every figure of a generator's images at once, each beside the same figure of real images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from gan_jax.metrics.classes import class_histogram, class_kl, classes_covered, label_agreement
from gan_jax.metrics.classifier import Classifier, classify
from gan_jax.metrics.frechet import frechet_feature_distance
from gan_jax.metrics.neighbours import nearest_distances

__all__ = ["Figure", "as_scalars", "evaluate"]

_CONFIDENT = 0.9
_NEIGHBOUR_QUERIES = 1000


@dataclass(frozen=True)
class Figure:
    """One measured figure, and its floor: the same figure of real images.

    Attributes:
      metric: what was measured, such as `"frechet_distance"`.
      measured_on: what computed the features, and how many images of which kind were compared:
        `"mnist-cnn,10000 fake,10000 test"`. Only figures that agree in it compare.
      value: the figure.
      floor_measured_on: the floor's: `"mnist-cnn,10000 train,10000 test"`.
      floor: the figure of real images: what a perfect generator would get.
      unit: of both figures; empty for a plain number.
    """

    metric: str
    measured_on: str
    value: float
    floor_measured_on: str
    floor: float
    unit: str = ""

    @property
    def name(self) -> str:
        """The figure's whole name: `"frechet_distance[mnist-cnn,10000 fake,10000 test]"`."""
        return f"{self.metric}[{self.measured_on}]"

    @property
    def floor_name(self) -> str:
        """The floor's: `"frechet_distance_floor[mnist-cnn,10000 train,10000 test]"`."""
        return f"{self.metric}_floor[{self.floor_measured_on}]"


def evaluate(
    classifier: Classifier,
    fake_images: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    *,
    train_images: np.ndarray,
    asked_labels: np.ndarray | None = None,
) -> dict[str, Figure]:
    """Measure a generator's images against real ones.

    | metric | of fake images | floor |
    |---|---|---|
    | `frechet_distance` | Fréchet distance of their features to those of test images | train |
    | `classes_covered` | classes with at least a fifth of their fair share of the images | test |
    | `class_kl` | KL divergence of their classes from those of train images | test |
    | `confident_fraction` | fraction that the classifier is more than 90 % sure of | test |
    | `nearest_train_distance` | median distance to the nearest train image | test |
    | `label_agreement` | fraction that are of the class asked for | test, and its labels |

    Classes are those that the classifier sees, in real images too. Of the train images, the first
    ones, as many as there are fakes, stand for them all, but for the nearest one of 1000 fake and
    1000 test images, which is looked for in all of them.

    A figure is good when it is near its floor. A nearest distance well below its floor is a sign
    of memorised images.

    Args:
      classifier: of the data set that the generator was trained on.
      fake_images: uint8 [N, H, W, C], N at least 2.
      test_images: held-out real images, uint8 [M, H, W, C], M at least 2.
      test_labels: their classes, integers [M].
      train_images: the real images that were trained on, in any order that mixes the classes,
        uint8 [T, H, W, C].
      asked_labels: the classes asked of a conditional generator, integers [N].

    Returns:
      The figures by metric, in the table's order; `label_agreement` only with `asked_labels`.

    Raises:
      ValueError: images or labels that don't fit together, or too few of them.
    """
    fake = _judge(classifier, "fake", fake_images, asked_labels)
    test = _judge(classifier, "test", test_images, test_labels)
    train = _judge(classifier, "train", train_images[: len(fake_images)])
    figures = [
        _figure("frechet_distance", _frechet_distance, fake, train, test),
        _figure("classes_covered", _classes_covered, fake, test),
        _figure("class_kl", _class_kl, fake, test, train, unit="nats"),
        _figure("confident_fraction", _confident_fraction, fake, test),
        _nearest_train_distance(fake_images, test_images, train_images),
    ]
    if asked_labels is not None:
        figures.append(_figure("label_agreement", _label_agreement, fake, test))
    return {figure.metric: figure for figure in figures}


def as_scalars(figures: Mapping[str, Figure]) -> dict[str, float]:
    """Return every figure and its floor under their whole names, ready for JSON.

    Args:
      figures: what `evaluate` returned.

    Returns:
      The numbers by name, each figure followed by its floor.
    """
    scalars = {}
    for figure in figures.values():
        scalars[figure.name] = figure.value
        scalars[figure.floor_name] = figure.floor
    return scalars


class _Judged(NamedTuple):
    """A set of images as the classifier sees it."""

    extractor: str
    size: str
    features: np.ndarray
    probabilities: np.ndarray
    labels: ArrayLike

    @property
    def classes(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    @property
    def histogram(self) -> np.ndarray:
        return class_histogram(self.classes, self.probabilities.shape[1])


def _judge(
    classifier: Classifier, kind: str, images: np.ndarray, labels: np.ndarray | None = None
) -> _Judged:
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"there are {len(images)} {kind} images and {len(labels)} labels of them")
    features, logits = classify(classifier, images)
    size = f"{len(images)} {kind}"
    return _Judged(
        classifier.name, size, features, softmax(logits, axis=1), () if labels is None else labels
    )


def _figure(
    metric: str,
    measure: Callable[..., float],
    fake: _Judged,
    real: _Judged,
    *others: _Judged,
    unit: str = "",
) -> Figure:
    """Measure fake images, and the real ones in their place, each against the others."""

    def measured_on(judged: _Judged) -> str:
        return ",".join([judged.extractor, judged.size, *(other.size for other in others)])

    value, floor = measure(fake, *others), measure(real, *others)
    return Figure(metric, measured_on(fake), value, measured_on(real), floor, unit)


def _frechet_distance(judged: _Judged, other: _Judged) -> float:
    return frechet_feature_distance(judged.features, other.features)


def _classes_covered(judged: _Judged) -> float:
    return classes_covered(judged.histogram)


def _class_kl(judged: _Judged, other: _Judged) -> float:
    return class_kl(judged.histogram, other.histogram)


def _confident_fraction(judged: _Judged) -> float:
    return float(np.mean(judged.probabilities.max(axis=1) > _CONFIDENT))


def _label_agreement(judged: _Judged) -> float:
    return label_agreement(judged.classes, judged.labels)


def _nearest_train_distance(fake: np.ndarray, test: np.ndarray, train: np.ndarray) -> Figure:
    def measure(kind: str, images: np.ndarray) -> tuple[str, float]:
        queries = images[:_NEIGHBOUR_QUERIES]
        measured_on = f"pixels,{len(queries)} {kind},{len(train)} train"
        return measured_on, float(np.median(nearest_distances(queries, train)))

    return Figure("nearest_train_distance", *measure("fake", fake), *measure("test", test))
