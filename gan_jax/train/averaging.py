"""The generator's averaged parameters."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from gan_jax.train.checks import check_share
from gan_jax.train.state import GANState
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Step

__all__ = ["ema_step", "half_life_decay"]


def ema_step(decay: float | Array | optax.Schedule) -> Step:
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
    if not callable(decay):
        check_share("ema_step: decay", decay)

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


def half_life_decay(
    half_life: float, *, batch_size: int, ramp_up: float | None = 0.05, start: int = 0
) -> optax.Schedule:
    """Make a schedule of `ema_step` from how many images halve the weight of what was.

    `decay = 2^(-batch_size / min(half_life, ramp_up * images seen))`, as in StyleGAN2: early on,
    the average forgets its beginnings sooner.

    Args:
      half_life: in images; StyleGAN2's is 10,000.
      batch_size: real images per step, over all devices.
      ramp_up: share of the images seen so far that the half-life does not exceed; None for the full
        half-life from the start.
      start: the average follows the parameters exactly until this step, as in BigGAN.

    Returns:
      A schedule of the training step.

    Raises:
      ValueError: a number is out of range.

    >>> schedule = half_life_decay(1000, batch_size=100)
    >>> [round(float(schedule(step)), 4) for step in (0, 20, 400)]
    [0.0, 0.5, 0.933]

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """
    lengths = (half_life, 1.0 if ramp_up is None else ramp_up)
    if not (min(lengths) > 0 and max(lengths) < math.inf and batch_size >= 1 and start >= 0):
        raise ValueError(
            "half_life_decay: half_life and ramp_up must be above 0, batch_size at least 1 and "
            f"start at least 0, got {half_life}, {ramp_up}, {batch_size} and {start}"
        )

    def decay(step: Array) -> Array:
        images = jnp.asarray(step, jnp.float32) * batch_size
        span = half_life if ramp_up is None else jnp.minimum(half_life, ramp_up * images)
        # At step 0 nothing was seen: 2^-inf, the parameters themselves.
        kept = jnp.exp2(-batch_size / jnp.maximum(span, jnp.finfo(jnp.float32).tiny))
        return jnp.where(step < start, 0.0, kept)

    return decay
