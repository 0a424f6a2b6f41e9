"""How near translations are to what they should be, pixel by pixel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gan_jax import data, metrics
from gan_jax.evaluation.request import PAIRED

__all__ = ["CYCLE", "SHARPNESS", "Baseline", "Held", "cycle_figure", "pixel_figures"]

CYCLE, SHARPNESS = "cycle_error", "sharpness"


class Baseline(NamedTuple):
    """What a source is worth without any translation.

    Attributes:
      name: the first word of its figures' names, such as `"bicubic"`.
      make: from sources uint8 [N, h, w, c] to images as large as the targets.
    """

    name: str
    make: Callable[[np.ndarray], np.ndarray]


class Held(NamedTuple):
    """What is translated, and what that is compared with.

    Attributes:
      split: of which split it is.
      sources: uint8 [N, h, w, c].
      labels: int32 [N], the classes of the sources.
      targets: uint8 [N, H, W, C], what each should become; None where there are no pairs.
    """

    split: str
    sources: np.ndarray
    labels: np.ndarray
    targets: np.ndarray | None

    @classmethod
    def of(cls, dataset: data.Dataset) -> Held:
        """Take what is to be translated of a data set.

        Args:
          dataset: `data.Pairs` or `data.Unpaired`.

        Returns:
          All of it.
        """
        if isinstance(dataset, data.Unpaired):
            source = dataset.source
            return cls(dataset.split, source.images, source.labels, None)
        assert isinstance(dataset, data.Pairs)
        return cls(dataset.split, dataset.sources, dataset.labels, dataset.images)

    def first(self, count: int) -> Held:
        """Return the first ones.

        Args:
          count: how many.

        Returns:
          So many, or all there are.
        """
        targets = None if self.targets is None else self.targets[:count]
        return Held(self.split, self.sources[:count], self.labels[:count], targets)

    def conditions(self, drawn: metrics.Conditions) -> metrics.Conditions:
        """Say what figures of its pixels were measured on.

        Args:
          drawn: how translations were made.

        Returns:
          That, and the number and the digest of the images.
        """
        reals = self.sources if self.targets is None else self.targets
        return dataclasses.replace(
            drawn,
            n_fake=len(reals),
            reference=self.split,
            n_real=len(reals),
            real_digest=metrics.Samples("real", reals, metrics.pixel_extractor()).digest,
        )


def pixel_figures(
    names: Sequence[str],
    translated: Sequence[np.ndarray],
    held: Held,
    drawn: metrics.Conditions,
    baseline: Baseline | None,
) -> list[metrics.Figure]:
    """Measure translations against their own targets.

    Args:
      names: what is measured, of `PAIRED` and sharpness; other names are passed over.
      translated: uint8 [N, H, W, C] of each seed.
      held: what was translated, with targets.
      drawn: how it was.
      baseline: measured beside it, if there is one.

    Returns:
      The figures, each followed by the baseline's.
    """
    assert held.targets is not None
    conditions, figures = held.conditions(drawn), []
    plain = None if baseline is None else baseline.make(held.sources)
    alone = dataclasses.replace(conditions, seeds=(), weights="")
    for name, measure in _measures(held.targets).items():
        if name not in names:
            continue
        floor = measure(held.targets) if name == SHARPNESS else None
        values = [measure(images) for images in translated]
        figures.append(_figure(name, values, conditions, floor=floor))
        if baseline is not None and plain is not None:
            figures.append(_figure(f"{baseline.name}_{name}", [measure(plain)], alone))
    return figures


def cycle_figure(
    returned: Sequence[np.ndarray], held: Held, drawn: metrics.Conditions
) -> metrics.Figure:
    """Measure how far sources are from themselves, there and back.

    Args:
      returned: uint8 [N, h, w, c] of each seed.
      held: what went there.
      drawn: how it was translated.

    Returns:
      The mean L1 distance.
    """
    values = [float(metrics.l1_distance(images, held.sources).mean()) for images in returned]
    return _figure(CYCLE, values, held.conditions(drawn))


def _measures(targets: np.ndarray) -> Mapping[str, Callable[[np.ndarray], float]]:
    def to_target(measure: Callable[..., np.ndarray]) -> Callable[[np.ndarray], float]:
        def mean(images: np.ndarray) -> float:
            values = measure(images, targets)
            finite = values[np.isfinite(values)]  # equal images have an infinite ratio
            return float(finite.mean()) if len(finite) else float("inf")

        return mean

    known = {name: to_target(paired.measure) for name, paired in PAIRED.items()}
    return {**known, SHARPNESS: lambda images: float(metrics.sharpness(images).mean())}


def _figure(
    name: str, values: list[float], conditions: metrics.Conditions, *, floor: float | None = None
) -> metrics.Figure:
    several = len(values) > 1
    return metrics.Figure(
        name,
        float(np.mean(values)),
        conditions,
        floor=floor,
        floor_measured_on="" if floor is None else f"{conditions.n_real} {conditions.reference}",
        unit="dB" if name.endswith("psnr") else "",
        deviation=float(np.std(values, ddof=1)) if several else None,
        deviation_of="seeds" if several else "",
    )
