"""Fidelity and coverage by nearest neighbours: precision and recall, density and coverage.

Each set is taken for the union of balls about its samples, as far as their kth neighbour reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.checks import as_pair
from gan_jax.metrics.neighbours import nearest_neighbours
from gan_jax.metrics.products import blocks, doubt, pair_distances, squared_distances

__all__ = [
    "DensityCoverage",
    "Overlap",
    "PrecisionRecall",
    "density_coverage",
    "manifold_overlap",
    "precision_recall",
]

_NAMES = ("real features", "fake features")
_ROWS = 2048


class Overlap(NamedTuple):
    """Which samples of two sets lie within the manifold of the other.

    Attributes:
      reals_inside: which reals lie within that of the fakes, bool [N].
      fakes_inside: which fakes lie within that of the reals, bool [M].
    """

    reals_inside: np.ndarray
    fakes_inside: np.ndarray


class PrecisionRecall(NamedTuple):
    """How far two manifolds overlap.

    Attributes:
      precision: the fraction of fakes within the manifold of the reals: fidelity.
      recall: the fraction of reals within the manifold of the fakes: diversity.
    """

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How fakes fill the balls about the reals.

    Attributes:
      density: in how many of the reals' balls a fake lies on average, over K; may be above 1.
      coverage: the fraction of the reals whose ball holds a fake.
    """

    density: float
    coverage: float


def precision_recall(real: ArrayLike, fake: ArrayLike, *, neighbours: int = 3) -> PrecisionRecall:
    """Return the improved precision and recall of fake features.

    `precision = mean [some |fake - real| <= r_K(real)]`, and recall with the sides changed, where
    `r_K(x)` is how far the Kth neighbour of x in its own set is, x itself not counted. Pairs that
    single precision cannot decide are decided in double precision.

    Args:
      real: features [N, D], N greater than `neighbours`.
      fake: features [M, D], M greater than `neighbours`.
      neighbours: K.

    Returns:
      Precision and recall, in [0, 1].

    Raises:
      ValueError: too few samples, features that are not finite, or different D.

    Example:
      >>> precision_recall([[0.0], [1.0], [2.0]], [[0.5], [9.0]], neighbours=1)
      PrecisionRecall(precision=0.5, recall=1.0)

    Reference:
      Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models,
      2019, https://arxiv.org/abs/1904.06991
    """
    overlap = manifold_overlap(real, fake, neighbours=neighbours)
    return PrecisionRecall(float(overlap.fakes_inside.mean()), float(overlap.reals_inside.mean()))


def manifold_overlap(real: ArrayLike, fake: ArrayLike, *, neighbours: int = 3) -> Overlap:
    """Tell the samples of each set that lie within the manifold of the other.

    `some |x - other| <= r_K(other)`; `precision_recall` is how many they are.

    Args:
      real: features [N, D], N greater than `neighbours`.
      fake: features [M, D], M greater than `neighbours`.
      neighbours: K.

    Returns:
      Two masks.

    Raises:
      ValueError: too few samples, features that are not finite, or different D.

    Reference:
      Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models,
      2019, https://arxiv.org/abs/1904.06991
    """
    real, fake = _as_sets(real, fake, neighbours)
    real_radii, fake_radii = _radii(real, neighbours), _radii(fake, neighbours)
    fakes_inside, reals_inside = np.zeros(len(fake), bool), np.zeros(len(real), bool)
    for rows, pairs in _pairs(fake, real):
        fakes_inside[rows] = pairs.within(real_radii).any(axis=1)
        reals_inside |= pairs.within(fake_radii[rows, None]).any(axis=0)
    return Overlap(reals_inside, fakes_inside)


def density_coverage(real: ArrayLike, fake: ArrayLike, *, neighbours: int = 5) -> DensityCoverage:
    """Return the density and the coverage of fake features.

    `density = mean #{real: |fake - real| <= r_K(real)} / K` over fakes, and
    `coverage = mean [some |fake - real| <= r_K(real)]` over reals. Only the reals have balls, so a
    few outlying fakes do not inflate it as they do recall. Balls are closed, as in
    `precision_recall`; the authors' code has open ones, which differ where reals repeat.

    Args:
      real: features [N, D], N greater than `neighbours`.
      fake: features [M, D], M at least 1.
      neighbours: K.

    Returns:
      Density, at least 0 and about 1 for a perfect generator, and coverage, in [0, 1].

    Raises:
      ValueError: too few samples, features that are not finite, or different D.

    Example:
      >>> density_coverage([[0.0], [1.0], [3.0]], [[0.5], [0.5]], neighbours=1)
      DensityCoverage(density=2.0, coverage=0.6666666666666666)

    Reference:
      Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020,
      https://arxiv.org/abs/2002.09797
    """
    real, fake = _as_sets(real, fake, neighbours, least_fakes=1)
    radii, held = _radii(real, neighbours), np.zeros(len(real), np.int64)
    for _, pairs in _pairs(fake, real):
        held += pairs.within(radii).sum(axis=0)
    density = held.sum() / (neighbours * len(fake))
    return DensityCoverage(float(density), float(np.mean(held > 0)))


def _as_sets(
    real: ArrayLike, fake: ArrayLike, neighbours: int, *, least_fakes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    if neighbours < 1:
        raise ValueError(f"neighbours is {neighbours}: it must be at least 1")
    real, fake = as_pair(_NAMES, real, fake)
    leasts = (neighbours + 1, neighbours + 1 if least_fakes is None else least_fakes)
    for name, features, least in zip(_NAMES, (real, fake), leasts, strict=True):
        if len(features) < least:
            raise ValueError(
                f"{neighbours} neighbours of each sample take at least {least} samples, "
                f"not {len(features)} ({name})"
            )
    return real, fake


def _radii(features: np.ndarray, neighbours: int) -> np.ndarray:
    found = nearest_neighbours(features, features, neighbours=neighbours, exclude_self=True)
    return found.distances[:, -1]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Some fakes, all reals, and how far they are from each other.

    Attributes:
      fake: [n, D].
      real: [N, D].
      squares: the squared distances, in single precision, [n, N].
      doubt: how much each may be off, [n, N].
    """

    fake: np.ndarray
    real: np.ndarray
    squares: np.ndarray
    doubt: np.ndarray

    def within(self, radii: np.ndarray) -> np.ndarray:
        """Return which pairs are at most a radius apart, [n, N], for radii [N] or [n, 1]."""
        excess = self.squares - (radii**2).astype(np.float32)
        result = excess <= 0
        own, other = np.nonzero(np.abs(excess) <= self.doubt)
        exact = pair_distances(self.fake[own], self.real[other])
        result[own, other] = exact <= np.broadcast_to(radii, result.shape)[own, other]
        return result


def _pairs(fake: np.ndarray, real: np.ndarray) -> Iterator[tuple[slice, _Pairs]]:
    """Yield all pairs, some fakes at a time, and which fakes those are."""
    origin = real.mean(axis=0, dtype=np.float64).astype(real.dtype)
    near, others = ((x - origin).astype(np.float32) for x in (fake, real))
    relative = np.float32(doubt(real.shape[1]))
    near_doubt, other_doubt = (relative * np.sum(x * x, axis=1) for x in (near, others))
    for rows in blocks(len(fake), _ROWS):
        squares = squared_distances(near[rows], others)
        yield rows, _Pairs(fake[rows], real, squares, near_doubt[rows, None] + other_doubt)
