"""What the steps that update a player are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.train.gradients import average, gather
from gan_jax.train.priors import example_keys
from gan_jax.train.state import GANState, TrainState
from gan_jax.train.wiring import Shown
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Sample

__all__ = [
    "Augment",
    "Term",
    "accuracy",
    "draw",
    "looking",
    "named",
    "surroundings",
    "total",
    "updated",
]

Term = Callable[..., Array]
Augment = Callable[[PRNGKey, Sample], Sample]


def draw(key: PRNGKey, number: int, sample: Sample, *, axis_name: str | None) -> list[Array]:
    """Split one key into several draws, each with a key per example.

    Args:
      key: the key of one element of a recipe.
      number: how many draws.
      sample: leaves [B, ...], whose first axis counts the examples of this device.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      `number` arrays of keys [B].

    Raises:
      ValueError: there is no example.
    """
    count = jax.tree.leaves(sample)[0].shape[0]
    if not count:
        raise ValueError("a step takes at least one example, and this batch has none")
    return [example_keys(k, count, axis_name=axis_name) for k in jax.random.split(key, number)]


def looking(shown: Shown, augment: Augment | None) -> Callable[..., Array]:
    """Make the function that asks a discriminator what it says of a sample.

    Args:
      shown: what it is shown, see `gan_jax.train.wiring`.
      augment: what is done to each example before, if anything.

    Returns:
      `(discriminator, sample, batch, keys) -> logits`.
    """

    def look(discriminator: Callable[..., Any], sample: Sample, batch: Batch, keys: Array) -> Array:
        seen = sample if augment is None else jax.vmap(augment)(keys, sample)
        return shown(discriminator, seen, batch)

    return look


def accuracy(real_logits: Array, fake_logits: Array) -> Metrics:
    """Report where the logits lie, and how well they tell real from fake.

    Args:
      real_logits: logits of reals.
      fake_logits: logits of fakes.

    Returns:
      Means, shares on the right side of the middle between the means, and `real_sign`, the mean
      sign of the logits of reals, which nears 1 where a discriminator learns its reals by heart.
    """
    real_logit = jnp.mean(real_logits, dtype=jnp.float32)
    fake_logit = jnp.mean(fake_logits, dtype=jnp.float32)
    middle = (real_logit + fake_logit) / 2
    return {
        "real_logit": real_logit,
        "fake_logit": fake_logit,
        "real_accuracy": jnp.mean(real_logits > middle, dtype=jnp.float32),
        "fake_accuracy": jnp.mean(fake_logits < middle, dtype=jnp.float32),
        "real_sign": jnp.mean(jnp.sign(real_logits), dtype=jnp.float32),
    }


def surroundings(
    state: GANState,
    batch: Batch,
    fakes: Sample,
    *,
    discriminator: Callable[..., Any],
    generator: Callable[..., Any],
    look: Callable[..., Array],
    look_keys: Array,
    params: PyTree,
    axis_name: str | None,
) -> dict[str, Any]:
    """Collect what every penalty and term may read, whichever step evaluates it.

    Args:
      state: the game before the step.
      batch: what the step was given.
      fakes: what the generator made of it.
      discriminator: the network as a callable that moves nothing.
      generator: the network as a callable.
      look: what `looking` made.
      look_keys: keys of the augmentation a critic looks through, [B].
      params: the parameters being trained.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      By name: `critic` (`sample -> logits`: the discriminator behind wiring and augmentation),
      `discriminator`, `generator`, `real`, `fake`, `batch`, `step`, `params`, `gather` (joins
      [B, ...] of all devices) and `mixes_examples` (whether the discriminator normalises over the
      batch).
    """
    return {
        "critic": lambda sample: look(discriminator, sample, batch, look_keys),
        "discriminator": discriminator,
        "generator": generator,
        "real": batch["real"],
        "fake": fakes,
        "batch": batch,
        "step": state.step,
        "params": params,
        "gather": partial(gather, axis_name=axis_name),
        "mixes_examples": _normalizes_over_batch(state.discriminator),
    }


def named(functions: Sequence[Term], *, keys: Array, **arguments: Any) -> Metrics:
    """Evaluate penalties or terms, each averaged over the batch.

    Args:
      functions: called by keyword with all the arguments and with keys of its own; each returns
        [B], or what else is to be averaged.
      keys: one per example, [B].
      **arguments: what they are given.

    Returns:
      Their means under their names.

    Raises:
      ValueError: two have the same name.
    """
    values: Metrics = {}
    for index, function in enumerate(functions):
        name = _name(function)
        if name in values:
            raise ValueError(
                f"two terms of one step are called {name!r}: give one another __name__"
            )
        own = jax.vmap(lambda key, index=index: jax.random.fold_in(key, index))(keys)
        values[name] = jnp.mean(function(keys=own, **arguments), dtype=jnp.float32)
    return values


def total(values: Metrics) -> Array:
    """Add up what `named` returned.

    Args:
      values: scalars.

    Returns:
      Their sum, 0 of none.
    """
    return sum(values.values(), start=jnp.zeros(()))


def updated(
    player: TrainState,
    name: str,
    gradients: PyTree,
    model_state: PyTree,
    metrics: Metrics,
    *,
    axis_name: str | None,
) -> tuple[TrainState, Metrics]:
    """Take one gradient step of a player, and complete its metrics.

    Args:
      player: who moves.
      name: what it is called in the metrics.
      gradients: of its objective, the same on all devices.
      model_state: its collections after the passes.
      metrics: of this device.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      The player after its step, and the metrics of all devices.
    """
    # Layers may keep statistics of one device only; counters are the same everywhere.
    model_state = jax.tree.map(
        lambda leaf: (
            average(leaf, axis_name=axis_name) if jnp.issubdtype(leaf.dtype, jnp.inexact) else leaf
        ),
        model_state,
    )
    player = player.apply_gradients(grads=gradients, model_state=model_state)
    metrics = average(metrics, axis_name=axis_name)
    return player, {**metrics, f"{name}_gradient_norm": optax.tree.norm(gradients)}


def _name(function: Term) -> str:
    """Return a function's name; a partial has that of its function unless it was given one."""
    while isinstance(function, partial) and not hasattr(function, "__name__"):
        function = function.func
    return function.__name__


def _normalizes_over_batch(player: TrainState) -> bool:
    """Tell whether a network keeps running means, as batch normalisation does."""
    statistics = jax.tree.leaves_with_path(player.model_state.get("batch_stats", {}))
    return any(getattr(path[-1], "key", None) == "mean" for path, _ in statistics)
