"""Who plays a game on images, and by which rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optax
    from flax import linen as nn

    from gan_jax.exploration import Space
    from gan_jax.losses import AdversarialLoss
    from gan_jax.penalties import Penalty
    from gan_jax.train import Fake, Prior, Shown
    from gan_jax.typing import Step

__all__ = ["Game", "taking_turns"]


@dataclass(frozen=True)
class Game:
    """Who plays, and by which rules.

    Attributes:
      generator: makes images of latents, and of labels if the run is conditional.
      discriminator: makes logits of images, and of labels likewise.
      prior: draws one example's latents while training.
      steps: given how fakes are made and what the discriminator is shown, the updates of one
        training step.
      optimizers: the generator's and the discriminator's.
      ema: whether the generator keeps an average, which one of the steps moves.
      moving: initial running quantities.
      batches: batches of reals that a training step takes, e.g. as often as `repeat` repeats.
      packs: examples that the discriminator judges at once; `steps` pack what they show it.
      sampled: draws one example's latents for pictures and figures, `prior` if None.
      truncated: of a threshold, the prior truncated there; None where there is none.
      styles: given how samples are made, the space behind a mapping network; None without one.
      gaussian: whether latents are normal, so that walks between them are on a sphere.
      standing: batches of fakes whose statistics stand in for the running ones in what is drawn and
        judged; 0 for the running ones.
      log_every: steps from one row of metrics to the next.
      name: of the game in titles, the page's if empty.
    """

    generator: nn.Module
    discriminator: nn.Module
    prior: Prior
    steps: Callable[[Fake, Shown], Sequence[Step]]
    optimizers: tuple[optax.GradientTransformation, optax.GradientTransformation]
    ema: bool = True
    moving: Mapping[str, Any] = field(default_factory=dict)
    batches: int = 1
    packs: int = 1
    sampled: Prior | None = None
    truncated: Callable[[float], Prior] | None = None
    styles: Callable[[Fake], Space] | None = None
    gaussian: bool = True
    standing: int = 0
    log_every: int = 20
    name: str = ""


def taking_turns(
    loss: AdversarialLoss,
    *,
    updates: int = 1,
    penalties: Sequence[Penalty] = (),
    then: Sequence[Step] = (),
) -> Callable[[Fake, Shown], Sequence[Step]]:
    """Make the usual steps of a game: the discriminator's updates, and one of the generator.

    Args:
      loss: what both minimise.
      updates: of the discriminator for one of the generator, each on a batch of its own.
      penalties: on the discriminator.
      then: further steps, such as `train.ema_step(0.999)`.

    Returns:
      A function for `Game.steps`.
    """
    from gan_jax import train

    def steps(fake: Fake, shown: Shown) -> Sequence[Step]:
        discriminator = train.discriminator_step(loss, fake, shown=shown, penalties=penalties)
        generator = train.generator_step(loss, fake, shown=shown)
        if updates > 1:
            discriminator = train.repeat(updates, discriminator)
            generator = train.last_slice(updates, generator)
        return discriminator, generator, *then

    return steps
