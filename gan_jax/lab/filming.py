"""A game filmed while it is played, for a view in a browser."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.errors import RunError
from gan_jax.lab.game import VIEW, Game, Hyperparameters, Run, advance, draw_fakes, start
from gan_jax.lab.protocol import SAMPLES, judge_all
from gan_jax.lab.recording import Recording, latent_grid, make_camera, make_recording
from gan_jax.typing import Array, PRNGKey

__all__ = ["MARGIN", "film"]

MARGIN = 1.15
_SIDE = 20
_SHEETS, _SHEET_SIDE = 8, 9


def film(
    game: Game,
    hyperparameters: Hyperparameters,
    key: PRNGKey,
    *,
    name: str,
    frames: int = 200,
    relative: bool = False,
    about: str = "",
    report: Callable[[int, Mapping[str, Any]], None] | None = None,
) -> Recording:
    """Play a game to its end, and record how it stands at even intervals.

    Args:
      game: what is played; its first two latents are normal.
      hyperparameters: numbers by name.
      key: of everything random in the run.
      name: what to call it.
      frames: how many after the start, a divisor of the game's steps.
      relative: whether the level of the logits has no meaning, see `make_camera`.
      about: a sentence on it.
      report: told the step and the metrics of each frame.

    Returns:
      The recording, in the data's own unit, over a view of `MARGIN` times its extent; frame 0 is
      the start.

    Raises:
      ValueError: `frames` does not divide the steps.
      RunError: the run diverges.
    """
    if frames < 1 or game.steps % frames:
        raise ValueError(f"film: {frames} frames of {game.steps} steps: frames must divide steps")
    run = jax.jit(functools.partial(start, game))(hyperparameters, key)
    see = jax.jit(_camera(game, run.look_key, relative=relative))
    window = functools.partial(advance, game, steps=game.steps // frames)
    take = jax.jit(functools.partial(window, hyperparameters))
    seen, rows = [jax.device_get(see(run))], []
    for frame in range(1, frames + 1):
        run, metrics = take(run)
        rows.append(jax.device_get(metrics))
        seen.append(jax.device_get(see(run)))
        if report is not None:
            report(frame * (game.steps // frames), rows[-1])
    steps = np.arange(frames + 1) * (game.steps // frames)
    shots, fakes = jax.tree.map(lambda *parts: np.stack(parts), *seen)
    _check_finite(name, steps, shots)
    places = {which: shots[which] / game.scale for which in ("fake", "manifold")}
    arrows = shots["arrows"] * game.scale  # of a slope by a place
    # There is no loss before the first step.
    losses = {which: np.array([np.nan, *(row[which] for row in rows)]) for which in rows[0]}
    return make_recording(
        name,
        steps,
        {**shots, **places, "arrows": arrows},
        _kept({**losses, **judge_all(game.distribution, fakes)}),
        relative=relative,
        about=about,
    )


def _camera(
    game: Game, key: PRNGKey, *, relative: bool
) -> Callable[[Run], tuple[dict[str, Array], Array]]:
    """Make the function that takes a frame, and the samples that are judged."""
    grid_key, shot_key = jax.random.split(jax.random.fold_in(key, 0))
    shoot = make_camera(
        game.loss,
        game.prior,
        real=game.reals,
        grid=_sheets(game, grid_key),
        extent=MARGIN * VIEW,
        log_density=_scaled_density(game),
        shown=game.shown,
        pack=game.pack,
        relative=relative,
    )
    return lambda run: (shoot(run.state, shot_key), draw_fakes(game, run, count=SAMPLES))


def _check_finite(name: str, steps: np.ndarray, shots: Mapping[str, np.ndarray]) -> None:
    """Raise if there is nothing to be seen any more from some frame on."""
    for values in shots.values():
        is_finite = np.isfinite(values).reshape(len(steps), -1).all(axis=1)
        if not is_finite.all():
            raise RunError(f"{name} diverges: it is not finite at step {steps[~is_finite][0]}")


def _sheets(game: Game, key: PRNGKey) -> Array:
    """Return grids over the first two latents, of some draws of the others if there are any."""
    draws = jax.vmap(game.prior)(jax.random.split(key, _SHEETS))
    if draws.shape[1] == 2:
        return latent_grid(_SIDE)
    return latent_grid(_SHEET_SIDE, rest=draws[:, 2:])


def _scaled_density(game: Game) -> functools.partial[Array] | None:
    """Return the data's density as the networks see the plane."""
    if game.distribution.log_density is None:
        return None
    return functools.partial(_log_density, game)


def _log_density(game: Game, points: Array) -> Array:
    assert game.distribution.log_density is not None
    return game.distribution.log_density(points / game.scale) - 2 * jnp.log(game.scale)


def _kept(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Choose the figures that a page draws."""
    names = ("discriminator_loss", "generator_loss", "modes", "high_quality", "distance")
    return {name: values[name] for name in names if name in values}
