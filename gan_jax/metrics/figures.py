"""A measured figure that never goes without its conditions, and what may be compared with what."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

__all__ = ["Conditions", "Figure", "as_json", "as_scalars", "compare", "from_json"]

_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_NAME = re.compile(r"(\w+)\[(.*)\]")
_COUNT = re.compile(r"(\d+) ([\w ]+)")


@dataclass(frozen=True)
class Conditions:
    """What a figure depends on besides the generator; what is not known is empty or 0.

    Attributes:
      extractor: what made the features: the network, its weights and its resize.
      n_fake: how many generated images were measured.
      reference: the split of real images that they were compared with: `"test"`, `"train"`.
      n_real: how many of those.
      real_digest: the first digits of the SHA-256 of those images; of the held-out ones where none
        were compared with.
      settings: of the metric: `"neighbours=3"`.
      seeds: of the latents; of several, the figure is the mean.
      weights: of the generator: `"ema"`, their average, or `"raw"`.
      truncation: the largest magnitude of a latent component, None where they were not truncated.
    """

    extractor: str = ""
    n_fake: int = 0
    reference: str = ""
    n_real: int = 0
    real_digest: str = ""
    settings: str = ""
    seeds: tuple[int, ...] = ()
    weights: str = ""
    truncation: float | None = None

    @property
    def brief(self) -> str:
        """What was compared, without digests: `"mnist-cnn,10000 fake,10000 test"`."""
        parts = self.extractor.split("/")
        extractor = "/".join(part for part in parts if not _DIGEST.fullmatch(part))
        return ",".join(filter(None, [extractor, self._fakes, self._reals]))

    @property
    def full(self) -> str:
        """All of it: `"mnist-cnn/0123456789ab,10000 fake,10000 test/89abcdef0123,seed 0,ema"`."""
        reals = f"{self._reals or 'data'}/{self.real_digest}" if self.real_digest else self._reals
        plural = "s" if len(self.seeds) > 1 else ""
        seeds = f"seed{plural} {' '.join(map(str, self.seeds))}" if self.seeds else ""
        truncation = "" if self.truncation is None else f"truncation {float(self.truncation)!r}"
        parts = [self.extractor, self._fakes, reals, self.settings]
        return ",".join(filter(None, [*parts, seeds, self.weights, truncation]))

    @property
    def _fakes(self) -> str:
        return f"{self.n_fake} fake" if self.n_fake else ""

    @property
    def _reals(self) -> str:
        return f"{self.n_real} {self.reference}" if self.n_real else ""


@dataclass(frozen=True)
class Figure:
    """One measured figure, and its floor: the same figure of real images.

    Attributes:
      metric: what was measured, such as `"frechet_distance"`.
      value: the figure.
      conditions: what it depends on.
      floor: the figure of real images: what a perfect generator would get; None if there is none.
      floor_measured_on: what was compared for it: `"mnist-cnn,10000 train,10000 test"`.
      unit: of both; empty for a plain number.
      deviation: the standard deviation of what `value` is the mean of, None if it is no mean.
      deviation_of: what that is: `"seeds"`, `"subsets"` or `"splits"`.
    """

    metric: str
    value: float
    conditions: Conditions = Conditions()
    floor: float | None = None
    floor_measured_on: str = ""
    unit: str = ""
    deviation: float | None = None
    deviation_of: str = ""

    @property
    def id(self) -> str:
        """The metric and all conditions. Only figures of one id compare."""
        return f"{self.metric}[{self.conditions.full}]"

    @property
    def name(self) -> str:
        """A short name: `"frechet_distance[mnist-cnn,10000 fake,10000 test]"`."""
        brief = self.conditions.brief
        return f"{self.metric}[{brief}]" if brief else self.metric

    @property
    def floor_name(self) -> str:
        """The floor's: `"frechet_distance_floor[mnist-cnn,10000 train,10000 test]"`."""
        return f"{self.metric}_floor[{self.floor_measured_on}]"


