"""Every chosen figure of a generator's images, each beside the same figure of real images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gan_jax.errors import UsageError
from gan_jax.metrics.entries import METRICS, STANDARD, Metric, unmet
from gan_jax.metrics.figures import Conditions, Figure
from gan_jax.metrics.samples import Samples

__all__ = ["choose_metrics", "evaluate"]


def evaluate(
    fakes: Samples | Iterable[Samples],
    test: Samples,
    train: Samples | None = None,
    *,
    pool: Samples | None = None,
    metrics: Mapping[str, Metric],
    drawn: Conditions | None = None,
    floors: bool = True,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Figure]:
    """Measure a generator's images against real ones.

    | metric | of fake images | floor |
    |---|---|---|
    | `frechet_distance` | Fréchet distance of their features to those of test images | train |
    | `kernel_distance` | kernel distance of the same, over subsets | train |
    | `sliced_wasserstein` | sliced Wasserstein distance of the same | train |
    | `precision`, `density` | how many are among test images, by features | train |
    | `recall`, `coverage` | how many test images are among them | train |
    | `inception_score` | how sure the classifier is of each, and how even over classes | as many |
    | `ms_ssim` | structural similarity of pairs of them: too little diversity | test |
    | `classes_covered` | classes with at least a fifth of their fair share of the images | test |
    | `class_kl` | KL divergence of their classes from those of train images | test |
    | `confident_fraction` | fraction that the classifier is more than 90 % sure of | test |
    | `nearest_train_distance` | median distance to the nearest train image | test |
    | `label_agreement` | fraction that are of the class asked for | test, and its labels |

    Classes are those that the classifier sees, in real images too. Of the train images, the first
    ones, as many as there are fakes, stand for them all, but for the nearest one of 1000 fake and
    1000 test images, which is looked for in all of them. Where there are no train images, the test
    images take their place, and one half of them against the other is the floor.

    A figure is good when it is near its floor. A nearest distance well below its floor is a sign
    of memorised images. Features are extracted once per set, whatever is measured.

    Args:
      fakes: generated images, or several sets of them, as many images in each and of a seed each:
        the figures are then their means, with the standard deviation over the sets.
      test: held-out real images, of the same extractor as the fakes.
      train: the real images that were trained on; made with `mixed=False` where they are in an
        order, such as by class.
      pool: all real images there are, for the floor of a metric that is of as many images as there
        are fakes: of test images, if there are so many, else of train images, else of these.
      metrics: by name, as from `METRICS` or `choose_metrics`, or of your own.
      drawn: how the fakes were drawn: seeds, weights, truncation; the rest is filled in.
      floors: measure those too.
      report: given a line where a figure says little.

    Returns:
      The figures by metric, in the order of `metrics`.

    Raises:
      UsageError: there are too few images, or a metric needs what is not there.
      ValueError: images that do not fit together, or features that are not finite.
    """
    fakes = [fakes] if isinstance(fakes, Samples) else list(fakes)
    if metrics and not fakes:
        raise ValueError("there are no fake images to measure")
    for fake in fakes:
        _check(metrics, fake, test, train)
    measured: dict[str, list[_Measured]] = {name: [] for name in metrics}
    for fake in fakes:
        reals, values = _reals(fake, test, train), _Values()
        for name, metric in metrics.items():
            one = _measure(name, metric, fake, reals[metric.against], values, test)
            measured[name].append(one)
    if "frechet_distance" in metrics:
        _warn_of_few(fake, test, report)
    figures, values = {}, _Values()
    for name, metric in metrics.items():
        figures[name] = _figure(name, metric, measured[name], drawn or Conditions())
        if floors:
            sets = _floor_sets(metric, reals, len(fake), [test, train, pool])
            figures[name] = _with_floor(figures[name], metric, sets, values, test)
    return figures


def choose_metrics(
    names: Iterable[str],
    reals: Samples,
    *,
    labelled: bool,
    known: Mapping[str, Metric] = METRICS,
) -> dict[str, Metric]:
    """Look metrics up by name.

    Args:
      names: of metrics; `"all"` means all that can be computed, and no names the standard ones that
        can be.
      reals: real images, of the extractor of the generated ones.
      labelled: whether the generated images have labels that were asked for.
      known: the metrics there are.

    Returns:
      The metrics by name.

    Raises:
      UsageError: there is no metric of a name, or it needs what is not there.
    """
    names = tuple(names)
    if not names or "all" in names:
        offered = known if names else {name: known[name] for name in STANDARD if name in known}
        met = (name for name in offered if not unmet(known[name], reals, labelled=labelled))
        return {name: known[name] for name in met}
    for name in names:
        if name not in known:
            raise UsageError(f"metric {name!r} is not one of all, {', '.join(known)}")
        if why := unmet(known[name], reals, labelled=labelled):
            raise UsageError(f"{name} {why}")
    return {name: known[name] for name in names}


_Values = dict[tuple[Any, ...], Any]


class _Measured(NamedTuple):
    """A metric's result, and what was compared."""

    value: float
    deviation: float | None
    conditions: Conditions
    measured_on: str


