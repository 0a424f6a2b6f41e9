"""The elements of a training recipe: update one player, or an average of it.

Every element has the signature of `gan_jax.typing.Step`, reads what it needs from the state and
returns a new one. What they draw is a function of the key they are given and of an example's index
in the global batch; combinators hand each element a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import optax

from gan_jax.losses import AdversarialLoss
from gan_jax.train.gradients import gather, value_and_gradients
from gan_jax.train.network import Network
from gan_jax.train.state import GANState, TrainState
from gan_jax.train.terms import Augment, Term, accuracy, draw, looking, named, total, updated
from gan_jax.train.wiring import Fake, Shown, alone
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Step

__all__ = ["discriminator_step", "ema_step", "generator_step"]


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
      penalties: functions `(*, critic, real, fake, keys, step, **_) -> [B]`, each reported under
        its `__name__`. The critic is the discriminator behind `shown` and `augment`, so gradients
        with respect to its input go through the augmentation.
      augment: a differentiable function of one example `(key, sample) -> sample` applied to all
        the discriminator sees, with independent keys for reals and fakes.

    Returns:
      A `Step` with metrics `discriminator_loss` (the adversarial part), `real_logit`, `fake_logit`
      (means), `real_accuracy`, `fake_accuracy` (shares on the right side of the middle between
      those means: the level of a relativistic or Wasserstein critic's logits has no meaning),
      `discriminator_gradient_norm`, and one per penalty.

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
        fakes = jax.lax.stop_gradient(fake(generator, batch, latent_keys))

        def objective(params: PyTree) -> tuple[Array, tuple[Metrics, PyTree]]:
            network = Network(state.discriminator, params, axis_name=axis_name)
            real_logits = gather(look(network, real, batch, real_keys), axis_name=axis_name)
            fake_logits = gather(look(network, fakes, batch, fake_keys), axis_name=axis_name)
            adversarial = jnp.mean(loss.discriminator(real_logits, fake_logits))
            values = named(
                penalties,
                critic=lambda sample: look(network.frozen, sample, batch, real_keys),
                real=real,
                fake=fakes,
                batch=batch,
                keys=penalty_keys,
                step=state.step,
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
) -> Step:
    r"""Update the generator once against a fixed discriminator.

    Minimises `mean_i loss.generator(D(G(z_i)), D(x_i)) + sum_t mean_i t_i` over its parameters,
    with latents of its own. The discriminator's collections are left alone. Reals are shown too,
    for the losses that compare; where a loss does not, the compiler drops that pass.

    Args:
      loss: a pair of adversarial losses; the generator's half is used.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      terms: functions `(*, fake, real, batch, generator, critic, keys, step, **_) -> [B]` added to
        the loss (a reconstruction, a cycle), each reported under its `__name__`; `generator` is the
        network being trained, as a callable.
      augment: as in `discriminator_step`.

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
        latent_keys, real_keys, fake_keys, term_keys = draw(key, 4, real, axis_name=axis_name)
        discriminator = Network(state.discriminator, axis_name=axis_name).frozen
        real_logits = gather(look(discriminator, real, batch, real_keys), axis_name=axis_name)

        def objective(params: PyTree) -> tuple[Array, tuple[Metrics, PyTree]]:
            network = Network(state.generator, params, axis_name=axis_name)
            fakes = fake(network, batch, latent_keys)
            fake_logits = gather(look(discriminator, fakes, batch, fake_keys), axis_name=axis_name)
            adversarial = jnp.mean(loss.generator(fake_logits, real_logits))
            values = named(
                terms,
                fake=fakes,
                real=real,
                batch=batch,
                generator=network,
                critic=lambda sample: look(discriminator, sample, batch, fake_keys),
                keys=term_keys,
                step=state.step,
            )
            metrics = {"generator_loss": adversarial, **values}
            return adversarial + total(values), (metrics, network.model_state)

        player, metrics = _update(state.generator, "generator", objective, axis_name)
        return state.replace(generator=player), metrics

    return step


def ema_step(decay: float | optax.Schedule) -> Step:
    r"""Move the generator's averaged parameters: `ema <- decay * ema + (1 - decay) * params`.

    Args:
      decay: in [0, 1], or a schedule of the training step.

    Returns:
      A `Step` without metrics.

    Raises:
      ValueError: `decay` is a number outside [0, 1], or the generator keeps no average.

    Reference:
      Yazıcı et al., The Unusual Effectiveness of Averaging in GAN Training, 2019,
      https://arxiv.org/abs/1806.04498
    """
    if not callable(decay) and not 0 <= decay <= 1:
        raise ValueError(f"ema_step: decay is {decay}, it must be in [0, 1]")

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        player = state.generator
        if player.ema_params is None:
            raise ValueError("ema_step: the generator keeps no average: create it with ema=True")
        keep = decay(state.step) if callable(decay) else decay
        ema = jax.tree.map(
            lambda average, new: (keep * average + (1 - keep) * new).astype(average.dtype),
            player.ema_params,
            player.params,
        )
        return state.replace(generator=player.replace(ema_params=ema)), {}

    return step


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
