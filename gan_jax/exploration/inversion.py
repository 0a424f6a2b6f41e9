"""Find what a generator makes a given image of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.exploration.distances import mean_square_distance
from gan_jax.typing import Array, PRNGKey

__all__ = ["Search", "inversion", "invert"]


class Search(NamedTuple):
    """Searches for the vectors of one image, from K starts.

    Attributes:
      step: int32 [], how many steps were made.
      vectors: where each search is, [K, ...].
      optimizer: Adam's moments.
      best: [K, ...], the vectors at which each search's loss was least, noise included.
      losses: [K], that loss; infinite where none was a number.
      distances: [K], the distance from the image there: the loss without the penalty.
    """

    step: Array
    vectors: Array
    optimizer: Any
    best: Array
    losses: Array
    distances: Array


def invert(render: Callable[[Array], Array], target: Array, start: Array, **options: Any) -> Search:
    """Search for the vectors whose image is nearest to a given one.

    All steps are one `lax.scan`. Compile it with what `render` depends on as an argument; to see
    how far it is, take the steps of `inversion` one by one or some at a time.

    Args:
      render: makes images [K, H, W, C] of vectors, each of its own alone.
      target: the image, [H, W, C] in [-1, 1].
      start: vectors [K, ...] to start from.
      **options: as `inversion` takes them; `steps` is needed.

    Returns:
      The searches after their last step.

    Example:
      >>> double = lambda vectors: 2 * vectors.reshape(-1, 1, 1, 1)
      >>> search = invert(double, jnp.full((1, 1, 1), 3.0), jnp.zeros((1, 1)), steps=200)
      >>> round(float(search.best[0, 0]), 3)
      1.5
    """
    init, update = inversion(render, target, **options)
    search, _ = jax.lax.scan(
        lambda search, _: (update(search), None), init(start), length=options["steps"]
    )
    return search


def inversion(
    render: Callable[[Array], Array],
    target: Array,
    *,
    steps: int,
    learning_rate: float | Array = 0.1,
    distance: Callable[[Array, Array], Array] = mean_square_distance,
    penalty: Callable[[Array], Array] | None = None,
    noise: float | Array = 0.0,
    key: PRNGKey | None = None,
) -> tuple[Callable[[Array], Search], Callable[[Search], Search]]:
    """Make a search for the vectors whose image is nearest to a given one, by Adam.

    At the share `t` of its steps the learning rate is that given times `min(1, t / 0.05)`, and from
    `t = 0.75` on times half a cosine down to 0; the vectors looked at have normal noise of standard
    deviation `noise max(0, 1 - t / 0.75)^2` on them, by which narrow valleys are jumped over. These
    are the schedules of StyleGAN2's projector. The searches do not know of each other.

    Args:
      render: makes images [K, H, W, C] of vectors, each of its own alone.
      target: the image, [H, W, C] in [-1, 1].
      steps: how many steps there are to be.
      learning_rate: the highest, once it is warm.
      distance: `(images [K, H, W, C], target [1, H, W, C]) -> [K]`, such as `multiscale_distance`
        or one of features.
      penalty: `vectors -> [K]`, added to the distance; e.g. a multiple of `norm_penalty`.
      noise: the standard deviation at the start, in the units of the vectors.
      key: of the noise; None for none.

    Returns:
      `init`, which makes a `Search` of start vectors [K, ...], and `update`, which makes one step.

    Raises:
      ValueError: there are no steps, or there is noise and no key.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958, appendix D.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: it must be at least 1")
    if key is None and not (isinstance(noise, (int, float)) and noise == 0):
        raise ValueError("noise was given without a key")
    adam = optax.scale_by_adam()

    def loss(vectors: Array) -> tuple[Array, tuple[Array, Array]]:
        distances = distance(render(vectors), target[None])
        losses = distances if penalty is None else distances + penalty(vectors)
        return jnp.sum(losses), (losses, distances)

    def init(start: Array) -> Search:
        unknown = jnp.full(len(start), jnp.inf, start.dtype)
        step = jnp.zeros((), jnp.int32)
        return Search(step, start, adam.init(start), start, unknown, unknown)

    def update(search: Search) -> Search:
        seen = search.vectors
        share = search.step.astype(seen.dtype) / steps
        if key is not None:
            left = jnp.maximum(0, 1 - share / 0.75)
            random = jax.random.normal(jax.random.fold_in(key, search.step), seen.shape, seen.dtype)
            seen = seen + (noise * left**2 * random).astype(seen.dtype)
        gradients, (losses, distances) = jax.grad(loss, has_aux=True)(seen)
        changes, optimizer = adam.update(gradients, search.optimizer)
        moved = search.vectors - learning_rate * _warmth(share) * changes
        search = _keep_best(search, seen, losses, distances)
        return search._replace(
            step=search.step + 1, vectors=moved.astype(seen.dtype), optimizer=optimizer
        )

    return init, update


def _keep_best(search: Search, seen: Array, losses: Array, distances: Array) -> Search:
    """Keep the vectors that were seen where their loss is the least so far."""
    better = losses < search.losses
    rows = better.reshape(-1, *(1,) * (seen.ndim - 1))
    return search._replace(
        best=jnp.where(rows, seen, search.best),
        losses=jnp.where(better, losses.astype(search.losses.dtype), search.losses),
        distances=jnp.where(better, distances.astype(search.losses.dtype), search.distances),
    )


def _warmth(share: Array) -> Array:
    """Return what the learning rate is multiplied by after a share of the steps."""
    up = jnp.minimum(1, share / 0.05)
    down = jnp.minimum(1, (1 - share) / 0.25)
    return up * (0.5 - 0.5 * jnp.cos(jnp.pi * down))