def _reals(fake: Samples, test: Samples, train: Samples | None) -> dict[str, Samples | None]:
    train = test if train is None else train
    return {"": None, "test": test, "train": train.first(len(fake)), "all train": train}


def _check(
    metrics: Mapping[str, Metric], fake: Samples, test: Samples, train: Samples | None
) -> None:
    """Refuse what can't be measured before anything is, and name the largest need."""
    reals = _reals(fake, test, train)
    for name, metric in sorted(metrics.items(), key=lambda item: -item[1].least):
        if why := unmet(metric, test, labelled=fake.labels is not None):
            raise UsageError(f"{name} {why}")
        for one in (fake, reals[metric.against]):
            if one is not None and len(one) < metric.least:
                raise UsageError(
                    f"{name} takes at least {metric.least} images of each kind, "
                    f"for {metric.why}: there are {one.size}"
                )


def _floor_sets(
    metric: Metric, reals: Mapping[str, Samples | None], count: int, pools: list[Samples | None]
) -> tuple[Samples | None, Samples | None]:
    """Return the real images that take the fakes' place, and what they are compared with."""
    test, train = reals["test"], pools[1]
    assert test is not None
    if not metric.against:
        enough = (pool.first(count) for pool in pools if pool is not None and len(pool) >= count)
        return next(enough, None) if metric.biased else test, None
    if train is None:
        return test.halves
    return reals["train" if metric.against == "test" else "test"], reals[metric.against]


def _measure(
    name: str,
    metric: Metric,
    samples: Samples,
    reference: Samples | None,
    values: _Values,
    test: Samples,
) -> _Measured:
    """Compute a metric, unless another one came from the same function."""
    samples = samples if metric.most is None else samples.first(metric.most)
    sets = [samples] if reference is None else [samples, reference]
    settings = dict(metric.settings(min(map(len, sets))))
    key = (metric.measure, *sets, *settings.items())
    if key not in values:
        try:
            values[key] = metric.measure(*sets, **settings)
        except ValueError as error:
            raise type(error)(f"{name}: {error}") from None
    found = values[key]
    value = float(getattr(found, metric.field) if metric.field else found)
    deviation = float(getattr(found, metric.deviation[0])) if metric.deviation else None
    extractor = "pixels" if metric.of_pixels else samples.extractor.name
    conditions = Conditions(
        extractor=extractor,
        n_fake=len(samples),
        real_digest=(test if reference is None else reference).digest,
        settings=" ".join(f"{key}={value}" for key, value in settings.items()),
    )
    if reference is not None:
        conditions = dataclasses.replace(
            conditions, reference=reference.kind, n_real=len(reference)
        )
    measured_on = conditions.brief.replace(f"{len(samples)} fake", samples.size, 1)
    return _Measured(value, deviation, conditions, measured_on)


def _figure(name: str, metric: Metric, sets: list[_Measured], drawn: Conditions) -> Figure:
    conditions = dataclasses.replace(
        sets[0].conditions,
        seeds=drawn.seeds,
        weights=drawn.weights,
        truncation=drawn.truncation,
    )
    if {one.conditions for one in sets} != {sets[0].conditions}:
        raise ValueError("the sets of fake images must be of one size")
    values = np.array([one.value for one in sets])
    deviation, over = sets[0].deviation, metric.deviation[1] if metric.deviation else ""
    if len(values) > 1:
        deviation, over = float(values.std(ddof=1)), "seeds"
    value = float(values.mean()) if len(values) > 1 else sets[0].value
    return Figure(name, value, conditions, unit=metric.unit, deviation=deviation, deviation_of=over)


def _with_floor(
    figure: Figure,
    metric: Metric,
    sets: tuple[Samples | None, Samples | None],
    values: _Values,
    test: Samples,
) -> Figure:
    samples, reference = sets
    if samples is None or (metric.needs == "labels" and samples.labels is None):
        return figure
    if any(one is not None and len(one) < metric.least for one in sets):
        return figure
    floor = _measure(figure.metric, metric, samples, reference, values, test)
    return dataclasses.replace(figure, floor=floor.value, floor_measured_on=floor.measured_on)


def _warn_of_few(fake: Samples, test: Samples, report: Callable[[str], None]) -> None:
    smallest = min(fake, test, key=len)
    dimensions = test.features.shape[1]
    if len(smallest) <= dimensions:
        report(
            f"frechet_distance: {smallest.size} images are too few for a covariance of "
            f"{dimensions} features (more than {dimensions} are needed): it is far above that of "
            "many images; kernel_distance is not"
        )