def compare(figure_a: Figure, figure_b: Figure, *, varying: Collection[str] = ()) -> float:
    """Return how much a figure is above another one of the same id.

    `value_b - value_a`

    Args:
      figure_a: a figure.
      figure_b: the other.
      varying: the conditions that are meant to differ, such as `["weights"]` to see what the
        average of the parameters is worth.

    Returns:
      The difference, in the metric's unit.

    Raises:
      ValueError: the metrics or other conditions differ, or it is not known of what data both are.

    Example:
      >>> figures = [Figure("recall", x, Conditions(n_fake=n)) for x, n in [(0.5, 9), (0.7, 10)]]
      >>> compare(*figures)
      Traceback (most recent call last):
      ValueError: figures do not compare: n_fake is 9 in one and 10 in the other
    """
    parts = [field.name for field in dataclasses.fields(Conditions)]
    if unknown := set(varying) - set(parts):
        raise ValueError(f"varying names {min(unknown)!r}: conditions are {', '.join(parts)}")
    pairs = [("metric", figure_a.metric, figure_b.metric)]
    for part in parts:
        if part not in varying:
            values = (getattr(figure.conditions, part) for figure in (figure_a, figure_b))
            pairs.append((part, *values))
    differing = [f"{part} is {a!r} in one and {b!r} in the other" for part, a, b in pairs if a != b]
    known = figure_a.conditions.real_digest or "real_digest" in varying
    if not differing and not known:  # as older versions wrote them, without seeds and weights too
        differing = ["real_digest is unknown of both"]
    if differing:
        raise ValueError(f"figures do not compare: {', '.join(differing)}")
    return figure_b.value - figure_a.value


def as_scalars(figures: Mapping[str, Figure]) -> dict[str, float]:
    """Return every figure and its floor under their short names.

    Args:
      figures: what `evaluate` returned.

    Returns:
      The numbers by name, each figure followed by its floor.
    """
    scalars = {}
    for figure in figures.values():
        scalars[figure.name] = figure.value
        if figure.floor is not None:
            scalars[figure.floor_name] = figure.floor
    return scalars


def as_json(figure: Figure) -> dict[str, Any]:
    """Return a figure as what JSON can hold.

    Args:
      figure: any.

    Returns:
      Its parts, and its short name.
    """
    parts = {field.name: getattr(figure, field.name) for field in dataclasses.fields(figure)}
    conditions = dataclasses.asdict(figure.conditions)
    conditions["seeds"] = list(figure.conditions.seeds)
    return {"name": figure.name, **parts, "conditions": conditions}


def from_json(content: Mapping[str, Any]) -> Figure:
    """Return the figure that `as_json` wrote.

    Older files have a name, a value, a floor and a note on the floor; what the name does not tell
    remains unknown, so such a figure compares with none that has all its conditions.

    Args:
      content: the parts.

    Returns:
      The figure.

    Raises:
      ValueError: it is no figure.
      KeyError: a part is missing.
      TypeError: a part is of another type, or unheard of.
    """
    parts = dict(content)
    name = str(parts.pop("name"))
    if "metric" not in parts:
        floor = parts.get("floor")
        metric, told = _parse(name)
        return Figure(
            metric, float(parts["value"]), told, None if floor is None else float(floor),
            str(parts.get("note", "")),
        )  # fmt: skip
    conditions = dict(parts.pop("conditions"))
    conditions["seeds"] = tuple(conditions["seeds"])
    parts |= {"value": float(parts["value"]), "conditions": Conditions(**conditions)}
    figure = Figure(**parts)
    for part in (figure, figure.conditions):
        _check_types(part)
    return figure


def _check_types(part: Figure | Conditions) -> None:
    for name, kind in get_type_hints(type(part)).items():
        value = getattr(part, name)
        seeds = name == "seeds" and all(type(seed) is int for seed in value)
        whole = float in get_args(kind) and isinstance(value, int)
        if isinstance(value, bool) or not (seeds or whole or isinstance(value, kind)):
            raise TypeError(f"{name} is {value!r}, which is not {kind}")


def _parse(name: str) -> tuple[str, Conditions]:
    """Read what a short name tells.

    >>> _parse("class_kl[mnist-cnn,9 fake,8 train]")[1].brief
    'mnist-cnn,9 fake,8 train'
    """
    if not (match := _NAME.fullmatch(name)):
        return name, Conditions()
    extractor, *counts = match[2].split(",")
    known: dict[str, Any] = {"extractor": extractor}
    for count in counts:
        if found := _COUNT.fullmatch(count):
            number, kind = int(found[1]), found[2]
            known |= {"n_fake": number} if kind == "fake" else {"n_real": number, "reference": kind}
    return match[1], Conditions(**known)
