"""Variants of the game in which both players are updated on the same fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from gan_jax.losses import AdversarialLoss
from gan_jax.train.gradients import average, gather
from gan_jax.train.network import Network
from gan_jax.train.state import GANState
from gan_jax.train.steps import discriminator_step
from gan_jax.train.terms import Augment, Term, accuracy, draw, looking, named, total, updated
from gan_jax.train.wiring import Fake, Shown, alone
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Sample, Step

__all__ = ["shared_forward_step", "simultaneous_step"]


def shared_forward_step(
    loss: AdversarialLoss,
    fake: Fake,
    *,
    shown: Shown = alone,
    penalties: Sequence[Term] = (),
    augment: Augment | None = None,
) -> Step:
    r"""Update the discriminator, then the generator, on one forward pass of the generator.

    It is the alternating game with one difference: the generator learns from the very fakes that
    the discriminator has just learnt from, where `generator_step` draws new latents (Algorithm 1 of
    the paper). That saves one forward pass of the generator, and is what the widely used PyTorch
    example of DCGAN does.

    Args:
      loss: a pair of adversarial losses.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      penalties: as in `discriminator_step`.
      augment: as in `discriminator_step`; the generator's look at the fakes draws anew.

    Returns:
      A `Step` with the metrics of `discriminator_step` and `generator_step`.

    Reference:
      Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661.
    """
    look = looking(shown, augment)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        first_key, second_key = jax.random.split(key)
        real = batch["real"]
        latent_keys, real_keys, fake_keys = draw(second_key, 3, real, axis_name=axis_name)
        fakes, pull, model_state = _generate(state, fake, batch, latent_keys, axis_name)
        learn = discriminator_step(
            loss, lambda *_: fakes, shown=shown, penalties=penalties, augment=augment
        )
        state, metrics = learn(state, batch, first_key, axis_name=axis_name)
        discriminator = Network(state.discriminator, axis_name=axis_name).frozen
        real_logits = gather(look(discriminator, real, batch, real_keys), axis_name=axis_name)

        def objective(fakes: Sample) -> Array:
            logits = gather(look(discriminator, fakes, batch, fake_keys), axis_name=axis_name)
            return jnp.mean(loss.generator(logits, real_logits))

        adversarial, direction = jax.value_and_grad(objective)(fakes)
        player, more = updated(
            state.generator,
            "generator",
            average(pull(direction), axis_name=axis_name),
            model_state,
            {"generator_loss": adversarial},
            axis_name=axis_name,
        )
        return state.replace(generator=player), {**metrics, **more}

    return step


def simultaneous_step(
    loss: AdversarialLoss,
    fake: Fake,
    *,
    shown: Shown = alone,
    penalties: Sequence[Term] = (),
    augment: Augment | None = None,
) -> Step:
    r"""Update both players at once, each against the other as it was before.

    This is simultaneous gradient descent on both objectives, the game that most analysis of GANs is
    about. Both updates share one pass of the generator and one of the discriminator over reals and
    fakes.

    Args:
      loss: a pair of adversarial losses.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      penalties: as in `discriminator_step`.
      augment: as in `discriminator_step`.

    Returns:
      A `Step` with the metrics of `discriminator_step` and `generator_step`.

    Reference:
      Mescheder, Nowozin and Geiger, The Numerics of GANs, 2017, https://arxiv.org/abs/1705.10461.
    """
    look = looking(shown, augment)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        real = batch["real"]
        latent_keys, real_keys, fake_keys, penalty_keys = draw(key, 4, real, axis_name=axis_name)
        fakes, pull_fakes, generator_state = _generate(state, fake, batch, latent_keys, axis_name)

        def judge(params: PyTree, fakes: Sample) -> tuple[tuple[Array, Array], PyTree]:
            network = Network(state.discriminator, params, axis_name=axis_name)
            real_logits = gather(look(network, real, batch, real_keys), axis_name=axis_name)
            fake_logits = gather(look(network, fakes, batch, fake_keys), axis_name=axis_name)
            return (real_logits, fake_logits), network.model_state

        logits, pull_logits, judge_state = jax.vjp(
            judge, state.discriminator.params, fakes, has_aux=True
        )
        losses, directions = _directions(loss, *logits)

        def critic(params: PyTree, sample: Sample) -> Array:
            network = Network(state.discriminator, params, axis_name=axis_name)
            return look(network.frozen, sample, batch, real_keys)

        penalty, values = _penalty(
            penalties,
            critic,
            state.discriminator.params,
            real=real,
            fake=fakes,
            batch=batch,
            keys=penalty_keys,
            step=state.step,
        )
        gradients = jax.tree.map(jnp.add, pull_logits(directions[0])[0], penalty)
        metrics = {"discriminator_loss": losses[0], **accuracy(*logits), **values}
        gradients = average(gradients, axis_name=axis_name)
        discriminator, metrics = updated(
            state.discriminator,
            "discriminator",
            gradients,
            judge_state,
            metrics,
            axis_name=axis_name,
        )
        gradients = average(pull_fakes(pull_logits(directions[1])[1]), axis_name=axis_name)
        loss_value = {"generator_loss": losses[1]}
        generator, more = updated(
            state.generator,
            "generator",
            gradients,
            generator_state,
            loss_value,
            axis_name=axis_name,
        )
        state = state.replace(discriminator=discriminator, generator=generator)
        return state, {**metrics, **more}

    return step


def _generate(
    state: GANState, fake: Fake, batch: Batch, keys: Array, axis_name: str | None
) -> tuple[Sample, Callable[[Sample], PyTree], PyTree]:
    """Return fakes, the map from their gradient to the parameters', and the collections after."""

    def generate(params: PyTree) -> tuple[Sample, PyTree]:
        network = Network(state.generator, params, axis_name=axis_name)
        return fake(network, batch, keys), network.model_state

    fakes, pull, model_state = jax.vjp(generate, state.generator.params, has_aux=True)
    return fakes, lambda direction: pull(direction)[0], model_state


def _penalty(
    penalties: Sequence[Term],
    critic: Callable[[PyTree, Sample], Array],
    params: PyTree,
    **arguments: object,
) -> tuple[PyTree, Metrics]:
    """Return the gradient of the penalties by the critic's parameters, and their values."""

    def objective(params: PyTree) -> tuple[Array, Metrics]:
        values = named(penalties, critic=partial(critic, params), **arguments)
        return total(values), values

    return jax.grad(objective, has_aux=True)(params)


def _directions(
    loss: AdversarialLoss, real_logits: Array, fake_logits: Array
) -> tuple[tuple[Array, Array], tuple[tuple[Array, Array], tuple[Array, Array]]]:
    """Return both players' losses, and their gradients by the logits of reals and fakes."""
    first, by_first = jax.value_and_grad(
        lambda real, fake: jnp.mean(loss.discriminator(real, fake)), argnums=(0, 1)
    )(real_logits, fake_logits)
    second, by_fake = jax.value_and_grad(lambda fake: jnp.mean(loss.generator(fake, real_logits)))(
        fake_logits
    )
    return (first, second), (by_first, (jnp.zeros_like(real_logits), by_fake))
