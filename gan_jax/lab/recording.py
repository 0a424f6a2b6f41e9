"""What is recorded of a game in the plane while it is played: the frames of a GAN Lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gan_jax.losses import AdversarialLoss
from gan_jax.train import (
    GANState,
    Network,
    Prior,
    Shown,
    TrainState,
    alone,
    example_keys,
    make_sampler,
    unconditional,
)
from gan_jax.typing import Array, Batch, PRNGKey, Sample

__all__ = ["Recording", "latent_grid", "make_camera", "make_recording"]

_SIDE = 8  # a cell's mass is measured at so many places squared
_decode = make_sampler(unconditional(lambda latents: latents))


@dataclass(frozen=True)
class Recording:
    """One training run of a game in the plane, at T of its steps.

    Grids of the view are `[row, column]`: row 0 is at the bottom, column 0 at the left, and a value
    is that of its cell's centre.

    Attributes:
      name: what to call the run.
      steps: the training steps of the frames, rising, [T].
      fake: generated points, the same latents in every frame, [T, N, 2].
      arrows: minus the gradient of the generator's loss of each of them by its place, [T, N, 2].
      logits: the discriminator over the view, [T, R, R].
      manifold: the generator's points of S regular grids of latents, [T, S, M, M, 2].
      values: figures by name (`discriminator_loss`, `modes`, ...), [T] each; NaN where there is
        none.
      optimal: the best discriminator's probability that a point is real over the view, [T, R, R],
        or None where the data's density is not known.
      relative: the logits' level and scale have no meaning, and they are relative to the middle
        between reals and fakes.
      about: a sentence about the run.

    Raises:
      ValueError: a shape does not fit, steps that do not rise, or a number that is not finite.
    """

    name: str
    steps: np.ndarray
    fake: np.ndarray
    arrows: np.ndarray
    logits: np.ndarray
    manifold: np.ndarray
    values: Mapping[str, np.ndarray]
    optimal: np.ndarray | None = None
    relative: bool = False
    about: str = ""

    def __post_init__(self) -> None:
        """Check what the arrays are and that they belong together."""
        count = len(self.steps)
        if self.steps.ndim != 1 or not count or np.any(np.diff(self.steps) <= 0):
            raise self._wrong("steps", self.steps.tolist(), "at least one number, rising")
        arrays = {"fake": (None, 2), "arrows": self.fake.shape[1:], "logits": (None, None)}
        arrays |= {"manifold": (None, None, None, 2), "optimal": self.logits.shape[1:]}
        for name, shape in arrays.items():
            array = getattr(self, name)
            if array is None:
                continue
            fits = len(array.shape) == 1 + len(shape) and array.size
            sizes = zip(array.shape, (count, *shape), strict=False)
            if not fits or any(want not in (None, have) for have, want in sizes):
                wanted = ", ".join("any" if n is None else str(n) for n in (count, *shape))
                raise self._wrong(name, f"of shape {list(array.shape)}", f"[{wanted}]")
            finite = np.isfinite(array).reshape(count, -1).all(axis=1)
            if not finite.all():
                step = self.steps[np.argmin(finite)]
                raise self._wrong(name, f"not finite at step {step}", "finite numbers")
        for name in ("logits", "manifold"):
            rows, columns = (self.logits if name == "logits" else self.manifold[0]).shape[1:3]
            if rows != columns or rows < 2:
                raise self._wrong(name, f"a grid of {rows} by {columns}", "a square of 2 or more")
        for name, values in self.values.items():
            if np.shape(values) != (count,):
                raise self._wrong(name, f"of shape {list(np.shape(values))}", f"[{count}]")

    def _wrong(self, field: str, value: Any, accepted: str) -> ValueError:
        return ValueError(f"recording {self.name!r}: {field} is {value}, it must be {accepted}")


def make_recording(
    name: str,
    steps: ArrayLike,
    frames: Mapping[str, ArrayLike] | Sequence[Mapping[str, ArrayLike]],
    values: Mapping[str, ArrayLike],
    *,
    relative: bool = False,
    about: str = "",
) -> Recording:
    """Put together what a camera took of a run, on the host.

    `Recording(name, steps, **frames, values=values)`, as numpy arrays.

    Args:
      name: what to call the run.
      steps: the training steps of the frames, [T].
      frames: what the camera returned, with a leading axis T on every array as `jax.lax.scan`
        stacks them, or one by one.
      values: figures by name, [T] each.
      relative: as it was given to the camera.
      about: a sentence about the run.

    Returns:
      The recording.

    Raises:
      ValueError: see `Recording`.
    """
    if not isinstance(frames, Mapping):
        names = frames[0] if frames else ()
        frames = {key: np.stack([np.asarray(frame[key]) for frame in frames]) for key in names}
    arrays: dict[str, Any] = {key: np.asarray(array, np.float32) for key, array in frames.items()}
    return Recording(
        name,
        np.asarray(steps),
        **arrays,
        values={key: np.asarray(array, np.float64) for key, array in values.items()},
        relative=relative,
        about=about,
    )


def latent_grid(side: int, *, rest: ArrayLike | None = None, gaussian: bool = True) -> Array:
    """Lay regular grids over the first two dimensions of the latents.

    `z_i = F⁻¹((i + 1/2) / M)`: quantiles of the prior, so that every cell between neighbours holds
    the same share of it. Each sheet is a slice: all of its points have the same further latents.

    Args:
      side: M, at least 2.
      rest: the further latents of each of S sheets, [S, D - 2], such as some draws of them; None
        makes one sheet of two-dimensional latents.
      gaussian: the first two latents are from N(0, 1); else from U(-1, 1).

    Returns:
      Latents, float32 [S, M, M, D]; the first of them rises along the last grid axis.

    Raises:
      ValueError: `side` is below 2, or `rest` is not [S, D - 2].

    >>> latent_grid(4, rest=jnp.ones((3, 5))).shape
    (3, 4, 4, 7)

    Reference:
      Kahng et al., GAN Lab: Understanding Complex Deep Generative Models using Interactive Visual
      Experimentation, 2018, https://arxiv.org/abs/1809.01587
    """
    if side < 2:
        raise ValueError(f"latent_grid: side is {side}, it must be at least 2")
    others = jnp.zeros((1, 0)) if rest is None else jnp.asarray(rest, jnp.float32)
    if others.ndim != 2 or not len(others):
        raise ValueError(f"latent_grid: rest is of shape {list(others.shape)}, it must be [S, any]")
    shares = (jnp.arange(side) + 0.5) / side
    quantiles = jax.scipy.special.ndtri(shares) if gaussian else 2 * shares - 1
    sheet = jnp.stack(jnp.meshgrid(quantiles, quantiles), axis=-1)
    return jnp.concatenate(
        [
            jnp.broadcast_to(sheet[None], (len(others), side, side, 2)),
            jnp.broadcast_to(others[:, None, None], (len(others), side, side, others.shape[1])),
        ],
        axis=-1,
    )


def make_camera(
    loss: AdversarialLoss,
    prior: Prior,
    *,
    real: Callable[[PRNGKey, int], Array],
    grid: Array,
    extent: float,
    log_density: Callable[[Array], Array] | None = None,
    decode: Callable[[TrainState, Batch, Array], Sample] = _decode,
    shown: Shown = alone,
    pack: int = 1,
    relative: bool = False,
    points: int = 256,
    resolution: int = 48,
    samples: int = 2**16,
) -> Callable[[GANState, PRNGKey], dict[str, Array]]:
    r"""Make the function that takes one frame of a game in the plane.

    `arrow_i = -∂/∂x_i Σ_j loss.generator(D(x_j), D(r_j))` at fakes `x` and reals `r`. The optimal
    discriminator is `p / (p + q)` of the masses in a cell of the view: the data's `p` from its
    density at 64 places of the cell, as a mode can be narrower than a cell, and the generator's `q`
    as the share of many samples; half a sample is added to each, so that a cell in which there is
    nothing of either comes out undecided, 1/2.

    The discriminator sees fakes and reals as a training step shows them, and the view with running
    statistics, where it normalises over the batch.

    Args:
      loss: what the generator minimises; its half of the pair is used.
      prior: draws one example's latents.
      real: draws points of the data, `(key, count) -> [count, 2]`, for the losses that compare.
      grid: latents of the manifold, [S, M, M, D], as from `latent_grid`.
      extent: half the width of the view, a square around 0.
      log_density: of the data in the units of its points, `[N, 2] -> [N]`, or None.
      decode: makes points of latents, `(generator, {}, latents) -> points`; the averaged parameters
        where there are any, as `gan_jax.train.make_sampler` does.
      shown: what the discriminator judges.
      pack: neighbours that `shown` puts together; a place of the view is then judged together with
        points of the data, the same for all places.
      relative: subtract the middle between the mean logits of reals and of fakes, for critics whose
        logits have no level: Wasserstein, relativistic, least squares.
      points: N, how many fakes, a multiple of `pack`.
      resolution: R, the cells on a side of the view.
      samples: how many fakes the optimal discriminator is made from.

    Returns:
      A function `(state, key) -> frame`, to be traced, of float32 arrays `fake` and `arrows`
      [N, 2], `logits` [R, R], `manifold` [S, M, M, 2] and, with a density, `optimal` [R, R]. Give
      it the same key in all frames of a run: the same latents are then followed.

    Raises:
      ValueError: a number out of range, or less than 0.9 or more than 1.1 of the density is in the
        view, which then is not of the same units or not normalised.
    """
    _check_sizes(extent, points, resolution, samples, pack, grid)
    mass = None if log_density is None else _mass(log_density, extent, resolution)
    view = jnp.asarray(_centres(extent, resolution), jnp.float32)

    def camera(state: GANState, key: PRNGKey) -> dict[str, Array]:
        latent_key, real_key, sample_key = jax.random.split(key, 3)

        def draw(key: PRNGKey, count: int) -> Array:
            return decode(state.generator, {}, jax.vmap(prior)(example_keys(key, count)))

        def judge(points: Array, *, training: bool) -> Array:
            network = Network(state.discriminator, train=training)
            return shown(network.frozen, points, {}).reshape(-1)

        fake, reals = draw(latent_key, points), real(real_key, points)
        real_logits = judge(reals, training=True)

        def objective(fake: Array) -> tuple[Array, Array]:
            fake_logits = judge(fake, training=True)
            return jnp.sum(loss.generator(fake_logits, real_logits)), fake_logits

        gradients, fake_logits = jax.grad(objective, has_aux=True)(fake)
        logits = judge(_packed(view, reals[1:pack]), training=False)
        if relative:
            logits -= (jnp.mean(real_logits) + jnp.mean(fake_logits)) / 2
        manifold = decode(state.generator, {}, grid.reshape(-1, grid.shape[-1]))
        frame = {
            "fake": fake,
            "arrows": -gradients,
            "logits": logits.reshape(resolution, resolution),
            "manifold": manifold.reshape(*grid.shape[:3], 2),
        }
        if mass is not None:
            share = _share(draw(sample_key, samples), extent, resolution)
            frame["optimal"] = (mass + 0.5 / samples) / (mass + share + 1 / samples)
        return frame

    return camera


def _check_sizes(
    extent: float, points: int, resolution: int, samples: int, pack: int, grid: Array
) -> None:
    """Raise what is wrong with what a camera is made of."""
    counts = {"points": (points, 1), "resolution": (resolution, 2), "samples": (samples, 1)}
    for name, (value, least) in counts.items():
        if value < least:
            raise ValueError(f"make_camera: {name} is {value}, it must be at least {least}")
    if not extent > 0:
        raise ValueError(f"make_camera: extent is {extent}, it must be above 0")
    if pack < 1 or points % pack:
        raise ValueError(f"make_camera: points is {points}, it must be a multiple of pack, {pack}")
    if grid.ndim != 4:
        shape = list(grid.shape)
        raise ValueError(f"make_camera: grid is of shape {shape}, it must be [S, M, M, D]")


def _packed(points: Array, partners: Array) -> Array:
    """Put the same partners after every point, [N (1 + P), 2]."""
    repeated = jnp.broadcast_to(partners[None], (len(points), *partners.shape))
    return jnp.concatenate([points[:, None], repeated], axis=1).reshape(-1, 2)


def _centres(extent: float, resolution: int) -> np.ndarray:
    """Return the centres of the view's cells, row by row from the bottom left, [R * R, 2]."""
    places = extent * ((2 * np.arange(resolution) + 1) / resolution - 1)
    return np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)


