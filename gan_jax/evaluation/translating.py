"""Measure a generator that makes images of others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import data, metrics
from gan_jax.errors import RunError, UsageError
from gan_jax.evaluation.judging import conditions_of, one_per_extractor
from gan_jax.evaluation.pixelwise import (
    CYCLE,
    SHARPNESS,
    Baseline,
    Held,
    cycle_figure,
    pixel_figures,
)
from gan_jax.evaluation.record import Evaluation
from gan_jax.evaluation.request import PAIRED, Benchmark, Request
from gan_jax.progress import progress_lines
from gan_jax.train import TrainState
from gan_jax.typing import Array, PRNGKey

__all__ = ["Translate", "bytes_to_bytes", "translate_images", "translation_evaluation"]

_COMPARED = ("frechet_distance", "label_agreement")
_CHUNK = 500
_STANDARD, _USUAL = Request(), Benchmark()

Translate = Callable[[TrainState, Array, Array], Array]


class _Judge(NamedTuple):
    """The targets, as an extractor sees them."""

    train: metrics.Samples
    test: metrics.Samples


def bytes_to_bytes(translate: Translate) -> Callable[..., tuple[Array, Array]]:
    """Make of a translation one of bytes.

    Args:
      translate: `(generator, sources, keys) -> images`, both in [-1, 1].

    Returns:
      The same of uint8 to uint8, with whether all was finite; compiled.
    """

    @jax.jit
    def translated(generator: TrainState, sources: Array, keys: Array) -> tuple[Array, Array]:
        images = translate(generator, data.normalize(sources), keys)
        return data.to_uint8(images), jnp.isfinite(images).all()

    return translated


def translate_images(
    translate: Callable[..., tuple[Array, Array]],
    generator: TrainState,
    sources: np.ndarray,
    key: PRNGKey,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> np.ndarray:
    """Translate images, some at a time.

    Args:
      translate: what `bytes_to_bytes` made.
      generator: its state.
      sources: uint8 [N, h, w, c].
      key: key of the noise.
      report: given a line with the time left every few seconds.

    Returns:
      uint8 [N, H, W, C].

    Raises:
      RunError: some are not finite, which bytes would not tell.
    """
    count, size = len(sources), min(_CHUNK, len(sources))
    keys = jax.random.split(key, count)
    progress = progress_lines("translating images", count, report)
    images = []
    for start in range(0, count, size):
        rows = np.minimum(np.arange(start, start + size), count - 1)  # of one size, compiled once
        made, finite = translate(generator, sources[rows], keys[rows])
        if not finite:
            raise RunError("the generator makes NaN or infinity, which can't be measured")
        images.append(np.asarray(made)[: count - start])
        progress(min(start + size, count))
    return np.concatenate(images)


def translation_evaluation(
    load: Callable[..., data.Dataset],
    forward: Translate,
    *,
    seed: int,
    backward: Translate | None = None,
    baseline: Baseline | None = None,
    benchmark: Benchmark = _USUAL,
) -> Callable[..., Evaluation]:
    """Make the function that judges a generator by what it makes of the sources of a split.

    | figure | of translations | beside it |
    |---|---|---|
    | `l1_distance`, `psnr`, `ssim` | each to its own target, where there are pairs | the baseline |
    | `sharpness` | of pixels, where there are pairs | the targets, the baseline |
    | `cycle_error` | L1 distance of a source to itself, there and back | |
    | `frechet_distance`, ... | all together to the targets, by features | reals, the baseline |
    | `label_agreement` | how many are still of their source's class | targets, the baseline |

    The classifier that makes features and tells classes is of the targets.

    Args:
      load: loads a split of `data.Pairs` or `data.Unpaired`, `(split=..., report=...)`.
      forward: makes images of sources.
      seed: seed of the noise where no others are asked for.
      backward: makes sources of images, None where there is no way back.
      baseline: what translations are to be better than.
      benchmark: what else there is to measure on the targets.

    Returns:
      A function like that of `classifier_evaluation`.
    """
    judge_of = one_per_extractor(_make_judge)
    there = bytes_to_bytes(forward)
    back = None if backward is None else bytes_to_bytes(backward)

    def evaluate(
        generator: TrainState,
        step: int,
        *,
        split: str = "test",
        request: Request = _STANDARD,
        discriminator: TrainState | None = None,
        look: Callable[..., None] | None = None,
        report: Callable[[str], None] = print,
    ) -> Evaluation:
        train, test = (load(split=name, report=report) for name in ("train", "test"))
        held = _held(request, test if split == "test" else train)
        names = _names(request, train, held, back is not None, benchmark)
        generator, drawn = conditions_of(generator, request, seed)
        for_each = partial(_for_each_seed, generator=generator, seeds=drawn.seeds, report=report)
        translated = for_each(there, 1, [held.sources] * len(drawn.seeds))
        figures: list[metrics.Figure] = []
        if held.targets is not None:
            figures += pixel_figures(names, translated, held, drawn, baseline)
        if back is not None and CYCLE in names:
            figures.append(cycle_figure(for_each(back, 2, translated), held, drawn))
        if featured := [name for name in names if name in benchmark.known]:
            judge = judge_of(request, train, test, benchmark, report)
            chosen = metrics.choose_metrics(
                featured if _is_named(request) else ("all",),  # all that can be had
                judge.test,
                labelled=train.num_classes > 1,
                known={name: benchmark.known[name] for name in featured},
            )
            figures += _of_features(chosen, translated, held, drawn, judge, baseline)
            if request.standard:
                figures.append(_accuracy(judge.test))
            if look is not None:
                look(_fakes(translated[0], held, judge), judge.test, judge.train)
        return Evaluation(step, tuple(figures))

    return evaluate


def _held(request: Request, dataset: data.Dataset) -> Held:
    """Return as many sources as are asked for."""
    held = Held.of(dataset)
    most = len(held.sources)
    if dataset.split == "test" and (request.count or 0) > most:
        raise UsageError(f"--count is {request.count}: there are {most} sources")
    return held.first(request.count or most)


def _for_each_seed(
    translate: Callable[..., tuple[Array, Array]],
    number: int,
    given: list[np.ndarray],
    *,
    generator: TrainState,
    seeds: Sequence[int],
    report: Callable[[str], None],
) -> list[np.ndarray]:
    """Translate images with the noise of each seed; each way has a number, and noise of its own."""
    keys = [jax.random.fold_in(jax.random.key(seed), number) for seed in seeds]
    return [
        translate_images(translate, generator, images, key, report=report)
        for images, key in zip(given, keys, strict=True)
    ]


def _make_judge(
    request: Request,
    train: data.Dataset,
    test: data.Dataset,
    benchmark: Benchmark,
    report: Callable[[str], None],
) -> _Judge:
    extractor = benchmark.extractor(request, train, test, report=report)

    def samples(dataset: data.Dataset) -> metrics.Samples:
        labels, images = dataset.labels, dataset.images
        return metrics.Samples(
            dataset.split, images, extractor, labels=labels, mixed=False, report=report
        )

    return _Judge(samples(train), samples(test))


def _is_named(request: Request) -> bool:
    """Tell whether each metric was chosen by its name."""
    return bool(request.metrics) and "all" not in request.metrics


def _names(
    request: Request, train: data.Dataset, held: Held, cycles: bool, benchmark: Benchmark
) -> tuple[str, ...]:
    """Decide what is measured."""
    if request.truncation is not None:
        raise UsageError("--truncation was given, and this run makes images of others")
    own = ((*PAIRED, SHARPNESS) if held.targets is not None else ()) + (CYCLE,) * cycles
    featured = train.num_classes > 1 or request.extractor != "classifier"
    if not _is_named(request):
        others = tuple(benchmark.known) if request.metrics else _COMPARED
        return own + (others if featured else ())
    for name in request.metrics:
        if name not in (*own, *benchmark.known):
            known_names = ", ".join((*own, *benchmark.known))
            raise UsageError(f"metric {name!r} of this run is not one of all, {known_names}")
        if name in benchmark.known and not featured:
            raise UsageError(
                f"{name} needs features, and {train.name} has no classes for a classifier that "
                "makes them: --extractor pixels or inception makes others"
            )
    return request.metrics


def _of_features(
    chosen: dict[str, metrics.Metric],
    translated: list[np.ndarray],
    held: Held,
    drawn: metrics.Conditions,
    judge: _Judge,
    baseline: Baseline | None,
) -> list[metrics.Figure]:
    """Compare all translations with all targets."""
    fakes = [_fakes(images, held, judge) for images in translated]
    if held.split == "train":
        against = judge.train.first(len(held.sources))
        found = metrics.evaluate(fakes, against, metrics=chosen, drawn=drawn, floors=False)
        return list(found.values())
    found = metrics.evaluate(fakes, judge.test, judge.train, metrics=chosen, drawn=drawn)
    figures = list(found.values())
    compared = {name: chosen[name] for name in _COMPARED if name in chosen}
    if baseline is None or not compared:
        return figures
    plain = _fakes(baseline.make(held.sources), held, judge)
    found = metrics.evaluate(plain, judge.test, judge.train, metrics=compared, floors=False)
    return figures + [
        dataclasses.replace(figure, metric=f"{baseline.name}_{name}")
        for name, figure in found.items()
    ]


def _fakes(images: np.ndarray, held: Held, judge: _Judge) -> metrics.Samples:
    return metrics.Samples("fake", images, judge.test.extractor, labels=held.labels)


def _accuracy(test: metrics.Samples) -> metrics.Figure:
    """Say how good the classifier is that much rests on."""
    conditions = metrics.Conditions(
        extractor=test.extractor.name,
        reference="test",
        n_real=len(test),
        real_digest=test.digest,
    )
    accuracy = getattr(test.extractor, "test_accuracy", float("nan"))
    return metrics.Figure("classifier_accuracy", accuracy, conditions)
