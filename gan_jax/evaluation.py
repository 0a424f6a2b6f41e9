"""Judge a run's generator on the data set it was trained on, by a classifier of that data set."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax import data
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


def draw_samples(
    sampler: Sampler, generator: TrainState, labels: np.ndarray, key: PRNGKey
) -> np.ndarray:
    """Draw images of a generator, as many as there are labels.

    Args:
      sampler: `(generator, {"label": labels}, keys) -> images`.
      generator: its state.
      labels: int32 [N], the classes asked of a conditional generator.
      key: key of the latents.

    Returns:
      uint8 [N, H, W, C].
    """
    keys = jax.random.split(key, len(labels))
    sample = jax.jit(lambda *arguments: data.to_uint8(sampler(*arguments)))
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(labels), _CHUNK)]
    return np.concatenate(
        [np.asarray(sample(generator, {"label": labels[chunk]}, keys[chunk])) for chunk in chunks]
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
