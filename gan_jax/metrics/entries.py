"""The metrics by name: what each is a function of, against which images, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gan_jax.metrics.classes import class_kl, classes_covered, label_agreement
from gan_jax.metrics.frechet import frechet_distance
from gan_jax.metrics.kernel import KernelDistance, kernel_distance
from gan_jax.metrics.manifold import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from gan_jax.metrics.neighbours import nearest_distances
from gan_jax.metrics.samples import Samples
from gan_jax.metrics.scores import InceptionScore, inception_score
from gan_jax.metrics.sliced import sliced_wasserstein_distance
from gan_jax.metrics.structural import pairwise_ms_ssim

__all__ = ["METRICS", "STANDARD", "Metric", "unmet"]

_CONFIDENT = 0.9
_NEIGHBOUR_QUERIES = 1000


def _no_settings(smallest: int) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Metric:
    """A function of samples, and what its figures need in order to be read.

    Attributes:
      measure: `(samples, **settings)`, or `(samples, reference, **settings)`; returns a number, or
        a named tuple of which `field` is the figure.
      against: which reals are the reference: held-out ones (`"test"`), as many that were trained on
        as there are fakes (`"train"`), or all of those (`"all train"`); none if empty.
      better: whether a generator gets better as the figure gets `"lower"` or `"higher"`; empty
        where the best is to be near the floor.
      needs: what else there must be: an extractor that gives `"logits"`, one whose `"classes"` are
        those of the data, or those and the `"labels"` that were asked for.
      of_pixels: whatever the extractor, the pixels are measured.
      settings: keyword arguments of `measure`, from the number of images in the smaller set.
      least: the fewest images of each set.
      why: what takes so many.
      biased: the figure depends on how many samples there are, so its floor is of as many.
      most: only so many of the samples, the first ones, are looked at.
      field: the figure's name in the named tuple.
      deviation: the name of its standard deviation there, and what that is over.
      unit: of the figure.
    """

    measure: Callable[..., Any]
    against: Literal["", "test", "train", "all train"] = ""
    better: Literal["", "lower", "higher"] = ""
    needs: Literal["", "logits", "classes", "labels"] = ""
    of_pixels: bool = False
    settings: Callable[[int], Mapping[str, Any]] = _no_settings
    least: int = 1
    why: str = "a figure"
    biased: bool = False
    most: int | None = None
    field: str = ""
    deviation: tuple[str, str] | None = None
    unit: str = ""


def unmet(metric: Metric, reals: Samples, *, labelled: bool) -> str:
    """Say what a metric needs that is not there.

    Args:
      metric: the metric.
      reals: real images, of the extractor of the generated ones.
      labelled: whether the generated images have labels that were asked for.

    Returns:
      A clause such as `"needs the labels that were asked for"`; empty if nothing is missing.
    """
    extractor = reals.extractor
    if metric.needs in ("classes", "labels") and getattr(extractor, "test_accuracy", None) is None:
        return f"needs the classes of the data, which {extractor.name} does not know"
    if metric.needs == "labels" and not labelled:
        return "needs the labels that were asked for, and none were"
    if metric.needs == "logits" and not reals.gives_logits:
        return f"needs classes, and {extractor.name} knows none"
    return ""


def _frechet(samples: Samples, reference: Samples) -> float:
    return frechet_distance(*samples.moments, *reference.moments)


def _kernel(samples: Samples, reference: Samples, **settings: int) -> KernelDistance:
    return kernel_distance(samples.features, reference.features, **settings)


def _kernel_settings(smallest: int) -> Mapping[str, Any]:
    # Subsets of more than half the set would hardly differ from each other.
    return {"subsets": 100, "subset_size": min(1000, smallest // 2)}


def _inception_score(samples: Samples, **settings: int) -> InceptionScore:
    return inception_score(samples.logits, **settings)


def _precision_recall(samples: Samples, reference: Samples, **settings: int) -> PrecisionRecall:
    return precision_recall(reference.features, samples.features, **settings)


def _density_coverage(samples: Samples, reference: Samples, **settings: int) -> DensityCoverage:
    return density_coverage(reference.features, samples.features, **settings)


def _sliced_wasserstein(samples: Samples, reference: Samples, **settings: int) -> float:
    return sliced_wasserstein_distance(samples.features, reference.features, **settings)


def _ms_ssim(samples: Samples, **settings: int) -> float:
    return pairwise_ms_ssim(samples.images, **settings)


def _classes_covered(samples: Samples) -> float:
    return classes_covered(samples.histogram)


def _class_kl(samples: Samples, reference: Samples) -> float:
    return class_kl(samples.histogram, reference.histogram)


def _confident_fraction(samples: Samples) -> float:
    return float(np.mean(samples.probabilities.max(axis=1) > _CONFIDENT))


def _nearest_distance(samples: Samples, reference: Samples) -> float:
    return float(np.median(nearest_distances(samples.images, reference.images)))


def _label_agreement(samples: Samples) -> float:
    assert samples.labels is not None
    return label_agreement(samples.classes, samples.labels)


def _manifold(measure: Callable[..., Any], field: str, neighbours: int) -> Metric:
    return Metric(
        measure,
        against="test",
        better="higher",
        settings=lambda smallest: {"neighbours": neighbours},
        least=neighbours + 1,
        why=f"a sample and its {neighbours} nearest neighbours",
        field=field,
    )


METRICS: Mapping[str, Metric] = {
    "frechet_distance": Metric(_frechet, "test", "lower", least=2, why="a covariance"),
    "classes_covered": Metric(_classes_covered, better="higher", needs="classes"),
    "class_kl": Metric(_class_kl, "train", "lower", needs="classes", unit="nats"),
    "confident_fraction": Metric(_confident_fraction, better="higher", needs="classes"),
    "nearest_train_distance": Metric(
        _nearest_distance, "all train", of_pixels=True, most=_NEIGHBOUR_QUERIES
    ),
    "label_agreement": Metric(_label_agreement, better="higher", needs="labels"),
    "kernel_distance": Metric(
        _kernel,
        "test",
        "lower",
        settings=_kernel_settings,
        least=4,
        why="two subsets of two",
        field="mean",
        deviation=("standard_deviation", "subsets"),
    ),
    "inception_score": Metric(
        _inception_score,
        better="higher",
        needs="logits",
        biased=True,
        settings=lambda smallest: {"splits": 10},
        least=10,
        why="10 splits",
        field="mean",
        deviation=("standard_deviation", "splits"),
    ),
    "precision": _manifold(_precision_recall, "precision", 3),
    "recall": _manifold(_precision_recall, "recall", 3),
    "density": _manifold(_density_coverage, "density", 5),
    "coverage": _manifold(_density_coverage, "coverage", 5),
    "sliced_wasserstein": Metric(
        _sliced_wasserstein, "test", "lower", settings=lambda smallest: {"directions": 512}
    ),
    "ms_ssim": Metric(
        _ms_ssim,
        of_pixels=True,
        settings=lambda smallest: {"pairs": 1000},
        least=2,
        why="a pair",
    ),
}
"""Every metric that needs nothing but images and what an extractor makes of them."""

STANDARD = (
    "frechet_distance",
    "classes_covered",
    "class_kl",
    "confident_fraction",
    "nearest_train_distance",
    "label_agreement",
)
"""What is measured where nothing is chosen, in this order."""
