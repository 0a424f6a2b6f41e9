"""Steps that see another batch than they are given: with draws of their own, or mixed reals."""

from __future__ import annotations

from collections.abc import Callable

import jax

from gan_jax.train.network import Network
from gan_jax.train.priors import Prior, example_keys
from gan_jax.train.state import GANState
from gan_jax.train.wiring import Fake
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Sample, Step

__all__ = ["changing", "drawing", "mixing_reals"]


def changing(change: Callable[[PRNGKey, Batch], Batch], step: Step) -> Step:
    """Show a step a batch whose examples were changed at random, each by a key of its own.

    What the data are jittered by belongs here, as it is to be the same for all elements of a
    recipe: `changing(jitter_pair, chain(discriminator_step(...), generator_step(...)))`.

    Args:
      change: `(key, example) -> example`, of arrays without the axis of the batch.
      step: what to run.

    Returns:
      A `Step`.
    """

    def changed(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        key, change_key = jax.random.split(key)
        keys = example_keys(change_key, _size(batch["real"]), axis_name=axis_name)
        return step(state, jax.vmap(change)(keys, batch), key, axis_name=axis_name)

    return changed


def drawing(name: str, prior: Prior, step: Step) -> Step:
    """Put a random quantity of each example into the batch that a step sees.

    With it the codes of an InfoGAN reach both the fake and the term that wants them back, and fakes
    get labels that are not those of the reals.

    Args:
      name: the quantity's name in the batch; one of that name is replaced.
      prior: draws one example's quantity.
      step: what to run.

    Returns:
      A `Step`.

    Reference:
      Chen et al., InfoGAN, 2016, https://arxiv.org/abs/1606.03657
    """

    def drawn(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        key, draw_key = jax.random.split(key)
        keys = example_keys(draw_key, _size(batch["real"]), axis_name=axis_name)
        batch = {**batch, name: jax.vmap(prior)(keys)}
        return step(state, batch, key, axis_name=axis_name)

    return drawn


def mixing_reals(mix: Callable[[Array, Sample, Sample], Sample], fake: Fake, step: Step) -> Step:
    """Show a step reals that were mixed with fakes, as adaptive pseudo augmentation does.

    Args:
      mix: `(key, real, fake) -> real` of one example, e.g. `augment.pseudo_augment` at some
        probability.
      fake: makes a sample, see `gan_jax.train.wiring`.
      step: what to run, usually a `discriminator_step`.

    Returns:
      A `Step`. With a probability that adapts itself:

        def learn(state):
            mix = partial(pseudo_augment, probability=state.moving["augment_probability"])
            return mixing_reals(mix, fake, discriminator_step(loss, fake))

        with_running(state_dependent(learn), running_probability(rule))

    Reference:
      Jiang et al., Deceive D: Adaptive Pseudo Augmentation for GAN Training with Limited Data,
      2021, https://arxiv.org/abs/2111.06849
    """

    def mixed(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        key, latent_key, mix_key = jax.random.split(key, 3)
        real = batch["real"]
        latent_keys, mix_keys = (
            example_keys(k, _size(real), axis_name=axis_name) for k in (latent_key, mix_key)
        )
        fakes = fake(Network(state.generator, axis_name=axis_name), batch, latent_keys)
        reals = jax.vmap(mix)(mix_keys, real, jax.lax.stop_gradient(fakes))
        return step(state, {**batch, "real": reals}, key, axis_name=axis_name)

    return mixed


def _size(sample: Sample) -> int:
    return jax.tree.leaves(sample)[0].shape[0]
