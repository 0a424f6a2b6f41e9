"""Measure a run's generator against the data set it was trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import data, metrics
from gan_jax.errors import UsageError
from gan_jax.evaluation.record import Evaluation
from gan_jax.evaluation.request import Benchmark, Request
from gan_jax.evaluation.sampling import Critic, Sampler, critic_logits, draw_samples
from gan_jax.train import TrainState

__all__ = ["GAP", "classifier_evaluation", "conditions_of", "one_per_extractor"]

GAP = "overfitting_gap"
"""The one metric that is of the discriminator."""

_SMALL = 5000
_STANDARD, _USUAL = Request(), Benchmark()

Made = TypeVar("Made")
Look = Callable[[metrics.Samples, metrics.Samples, metrics.Samples], None]


class _Judge(NamedTuple):
    """A data set as an extractor sees it."""

    train: metrics.Samples
    test: metrics.Samples
    reals: metrics.Samples
    """What as many samples stand beside: the test images, or all where those are few."""


def classifier_evaluation(
    load: Callable[..., data.Dataset],
    sampler: Sampler,
    *,
    conditional: bool,
    seed: int,
    truncated: Callable[[float], Sampler] | None = None,
    standing: Callable[[TrainState, float | None], TrainState] | None = None,
    critic: Critic | None = None,
    benchmark: Benchmark = _USUAL,
) -> Callable[..., Evaluation]:
    """Make the function that judges a generator, unless asked otherwise by a classifier.

    The classifier is trained on the data set the first time and kept in the user's cache folder.
    Against the test split, as many samples are judged as there are test images; where that split is
    small, as many as there are images at all, and the Fréchet distance to all of them is given too.

    Args:
      load: loads a split of the data set, `(split=..., report=...)`.
      sampler: draws images of a generator.
      conditional: ask for the labels of the reals, and measure how often they come.
      seed: seed of the latents where no others are asked for.
      truncated: makes a sampler with latents up to a magnitude, None where there can be none.
      standing: of a generator and a magnitude, or None for the usual latents, the generator that is
        judged; None judges the one that is given.
      critic: gives a discriminator's logits, see `make_critic`; None where it is not to be judged.
      benchmark: what there is to measure on the data set.

    Returns:
      A function `(generator, step, *, split="test", request=Request(), discriminator=None,
      look=None, report=print) -> Evaluation`. With `split="train"` it measures, without floors,
      against training images. `look` is given the first seed's samples, the test and the train
      images.
    """
    judge_of, sampler_of = one_per_extractor(_make_judge), _samplers(sampler, truncated)

    def evaluate(
        generator: TrainState,
        step: int,
        *,
        split: str = "test",
        request: Request = _STANDARD,
        discriminator: TrainState | None = None,
        look: Look | None = None,
        report: Callable[[str], None] = print,
    ) -> Evaluation:
        draw, judge = sampler_of(request.truncation), judge_of(request, load, benchmark, report)
        pool = judge.train if split == "train" else judge.reals
        asked = _asked(pool, request.count or benchmark.count)
        reals = judge.train.first(len(asked)) if split == "train" else judge.test
        chosen = _chosen(request, benchmark, reals, conditional, critic is not None)
        generator, drawn = conditions_of(generator, request, seed)
        generator = standing(generator, request.truncation) if standing else generator
        fakes = [
            _fake(draw, generator, asked, one, reals.extractor, conditional, report)
            for one in drawn.seeds
            if chosen
        ]
        if split == "train":
            found = metrics.evaluate(
                fakes, reals, metrics=chosen, drawn=drawn, floors=False, report=report
            )
            return Evaluation(step, tuple(found.values()))
        figures = _figures(judge, fakes, chosen, drawn, report)
        if critic is not None and discriminator is not None and _wants_gap(request):
            figures += _overfitting(critic, discriminator, judge)
        if request.standard:
            figures += _accuracy(judge, benchmark)
        if look is not None and fakes:
            look(fakes[0], judge.test, judge.train)
        return Evaluation(step, tuple(figures))

    return evaluate


def one_per_extractor(make: Callable[..., Made]) -> Callable[..., Made]:
    """Keep what is made for a request, for others that see images by the same extractor.

    Args:
      make: of a request and other arguments, a data set as the request's extractor sees it.

    Returns:
      A function like it, which calls it once for each extractor.
    """
    known: dict[Any, Made] = {}

    def judge_of(request: Request, *rest: Any) -> Made:
        key = (request.extractor, request.inception_weights, request.resize)
        if key not in known:
            known[key] = make(request, *rest)
        return known[key]

    return judge_of


def _samplers(
    sampler: Sampler, truncated: Callable[[float], Sampler] | None
) -> Callable[[float | None], Sampler]:
    """Make the function that gives the sampler for a truncation, compiled once."""
    samplers: dict[float | None, Sampler] = {}

    def sampler_of(truncation: float | None) -> Sampler:
        if truncation is not None and truncated is None:
            raise UsageError("--truncation was given and the latents of this run are not normal")
        if truncation not in samplers:
            draw = sampler if truncation is None or truncated is None else truncated(truncation)
            samplers[truncation] = jax.jit(lambda *arguments: _as_bytes(draw(*arguments)))
        return samplers[truncation]

    return sampler_of


def _as_bytes(images: Any) -> tuple[jax.Array, jax.Array]:
    """Return images as bytes, and whether they were finite, which bytes don't tell."""
    return data.to_uint8(images), jnp.isfinite(images).all()


