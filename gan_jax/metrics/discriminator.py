"""What a discriminator remembers of the images that it was trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.metrics.checks import real_numbers

__all__ = ["OverfittingGap", "overfitting_gap"]


class OverfittingGap(NamedTuple):
    """How much more a discriminator believes in reals it has seen than in others.

    Attributes:
      logits: the mean logit of the reals it was trained on less that of held-out ones.
      accuracy: the same of the fraction of reals with a logit above 0; None where all logits are,
        or none is, as with relativistic losses, which leave the border between real and fake free.
    """

    logits: float
    accuracy: float | None


def overfitting_gap(train_logits: ArrayLike, test_logits: ArrayLike) -> OverfittingGap:
    """Return how far a discriminator tells the reals it was trained on from held-out ones.

    `mean D(train) - mean D(test)`, about 0 for one that has learnt the distribution and not its
    samples. Take the logits without augmentation, and with the same network: that of its running
    averages where it has any. The scale of a critic's logits is its own; the accuracy is for losses
    that put the border between real and fake at 0.

    Args:
      train_logits: of reals that were trained on, [N] or patch maps [N, ...].
      test_logits: of held-out reals, [M] or [M, ...].

    Returns:
      The gaps, of the means over samples and places.

    Raises:
      ValueError: there are no logits, or some are not finite.

    Example:
      >>> overfitting_gap([3.0, 1.0], [2.0, -1.0])
      OverfittingGap(logits=1.5, accuracy=0.5)

    Reference:
      Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018,
      https://arxiv.org/abs/1809.11096
    """
    train, test = _as_logits("train", train_logits), _as_logits("test", test_logits)
    above = np.mean(train > 0), np.mean(test > 0)
    one_sided = set(above) in ({0.0}, {1.0})
    accuracy = None if one_sided else float(above[0] - above[1])
    return OverfittingGap(float(train.mean() - test.mean()), accuracy)


def _as_logits(name: str, logits: ArrayLike) -> np.ndarray:
    logits = real_numbers(f"the {name} logits", logits).astype(np.float64)
    if not logits.size:
        raise ValueError(f"there are no {name} logits to compare")
    if not np.isfinite(logits).all():
        raise ValueError(f"the {name} logits hold NaN or infinity")
    return logits
