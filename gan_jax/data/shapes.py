"""Distributions in the plane that are no mixtures: a line, a spiral, moons, a checkerboard."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data._plane import TAIL, as_count, as_points, as_positive
from gan_jax.data.synthetic import Distribution

__all__ = ["checkerboard", "line", "moons", "spiral"]


def line(
    *, length: float = 2.0, angle: float = math.pi / 4, standard_deviation: float = 0.02
) -> Distribution:
    """Make a thin segment through 0: uniform along it, with normal noise.

    `p(t, n) = (Phi((t + L/2) / s) - Phi((t - L/2) / s)) / L * N(n; 0, s^2)` at t along it and n
    across it, with Phi the normal distribution function.

    Args:
      length: L, above 0.
      angle: from the x axis, counter-clockwise, in radians.
      standard_deviation: s, of the noise in each dimension, above 0.

    Returns:
      The distribution, with its density.

    Raises:
      ValueError: a number is out of range.
    """
    half = as_positive("line: length", length) / 2
    deviation = as_positive("line: standard_deviation", standard_deviation)
    if not math.isfinite(angle):
        raise ValueError(f"line: angle is {angle!r}, it must be finite")
    cosine, sine = math.cos(angle), math.sin(angle)

    def sample(key: jax.Array, count: int) -> jax.Array:
        place_key, noise_key = jax.random.split(key)
        places = jax.random.uniform(place_key, (count, 1), jnp.float32, -half, half)
        direction = jnp.array([[cosine, sine]], jnp.float32)
        return places * direction + _noise(noise_key, count, deviation)

    def log_density(points: jax.Array) -> jax.Array:
        x, y = as_points(points).T / deviation
        # It is the same at both ends, and in the lower tail the difference loses no digits.
        place, aside = -jnp.abs(cosine * x + sine * y), cosine * y - sine * x
        upper, lower = (jax.scipy.special.log_ndtr(place + e * half / deviation) for e in (1, -1))
        log_along = upper + jnp.log(-jnp.expm1(lower - upper)) - math.log(2 * half)
        return log_along - aside**2 / 2 - math.log(math.sqrt(2 * math.pi) * deviation)

    extent = half * max(abs(cosine), abs(sine)) + TAIL * deviation
    return Distribution("line", sample, log_density, extent)


def spiral(*, turns: float = 1.5, standard_deviation: float = 0.02) -> Distribution:
    """Make a spiral, the swiss roll seen from its side, with normal noise.

    `x = t (cos a, sin a) + s noise`, `a = 2 pi turns * 3/2 t`, t uniform in [1/3, 1]: with the
    usual 1.5 turns the curve of scikit-learn's swiss roll, whose angles go from 1.5 pi to 4.5 pi,
    scaled into the unit circle. It is denser inside, and has no density in closed form.

    Args:
      turns: how often it goes round, above 0.
      standard_deviation: s, of the noise in each dimension, above 0.

    Returns:
      The distribution.

    Raises:
      ValueError: a number is out of range.
    """
    full_angle = 3 * math.pi * as_positive("spiral: turns", turns)
    deviation = as_positive("spiral: standard_deviation", standard_deviation)

    def sample(key: jax.Array, count: int) -> jax.Array:
        place_key, noise_key = jax.random.split(key)
        radii = jax.random.uniform(place_key, (count, 1), jnp.float32, 1 / 3, 1.0)
        return radii * _directions(full_angle * radii) + _noise(noise_key, count, deviation)

    return Distribution("spiral", sample, None, 1.0 + TAIL * deviation)


def moons(*, standard_deviation: float = 0.05) -> Distribution:
    """Make two half circles that reach into each other, with normal noise.

    `(cos a - 1/2, sin a - 1/4)` and its mirror image at 0, for a uniform in [0, pi]: scikit-learn's
    two moons, centred. They have no density in closed form.

    Args:
      standard_deviation: of the noise in each dimension, above 0.

    Returns:
      The distribution.

    Raises:
      ValueError: the standard deviation is not above 0.
    """
    deviation = as_positive("moons: standard_deviation", standard_deviation)

    def sample(key: jax.Array, count: int) -> jax.Array:
        which_key, place_key, noise_key = jax.random.split(key, 3)
        signs = jax.random.rademacher(which_key, (count, 1), jnp.float32)
        angles = jax.random.uniform(place_key, (count, 1), jnp.float32, 0.0, math.pi)
        upper = _directions(angles) - jnp.array([[0.5, 0.25]], jnp.float32)
        return signs * upper + _noise(noise_key, count, deviation)

    return Distribution("moons", sample, None, 1.5 + TAIL * deviation)


def checkerboard(squares: int = 4, *, width: float = 1.0) -> Distribution:
    """Make a board of squares around 0 on whose black ones points are uniform.

    `p(x) = 1 / (B width^2)` on each of its B black squares, 0 elsewhere. The square at the lower
    left is black. The logarithm of the density is -inf off the black squares, and its gradient 0.

    Args:
      squares: S, of a side, at least 2; half of the S^2 are black, and one more if S is odd.
      width: of a square, above 0.

    Returns:
      The distribution, with its density.

    Raises:
      ValueError: a number is out of range.
    """
    if as_count("checkerboard: squares", squares) < 2:
        raise ValueError(f"checkerboard: squares is {squares}, it must be at least 2")
    side = as_positive("checkerboard: width", width)
    black = np.argwhere(np.indices((squares, squares)).sum(axis=0) % 2 == 0)
    height = -math.log(len(black) * side**2)

    def sample(key: jax.Array, count: int) -> jax.Array:
        which_key, place_key = jax.random.split(key)
        which = jax.random.randint(which_key, (count,), 0, len(black))
        # A millionth off the edges, lest rounding puts points into white squares.
        places = jax.random.uniform(place_key, (count, 2), jnp.float32, 1e-6, 1 - 1e-6)
        return side * (jnp.asarray(black - squares / 2, jnp.float32)[which] + places)

    def log_density(points: jax.Array) -> jax.Array:
        points = as_points(points)
        cells = jnp.floor(points / side + squares / 2)
        is_inside = jnp.all((cells >= 0) & (cells < squares), axis=1)
        is_black = is_inside & (jnp.sum(cells, axis=1) % 2 == 0)
        return jnp.where(is_black, jnp.asarray(height, points.dtype), -jnp.inf)

    return Distribution("checkerboard", sample, log_density, squares * side / 2)


def _noise(key: jax.Array, count: int, deviation: float) -> jax.Array:
    return deviation * jax.random.normal(key, (count, 2), jnp.float32)


def _directions(angles: jax.Array) -> jax.Array:
    """Return unit vectors [N, 2] of angles [N, 1]."""
    return jnp.concatenate([jnp.cos(angles), jnp.sin(angles)], axis=1)
