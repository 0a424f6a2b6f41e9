"""How samples of a distribution in the plane are judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from gan_jax.data import Distribution
from gan_jax.metrics import (
    MixtureCoverage,
    class_kl_bias,
    mixture_coverage,
    sliced_wasserstein_distance,
)
from gan_jax.typing import PRNGKey

__all__ = ["COUNTS", "FIGURES", "SAMPLES", "judge", "judge_all", "perfect", "reference_key"]

SAMPLES = 2500
COUNTS = ("modes", "full_modes")
FIGURES = ("distance", *MixtureCoverage._fields)
_FLOOR_SEEDS = 8
_REFERENCE = 2**31


def judge(distribution: Distribution, fakes: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """Judge samples.

    Args:
      distribution: the truth.
      fakes: [N, 2], in its unit.
      seed: of the reals they are compared with.

    Returns:
      `distance`, the sliced Wasserstein distance from as many reals, in the distribution's unit;
      and of mixtures the fields of `metrics.MixtureCoverage`. NaN, and no mode, where samples are
      not finite.
    """
    reals = np.asarray(distribution.sample(reference_key(seed), len(fakes)))
    fakes = np.asarray(fakes, np.float64)  # the squares of what diverges overflow in float32
    finite = bool(np.isfinite(fakes).all())
    distance = sliced_wasserstein_distance(reals, fakes) if finite else float("nan")
    figures = {"distance": distance}
    if modes := distribution.modes:
        # What a diverged generator draws is of no mode: far away, but not too far to be squared.
        far = 1e6 * distribution.extent
        points = np.clip(fakes, -far, far) if finite else np.full_like(fakes, far)
        covered = mixture_coverage(
            points, modes.centres, modes.standard_deviation, weights=modes.weights
        )
        figures |= {name: float(value) for name, value in covered._asdict().items()}
    return figures


def reference_key(seed: int) -> PRNGKey:
    """Return a key of reals to compare with, which no run of any seed has.

    Args:
      seed: which.

    Returns:
      A key.
    """
    return jax.random.fold_in(jax.random.key(seed), _REFERENCE)


def judge_all(distribution: Distribution, fakes: Iterable[Any]) -> dict[str, np.ndarray]:
    """Judge samples of every member of a population.

    Args:
      distribution: the truth.
      fakes: M times [N, 2].

    Returns:
      The figures of `judge`, [M] each.
    """
    figures = [judge(distribution, np.asarray(each)) for each in fakes]
    return {name: np.array([each[name] for each in figures]) for name in figures[0]}


def perfect(distribution: Distribution, *, count: int = SAMPLES) -> dict[str, float]:
    """Return what a perfect generator gets: the mean figures of fresh reals.

    Args:
      distribution: the truth.
      count: samples per figure.

    Returns:
      The figures of `judge`; the reverse KL is its bias, `(modes - 1) / (2 count)`.
    """
    draws = [distribution.sample(reference_key(1 + seed), count) for seed in range(_FLOOR_SEEDS)]
    figures = {name: float(np.mean(v)) for name, v in judge_all(distribution, draws).items()}
    if modes := distribution.modes:
        figures["reverse_kl"] = class_kl_bias(len(modes.centres), count)
    return figures