def _make_judge(
    request: Request,
    load: Callable[..., data.Dataset],
    benchmark: Benchmark,
    report: Callable[[str], None],
) -> _Judge:
    train, test = (load(split=name, report=report) for name in ("train", "test"))
    extractor = benchmark.extractor(request, train, test, report=report)
    cached = request.extractor != "pixels" and not benchmark.apart  # pixels are what they are

    small = len(test.labels) < _SMALL

    def samples(kind: str, images: np.ndarray, labels: np.ndarray) -> metrics.Samples:
        # Small data sets are in an order more often than not: by writer, by class.
        return metrics.Samples(
            kind, images, extractor, labels=labels, mixed=not small, cached=cached, report=report
        )

    test_samples = samples("test", test.images, test.labels)
    reals = test_samples
    if small:
        images = np.concatenate([train.images, test.images])
        reals = samples("real", images, np.concatenate([train.labels, test.labels]))
    return _Judge(samples("train", train.images, train.labels), test_samples, reals)


def _asked(reals: metrics.Samples, count: int | None) -> np.ndarray:
    count = len(reals) if count is None else count
    labels = reals.first(count).labels
    assert labels is not None
    return np.resize(labels, count)


def _wants_gap(request: Request) -> bool:
    return GAP in request.metrics or "all" in request.metrics


def _chosen(
    request: Request,
    benchmark: Benchmark,
    reals: metrics.Samples,
    conditional: bool,
    critical: bool,
) -> dict[str, metrics.Metric]:
    names = tuple(name for name in request.metrics if name != GAP)
    if GAP in request.metrics and not critical:
        raise UsageError(f"{GAP} needs a discriminator of images, and this run has none")
    if request.metrics and not names:
        return {}
    known = benchmark.known
    if not names:
        names, known = ("all",), {name: known[name] for name in benchmark.standard}
    return metrics.choose_metrics(names, reals, labelled=conditional, known=known)


def conditions_of(
    generator: TrainState, request: Request, seed: int
) -> tuple[TrainState, metrics.Conditions]:
    """Choose weights and seeds.

    Args:
      generator: its state.
      request: what is to be measured.
      seed: the run's own.

    Returns:
      The generator with the weights asked for, and what its samples depend on.
    """
    if request.raw:
        generator = generator.replace(ema_params=None)
    averaged = getattr(generator, "ema_params", None) is not None
    return generator, metrics.Conditions(
        seeds=request.seeds or (seed,),
        weights="ema" if averaged else "raw",
        truncation=request.truncation,
    )


def _fake(
    draw: Sampler,
    generator: TrainState,
    asked: np.ndarray,
    seed: int,
    extractor: metrics.Extractor,
    conditional: bool,
    report: Callable[[str], None],
) -> metrics.Samples:
    key = jax.random.fold_in(jax.random.key(seed), 1)
    images = draw_samples(draw, generator, asked, key, report=report)
    labels = asked if conditional else None
    return metrics.Samples("fake", images, extractor, labels=labels, report=report)


def _figures(
    judge: _Judge,
    fakes: list[metrics.Samples],
    chosen: dict[str, metrics.Metric],
    drawn: metrics.Conditions,
    report: Callable[[str], None],
) -> list[metrics.Figure]:
    found = metrics.evaluate(
        fakes, judge.test, judge.train,
        pool=judge.reals, metrics=chosen, drawn=drawn, report=report,
    )  # fmt: skip
    figures = list(found.values())
    if "frechet_distance" in chosen and judge.reals is not judge.test:
        distance = {"frechet_distance": chosen["frechet_distance"]}
        # To all reals there are: none are left over for a floor.
        more = metrics.evaluate(fakes, judge.reals, metrics=distance, drawn=drawn, floors=False)
        place = list(found).index("frechet_distance") + 1
        figures[place:place] = more.values()
    return figures


def _overfitting(critic: Critic, discriminator: TrainState, judge: _Judge) -> list[metrics.Figure]:
    """Measure how far the discriminator tells training images from test images."""
    compiled = jax.jit(lambda player, images, batch: critic(player, data.normalize(images), batch))
    train, test = judge.train.first(len(judge.test)), judge.test
    logits = []
    for samples in (train, test):
        assert samples.labels is not None
        logits.append(critic_logits(compiled, discriminator, samples.images, samples.labels))
    gap = metrics.overfitting_gap(*logits)
    conditions = metrics.Conditions(
        extractor="discriminator",
        reference="test",
        n_real=len(test),
        real_digest=test.digest,
        settings=f"train={len(train)}/{train.digest}",
    )
    figures = [metrics.Figure(GAP, gap.logits, conditions, unit="logits")]
    if gap.accuracy is not None:
        figures.append(metrics.Figure(f"{GAP}_accuracy", gap.accuracy, conditions))
    return figures


def _accuracy(judge: _Judge, benchmark: Benchmark) -> list[metrics.Figure]:
    """Say how good the classifier is that all rests on."""
    conditions = metrics.Conditions(extractor=judge.test.extractor.name)
    if not benchmark.apart:
        conditions = dataclasses.replace(
            conditions, reference="test", n_real=len(judge.test), real_digest=judge.test.digest
        )
    accuracy = getattr(judge.test.extractor, "test_accuracy", float("nan"))
    return [metrics.Figure("classifier_accuracy", accuracy, conditions)]
