"""Reals and fakes as points of one plane, and which lie outside the other's manifold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report._figure import FAKE, INK, REAL, new_figure, save_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PrincipalComponents", "draw_scatter", "principal_components"]


class PrincipalComponents(NamedTuple):
    """The directions in which features vary most, the most first.

    Attributes:
      mean: of the features, `[D]`.
      axes: unit vectors `[K, D]`, each with its largest entry above 0.
      shares: the part of the whole variance that is along each, `[K]`.
    """

    mean: np.ndarray
    axes: np.ndarray
    shares: np.ndarray

    def project(self, features: ArrayLike) -> np.ndarray:
        """Return where features lie along the axes.

        Args:
          features: `[N, D]`.

        Returns:
          float64 `[N, K]`.
        """
        return (np.asarray(features, np.float64) - self.mean) @ self.axes.T


class _Cloud(NamedTuple):
    name: str
    points: np.ndarray
    inside: np.ndarray
    color: str


def principal_components(features: ArrayLike, *, count: int = 2) -> PrincipalComponents:
    """Find the directions in which features vary most.

    `features - mean = U S V^T`: the axes are the first rows of `V^T`, and `S^2` their variances.

    Args:
      features: `[N, D]`, N and D at least `count`.
      count: K, how many directions.

    Returns:
      The mean, the axes and their shares of the variance.

    Raises:
      ValueError: the shape is another, or there are too few features or dimensions.

    >>> principal_components([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], count=1).axes
    array([[1., 0.]])
    """
    values = np.asarray(features, np.float64)
    if values.ndim != 2 or min(values.shape) < count:
        raise ValueError(
            f"{count} principal components take features [N, D], both at least {count}, "
            f"not {list(values.shape)}"
        )
    mean = values.mean(axis=0)
    _, deviations, axes = np.linalg.svd(values - mean, full_matrices=False)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    variances = deviations**2
    shares = variances / max(variances.sum(), np.finfo(np.float64).tiny)
    return PrincipalComponents(mean, (axes * np.sign(largest))[:count], shares[:count])


def draw_scatter(
    real: ArrayLike,
    fake: ArrayLike,
    path: str | os.PathLike[str],
    *,
    real_inside: ArrayLike,
    fake_inside: ArrayLike,
    most: int = 1500,
) -> None:
    """Draw features on the first two principal components of the reals, as a PNG.

    One panel is precision: the fakes over the reals, a cross for each fake outside the manifold of
    the reals. The other is recall: the reals over the fakes. Their titles say of how many fakes and
    reals. What is inside or not is decided in all dimensions; in two of them a cross may well lie
    among dots.

    Args:
      real: features `[N, D]`.
      fake: features `[M, D]`.
      path: the picture to make or replace.
      real_inside: which reals are within the manifold of the fakes, `[N]`.
      fake_inside: which fakes are within the manifold of the reals, `[M]`.
      most: how many of each are drawn, evenly spaced; precision and recall are of all.

    Raises:
      ValueError: shapes that do not fit together.
      OSError: the file cannot be written.
    """
    plane = principal_components(real)
    reals = _cloud("real", plane, real, real_inside, REAL)
    fakes = _cloud("fake", plane, fake, fake_inside, FAKE)
    counts = f"of {len(fakes.points):,} fakes and {len(reals.points):,} reals"
    figure = new_figure(9.4, 4.4)
    first = figure.add_subplot(1, 2, 1)
    second = figure.add_subplot(1, 2, 2, sharex=first, sharey=first)
    _draw(first, fakes, reals, f"Precision {fakes.inside.mean():.2f} {counts}", most)
    _draw(second, reals, fakes, f"Recall {reals.inside.mean():.2f} {counts}", most)
    x, y = (
        f"component {i} of the reals ({share:.0%} of variance)"
        for i, share in enumerate(plane.shares, 1)
    )
    for axes in (first, second):
        axes.set_xlabel(x, fontsize=9, color=INK)
    first.set_ylabel(y, fontsize=9, color=INK)
    second.tick_params(labelleft=False)
    save_figure(figure, path)


def _cloud(
    name: str, plane: PrincipalComponents, features: ArrayLike, inside: ArrayLike, color: str
) -> _Cloud:
    features, inside = np.asarray(features), np.asarray(inside, bool)
    if features.ndim != 2 or features.shape[1] != len(plane.mean) or not len(features):
        raise ValueError(
            f"{name} features must be [N, {len(plane.mean)}], N at least 1, "
            f"not {list(features.shape)}"
        )
    if inside.shape != features.shape[:1]:
        raise ValueError(
            f"{name}_inside must be [{len(features)}], one for each, not {list(inside.shape)}"
        )
    return _Cloud(name, plane.project(features), inside, color)


def _draw(axes: Axes, front: _Cloud, back: _Cloud, title: str, most: int) -> None:
    """Draw one cloud over the other, and mark what of it is outside."""
    chosen = _evenly(len(front.points), most)
    points, inside = front.points[chosen], front.inside[chosen]
    ground = back.points[_evenly(len(back.points), most)]
    among = f"{front.name}, among the {back.name}s"
    outside = f"{front.name}, outside ({1 - front.inside.mean():.0%})"
    dots: dict[str, Any] = {"s": 9, "linewidths": 0}
    crosses: dict[str, Any] = {"s": 15, "linewidths": 0.9, "marker": "x"}
    for (x, y), color, alpha, label, style in (
        (ground.T, back.color, 0.35, back.name, dots),
        (points[inside].T, front.color, 1.0, among, dots),
        (points[~inside].T, front.color, 1.0, outside, crosses),
    ):
        axes.scatter(x, y, color=color, alpha=alpha, label=label, **style)
    tidy(axes, title)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=3,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        handletextpad=0.1,
        columnspacing=1,
    )


def _evenly(count: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
