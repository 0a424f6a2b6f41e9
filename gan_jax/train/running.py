"""Steps that depend on the state, and running quantities that follow what a step reports.

`state_dependent` makes a step anew from the (traced) state at every training step, so anything
that a recipe takes as a number can follow a schedule or a running quantity: a loss's balance, an
augmentation's probability, the scale of a noise. `with_running` keeps those quantities, in
`state.moving`, where checkpoints find them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from gan_jax.train.checks import check_share, check_whole
from gan_jax.train.state import GANState
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, Step

__all__ = [
    "Update",
    "running_average",
    "running_balance",
    "running_probability",
    "state_dependent",
    "with_running",
]

Update = Callable[[Mapping[str, Array], Metrics, Array], Mapping[str, Array]]
"""`(moving, metrics, step) -> the quantities that change`."""


def state_dependent(make: Callable[[GANState], Step]) -> Step:
    """Make a step out of the state it is about to change.

    Args:
      make: `state -> step`; what it reads is traced, so `state.step` may enter a schedule and
        `state.moving["name"]` a formula, but neither may decide which Python code runs.

    Returns:
      A `Step`. Here the noise on all that the discriminator sees fades over 10,000 steps:

        state_dependent(lambda state: discriminator_step(
            loss, fake, augment=instance_noise(optax.linear_schedule(0.1, 0, 10_000)(state.step))))
    """

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        return make(state)(state, batch, key, axis_name=axis_name)

    return step


def with_running(step: Step, *updates: Update) -> Step:
    """Run a step, then move running quantities by what it reported.

    Args:
      step: what to run.
      *updates: how the quantities move, e.g. `running_average`; each sees the work of those before.

    Returns:
      A `Step` whose metrics are those of `step`, and each quantity under its name with `running_`
      before it. Where a step runs now and then, `every` goes around this, not into it: it reports
      zeros in between.

    Raises:
      ValueError: a quantity has no initial value in `state.moving`.
    """

    def run(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        state, metrics = step(state, batch, key, axis_name=axis_name)
        changed: dict[str, Array] = {}
        for update in updates:
            moving = _Named({**state.moving, **changed})
            changed |= update(moving, metrics, state.step)
        changed = {name: value.astype(state.moving[name].dtype) for name, value in changed.items()}
        reported = {f"running_{name}": value for name, value in changed.items()}
        return state.replace(moving={**state.moving, **changed}), {**metrics, **reported}

    return run


def running_average(decay: float | optax.Schedule, *names: str) -> Update:
    """Average metrics over the steps, as LeCam regularisation wants of the mean logits.

    `average <- decay * average + (1 - decay) * metric`

    Args:
      decay: in [0, 1], 0.99 in the paper, or a schedule of the training step: at 0 the average is
        the metric itself, as LeCam's code has it while it warms up.
      *names: metrics of the step, and the names of their averages in `state.moving`.

    Returns:
      An `Update`.

    Raises:
      ValueError: `decay` is a number outside [0, 1].

    Reference:
      Tseng et al., Regularizing Generative Adversarial Networks under Limited Data, 2021,
      https://arxiv.org/abs/2104.03310
    """
    if not callable(decay):
        check_share("running_average: decay", decay)

    def update(moving: Mapping[str, Array], metrics: Metrics, step: Array) -> dict[str, Array]:
        keep = decay(step) if callable(decay) else decay
        return {name: keep * moving[name] + (1 - keep) * metrics[name] for name in names}

    return update


def running_balance(rule: Callable[[Array, Array, Array], Array]) -> Update:
    """Keep the balance of a boundary equilibrium GAN, as `state.moving["balance"]`.

    `balance <- rule(balance, real_logit, fake_logit)`

    Args:
      rule: `losses.began_balance`, or a partial of it.

    Returns:
      An `Update` that reads the mean logits a discriminator step reports.

    Reference:
      Berthelot et al., BEGAN: Boundary Equilibrium Generative Adversarial Networks, 2017,
      https://arxiv.org/abs/1703.10717
    """

    def update(moving: Mapping[str, Array], metrics: Metrics, step: Array) -> dict[str, Array]:
        return {"balance": rule(moving["balance"], metrics["real_logit"], metrics["fake_logit"])}

    return update


def running_probability(rule: Callable[..., Array], *, interval: int = 4) -> Update:
    """Adapt an augmentation's probability to how far the discriminator overfits its reals.

    `probability <- rule(probability, mean of real_sign over the interval)`, every `interval`
    training steps, which are counted by the state: it goes around a `repeat`, not into it.

    Args:
      rule: called `(probability, real_sign, interval=interval)`: `augment.adapt_probability` with
        the batch size filled in, or what does as much.
      interval: steps from one adaptation to the next.

    Returns:
      An `Update` of `state.moving["augment_probability"]`, which also averages
      `state.moving["real_sign"]`; both start at 0.

    Raises:
      ValueError: `interval` is below 1.

    Reference:
      Karras et al., Training Generative Adversarial Networks with Limited Data, 2020,
      https://arxiv.org/abs/2006.06676
    """
    check_whole("running_probability: interval", interval)

    def update(moving: Mapping[str, Array], metrics: Metrics, step: Array) -> dict[str, Array]:
        seen = step % interval
        sign = moving["real_sign"] + (metrics["real_sign"] - moving["real_sign"]) / (seen + 1)
        probability = moving["augment_probability"]
        adapted = rule(probability, sign, interval=interval)
        probability = jnp.where(seen == interval - 1, adapted, probability)
        return {"augment_probability": probability, "real_sign": sign}

    return update


class _Named(dict[str, jax.Array]):
    """Running quantities that say what is missing, and how it gets there."""

    def __missing__(self, name: str) -> Array:
        raise ValueError(
            f"state.moving has no {name!r}: create the state with moving={{{name!r}: ...}}"
        )
