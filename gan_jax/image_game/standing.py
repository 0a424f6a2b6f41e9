"""Generators whose batch statistics are those of many samples, not of the last ones of training."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from gan_jax.image_game.game import Game

if TYPE_CHECKING:
    from gan_jax.train import Fake, Prior, TrainState

__all__ = ["at_rest", "make_standing"]


def make_standing(
    config: Any, game: Game, wiring: Callable[[Prior], Fake]
) -> Callable[[TrainState, Prior], TrainState] | None:
    """Make what gives a generator the statistics of samples of a prior, if the game has it so.

    Args:
      config: settled settings.
      game: the game.
      wiring: makes of a prior what makes fakes.

    Returns:
      A function of a generator and a prior, compiled once for each prior; None if the game has
      generators judged as training left them.
    """
    if not game.standing:
        return None
    import jax

    from gan_jax import train

    labels = {"label": lambda key: jax.random.randint(key, (), 0, config.classes)}
    key = jax.random.fold_in(jax.random.key(config.seed), 5)

    @cache
    def compiled(prior: Prior) -> Callable[..., TrainState]:
        return jax.jit(
            partial(
                train.standing_statistics,
                fake=wiring(prior),
                size=min(config.batch_size, 256),
                batches=game.standing,
                conditions=labels if config.conditional else None,
            )
        )

    def stand(generator: TrainState, prior: Prior) -> TrainState:
        bare = generator.replace(step=0, opt_state=())  # of a finished run these are not restored
        return generator.replace(model_state=compiled(prior)(bare, key).model_state)

    return stand


def at_rest(
    standing: Callable[[TrainState, Prior], TrainState],
    prior: Prior,
    truncated: Callable[[float], Prior] | None,
) -> Callable[[TrainState, float | None], TrainState]:
    """Make the function that says which generator is judged with latents up to a magnitude.

    Args:
      standing: what `make_standing` made.
      prior: the usual latents.
      truncated: makes a prior of latents up to a magnitude, None where there can be none.

    Returns:
      A function of a generator and a magnitude, or None for the usual latents.
    """

    def rest(generator: TrainState, limit: float | None) -> TrainState:
        if limit is None or truncated is None:
            return standing(generator, prior)
        return standing(generator, truncated(limit))

    return rest
