"""What is to be measured of a generator, and with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from gan_jax import data, metrics
from gan_jax.errors import UsageError

__all__ = [
    "EXTRACTORS",
    "PAIRED",
    "Benchmark",
    "Paired",
    "Request",
    "best_mode",
    "choose_extractor",
]


class Paired(NamedTuple):
    """A figure of images and what each of them should be.

    Attributes:
      measure: `(images, targets) -> [N]`.
      better: whether it gets better as it gets `"lower"` or `"higher"`.
    """

    measure: Callable[..., np.ndarray]
    better: Literal["lower", "higher"]


PAIRED = {
    "l1_distance": Paired(metrics.l1_distance, "lower"),
    "psnr": Paired(metrics.psnr, "higher"),
    "ssim": Paired(metrics.ssim, "higher"),
}
"""By name, what is measured of translations where there are pairs."""


@dataclass(frozen=True)
class Request:
    """What is to be measured; as it is made, what is measured where nothing is chosen.

    Attributes:
      metrics: names of metrics, `"all"`, or none for the standard ones.
      count: how many samples; None for as many as there are reals to compare with.
      extractor: one of `EXTRACTORS`.
      inception_weights: a file, see `metrics.inception_weights`.
      resize: for Inception: `"tf1-bilinear"`, which None stands for, or `"clean-bicubic"`.
      raw: of the parameters as they are, not their average.
      truncation: the largest magnitude of a latent component.
      seeds: of the latents; none for the run's own.
    """

    metrics: tuple[str, ...] = ()
    count: int | None = None
    extractor: str = "classifier"
    inception_weights: Path | None = None
    resize: str | None = None
    raw: bool = False
    truncation: float | None = None
    seeds: tuple[int, ...] = ()

    @property
    def standard(self) -> bool:
        """Whether nothing was chosen."""
        return self == Request()


def best_mode(metric: str) -> Literal["min", "max"]:
    """Say whether a generator gets better as a metric gets smaller or larger.

    Args:
      metric: a metric's name.

    Returns:
      `"min"` or `"max"`.

    Raises:
      UsageError: there is no such metric, or it is neither.

    Example:
      >>> best_mode("frechet_distance"), best_mode("recall")
      ('min', 'max')
    """
    better = {name: known.better for name, known in metrics.METRICS.items() if known.better}
    better |= {name: known.better for name, known in PAIRED.items()}
    if metric not in better:
        raise UsageError(
            f"best_metric is {metric!r}: it must be one that tells better from worse: "
            f"{', '.join(better)}"
        )
    return "min" if better[metric] == "lower" else "max"


def choose_extractor(
    request: Request,
    train: data.Dataset,
    test: data.Dataset,
    *,
    report: Callable[[str], None] = print,
) -> metrics.Extractor:
    """Make the extractor that a request names.

    Args:
      request: what is to be measured.
      train: what the classifier is trained on.
      test: what it is tested on.
      report: given a line for what takes long.

    Returns:
      The extractor.

    Raises:
      UsageError: there is no such extractor or resize, or no weights where they were said to be.
      WeightsUnavailable: Inception's weights can't be had.
    """
    if request.extractor not in EXTRACTORS:
        raise UsageError(
            f"extractor is {request.extractor!r}: it must be one of {', '.join(EXTRACTORS)}"
        )
    return EXTRACTORS[request.extractor](request, train, test, report)


@dataclass(frozen=True)
class Benchmark:
    """What there is to measure on a data set, and with what; as it is made, on any with classes.

    Attributes:
      extractor: makes the extractor of a request, called as `choose_extractor`.
      known: the metrics there are, by name.
      standard: names of those that are measured where nothing is chosen.
      count: how many samples where no number is asked for; None for as many as there are reals to
        compare with.
      apart: whether the classifier is of other images than the run's, such as parts of them: the
        run's are then not what its accuracy is of, and their features are not kept on disk.
    """

    extractor: Callable[..., metrics.Extractor] = choose_extractor
    known: Mapping[str, metrics.Metric] = field(default_factory=lambda: metrics.METRICS)
    standard: tuple[str, ...] = metrics.STANDARD
    count: int | None = None
    apart: bool = False


_Make = Callable[[Request, data.Dataset, data.Dataset, Callable[[str], None]], metrics.Extractor]


def _classifier(
    request: Request, train: data.Dataset, test: data.Dataset, report: Callable[[str], None]
) -> metrics.Extractor:
    classifier = metrics.cached_classifier(
        f"{train.name}-cnn",
        train.images,
        train.labels,
        test.images,
        test.labels,
        train.num_classes,
        report=report,
    )
    return metrics.classifier_extractor(classifier)


def _pixels(
    request: Request, train: data.Dataset, test: data.Dataset, report: Callable[[str], None]
) -> metrics.Extractor:
    return metrics.pixel_extractor()


def _inception(
    request: Request, train: data.Dataset, test: data.Dataset, report: Callable[[str], None]
) -> metrics.Extractor:
    resizes = {resize.name: resize for resize in (metrics.tf1_bilinear, metrics.clean_bicubic)}
    resize = request.resize or metrics.tf1_bilinear.name
    if resize not in resizes:
        raise UsageError(f"resize is {resize!r}: it must be one of {', '.join(resizes)}")
    weights = metrics.inception_weights(request.inception_weights, report=report)
    return metrics.inception_extractor(weights, resize=resizes[resize])


EXTRACTORS: dict[str, _Make] = {
    "classifier": _classifier,
    "pixels": _pixels,
    "inception": _inception,
}
"""By name, what makes an extractor of a request, the two splits and where to report."""
