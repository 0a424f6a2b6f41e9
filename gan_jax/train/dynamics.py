"""How players move through their game: looking ahead, and learning from where one would land."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.train.state import GANState, TrainState
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Step

__all__ = ["extragradient", "unroll"]


def unroll(times: int, step: Step) -> Step:
    """Run a step several times on the same batch, each time with its own key.

    For an unrolled GAN let the generator meet the discriminator of `times` updates later, and
    differentiate through them; none of these updates is kept:

        answer = discriminator_step(loss, fake)
        make_train_step(generator_step(loss, fake, against=unroll(5, answer)), answer)

    An Adam that is differentiated through needs an `eps_root`, 1e-12 say: the slope of its root is
    infinite where a gradient was exactly 0. (`repeat` shows each run a slice of its own.)

    Args:
      times: number of runs, at least 1.
      step: what to run.

    Returns:
      A `Step` that reports the mean of each metric over the runs.

    Raises:
      ValueError: `times` is below 1.

    Reference:
      Metz et al., Unrolled Generative Adversarial Networks, 2016, https://arxiv.org/abs/1611.02163
    """
    check_whole("unroll: times", times)

    def unrolled(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        def run(state: GANState, index: Array) -> tuple[GANState, Metrics]:
            return step(state, batch, jax.random.fold_in(key, index), axis_name=axis_name)

        state, metrics = jax.lax.scan(run, state, jnp.arange(times))
        return state, jax.tree.map(lambda values: jnp.mean(values, axis=0), metrics)

    return unrolled


def extragradient(step: Step) -> Step:
    r"""Step from where one stands, in the direction found where the step would lead.

    `w' = w + step(step(w)) - step(w)`, for the parameters of both players; with plain gradient
    descent `w' = w - eta v(w - eta v(w))`. Optimizers see both gradients, which with Adam is the
    paper's Extra-Adam, and their schedules count two updates. Both halves look at the same batch
    with the same key, so that the look ahead foresees the very game that is then played (the paper
    draws a second batch).

    Args:
      step: one that updates both players, usually `simultaneous_step(...)`.

    Returns:
      A `Step` that reports the metrics where the first half led.

    Reference:
      Gidel et al., A Variational Inequality Perspective on Generative Adversarial Networks,
      Algorithm 4, 2018, https://arxiv.org/abs/1802.10551
      Mishchenko et al., Revisiting Stochastic Extragradient, 2019, on the same batch for both,
      https://arxiv.org/abs/1905.11373
    """

    def extrapolated(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        ahead, _ = step(state, batch, key, axis_name=axis_name)
        after, metrics = step(ahead, batch, key, axis_name=axis_name)

        def back(start: TrainState, ahead: TrainState, after: TrainState) -> TrainState:
            params = jax.tree.map(
                lambda w, u, v: w + (v - u), start.params, ahead.params, after.params
            )
            return after.replace(params=params, step=ahead.step)

        return after.replace(
            generator=back(state.generator, ahead.generator, after.generator),
            discriminator=back(state.discriminator, ahead.discriminator, after.discriminator),
        ), metrics

    return extrapolated
