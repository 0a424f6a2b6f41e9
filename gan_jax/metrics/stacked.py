"""Judge stacks of digits, a digit in each channel, by a classifier of single digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
from scipy.special import log_softmax

from gan_jax.metrics.classes import class_kl_bias
from gan_jax.metrics.classifier import Classifier, classify
from gan_jax.metrics.entries import Metric
from gan_jax.metrics.extractors import BatchExtractor, Extracted
from gan_jax.metrics.modes import StackedModes, stacked_modes
from gan_jax.metrics.samples import Samples

__all__ = ["STACKED_METRICS", "stacked_extractor"]


def stacked_extractor(classifier: Classifier, *, channels: int = 3) -> BatchExtractor:
    """Classify each channel of an image by itself.

    Features are those of the channels, one after the other. Logits are of all combinations of
    classes, `log p(a, b, c) = log p(a) + log p(b) + log p(c)`, in the order of the numbers that the
    classes are the digits of: the likeliest combination is that of the likeliest classes.

    Args:
      classifier: of images of one channel, with K classes.
      channels: S.

    Returns:
      An extractor of images [N, H, W, S], with `K^S` classes. Its `test_accuracy` is the
      classifier's, of single digits.

    Raises:
      ValueError: the classifier's images have more than one channel.
    """
    height, width, depth = classifier.image_shape
    if depth != 1:
        raise ValueError(f"{classifier.name} must classify one channel by itself, not {depth}")
    shape = (height, width, channels)

    def extract(images: np.ndarray) -> Extracted:
        parts = [classify(classifier, images[..., i : i + 1]) for i in range(channels)]
        logits = reduce(_all_sums, [log_softmax(logits, axis=1) for _, logits in parts])
        return Extracted(np.concatenate([features for features, _ in parts], axis=1), logits)

    return BatchExtractor(
        name=f"{classifier.name}/{classifier.digest}/each of {channels} channels",
        images=f"[N, {', '.join(map(str, shape))}]",
        accepts=lambda found: found == shape,
        extract=extract,
        batch_size=512,
        test_accuracy=classifier.test_accuracy,
    )


def _all_sums(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return all sums of a number of one row and one of the other, [N, I] and [N, J] to [N, I J].

    >>> _all_sums(np.array([[1, 2]]), np.array([[10, 20]])).tolist()
    [[11, 21, 12, 22]]
    """
    return (first[:, :, None] + second[:, None, :]).reshape(len(first), -1)


def _stacked(samples: Samples) -> StackedModes:
    channels = samples.images.shape[-1]
    classes = round(samples.logits.shape[1] ** (1 / channels))
    predictions = np.unravel_index(samples.classes, (classes,) * channels)
    return stacked_modes(np.stack(predictions, axis=1), num_classes=classes)


def _uniform(samples: Samples) -> float:
    return class_kl_bias(samples.logits.shape[1], len(samples))


STACKED_METRICS: Mapping[str, Metric] = {
    "modes": Metric(_stacked, better="higher", needs="classes", biased=True, field="modes"),
    "mode_kl": Metric(
        _stacked, better="lower", needs="classes", biased=True, field="kl", unit="nats"
    ),
    "mode_kl_if_uniform": Metric(_uniform, needs="classes", biased=True, unit="nats"),
}
"""Of stacks: the combinations covered, their divergence from the uniform distribution, and what
that is to expect of as many samples of it, `(K^S - 1) / 2N`. Real stacks have a little more, since
digits are not equally frequent."""
