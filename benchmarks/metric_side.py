"""Compute one metric once, ours or the reference's: `python -m benchmarks.metric_side`.

Arguments are the metric, the side, the number of samples and of dimensions. It is a process of its
own, because the largest size that a process ever had is all that the system tells. Both sides get
the same arrays, and are timed with whatever they compile.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks import fidelity
from gan_jax import metrics

__all__ = ["METRICS", "Sides", "features", "measure"]

SUBSETS = 100


class Sides(NamedTuple):
    """A metric by two programs.

    Attributes:
      prepare: makes what both are given of two sets of features.
      ours: returns our figure.
      reference: loads the reference, and returns what returns its figure.
      name: of the reference.
      samples: how many samples are usual.
    """

    prepare: Callable[[np.ndarray, np.ndarray], tuple[Any, ...]]
    ours: Callable[..., float]
    reference: Callable[[], Callable[..., float]]
    name: str
    samples: int = 10_000


def features(seed: int, samples: int, dimensions: int, *, contrast: float = 1.0) -> np.ndarray:
    """Draw features like an Inception network's: at least 0, and of a few strong directions.

    Args:
      seed: of the samples; the directions are always the same.
      samples: N.
      dimensions: D.
      contrast: how far the samples are from each other.

    Returns:
      float32 [N, D].
    """
    rank = max(1, dimensions // 32)
    mixing = np.random.default_rng(0).normal(size=(rank, dimensions)).astype(np.float32)
    rng = np.random.default_rng(seed)
    strong = rng.standard_normal((samples, rank), np.float32) @ (mixing / np.float32(rank**0.5))
    weak = rng.standard_normal((samples, dimensions), np.float32)
    return np.maximum(0, contrast * (0.4 * strong + 0.15 * weak) + 0.3).astype(np.float32)


def measure(metric: str, side: str, samples: int, dimensions: int) -> dict[str, float]:
    """Compute a metric once.

    Args:
      metric: a name of `METRICS`.
      side: `"ours"` or `"reference"`.
      samples: of either set.
      dimensions: of the features.

    Returns:
      `seconds`, the `figure`, and `megabytes`: the process's largest size.
    """
    sides = METRICS[metric]
    compute = sides.ours if side == "ours" else sides.reference()
    real = features(1, samples, dimensions)
    given = sides.prepare(real, features(2, samples, dimensions, contrast=0.9))
    began = time.perf_counter()
    figure = compute(*given)
    seconds = time.perf_counter() - began
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return {"seconds": seconds, "figure": float(figure), "megabytes": megabytes}


def _moments(a: np.ndarray, b: np.ndarray) -> tuple[Any, ...]:
    return (*metrics.moments(a), *metrics.moments(b))


def _sqrtm() -> Callable[..., float]:
    from scipy import linalg

    def distance(
        mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
    ) -> float:
        root = linalg.sqrtm(covariance_a @ covariance_b)
        spread = np.trace(covariance_a + covariance_b - 2 * root.real)
        return float(np.sum((mean_a - mean_b) ** 2) + spread)

    return distance


def _kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    size = min(1000, len(a))
    return metrics.kernel_distance(a, b, subsets=SUBSETS, subset_size=size).mean


def _torch_kernel_distance() -> Callable[..., float]:
    torch, module = _torch(), fidelity.module("metric_kid")

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        found = module.kid_features_to_metric(
            torch.from_numpy(a),
            torch.from_numpy(b),
            kid_subsets=SUBSETS,
            kid_subset_size=min(1000, len(a)),
            kid_kernel="poly",
            kid_kernel_poly_degree=3,
            kid_kernel_poly_gamma=None,
            kid_kernel_poly_coef0=1.0,
            rng_seed=0,
            verbose=False,
        )
        return found[module.KEY_METRIC_KID_MEAN]

    return distance


def _torch_precision() -> Callable[..., float]:
    torch, module = _torch(), fidelity.module("metric_prc")

    def precision(real: np.ndarray, fake: np.ndarray) -> float:
        found = module.prc_features_to_metric(
            torch.from_numpy(fake),
            torch.from_numpy(real),
            prc_neighborhood=3,
            prc_batch_size=10_000,
            save_cpu_ram=False,
            verbose=False,
        )
        return found[module.KEY_METRIC_PRECISION]

    return precision


def _torch() -> Any:
    import torch

    return torch


METRICS = {
    "frechet_distance": Sides(_moments, metrics.frechet_distance, _sqrtm, "scipy sqrtm"),
    "kernel_distance": Sides(
        lambda a, b: (a, b), _kernel_distance, _torch_kernel_distance, "torch-fidelity"
    ),
    "precision_recall": Sides(
        lambda a, b: (a, b),
        lambda a, b: metrics.precision_recall(a, b).precision,
        _torch_precision,
        "torch-fidelity",
    ),
}


def main(arguments: Sequence[str]) -> None:
    """Compute what the arguments name, and print what it came to."""
    metric, side, samples, dimensions = arguments
    print(json.dumps(measure(metric, side, int(samples), int(dimensions))))


if __name__ == "__main__":
    main(sys.argv[1:])
