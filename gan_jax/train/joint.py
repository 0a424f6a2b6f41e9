"""Variants of the game in which both players are updated on the same fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.losses import AdversarialLoss
from gan_jax.train.gradients import average, gather
from gan_jax.train.network import Network
from gan_jax.train.state import GANState
from gan_jax.train.steps import discriminator_step
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
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Sample, Step

__all__ = ["consensus_step", "shared_forward_step", "simultaneous_step"]


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
    field = _field(loss, fake, looking(shown, augment), penalties)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        gradients, report = field(_both(state), state, batch, key, axis_name)
        return _move(state, average(gradients, axis_name=axis_name), report, axis_name)

    return step


def consensus_step(
    loss: AdversarialLoss,
    fake: Fake,
    *,
    strength: float | Array = 10.0,
    shown: Shown = alone,
    penalties: Sequence[Term] = (),
    augment: Augment | None = None,
) -> Step:
    r"""Update both players at once, and towards agreement: also down the field's squared length.

    `v + strength * J^T v`, where `v` joins both players' gradients and `J` is its Jacobian, so that
    `J^T v` is the gradient of `||v||^2 / 2`. It turns the circles of simultaneous descent into
    spirals inwards.

    Args:
      loss: a pair of adversarial losses.
      fake: makes a sample, see `gan_jax.train.wiring`.
      strength: the paper's gamma.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      penalties: as in `discriminator_step`.
      augment: as in `discriminator_step`.

    Returns:
      A `Step` with the metrics of `simultaneous_step`; its gradient norms are of what is applied.

    Reference:
      Mescheder, Nowozin and Geiger, The Numerics of GANs, 2017, https://arxiv.org/abs/1705.10461.
    """
    field = _field(loss, fake, looking(shown, augment), penalties)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        at = lambda params: field(params, state, batch, key, axis_name)  # noqa: E731
        gradients, pull, report = jax.vjp(at, _both(state), has_aux=True)
        gradients = average(gradients, axis_name=axis_name)
        (correction,) = average(pull(gradients), axis_name=axis_name)
        agreed = jax.tree.map(lambda v, c: v + strength * c, gradients, correction)
        return _move(state, agreed, report, axis_name)

    return step


class _Pair(NamedTuple):
    """Something of each player."""

    generator: Any
    discriminator: Any


def _both(state: GANState) -> _Pair:
    return _Pair(state.generator.params, state.discriminator.params)


def _field(
    loss: AdversarialLoss, fake: Fake, look: Callable[..., Array], penalties: Sequence[Term]
) -> Callable[..., tuple[_Pair, _Pair]]:
    """Make the function that differentiates both objectives at once, each by its own player.

    It is `(params, state, batch, key, axis_name) -> (gradients, report)`: gradients of this device,
    and each player's metrics and collections after the passes.
    """

    def field(
        params: _Pair, state: GANState, batch: Batch, key: PRNGKey, axis_name: str | None
    ) -> tuple[_Pair, _Pair]:
        real = batch["real"]
        latent_keys, real_keys, fake_keys, penalty_keys = draw(key, 4, real, axis_name=axis_name)
        state = state.replace(generator=state.generator.replace(params=params.generator))
        fakes, pull_fakes, generator_state = _generate(state, fake, batch, latent_keys, axis_name)

        def judge(params: PyTree, fakes: Sample) -> tuple[tuple[Array, Array], PyTree]:
            network = Network(state.discriminator, params, axis_name=axis_name)
            real_logits = gather(look(network, real, batch, real_keys), axis_name=axis_name)
            fake_logits = gather(look(network, fakes, batch, fake_keys), axis_name=axis_name)
            return (real_logits, fake_logits), network.model_state

        def penalty(params: PyTree) -> tuple[Array, Metrics]:
            real_logits, fake_logits = judge(params, fakes)[0]
            values = named(
                penalties,
                keys=penalty_keys,
                real_logits=real_logits,
                fake_logits=fake_logits,
                **surroundings(
                    state,
                    batch,
                    fakes,
                    discriminator=Network(state.discriminator, params, axis_name=axis_name).frozen,
                    generator=Network(state.generator, axis_name=axis_name).frozen,
                    look=look,
                    look_keys=real_keys,
                    params=params,
                    axis_name=axis_name,
                ),
            )
            return total(values), values

        logits, pull_logits, judge_state = jax.vjp(judge, params.discriminator, fakes, has_aux=True)
        (first, second), (down, up) = _directions(loss, *logits)
        slopes, values = jax.grad(penalty, has_aux=True)(params.discriminator)
        metrics = {"discriminator_loss": first, **accuracy(*logits), **values}
        return (
            _Pair(
                generator=pull_fakes(pull_logits(up)[1]),
                discriminator=jax.tree.map(jnp.add, pull_logits(down)[0], slopes),
            ),
            _Pair(
                generator=({"generator_loss": second}, generator_state),
                discriminator=(metrics, judge_state),
            ),
        )

    return field


def _move(
    state: GANState, gradients: _Pair, report: _Pair, axis_name: str | None
) -> tuple[GANState, Metrics]:
    """Take a step of each player, and complete the metrics."""
    metrics: Metrics = {}
    for name in ("discriminator", "generator"):
        values, model_state = getattr(report, name)
        player, values = updated(
            getattr(state, name),
            name,
            getattr(gradients, name),
            model_state,
            values,
            axis_name=axis_name,
        )
        state = state.replace(**{name: player})
        metrics |= values
    return state, metrics


def _generate(
    state: GANState, fake: Fake, batch: Batch, keys: Array, axis_name: str | None
) -> tuple[Sample, Callable[[Sample], PyTree], PyTree]:
    """Return fakes, the map from their gradient to the parameters', and the collections after."""

    def generate(params: PyTree) -> tuple[Sample, PyTree]:
        network = Network(state.generator, params, axis_name=axis_name)
        return fake(network, batch, keys), network.model_state

    fakes, pull, model_state = jax.vjp(generate, state.generator.params, has_aux=True)
    return fakes, lambda direction: pull(direction)[0], model_state


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
