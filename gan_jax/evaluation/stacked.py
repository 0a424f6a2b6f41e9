"""The benchmark of stacked digits: which of the thousand modes a generator covers."""

from __future__ import annotations

from collections.abc import Callable

from gan_jax import data, metrics
from gan_jax.evaluation.request import Benchmark, Request, choose_extractor

__all__ = ["stacked_benchmark"]

_STANDARD = ("modes", "mode_kl", "mode_kl_if_uniform", "frechet_distance", "confident_fraction")


def stacked_benchmark(count: int = 26_000) -> Benchmark:
    """Make the benchmark for data sets of `data.STACKED`.

    Every channel is classified by the classifier of single digits, which is trained on their
    training images the first time and kept in the user's cache folder.

    Args:
      count: how many samples, 26,000 as in VEEGAN and PacGAN, or 25,600 as in PacGAN's comparison
        with unrolled GANs.

    Returns:
      What `classifier_evaluation` is to measure.

    Reference:
      Srivastava et al., VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning,
      2017, https://arxiv.org/abs/1705.07761; Lin et al., PacGAN: The power of two samples in
      generative adversarial networks, 2017, https://arxiv.org/abs/1712.04086
    """
    known = {**metrics.STACKED_METRICS, **metrics.METRICS}
    return Benchmark(_extractor, known, _STANDARD, count, apart=True)


def _extractor(
    request: Request,
    train: data.Dataset,
    test: data.Dataset,
    *,
    report: Callable[[str], None] = print,
) -> metrics.Extractor:
    if request.extractor != "classifier":
        return choose_extractor(request, train, test, report=report)
    name, side = data.STACKED[train.name], train.images.shape[1]
    digits, held_out = (
        data.load(name, split=split, resolution=side, report=report) for split in ("train", "test")
    )
    classifier = metrics.cached_classifier(
        f"{name}-cnn",
        digits.images,
        digits.labels,
        held_out.images,
        held_out.labels,
        digits.num_classes,
        report=report,
    )
    return metrics.stacked_extractor(classifier, channels=train.images.shape[3])
