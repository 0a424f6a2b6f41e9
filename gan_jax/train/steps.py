"""The elements of a training recipe: update one player.

Every element has the signature of `gan_jax.typing.Step`, reads what it needs from the state and
returns a new one. What they draw is a function of the key they are given and of an example's index
in the global batch; combinators hand each element a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gan_jax.losses import AdversarialLoss
from gan_jax.train.gradients import gather, value_and_gradients
from gan_jax.train.network import Network
from gan_jax.train.state import GANState, TrainState
from gan_jax.train.terms import (
    Augment,
    Term,
    accuracy,
    draw,
    looking,
    named,
    surroundings,
    total,
    updated,
)
from gan_jax.train.wiring import Fake, Shown, alone
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Step

__all__ = ["discriminator_step", "generator_step"]


def discriminator_step(
    loss: AdversarialLoss,
    fake: Fake,
    *,
    shown: Shown = alone,
    penalties: Sequence[Term] = (),
    augment: Augment | None = None,
) -> Step:
    r"""Update the discriminator once against a fixed generator.

    Minimises `mean_i loss.discriminator(D(x_i), D(G(z_i))) + sum_p mean_i p_i` over its parameters.
    Reals and fakes go through the network in two passes, so that batch normalisation sees one kind
    at a time. The generator's collections are left alone.

    Args:
      loss: a pair of adversarial losses; the discriminator's half is used.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      penalties: functions of keywords returning [B], each reported under its `__name__`. They may
        read `keys` (one per example), `real_logits` and `fake_logits` (of the global batch), and
        all that `gan_jax.train.terms.surroundings` lists, such as `critic`, `real` and `fake`, and
        must accept the rest. Gradients by the critic's input go through the augmentation.
      augment: a differentiable function of one example `(key, sample) -> sample` applied to all
        the discriminator sees, with independent keys for reals and fakes.

    Returns:
      A `Step` with metrics `discriminator_loss` (the adversarial part), `real_logit`, `fake_logit`
      (means), `real_accuracy`, `fake_accuracy` (shares on the right side of the middle between
      those means: the level of a relativistic or Wasserstein critic's logits has no meaning),
      `real_sign`, `discriminator_gradient_norm`, and one per penalty.

    Reference:
      Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661,
      Algorithm 1.
    """
    look = looking(shown, augment)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        real = batch["real"]
        latent_keys, real_keys, fake_keys, penalty_keys = draw(key, 4, real, axis_name=axis_name)
        generator = Network(state.generator, axis_name=axis_name)
        fakes = fake(generator, batch, latent_keys)

        def objective(params: PyTree) -> tuple[Array, tuple[Metrics, PyTree]]:
            network = Network(state.discriminator, params, axis_name=axis_name)
            real_logits = gather(look(network, real, batch, real_keys), axis_name=axis_name)
            fake_logits = gather(look(network, fakes, batch, fake_keys), axis_name=axis_name)
            adversarial = jnp.mean(loss.discriminator(real_logits, fake_logits))
            values = named(
                penalties,
                keys=penalty_keys,
                real_logits=real_logits,
                fake_logits=fake_logits,
                **surroundings(
                    state,
                    batch,
                    fakes,
                    discriminator=network.frozen,
                    generator=generator.frozen,
                    look=look,
                    look_keys=real_keys,
                    params=params,
                    axis_name=axis_name,
                ),
            )
            metrics = {
                "discriminator_loss": adversarial,
                **accuracy(real_logits, fake_logits),
                **values,
            }
            return adversarial + total(values), (metrics, network.model_state)

        player, metrics = _update(state.discriminator, "discriminator", objective, axis_name)
        return state.replace(discriminator=player), metrics

    return step


def generator_step(
    loss: AdversarialLoss,
    fake: Fake,
    *,
    shown: Shown = alone,
    terms: Sequence[Term] = (),
    augment: Augment | None = None,
    against: Step | None = None,
) -> Step:
    r"""Update the generator once against a fixed discriminator.

    Minimises `mean_i loss.generator(D(G(z_i)), D(x_i)) + sum_t mean_i t_i` over its parameters,
    with latents of its own. The discriminator's collections are left alone. Reals are shown too,
    for the losses that compare; where a loss does not, the compiler drops that pass.

    Args:
      loss: a pair of adversarial losses; the generator's half is used.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      terms: functions of keywords returning [B] that are added to the loss (a reconstruction, a
        cycle), each reported under its `__name__`. They may read what penalties may;
        `generator` is the network being trained, as a callable.
      augment: as in `discriminator_step`.
      against: how the discriminator will have answered before it judges, as a step that is then
        forgotten; the generator's gradient goes through the answer. `unroll(k, ...)` of the
        discriminator's own step makes this an unrolled GAN.

    Returns:
      A `Step` with metrics `generator_loss` (the adversarial part), `generator_gradient_norm`, and
      one per term.

    Reference:
      Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661,
      Algorithm 1.
    """
    look = looking(shown, augment)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        real = batch["real"]
        if against is not None:
            key, answer_key = jax.random.split(key)
        latent_keys, real_keys, fake_keys, term_keys = draw(key, 4, real, axis_name=axis_name)

        def objective(params: PyTree) -> tuple[Array, tuple[Metrics, PyTree]]:
            opponent = state.discriminator
            if against is not None:
                opponent = _answer(against, state, params, batch, answer_key, axis_name)
            discriminator = Network(opponent, axis_name=axis_name).frozen
            network = Network(state.generator, params, axis_name=axis_name)
            fakes = fake(network, batch, latent_keys)
            real_logits = gather(look(discriminator, real, batch, real_keys), axis_name=axis_name)
            fake_logits = gather(look(discriminator, fakes, batch, fake_keys), axis_name=axis_name)
            adversarial = jnp.mean(loss.generator(fake_logits, real_logits))
            values = named(
                terms,
                keys=term_keys,
                real_logits=real_logits,
                fake_logits=fake_logits,
                **surroundings(
                    state,
                    batch,
                    fakes,
                    discriminator=discriminator,
                    generator=network,
                    look=look,
                    look_keys=fake_keys,
                    params=params,
                    axis_name=axis_name,
                ),
            )
            metrics = {"generator_loss": adversarial, **values}
            return adversarial + total(values), (metrics, network.model_state)

        player, metrics = _update(state.generator, "generator", objective, axis_name)
        return state.replace(generator=player), metrics

    return step


def _answer(
    against: Step,
    state: GANState,
    params: PyTree,
    batch: Batch,
    key: PRNGKey,
    axis_name: str | None,
) -> TrainState:
    """Return the discriminator as a step leaves it that meets the generator at `params`."""
    faced = state.replace(generator=state.generator.replace(params=params))
    return against(faced, batch, key, axis_name=axis_name)[0].discriminator


def _update(
    player: TrainState,
    name: str,
    objective: Callable[[PyTree], tuple[Array, tuple[Metrics, PyTree]]],
    axis_name: str | None,
) -> tuple[TrainState, Metrics]:
    """Take one step of a player down its objective."""
    (_, (metrics, model_state)), gradients = value_and_gradients(
        objective, player.params, axis_name=axis_name
    )
    return updated(player, name, gradients, model_state, metrics, axis_name=axis_name)
