"""Updates that regularise a player and do nothing else: clipping, lazy penalties, path length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_share, check_whole
from gan_jax.train.combinators import every
from gan_jax.train.gradients import average, value_and_gradients
from gan_jax.train.network import Network
from gan_jax.train.state import GANState
from gan_jax.train.terms import (
    Augment,
    Term,
    draw,
    looking,
    named,
    surroundings,
    total,
)
from gan_jax.train.wiring import Fake, Shown, alone
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Sample, Step

__all__ = ["clip_step", "lazy_penalty_step", "path_length_step"]


def clip_step(limit: float | Array = 0.01) -> Step:
    """Clip the discriminator's parameters, all of them, after its update.

    `params <- clip(params, -limit, limit)`, the first way to bound a Wasserstein critic's slope.

    Args:
      limit: the paper's `c`.

    Returns:
      A `Step` without metrics.

    Raises:
      ValueError: `limit` is a number that is not above 0.

    Reference:
      Arjovsky et al., Wasserstein GAN, 2017, https://arxiv.org/abs/1701.07875
    """
    if isinstance(limit, (int, float)) and not limit > 0:
        raise ValueError(f"clip_step: limit is {limit}, it must be above 0")

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        player = state.discriminator
        clipped = jax.tree.map(lambda p: jnp.clip(p, -limit, limit), player.params)
        return state.replace(discriminator=player.replace(params=clipped)), {}

    return step


def lazy_penalty_step(
    interval: int,
    penalties: Sequence[Term],
    fake: Fake,
    *,
    shown: Shown = alone,
    augment: Augment | None = None,
) -> Step:
    r"""Update the discriminator by its penalties alone, every `interval` steps, that much stronger.

    `interval * sum_p mean_i p_i`, as an update of its own with Adam's memory of it, which
    `lazy_adam` corrects for.

    Args:
      interval: steps from one update to the next, 16 in StyleGAN2.
      penalties: as in `discriminator_step`; those that read logits are not for here.
      fake: makes a sample, see `gan_jax.train.wiring`.
      shown: what the discriminator judges, see `gan_jax.train.wiring`.
      augment: as in `discriminator_step`.

    Returns:
      A `Step` that reports each penalty, as it is, under its name, and 0 where it does not run.

    Raises:
      ValueError: `interval` is below 1.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958, appendix B.
    """
    look = looking(shown, augment)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        real = batch["real"]
        latent_keys, look_keys, penalty_keys = draw(key, 3, real, axis_name=axis_name)
        generator = Network(state.generator, axis_name=axis_name).frozen
        fakes = fake(generator, batch, latent_keys)

        def objective(params: PyTree) -> tuple[Array, Metrics]:
            network = Network(state.discriminator, params, axis_name=axis_name).frozen
            values = named(
                penalties,
                keys=penalty_keys,
                **surroundings(
                    state,
                    batch,
                    fakes,
                    discriminator=network,
                    generator=generator,
                    look=look,
                    look_keys=look_keys,
                    params=params,
                    axis_name=axis_name,
                ),
            )
            return interval * total(values), values

        player = state.discriminator
        (_, values), gradients = value_and_gradients(objective, player.params, axis_name=axis_name)
        player = player.apply_gradients(grads=gradients)
        return state.replace(discriminator=player), average(values, axis_name=axis_name)

    return every(interval, step)


def path_length_step(
    lengths: Callable[[Callable[[Array], Sample], Array, Array], Array],
    path: Callable[[Callable[..., Any], Batch, Array], tuple[Callable[[Array], Sample], Array]],
    *,
    interval: int = 4,
    weight: float | Array = 2.0,
    decay: float = 0.01,
    shrink: int = 2,
) -> Step:
    r"""Update the generator towards equal steps in its images for equal steps in its latents.

    `interval * weight * mean_i (l_i - a)^2`, where `l_i` is the length of the path and `a` its
    running mean, `state.moving["path_length"]`. As in NVIDIA's code the mean moves first, and the
    penalty sees it moved; here it is a constant to the gradient, of which that leaves out `decay`.

    Args:
      lengths: `penalties.path_lengths`: `(latents -> images, latents, keys) -> [B]`.
      path: `(generator, batch, keys) -> (latents -> images, latents)`, along which lengths are
        measured. In a StyleGAN what it calls latents are styles, and it maps latents to them by the
        generator that is being trained; where there is nothing to map it is
        `lambda generator, batch, keys: (generator, jax.vmap(prior)(keys))`.
      interval: steps from one update to the next.
      weight: of the penalty.
      decay: how far the running mean moves to that of the batch.
      shrink: the update looks at one of `shrink` examples of the batch, as it takes memory.

    Returns:
      A `Step` with metrics `path_length` (the mean of the batch) and `path_length_penalty`, both 0
      where it does not run.

    Raises:
      ValueError: `interval` or `shrink` is below 1, `shrink` does not divide the batch of a device,
        or `decay` is outside [0, 1].

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """
    check_whole("path_length_step: shrink", shrink)
    check_share("path_length_step: decay", decay)

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        count = jax.tree.leaves(batch["real"])[0].shape[0]
        if count % shrink:
            raise ValueError(f"a batch of {count} on a device can't be shrunk {shrink}-fold")
        part: Batch = jax.tree.map(lambda leaf: leaf[::shrink], batch)
        latent_keys, noise_keys = draw(key, 2, part["real"], axis_name=axis_name)

        def objective(params: PyTree) -> tuple[Array, tuple[Array, Array]]:
            network = Network(state.generator, params, axis_name=axis_name).frozen
            render, latents = path(network, part, latent_keys)
            values = lengths(render, latents, noise_keys)
            mean = jax.lax.stop_gradient(average(jnp.mean(values), axis_name=axis_name))
            moved = state.moving["path_length"] * (1 - decay) + mean * decay
            return interval * weight * jnp.mean(jnp.square(values - moved)), (mean, moved)

        player = state.generator
        (value, (mean, moved)), gradients = value_and_gradients(
            objective, player.params, axis_name=axis_name
        )
        value = average(value, axis_name=axis_name) / interval
        state = state.replace(
            generator=player.apply_gradients(grads=gradients),
            moving={**state.moving, "path_length": moved},
        )
        return state, {"path_length": mean, "path_length_penalty": value}

    return every(interval, step)
