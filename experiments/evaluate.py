"""Figures of any generated images, from files: however they were made, and of whatever data.

    python -m experiments.evaluate real/ generated/
    python -m experiments.evaluate real.npz generated.npy --extractor pixels --metrics all

REAL and FAKE are each a folder of PNG or JPEG files, or an .npy or .npz file of uint8 [N, H, W, C].
With the default extractor, Inception as used for FID, the Fréchet distance is the FID, the kernel
distance the KID and the inception score itself: to compare with published ones, take 50,000 images
and the same reals. Images of other sizes are resized, and grey ones repeated to three channels.

Beside each figure stands that of real images: of TRAIN against REAL, or else of one half of REAL
against the other, which has fewer images and so a larger Fréchet distance. Where not all images of
a kind are taken, random ones are, always the same.

Reference:
  Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium,
  2017, https://arxiv.org/abs/1706.08500; for the others see `gan_jax.metrics`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from gan_jax.command_line import exit_code, parse, require
from gan_jax.errors import RunError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.metrics import Extractor, Figure, Metric

PROGRAM = "python -m experiments.evaluate"
MetricName = Literal[
    "frechet_distance", "kernel_distance", "inception_score", "precision", "recall", "density",
    "coverage", "sliced_wasserstein", "ms_ssim", "nearest_train_distance", "all",
]  # fmt: skip
USUAL = (
    "frechet_distance", "kernel_distance", "inception_score",
    "precision", "recall", "density", "coverage",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Measure generated images against real ones, from folders or array files."""

    real: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="REAL")]
    """Real images: a folder of PNG or JPEG files, or an .npy or .npz file of uint8 [N, H, W, C]."""
    fake: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FAKE")]
    """Generated images, likewise."""
    train: Path | None = None
    """Other real images, that were trained on: for the floors and the distance to the nearest."""
    metrics: tuple[MetricName, ...] = ()
    """What to measure; all means all that is possible. If not given, all up to coverage."""
    count: int | None = None
    """How many of the generated images, random ones but always the same; all if not given."""
    extractor: Literal["inception", "pixels"] = "inception"
    """What makes features: Inception as used for FID, or the pixels as they are."""
    resize: Literal["tf1-bilinear", "clean-bicubic"] | None = None
    """How images are made as large as Inception's: tf1-bilinear, as FID was first computed, if not
    given, or clean-bicubic, as clean-FID."""
    inception_weights: Path | None = None
    """The published file of Inception's weights; if not given, it is downloaded once."""
    out: Path | None = None
    """A JSON file for the figures."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        count = self.count
        require(count is None or count >= 2, "count", count, "a whole number of at least 2")
        for name in ("inception_weights", "resize"):
            given = getattr(self, name)
            unused = given is not None and self.extractor != "inception"
            require(not unused, name, given, "left out without --extractor inception")


def make_extractor(options: Options) -> Extractor:
    """Make what the options name."""
    from gan_jax import metrics

    if options.extractor == "pixels":
        return metrics.pixel_extractor()
    alternative = "--extractor pixels needs no download"
    weights = metrics.inception_weights(options.inception_weights, alternative=alternative)
    resizes = {resize.name: resize for resize in (metrics.tf1_bilinear, metrics.clean_bicubic)}
    return metrics.inception_extractor(weights, resize=resizes[options.resize or "tf1-bilinear"])


def shapes_of(images: Sequence[np.ndarray]) -> str:
    """Say what shapes images have, for a message.

    >>> import numpy
    >>> shapes_of([numpy.zeros((9, 8, 8, 1)), numpy.zeros((2, 8, 6, 1))])
    '8 x 6 x 1 and 8 x 8 x 1'
    """
    shapes = sorted({" x ".join(map(str, chunk.shape[1:])) for chunk in images})
    return " and ".join(shapes[:2]) + (" and others" if len(shapes) > 2 else "")


def check_shapes(options: Options, images: dict[Path, list[np.ndarray]]) -> bool:
    """Return whether all images are of one shape; refuse others where that is not allowed."""
    if options.extractor == "inception":
        for path, chunks in images.items():
            if odd := [chunk for chunk in chunks if chunk.shape[3] not in (1, 3)]:
                raise UsageError(
                    f"{path} holds images of {shapes_of(odd)}: Inception takes 1 or 3 channels"
                )
    alike = len({chunk.shape[1:] for chunks in images.values() for chunk in chunks}) == 1
    if not alike and options.extractor == "pixels":
        found = "; ".join(f"{path}: {shapes_of(chunks)}" for path, chunks in images.items())
        raise UsageError(
            f"images are of different shapes ({found}): --extractor inception resizes them, "
            "pixels must be of one shape"
        )
    return alike


def choose(options: Options, unmet: Callable[[Metric], str]) -> dict[str, Metric]:
    """Look up what is to be measured, and refuse what can't be."""
    from gan_jax.metrics import METRICS

    if not options.metrics or "all" in options.metrics:
        names = USUAL if not options.metrics else tuple(METRICS)
        return {name: METRICS[name] for name in names if not unmet(METRICS[name])}
    for name in options.metrics:
        if why := unmet(METRICS[name]):
            raise UsageError(f"--metrics {name} {why}")
    return {name: METRICS[name] for name in options.metrics}


def missing(options: Options, alike: bool, metric: Metric) -> str:
    """Say what files a metric needs that are not there."""
    if metric.against == "all train" and options.train is None:
        return "needs --train"
    return "needs images of one shape" if metric.of_pixels and not alike else ""


def measure(options: Options) -> list[Figure]:
    """Load the images and measure them."""
    from gan_jax import metrics
    from gan_jax.compilation import use_compilation_cache
    from gan_jax.metrics.image_files import load_images

    paths = [options.real, options.fake, *([options.train] if options.train else [])]
    images = {path: load_images(path) for path in paths}
    lacks = partial(missing, options, check_shapes(options, images))
    choose(options, lacks)  # before weights are downloaded
    use_compilation_cache()
    extractor = make_extractor(options)
    kinds = dict(zip(("real", "fake", "train"), paths, strict=False))
    real, fake, *train = (
        metrics.Samples(
            kind,
            images[path],
            extractor,
            mixed=False,  # but by file names
            cached=kind != "fake" and options.extractor != "pixels",
            report=print,
        )
        for kind, path in kinds.items()
    )
    if options.count is not None:
        accepted = f"at most the {len(fake)} images in {options.fake}"
        require(options.count <= len(fake), "count", options.count, accepted)
        fake = fake.first(options.count)
    chosen = choose(options, lambda m: lacks(m) or metrics.unmet(m, real, labelled=False))
    figures = metrics.evaluate(fake, real, *train, metrics=chosen, report=print)
    return list(figures.values())


def evaluate(options: Options) -> int:
    """Print the figures, keep them where asked, and return the exit code."""
    from gan_jax import metrics
    from gan_jax.evaluation import figure_table
    from gan_jax.files import atomic_write
    from gan_jax.workdir import check_out, disk_errors_named

    check_out(options.out)
    try:
        figures = measure(options)
    except UsageError:
        raise
    except ValueError as error:
        raise RunError(str(error)) from None
    print("\n".join(figure_table(figures)))
    if options.out is not None:
        with disk_errors_named(options.out.parent), atomic_write(options.out, "w") as file:
            content = {"scores": list(map(metrics.as_json, figures))}
            json.dump(content, file, indent=2, ensure_ascii=False)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    return exit_code(lambda: evaluate(parse(Options, words, program=PROGRAM)))


if __name__ == "__main__":
    sys.exit(main())
