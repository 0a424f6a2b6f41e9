"""The kernel distance between two sets of features: an unbiased estimate of their MMD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.checks import as_pair, random_stream
from gan_jax.metrics.products import blocks, inner_products

__all__ = ["KernelDistance", "kernel_distance", "squared_mmd"]

_NAMES = ("features_a", "features_b")
_ROWS = 64
# Halves of the usual subsets: of the product of a set with itself, a quarter is not computed.
_SUBSET_BLOCK = 512


class KernelDistance(NamedTuple):
    """The kernel distance over subsets of samples.

    Attributes:
      mean: of the subsets' estimates; below 0 as often as above where the sets are alike.
      standard_deviation: of the subsets' estimates about their mean, not of the mean.
    """

    mean: float
    standard_deviation: float


class _Kernel(NamedTuple):
    degree: int
    gamma: float
    coefficient: float


@dataclass(frozen=True, eq=False)
class _Features:
    """Features `x = c + u` about a common centre, ready for `x.y = u.v + u.c + v.c + c.c`.

    The kernel's mean differs between two good sets by a millionth part: about the origin the
    rounding of single-precision products would hide it.
    """

    centred: np.ndarray
    shift: np.ndarray
    squares: np.ndarray

    def __len__(self) -> int:
        return len(self.centred)

    def __getitem__(self, chosen: slice | np.ndarray) -> _Features:
        return _Features(self.centred[chosen], self.shift[chosen], self.squares[chosen])


def kernel_distance(
    features_a: ArrayLike,
    features_b: ArrayLike,
    *,
    subsets: int = 100,
    subset_size: int = 1000,
    degree: int = 3,
    gamma: float | None = None,
    coefficient: float = 1.0,
    seed: int = 0,
) -> KernelDistance:
    """Return the kernel distance of two sets of features (KID where those are Inception's).

    `mean k(a, a') + mean k(b, b') - 2 mean k(a, b)`, `k(x, y) = (gamma x.y + coefficient)^degree`,
    over pairs of different samples: an unbiased estimate of the squared maximum mean discrepancy,
    of subsets drawn without replacement. Unlike the Fréchet distance it does not grow as the sets
    get smaller. With the same seed the subsets are those of torch-fidelity. float32 features are
    multiplied in single precision about their mean, the rest is in double precision.

    Args:
      features_a: [N, D], N at least `subset_size`.
      features_b: [M, D], M at least `subset_size`.
      subsets: how many subsets.
      subset_size: samples of each set in a subset.
      degree: of the polynomial.
      gamma: the scale of the products; `1 / D` if None.
      coefficient: what is added to them.
      seed: of the choice of the subsets.

    Returns:
      The mean and the standard deviation over the subsets.

    Raises:
      ValueError: too few samples, features that are not finite, different D, or a number out of
        range.

    Example:
      >>> kernel_distance([[0.0], [0.0]], [[1.0], [1.0]], subsets=1, subset_size=2)
      KernelDistance(mean=7.0, standard_deviation=0.0)

    Reference:
      Bińkowski et al., Demystifying MMD GANs, 2018, https://arxiv.org/abs/1801.01401
    """
    if subsets < 1 or subset_size < 2:
        raise ValueError(
            "a kernel distance takes at least 1 subset of at least 2 samples, "
            f"not {subsets} of {subset_size}"
        )
    why = f"subsets of {subset_size} without replacement take"
    pair = as_pair(_NAMES, features_a, features_b, least=subset_size, why=why)
    kernel = _kernel(degree, gamma, coefficient, pair[0])
    a, b = _about_a_common_centre(*pair)
    draws = random_stream(seed)
    estimates = np.zeros(subsets)
    for index in range(subsets):
        chosen_a = a[draws.choice(len(a), subset_size, replace=False)]
        chosen_b = b[draws.choice(len(b), subset_size, replace=False)]
        estimates[index] = _estimate(chosen_a, chosen_b, kernel, _SUBSET_BLOCK)
    return KernelDistance(float(estimates.mean()), float(estimates.std()))


def squared_mmd(
    features_a: ArrayLike,
    features_b: ArrayLike,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coefficient: float = 1.0,
    block: int = 2048,
) -> float:
    """Return the unbiased estimate of the squared MMD from all pairs of two whole sets.

    `mean k(a, a') + mean k(b, b') - 2 mean k(a, b)`, as in `kernel_distance`, without subsets: of
    less variance, and without chance.

    Args:
      features_a: [N, D], N at least 2.
      features_b: [M, D], M at least 2.
      degree: of the polynomial.
      gamma: the scale of the products; `1 / D` if None.
      coefficient: what is added to them.
      block: how many samples are compared with all others at a time; bounds memory, not the
        result.

    Returns:
      The estimate, which may be below 0.

    Raises:
      ValueError: too few samples, features that are not finite, different D, or a number out of
        range.

    Example:
      >>> squared_mmd([[0.0], [0.0]], [[1.0], [1.0], [1.0]])
      7.0

    Reference:
      Gretton et al., A Kernel Two-Sample Test, JMLR 2012.
    """
    why = "pairs of different samples take"
    pair = as_pair(_NAMES, features_a, features_b, least=2, why=why)
    kernel = _kernel(degree, gamma, coefficient, pair[0])
    return _estimate(*_about_a_common_centre(*pair), kernel, block)


def _kernel(degree: int, gamma: float | None, coefficient: float, features: np.ndarray) -> _Kernel:
    if degree < 1 or degree != int(degree):
        raise ValueError(f"degree is {degree}: a polynomial kernel's is at least 1, and whole")
    gamma = 1 / features.shape[1] if gamma is None else gamma
    if not (np.isfinite(gamma) and np.isfinite(coefficient)):
        raise ValueError(f"gamma and coefficient must be finite, not {gamma} and {coefficient}")
    return _Kernel(int(degree), gamma, coefficient)


def _about_a_common_centre(a: np.ndarray, b: np.ndarray) -> tuple[_Features, _Features]:
    centre = (a.mean(axis=0, dtype=np.float64) + b.mean(axis=0, dtype=np.float64)) / 2
    # Rounded, so that taking it off leaves hardly anything to round.
    centre = centre.astype(a.dtype).astype(np.float64)

    def centred(features: np.ndarray) -> _Features:
        left = features - centre.astype(features.dtype)
        shift = left.astype(np.float64) @ centre + centre @ centre / 2
        return _Features(left, shift, np.einsum("nd,nd->n", left, left, dtype=np.float64))

    return centred(a), centred(b)


def _estimate(a: _Features, b: _Features, kernel: _Kernel, block: int) -> float:
    within = sum(_within(x, kernel, block) / (len(x) * (len(x) - 1)) for x in (a, b))
    across = sum(_sums(a[rows], b, kernel).sum() for rows in blocks(len(a), block))
    return float(within - 2 * across / (len(a) * len(b)))


def _within(x: _Features, kernel: _Kernel, block: int) -> float:
    """Sum the kernel over pairs of different samples of one set."""
    own = kernel.gamma * (x.squares + 2 * x.shift) + kernel.coefficient
    total = -_power(own, kernel.degree).sum()
    for rows in blocks(len(x), block):
        # What is right of the square on the diagonal stands for what is below it too.
        sums = _sums(x[rows], x[rows.start :], kernel)
        size = rows.stop - rows.start
        total += sums[:size].sum() + 2 * sums[size:].sum()
    return float(total)


def _sums(a: _Features, b: _Features, kernel: _Kernel) -> np.ndarray:
    """Sum the kernel of each of `b` over all of `a`, a few rows at a time, that fit the cache."""
    products = inner_products(a.centred, b.centred)
    columns = kernel.gamma * b.shift + kernel.coefficient
    sums = np.zeros(len(b))
    for rows in blocks(len(a), _ROWS):
        values = products[rows] * np.float64(kernel.gamma)
        values += columns
        values += kernel.gamma * a.shift[rows, None]
        sums += _power(values, kernel.degree).sum(axis=0)
    return sums


def _power(values: np.ndarray, degree: int) -> np.ndarray:
    result = values
    for _ in range(degree - 1):
        result = result * values
    return result