def _mass(log_density: Callable[[Array], Array], extent: float, resolution: int) -> Array:
    """Return how much of a density is in each cell, [R, R]."""
    # The camera may be made inside a traced function, and the check needs numbers.
    with jax.ensure_compile_time_eval():
        fine = jnp.asarray(_centres(extent, resolution * _SIDE), jnp.float32)
        area = (2 * extent / (resolution * _SIDE)) ** 2
        density = area * jnp.exp(log_density(fine))
        mass = density.reshape(resolution, _SIDE, resolution, _SIDE).sum(axis=(1, 3))
        held = float(mass.sum())
    if not 0.9 <= held <= 1.1:
        raise ValueError(
            f"make_camera: log_density has {held:.3g} of its mass in the view of extent {extent}, "
            "it must be about 1: a normalised density in the units of the points"
        )
    return mass


def _share(points: Array, extent: float, resolution: int) -> Array:
    """Return which share of all points is in each cell of the view, [R, R]."""
    edges = jnp.linspace(-extent, extent, resolution + 1)
    x, y = (jnp.searchsorted(edges, points[:, axis], side="right") - 1 for axis in (0, 1))
    inside = jnp.all(jnp.abs(points) < extent, axis=1)
    cell = jnp.where(inside, y * resolution + x, resolution**2)
    counts = jnp.zeros(resolution**2).at[cell].add(1.0, mode="drop")
    return (counts / len(points)).reshape(resolution, resolution)
