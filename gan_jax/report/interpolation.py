"""Walks through latent space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["interpolation_path", "lerp", "slerp"]

_Interpolation = Callable[[np.ndarray, np.ndarray, "float | np.ndarray"], np.ndarray]


def lerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    """Interpolate on a straight line: `(1 - t) a + t b`.

    Right for latents drawn uniformly from a box, which the line does not leave.

    Args:
      a: latents `[..., D]` at `t = 0`.
      b: latents `[..., D]` at `t = 1`.
      t: a number in [0, 1], or several, `[T]`.

    Returns:
      `[..., D]`, or `[T, ..., D]` for several `t`, of `a`'s type.

    >>> lerp(np.array([0.0, 2.0]), np.array([4.0, 2.0]), 0.25)
    array([1., 2.])
    """
    a, b, t = _broadcast(a, b, t)
    return (1 - t) * a + t * b


def slerp(a: np.ndarray, b: np.ndarray, t: float | np.ndarray) -> np.ndarray:
    r"""Interpolate on the great circle: `(sin((1 - t) w) a + sin(t w) b) / sin w`.

    Here `w` is the angle between `a` and `b`. Right for Gaussian latents, nearly all of which lie
    close to a sphere of radius `sqrt(D)`; a straight line would cut through its empty inside.
    Parallel and opposite vectors, of which no one circle is the shortest, are joined by `lerp`.

    Args:
      a: latents `[..., D]` at `t = 0`.
      b: latents `[..., D]` at `t = 1`.
      t: a number in [0, 1], or several, `[T]`.

    Returns:
      `[..., D]`, or `[T, ..., D]` for several `t`, of `a`'s type.

    Reference:
      White, Sampling Generative Networks, 2016, https://arxiv.org/abs/1609.04468

    >>> slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 1 / 3).round(3)
    array([1.732, 1.   ])
    """
    straight = lerp(a, b, t)
    a, b, t = _broadcast(a, b, t)
    angle = _angle(a, b)
    sine = np.sin(angle)
    degenerate = sine < 1e-6
    arc = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.where(degenerate, 1.0, sine)
    return np.where(degenerate, straight, arc).astype(straight.dtype)


def interpolation_path(
    anchors: np.ndarray,
    frames_per_segment: int,
    *,
    closed: bool = False,
    interpolate: _Interpolation = slerp,
) -> np.ndarray:
    """Return latents on a path through anchors.

    Args:
      anchors: latents `[K, D]`, at least two.
      frames_per_segment: steps from one anchor to the next.
      closed: go back to the first anchor, for an animation that loops; the first frame is not
        repeated at the end.
      interpolate: `slerp` for a Gaussian prior, `lerp` for a uniform one.

    Returns:
      `[(K - 1) * frames_per_segment + 1, D]`, or `[K * frames_per_segment, D]` if closed.

    Raises:
      ValueError: there are fewer than two anchors, or no frames.

    >>> path = interpolation_path(np.array([[0.0], [1.0], [3.0]]), 2, interpolate=lerp)
    >>> path[:, 0]
    array([0. , 0.5, 1. , 2. , 3. ])
    """
    anchors = np.asarray(anchors)
    if len(anchors) < 2 or frames_per_segment < 1:
        raise ValueError(
            "a path needs at least 2 anchors and 1 frame per segment, "
            f"got {len(anchors)} and {frames_per_segment}"
        )
    t = np.arange(frames_per_segment) / frames_per_segment
    ends = np.roll(anchors, -1, axis=0)
    path = interpolate(anchors, ends, t).swapaxes(0, 1).reshape(-1, *anchors.shape[1:])
    if closed:
        return path
    return np.concatenate([path[:-frames_per_segment], anchors[-1:]])


def _broadcast(
    a: np.ndarray, b: np.ndarray, t: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.asarray(a)
    t = np.asarray(t, dtype=np.result_type(a.dtype, np.float32))
    return a, np.asarray(b), t.reshape(t.shape + (1,) * a.ndim)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the angle `[..., 1]`, precise near 0 and pi too, where the arc cosine is not."""
    a, b = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in (a, b))
    apart = np.linalg.norm(a - b, axis=-1, keepdims=True)
    together = np.linalg.norm(a + b, axis=-1, keepdims=True)
    return 2 * np.arctan2(apart, together)
