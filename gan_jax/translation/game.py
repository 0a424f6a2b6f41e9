"""Who plays a game that makes images of others, and by which rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optax
    from flax import linen as nn

    from gan_jax.evaluation import Baseline
    from gan_jax.experiment import Translator
    from gan_jax.train import Fake, Shown, TrainState
    from gan_jax.typing import Array, Batch, Step

__all__ = ["Translation", "decayed", "one_by_one", "per_example", "unseen", "untranslated"]


def _as_it_is(batch: Batch) -> Batch:
    return batch


@dataclass(frozen=True)
class Translation:
    """Who plays, and by which rules.

    Attributes:
      generator: makes images of sources.
      discriminator: makes logits of images, or of them beside their sources.
      inputs: what each of the two is initialised by, such as `((sources,), (images,))`.
      fake: how a fake is made in training.
      shown: what the discriminator is shown.
      steps: the updates of one training step.
      optimizers: the generator's and the discriminator's.
      translator: how images are translated after training.
      prepare: makes of a batch of sources and reals the one that `steps` take, if it is another.
      ema: whether the generator keeps an average, which one of the steps moves.
      moving: initial running quantities.
      baseline: what translations are measured beside; None for nothing.
      log_every: steps from one row of metrics to the next.
    """

    generator: nn.Module
    discriminator: nn.Module
    inputs: tuple[tuple[Any, ...], tuple[Any, ...]]
    fake: Fake
    shown: Shown
    steps: Sequence[Step]
    optimizers: tuple[optax.GradientTransformation, optax.GradientTransformation]
    translator: Translator
    prepare: Callable[[Batch], Batch] = _as_it_is
    ema: bool = False
    moving: Mapping[str, Any] = field(default_factory=dict)
    baseline: Baseline | None = None
    log_every: int = 20


def decayed(rate: float, steps: int) -> optax.Schedule:
    """Keep a learning rate for half of the steps, then lower it on a line to 0.

    Args:
      rate: at first.
      steps: training steps.

    Returns:
      An optax schedule.

    Reference:
      Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
      2017, https://arxiv.org/abs/1703.10593
    """
    import optax

    half = steps // 2
    return optax.linear_schedule(rate, 0.0, max(1, steps - half), transition_begin=half)


def per_example(loss: Callable[..., Array], *arrays: Array) -> Array:
    """Average a loss of entries over all of an example.

    Args:
      loss: element by element.
      *arrays: [B, ...] each.

    Returns:
      [B].
    """
    import jax.numpy as jnp

    values = loss(*arrays)
    return jnp.mean(values.reshape(len(values), -1), axis=1)


def one_by_one(generator: TrainState, *inputs: Any, train: bool) -> Any:
    """Apply a generator to each example as if it were alone.

    With statistics of the batch, normalisation is then by each image's own, as in a batch of one,
    and an image is translated alike in any company.

    Args:
      generator: its state; averaged parameters are used where it keeps them.
      *inputs: leaves [B, ...] each.
      train: by each example's own statistics (True) or by running ones (False).

    Returns:
      What the network makes of them, leaves [B, ...].
    """
    import jax

    from gan_jax.train import Network

    averaged = generator.ema_params
    params = generator.params if averaged is None else averaged
    network = Network(generator, params, train=train)

    def one(*example: Any) -> Any:
        made = network.frozen(*jax.tree.map(lambda leaf: leaf[None], example))
        return jax.tree.map(lambda leaf: leaf[0], made)

    return jax.vmap(one)(*inputs)


def unseen(discriminator: Callable[..., Any], sample: Any, batch: Batch) -> Array:
    """Show a discriminator nothing, where a generator is trained by its terms alone; a `Shown`.

    Args:
      discriminator: not asked.
      sample: images [B, H, W, C].
      batch: not looked at.

    Returns:
      Logits of 0, [B].
    """
    import jax.numpy as jnp

    return jnp.zeros(len(sample))


def untranslated() -> Baseline:
    """Measure translations beside their sources as they are.

    Returns:
      A baseline for sources that are as large as what they become.
    """
    from gan_jax.evaluation import Baseline

    return Baseline("source", lambda sources: sources)
