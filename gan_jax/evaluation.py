"""Judge a run's generator on the data set it was trained on, by a classifier of that data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax import data, metrics
from gan_jax.files import atomic_write
from gan_jax.report import Score
from gan_jax.train import TrainState
from gan_jax.typing import Array, PRNGKey

__all__ = [
    "Evaluation",
    "classifier_evaluation",
    "draw_samples",
    "read_evaluation",
    "write_evaluation",
]

Sampler = Callable[[TrainState, Any, Array], Any]
_CHUNK = 1000
_SMALL = 5000


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a generator at a step.

    Attributes:
      step: the training step.
      scores: the figures, each beside the same figure of real data.
    """

    step: int
    scores: tuple[Score, ...]

    @property
    def lines(self) -> list[str]:
        """The figures for a terminal, one per line."""
        return [
            f"{score.name}: {_number(score.value)}"
            + ("" if score.floor is None else f"  (real data: {_number(score.floor)})")
            + (f"  [{score.note}]" if score.note else "")
            for score in self.scores
        ]


def classifier_evaluation(
    load: Callable[..., data.Dataset], sampler: Sampler, *, conditional: bool, seed: int
) -> Callable[..., Evaluation]:
    """Make the function that judges a generator by a classifier of its data set.

    The classifier is trained the first time and kept in the user's cache folder. Against the test
    split, as many samples are judged as there are test images; where that split is small, as many
    as there are images at all, and the distance to all of them is given too.

    Args:
      load: loads a split of the data set, `(split=..., report=...)`.
      sampler: draws images of a generator.
      conditional: ask for the labels of the reals, and measure how often they come.
      seed: seed of the latents.

    Returns:
      A function `(generator, step, *, split="test", count=None, report=print) -> Evaluation`; with
      `split="train"` it only measures, quickly, the Fréchet distance to training images.
    """
    judges: list[_Judge] = []  # made on first use, once
    draw = jax.jit(lambda *arguments: data.to_uint8(sampler(*arguments)))

    def evaluate(
        generator: TrainState,
        step: int,
        *,
        split: str = "test",
        count: int | None = None,
        report: Callable[[str], None] = print,
    ) -> Evaluation:
        if not judges:
            judges.append(_make_judge(load, report))
        judge = judges[0]
        labels = judge.train.labels if split == "train" else judge.reals.labels
        asked = np.resize(labels, len(labels) if count is None else count)
        fakes = draw_samples(draw, generator, asked, jax.random.fold_in(jax.random.key(seed), 1))
        if split == "train":
            return Evaluation(step, (_distance(judge, fakes, judge.train.images[: len(fakes)]),))
        return Evaluation(step, _scores(judge, fakes, asked if conditional else None))

    return evaluate


def draw_samples(
    draw: Sampler, generator: TrainState, labels: np.ndarray, key: PRNGKey
) -> np.ndarray:
    """Draw images of a generator, as many as there are labels.

    Args:
      draw: `(generator, {"label": labels}, keys) -> images`, uint8; compile it first.
      generator: its state.
      labels: int32 [N], the classes asked of a conditional generator.
      key: key of the latents.

    Returns:
      uint8 [N, H, W, C].
    """
    keys = jax.random.split(key, len(labels))
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(labels), _CHUNK)]
    return np.concatenate(
        [np.asarray(draw(generator, {"label": labels[chunk]}, keys[chunk])) for chunk in chunks]
    )


def read_evaluation(workdir: Path) -> Evaluation | None:
    """Read what was measured of a run.

    Args:
      workdir: the run's folder.

    Returns:
      The evaluation, or None if there is none or its file is damaged.
    """
    try:
        content = json.loads((workdir / "evaluation.json").read_text(encoding="utf-8"))
        return Evaluation(content["step"], tuple(Score(**score) for score in content["scores"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_evaluation(workdir: Path, evaluation: Evaluation) -> None:
    """Keep what was measured of a run in `evaluation.json`.

    Args:
      workdir: the run's folder.
      evaluation: what to keep.

    Raises:
      OSError: the file can't be written.
    """
    content = {
        "step": evaluation.step,
        "scores": [score._asdict() for score in evaluation.scores],
    }
    with atomic_write(workdir / "evaluation.json", "w") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


class _Judge(NamedTuple):
    """A data set's two splits, the reals that samples stand beside, and a classifier of them."""

    train: data.Dataset
    test: data.Dataset
    reals: data.Dataset
    classifier: metrics.Classifier


def _make_judge(load: Callable[..., data.Dataset], report: Callable[[str], None]) -> _Judge:
    train, test = (load(split=name, report=report) for name in ("train", "test"))
    reals = test
    if len(test.labels) < _SMALL:
        images = np.concatenate([train.images, test.images])
        labels = np.concatenate([train.labels, test.labels])
        reals = replace(test, split="real", images=images, labels=labels)
    classifier = metrics.cached_classifier(
        f"{train.name}-cnn",
        train.images,
        train.labels,
        test.images,
        test.labels,
        train.num_classes,
        report=report,
    )
    return _Judge(train, test, reals, classifier)


def _scores(judge: _Judge, fakes: np.ndarray, asked: np.ndarray | None) -> tuple[Score, ...]:
    figures = metrics.evaluate(
        judge.classifier,
        fakes,
        judge.test.images,
        judge.test.labels,
        train_images=judge.train.images,
        asked_labels=asked,
    )
    scores = [
        Score(figure.name, figure.value, figure.floor, figure.floor_measured_on)
        for figure in figures.values()
    ]
    if judge.reals is not judge.test:
        scores.insert(1, _distance(judge, fakes, judge.reals.images, "real"))
    return (*scores, Score("classifier_accuracy", judge.classifier.test_accuracy))


def _distance(judge: _Judge, fakes: np.ndarray, reals: np.ndarray, kind: str = "train") -> Score:
    """Measure the Fréchet distance to reals that leave none over for a floor."""
    features = [metrics.classify(judge.classifier, images)[0] for images in (fakes, reals)]
    name = f"{judge.classifier.name},{len(fakes)} fake,{len(reals)} {kind}"
    return Score(f"frechet_distance[{name}]", metrics.frechet_feature_distance(*features))
