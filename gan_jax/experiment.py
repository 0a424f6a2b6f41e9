"""What a training run is, as one value: all that `gan_jax.loop.fit` needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.data import Dataset
from gan_jax.evaluation import Evaluation, best_mode
from gan_jax.exploration import Space
from gan_jax.train import Fake, GANState, Prior, Shown, TrainState, alone, make_sampler
from gan_jax.typing import Array, Batch, PRNGKey, PyTree, TrainStep

__all__ = ["Experiment", "Translator"]


class Translator(NamedTuple):
    """How a generator makes images of others, as it is used after training.

    Attributes:
      forward: `(generator, sources, keys) -> images`, of sources [B, H, W, C] in [-1, 1].
      backward: the same the other way around, None where there is no way back.
      channels: how many channels sources have, forward and backward.
    """

    forward: Callable[[TrainState, Array, Array], Array]
    backward: Callable[[TrainState, Array, Array], Array] | None
    channels: tuple[int, int]


def _as_it_is(batch: Batch) -> Batch:
    return batch


@dataclass(frozen=True)
class Experiment:
    """A game, its data and how long it is played.

    Attributes:
      name: what to call it; a folder of one experiment is not another's.
      title: one line for people.
      config: the settings that decide the result, as JSON values; resuming wants the same.
      command: the command that does it again.
      create: makes the initial state from a key; runs under `jax.jit`.
      train_step: one step, on batches `{"real": float32 [B, H, W, C], "label": int32 [B]}`, with a
        `"source"` where images are made of others, see `gan_jax.data.for_step`.
      load: `(split=..., report=...)` loads `"train"` or `"test"`; `report` is told what takes long.
      prior: draws one example's latents.
      wiring: makes a `Fake` of a prior: `unconditional`, `conditional` or `translating`.
      gaussian: whether latents are normal (interpolated on a sphere) or not (on a line).
      num_classes: how many classes the labels have.
      evaluate: `(generator, step, *, split, request, discriminator, look, report) -> Evaluation`,
        see `gan_jax.evaluation`; None leaves runs without figures.
      steps: how many training steps.
      batch_size: real examples taken from the data per step, over all devices.
      seed: seed of everything random.
      group: of a device's share of a batch, what it must be a multiple of: examples of a pack, or
        batches for several updates.
      resident: keep the training data on the device; off, the host prefetches batches, also from
        memory-mapped arrays. None keeps what takes at most a quarter of the device's memory, and
        anything where that is the host's. It decides speed alone, not the result.
      scan: run many steps as one compiled loop; off for networks that the backend runs badly there.
      log_every: steps from one row of metrics to the next; scanned, also in one dispatch, or a
        divisor of it if their batches are large.
      sample_every: steps from one sample grid to the next.
      save_every: steps from one checkpoint to the next.
      evaluate_every: steps from one quick evaluation to the next, a multiple of `save_every`; the
        best checkpoint by it is kept beside the latest.
      best_metric: by which metric it is the best; one that tells better from worse.
      shown: what the discriminator is shown of a sample, as in `train_step`.
      diagnose_every: steps from one look at how the game goes to the next, a multiple of
        `log_every`; see `gan_jax.diagnostics`. A look costs 2 to 3.5 steps. None takes
        100 steps, or the next multiple; 0 never looks.
      truncated: of a level, a prior that is less varied the lower it is: a threshold of normal
        latents, or the share of styles that is left of them. None where there is none.
      latent_weights: `params -> matrices`, see `gan_jax.exploration.Space`; None if
        `first_weights` finds them.
      styles: the space behind a mapping network; None if there is none.
      standing: `(generator, prior) -> generator`, with the statistics of samples of that prior,
        see `gan_jax.train.standing_statistics`; None leaves the running ones.
      prepare: makes of such a batch the one that `train_step` takes, where it is another.
      translator: how images are made of others, None where they are made of latents alone.
      picture: of a key, the function `generator -> uint8 [H, W, C]` that shows how a run goes; None
        shows samples.
      notes: lines for the report, e.g. why this data set.
    """

    name: str
    title: str
    config: Mapping[str, Any]
    command: str
    create: Callable[[PRNGKey], GANState]
    train_step: TrainStep
    load: Callable[..., Dataset]
    prior: Prior
    wiring: Callable[[Prior], Fake]
    gaussian: bool
    num_classes: int
    evaluate: Callable[..., Evaluation] | None
    steps: int
    batch_size: int
    seed: int
    group: int = 1
    resident: bool | None = None
    scan: bool = True
    log_every: int = 100
    sample_every: int = 1000
    save_every: int = 1000
    evaluate_every: int = 10_000
    best_metric: str = "frechet_distance"
    shown: Shown = alone
    diagnose_every: int | None = None
    truncated: Callable[[float], Prior] | None = None
    latent_weights: Callable[[PyTree], Sequence[Array]] | None = None
    styles: Space | None = None
    standing: Callable[[TrainState, Prior], TrainState] | None = None
    prepare: Callable[[Batch], Batch] = _as_it_is
    translator: Translator | None = None
    picture: Callable[[PRNGKey], Callable[[TrainState], np.ndarray]] | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check that what happens now and then happens at the end of a window, and the metric."""
        best_mode(self.best_metric)
        for name in ("sample_every", "save_every", "evaluate_every", "diagnose_every"):
            if (getattr(self, name) or 0) % self.log_every:
                raise ValueError(
                    f"{name} is {getattr(self, name)}, it must be a multiple of log_every, "
                    f"{self.log_every}"
                )

    @property
    def steps_per_look(self) -> int:
        """Steps from one look at how the game goes to the next, 0 for none."""
        if self.diagnose_every is not None:
            return self.diagnose_every
        return self.log_every * -(-100 // self.log_every)

    def at_rest(self, generator: TrainState, prior: Prior | None = None) -> TrainState:
        """Return a generator as samples are drawn of it: with statistics that stand, if it has any.

        Args:
          generator: as it is in training.
          prior: of the samples to come, the usual one if None.

        Returns:
          The generator to draw from.
        """
        return self.standing(generator, prior or self.prior) if self.standing else generator

    @property
    def sampler(self) -> Callable[[TrainState, Batch, Array], Any]:
        """Draw images of a generator: `(generator, {"label": labels}, keys) -> images`."""
        return make_sampler(self.wiring(self.prior))

    @property
    def decoder(self) -> Callable[[TrainState, Batch, Array], Any]:
        """Decode latents chosen by hand: `(generator, {"label": labels}, latents) -> images`."""
        return make_sampler(self.wiring(lambda latents: latents))

    @property
    def latents(self) -> Space:
        """The space of what the prior draws."""

        def draw(generator: TrainState, batch: Batch, keys: Array) -> Array:
            return jax.vmap(self.prior)(keys)

        return Space(draw, self.decoder, self.gaussian, self.latent_weights)
