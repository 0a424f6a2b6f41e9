"""Distributions in the plane: what one is, and mixtures of Gaussians."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gan_jax.data._plane import TAIL, as_count, as_plane, as_points, as_positive

__all__ = [
    "Distribution",
    "Modes",
    "clusters",
    "grid",
    "mixture",
    "ring",
]


@dataclass(frozen=True, eq=False)
class Modes:
    """Where the modes of a mixture of round Gaussians are.

    Attributes:
      centres: their means, float64 [K, 2].
      standard_deviation: of each mode in each dimension.
      weights: how likely each mode is, float64 [K] with sum 1.
    """

    centres: np.ndarray
    standard_deviation: float
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution in the plane, in its own units.

    Attributes:
      name: what it is called.
      sample: `(key, count)` to independent points, float32 [count, 2]; it can be traced by `jit`,
        `scan` and `vmap`, and `count` is a Python number.
      log_density: points [N, 2] to the natural logarithm of the density at each, [N], in float32 or
        better; None where it has no closed form.
      extent: half the width of a square around 0 that holds nearly all of it.
      modes: where its modes are; None where it is no mixture.
    """

    name: str
    sample: Callable[[jax.Array, int], jax.Array]
    log_density: Callable[[jax.Array], jax.Array] | None
    extent: float
    modes: Modes | None = None


def mixture(
    centres: ArrayLike,
    standard_deviation: float,
    *,
    weights: ArrayLike | None = None,
    name: str = "mixture",
) -> Distribution:
    """Make a mixture of round Gaussians.

    `log p(x) = log sum_k w_k N(x; c_k, s^2 I)`

    Args:
      centres: the means c, [K, 2].
      standard_deviation: s, of each Gaussian in each dimension, above 0.
      weights: how likely each Gaussian is, above 0, [K]; their scale has no meaning. By default all
        are alike.
      name: what it is called.

    Returns:
      The distribution, with its density and its modes.

    Raises:
      ValueError: arrays of other shapes, numbers that are not finite, or a standard deviation or
        weight that is not above 0.

    Example:
      >>> two = mixture([[-1.0, 0.0], [1.0, 0.0]], 0.1, weights=[3, 1])
      >>> two.modes.weights.tolist(), two.sample(jax.random.key(0), 5).shape
      ([0.75, 0.25], (5, 2))
    """
    places = as_plane(f"{name}: centres", centres)
    deviation = as_positive(f"{name}: standard_deviation", standard_deviation)
    shares = _shares(name, weights, len(places))

    def sample(key: jax.Array, count: int) -> jax.Array:
        which_key, noise_key = jax.random.split(key)
        log_shares = jnp.asarray(np.log(shares), jnp.float32)
        which = jax.random.categorical(which_key, log_shares, shape=(count,))
        noise = jax.random.normal(noise_key, (count, 2), jnp.float32)
        return jnp.asarray(places, jnp.float32)[which] + deviation * noise

    def log_density(points: jax.Array) -> jax.Array:
        points = as_points(points)
        offsets = points[:, None, :] - jnp.asarray(places, points.dtype)[None]
        squares = jnp.sum((offsets / deviation) ** 2, axis=-1)
        log_peaks = np.log(shares) - math.log(2 * math.pi * deviation**2)
        return jax.nn.logsumexp(jnp.asarray(log_peaks, points.dtype)[None] - squares / 2, axis=1)

    extent = float(np.abs(places).max()) + TAIL * deviation
    return Distribution(name, sample, log_density, extent, Modes(places, deviation, shares))


def ring(modes: int = 8, *, radius: float = 1.0, standard_deviation: float = 0.01) -> Distribution:
    """Make a mixture of equal Gaussians at even distances on a circle.

    `c_i = radius (cos(2 pi i / modes), sin(2 pi i / modes))`, for i from 0 to `modes - 1`. A widely
    copied notebook spaces the angles with both end points, 0 and 2 pi, among them: there the first
    and the last mode are one, and 8 make 7 of which one is twice as likely.

    Args:
      modes: how many, at least 1.
      radius: of the circle, above 0.
      standard_deviation: of each mode in each dimension, above 0.

    Returns:
      The distribution, with its density and its modes; the first is on the right, and they go round
      counter-clockwise.

    Raises:
      ValueError: a number is out of range.

    Example:
      >>> ring(4).modes.centres.round(12).tolist()
      [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [-0.0, -1.0]]

    Reference:
      Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning,
      2017, https://arxiv.org/abs/1705.07761; Lin et al., PacGAN: The power of two samples in
      generative adversarial networks, 2017, https://arxiv.org/abs/1712.04086
    """
    count = as_count("ring: modes", modes)
    angles = 2 * math.pi * np.arange(count) / count
    centres = as_positive("ring: radius", radius) * np.stack(
        [np.cos(angles), np.sin(angles)], axis=1
    )
    return mixture(centres, standard_deviation, name="ring")


def grid(side: int = 5, *, spacing: float = 2.0, standard_deviation: float = 0.05) -> Distribution:
    """Make a mixture of equal Gaussians on a square grid around 0.

    `c_ij = spacing (i - (side - 1) / 2, j - (side - 1) / 2)`: by default the 25 means
    {-4, -2, 0, 2, 4}^2 of VEEGAN and PacGAN.

    Args:
      side: S, at least 1.
      spacing: between neighbours, above 0.
      standard_deviation: of each mode in each dimension, above 0.

    Returns:
      The distribution, with its density and its S^2 modes, from below column by column.

    Raises:
      ValueError: a number is out of range.

    Reference:
      Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning,
      2017, https://arxiv.org/abs/1705.07761; Lin et al., PacGAN: The power of two samples in
      generative adversarial networks, 2017, https://arxiv.org/abs/1712.04086
    """
    steps = np.arange(as_count("grid: side", side)) - (side - 1) / 2
    places = as_positive("grid: spacing", spacing) * steps
    centres = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2)
    return mixture(centres, standard_deviation, name="grid")


def clusters(*, standard_deviation: float = 0.1) -> Distribution:
    """Make three clusters far apart of which each is half as likely as the one before.

    `w = (4, 2, 1) / 7`. The rarest is what a generator gives up first, and the plane between them,
    where no data is, is what its continuous map has to cross.

    Args:
      standard_deviation: of each cluster in each dimension, above 0.

    Returns:
      The distribution, with its density and its modes.

    Raises:
      ValueError: the standard deviation is not above 0.
    """
    centres = [[-1.0, -0.6], [1.0, -0.4], [0.1, 1.0]]
    return mixture(centres, standard_deviation, weights=[4, 2, 1], name="clusters")


def _shares(name: str, weights: ArrayLike | None, count: int) -> np.ndarray:
    """Return weights with sum 1."""
    try:
        array = np.ones(count) if weights is None else np.asarray(weights)
    except ValueError:  # rows of different lengths
        array = np.empty(0)
    accepted = f"{name}: weights must be finite numbers above 0, one for each of {count} centres"
    if array.shape != (count,) or array.dtype.kind not in "fiu":
        raise ValueError(f"{accepted}, not {array.dtype} {list(array.shape)}")
    wrong = array[~((array > 0) & np.isfinite(array))]
    if len(wrong):
        raise ValueError(f"{accepted}, not {wrong[0]}")
    return array / array.sum()
