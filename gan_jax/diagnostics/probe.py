"""One look at a game: all its measures, as a pure function of the state."""

from __future__ import annotations

from typing import Protocol

import jax
import jax.numpy as jnp

from gan_jax.diagnostics import measures
from gan_jax.diagnostics.recording import successive_gradients
from gan_jax.train import Fake, GANState, Network, Shown, alone
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, TrainStep

__all__ = ["Probe", "make_probe"]

_MOST = 256


class Probe(Protocol):
    """A look at a game: `(state, batch, key, held_out) -> measures`."""

    def __call__(
        self, state: GANState, batch: Batch, key: PRNGKey, held_out: Batch | None = None
    ) -> Metrics:
        """Return the measures by name."""


def make_probe(
    train_step: TrainStep,
    fake: Fake,
    *,
    shown: Shown = alone,
    limits: tuple[float, float] = (-1.0, 1.0),
    scan: bool = True,
) -> Probe:
    """Make the function that measures how a game goes.

    It works on any recipe and only reads: the state it is given can be trained on as if nothing had
    happened. It may be compiled, mapped and scanned, as the step may, and costs 2 to 3.5
    steps; once in a hundred steps that is 2 to 3.5 %.

    Args:
      train_step: the step of the recipe.
      fake: how a single fake is made, as in training.
      shown: what the discriminator is shown of a sample, as in training. Where that is packs, pack
        here: `lambda discriminator, sample, batch: discriminator(pack(2, sample))`.
      limits: the ends of the generator's range.
      scan: see `successive_gradients`.

    Returns:
      A function of the state, of a batch as the step takes it, of a key, and of a batch of reals
      that are not trained on, if there are any. It returns scalars: `generator_signal`, what of the
      slope of the discriminator the generator's loss lets through; `generator_gradient_cosine` and
      `discriminator_gradient_cosine`, each of a player's gradients before and after a step on the
      same examples; `diversity`, `reach` and `saturation` of the fakes; `separation` of the logits;
      and, with held-out reals, `overfitting`. See `gan_jax.diagnostics.measures`. The fakes and the
      logits are those of 256 examples at most.
    """

    def probe(
        state: GANState, batch: Batch, key: PRNGKey, held_out: Batch | None = None
    ) -> Metrics:
        before, after = successive_gradients(train_step, state, batch, scan=scan)
        few = jax.tree.map(lambda leaf: leaf[:_MOST], dict(batch))
        keys = jax.random.split(key, jax.tree.leaves(few["real"])[0].shape[0])
        critic = Network(state.discriminator).frozen

        def judged(params: PyTree) -> tuple[Array, tuple[PyTree, Array]]:
            fakes = fake(Network(state.generator, params).frozen, few, keys)
            logits = shown(critic, fakes, few)
            return jnp.mean(logits, dtype=jnp.float32), (fakes, logits)

        slope, (fakes, fake_logits) = jax.grad(judged, has_aux=True)(state.generator.params)
        real = few["real"]
        real_logits = shown(critic, real, few)
        cosine = measures.gradient_cosine
        values = {
            "generator_signal": measures.gradient_ratio(before.generator, slope),
            "generator_gradient_cosine": cosine(before.generator, after.generator),
            "discriminator_gradient_cosine": cosine(before.discriminator, after.discriminator),
            "diversity": measures.diversity(real, fakes),
            "reach": measures.reach(real, fakes),
            "saturation": measures.saturation(real, fakes, limits=limits),
            "separation": measures.separation(real_logits, fake_logits),
        }
        if held_out is not None:
            others = jax.tree.map(lambda leaf: leaf[:_MOST], dict(held_out))
            logits = shown(critic, others["real"], others)
            values["overfitting"] = measures.overfitting(real_logits, logits, fake_logits)
        return {name: value.astype(jnp.float32) for name, value in values.items()}

    return probe
