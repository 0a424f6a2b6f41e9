"""What each figure says of generators that fail in known ways, made from real images.

    python -m docs.failures
    python -m docs.failures --dataset digits --out /tmp/failures

A collapsed, a memorising and a noisy generator are measured against held-out reals, beside fresh
reals: what a perfect generator would get. `docs/failures.md` is the page of `docs/failures.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gan_jax.command_line import Command, require, run

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.data import Dataset
    from gan_jax.metrics import Extracted, Extractor

__all__ = [
    "FIGURES",
    "PATH",
    "SENTENCES",
    "Options",
    "Sets",
    "main",
    "make_sets",
    "measure",
    "page",
]

PROGRAM = "python -m docs.failures"
PATH = Path(__file__).with_suffix(".md")
NOISE = 0.2
SETS = ("reals", "collapsed", "memorising", "noisy")


class _Column(NamedTuple):
    """How a figure is shown, and how far it must be from that of fresh reals to tell a failure."""

    title: str
    form: str
    tells: float


FIGURES = {
    "frechet_distance": _Column("Fréchet distance", ".2f", 5.0),
    "kernel_distance": _Column("kernel distance", ".2f", 1.0),
    "inception_score": _Column("inception score", ".2f", 1.0),
    "precision": _Column("precision", ".2f", 0.1),
    "recall": _Column("recall", ".2f", 0.1),
    "density": _Column("density", ".2f", 0.2),
    "coverage": _Column("coverage", ".2f", 0.1),
    "pixel_precision": _Column("precision, pixels", ".2f", 0.1),
    "pixel_recall": _Column("recall, pixels", ".2f", 0.1),
    "class_kl": _Column("KL of classes, nats", ".3f", 0.1),
    "nearest_train_distance": _Column("distance to train", ".2f", 0.4),
    "ms_ssim": _Column("MS-SSIM", ".3f", 0.1),
}
SENTENCES = {
    "collapsed": """**Collapsed**: images of one class only.
Recall ({recall:.2f}), coverage ({coverage:.2f}), the KL of classes ({class_kl:.2f} nats) and the
inception score ({inception_score:.2f}) tell it, and images are more like each other (MS-SSIM
{ms_ssim:.2f}). Precision ({precision:.2f}) sees nothing: every image is a good one. Its distance to
train, {nearest_train_distance:.2f}, is that of the class, and compares with no other's.""",
    "memorising": """**Memorising**: copies of training images.
Only the distance to the nearest training image tells it: {nearest_train_distance:.2f}, where fresh
reals have {floor[nearest_train_distance]:.2f}. To all that compares distributions they are as good
as fresh reals: the Fréchet distance is {frechet_distance:.2f}, that of fresh reals
{floor[frechet_distance]:.2f}.""",
    "noisy": """**Noisy**: fresh reals with Gaussian noise.
What tells it depends on the features. In pixels precision falls to {pixel_precision:.2f} (fresh:
{floor[pixel_precision]:.2f}), and images are farther from train. The classifier was never shown
noise, and its features shrink: precision ({precision:.2f}) sees little, recall ({recall:.2f}),
coverage ({coverage:.2f}) and the Fréchet distance ({frechet_distance:.2f}) do. The KL of classes
({class_kl:.3f} nats) sees nothing.""",
}
HEAD = """# How the figures tell failures apart

Made by `{command}`; a test keeps it true to
[failures.json](failures.json).

Three generators that fail on purpose, and fresh reals, which no generator can be better than:
{count:,} images each, against {reals:,} other held-out images of {dataset}. Features and classes
are those of `{extractor}`, right on {accuracy:.1%} of held-out images, but where it
says pixels; so are the distance to the nearest of {train:,} training images and MS-SSIM. In bold:
what differs enough from fresh reals to tell a failure.
"""
TAIL = """
![Fourteen samples of each, in the table's order](failures/samples.png)

The collapsed generator: most reals have no fake near them.

![Precision and recall of the collapsed generator](failures/collapsed.png)

The memorising generator: its samples are their own nearest training images.

![Samples of the memorising generator and their nearest training images](failures/memorising.png)

The noisy generator, in the classifier's features: they shrink towards the middle.

![Precision and recall of the noisy generator](failures/noisy.png)

Precision and recall are of 3 neighbours, density and coverage of 5; the kernel distance is the mean
over 100 subsets. The collapsed generator repeats its images, as one that has collapsed does, so its
balls have no radius and recall is 0; of its images without repeats it is {distinct_recall:.2f}.
"""


@dataclass(frozen=True)
class Options:
    """Measure generators that fail on purpose, and write the page that compares them."""

    dataset: Literal["mnist", "fashion_mnist", "digits"] = "mnist"
    """Data set."""
    label: int = 1
    """The class that the collapsed generator makes."""
    seed: int = 0
    """Seed of the draws and of the noise."""
    out: Path = PATH.parent
    """Folder for failures.md, failures.json and the pictures; needed where an option is changed."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.label < 10, "label", self.label, "from 0 to 9")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")
        accepted = (
            f"another folder: with {' '.join(self.changed)} the page is not the committed one"
        )
        elsewhere = self.out.resolve() != PATH.parent.resolve()
        require(elsewhere or not self.changed, "out", self.out, accepted)

    @property
    def changed(self) -> list[str]:
        """What decides the figures and is not as for the committed page, as on a command line."""
        chosen = ("dataset", self.dataset), ("label", self.label), ("seed", self.seed)
        return [f"--{name} {value}" for name, value in chosen if value != getattr(Options, name)]


class Sets(NamedTuple):
    """The images that are compared.

    Attributes:
      train: what generators and the classifier are trained on, uint8 [T, H, W, C].
      reals: held-out images that all are measured against, [N, H, W, C].
      fakes: the sets that are measured, by name, each about [N, H, W, C].
    """

    train: np.ndarray
    reals: np.ndarray
    fakes: dict[str, np.ndarray]


def make_sets(train: Dataset, test: Dataset, *, label: int, seed: int) -> Sets:
    """Make the failing generators' images.

    Args:
      train: the training split.
      test: the held-out split; one half is measured against, the other is fresh reals.
      label: the class that the collapsed generator makes.
      seed: of the draws and of the noise.

    Returns:
      The sets; fakes `"reals"` are the fresh ones.
    """
    import numpy as np

    stream = np.random.RandomState(seed)
    order = stream.permutation(len(test.images))
    half = len(order) // 2
    fresh, labels = test.images[order[half:]], test.labels[order[half:]]
    noise = stream.normal(scale=255 * NOISE, size=fresh.shape)
    fakes = {
        "reals": fresh,
        "collapsed": stream.permutation(np.resize(fresh[labels == label], fresh.shape)),
        "memorising": train.images[stream.permutation(len(train.images))[: len(fresh)]],
        "noisy": np.clip(np.rint(fresh + noise), 0, 255).astype(np.uint8),
    }
    return Sets(train.images, test.images[order[:half]], fakes)


def measure(sets: Sets, extractor: Extractor) -> dict[str, dict[str, float]]:
    """Take all figures of each set.

    Args:
      sets: the images.
      extractor: of features and logits of classes.

    Returns:
      The figures by name, for each set by its name.
    """
    real = extractor(sets.reals)
    return {name: _figures(sets, images, real, extractor) for name, images in sets.fakes.items()}


def _figures(
    sets: Sets, images: np.ndarray, real: Extracted, extractor: Extractor
) -> dict[str, float]:
    import numpy as np

    from gan_jax import metrics

    fake = extractor(images)
    size = min(1000, len(images), len(sets.reals))
    classes = [_classes(extracted) for extracted in (fake, real)]
    pixels = metrics.pixel_extractor()
    in_pixels = metrics.precision_recall(pixels(sets.reals).features, pixels(images).features)
    near = metrics.nearest_distances(images[:1000], sets.train)
    return {
        "frechet_distance": metrics.frechet_feature_distance(fake.features, real.features),
        "kernel_distance": metrics.kernel_distance(
            fake.features, real.features, subset_size=size
        ).mean,
        "inception_score": metrics.inception_score(_logits(fake)).mean,
        **metrics.precision_recall(real.features, fake.features)._asdict(),
        **metrics.density_coverage(real.features, fake.features)._asdict(),
        **{f"pixel_{name}": value for name, value in in_pixels._asdict().items()},
        "class_kl": metrics.class_kl(*classes),
        "nearest_train_distance": float(np.median(near)),
        "ms_ssim": metrics.pairwise_ms_ssim(images, pairs=1000),
    }


def _logits(extracted: Extracted) -> np.ndarray:
    assert extracted.logits is not None
    return extracted.logits


def _classes(extracted: Extracted) -> np.ndarray:
    from gan_jax import metrics

    logits = _logits(extracted)
    return metrics.class_histogram(logits.argmax(axis=1), logits.shape[1])


def page(results: Mapping[str, Any]) -> str:
    """Write the page of results.

    Args:
      results: what `failures.json` holds.

    Returns:
      Markdown.
    """
    figures = results["figures"]
    floor = figures["reals"]
    lines = [HEAD.format(**results["conditions"]), _row("figure", "fresh reals", *SETS[1:])]
    lines.append("|---" * (1 + len(SETS)) + "|")
    for name, column in FIGURES.items():
        cells = []
        for kind in SETS:
            value = figures[kind][name]
            mark = "**" if abs(value - floor[name]) > column.tells else ""
            cells.append(f"{mark}{value:{column.form}}{mark}")
        lines.append(_row(column.title, *cells))
    for kind, sentence in SENTENCES.items():
        lines += ["", sentence.format(**figures[kind], floor=floor)]
    return "\n".join(lines) + "\n" + TAIL.format(**results["conditions"])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _draw(sets: Sets, extractor: Extractor, folder: Path) -> None:
    """Draw samples of each set, and of each failure what shows it best."""
    import numpy as np

    from gan_jax import metrics, report

    rows = np.concatenate([images[:14] for images in sets.fakes.values()])
    scale = report.display_scale(rows.shape[1])
    report.save_png(folder / "samples.png", report.image_grid(rows, columns=14, scale=scale))
    real = extractor(sets.reals).features
    for name in ("collapsed", "noisy"):
        fake = extractor(sets.fakes[name]).features
        overlap = metrics.manifold_overlap(real, fake)
        report.draw_scatter(
            real,
            fake,
            folder / f"{name}.png",
            real_inside=overlap.reals_inside,
            fake_inside=overlap.fakes_inside,
            most=800,
        )
    copies, fresh = (sets.fakes[name][:1000] for name in ("memorising", "reals"))
    found = metrics.nearest_neighbours(copies, sets.train)
    floor = float(np.median(metrics.nearest_distances(fresh, sets.train)))
    report.draw_neighbours(
        copies,
        sets.train[found.indices[:, 0]],
        found.distances[:, 0] / 255,
        folder / "memorising.png",
        floor=floor,
    )


def _run(options: Options) -> int:
    """Measure, draw, write, and return the exit code."""
    import numpy as np

    from gan_jax import data, metrics
    from gan_jax.files import atomic_write

    train, test = (data.load(options.dataset, split=split) for split in ("train", "test"))
    arrays = train.images, train.labels, test.images, test.labels
    judge = metrics.cached_classifier(f"{train.name}-cnn", *arrays, train.num_classes)
    extractor = metrics.classifier_extractor(judge)
    sets = make_sets(train, test, label=options.label, seed=options.seed)
    distinct = np.unique(sets.fakes["collapsed"], axis=0)
    conditions = {
        "command": " ".join([PROGRAM, *options.changed]),
        "dataset": options.dataset,
        "count": len(sets.fakes["reals"]),
        "reals": len(sets.reals),
        "train": len(sets.train),
        "extractor": extractor.name,
        "accuracy": judge.test_accuracy,
        "distinct_recall": metrics.precision_recall(
            extractor(sets.reals).features, extractor(distinct).features
        ).recall,
    }
    results = {"conditions": conditions, "figures": measure(sets, extractor)}
    _draw(sets, extractor, options.out / "failures")
    with atomic_write(options.out / "failures.json", "w") as file:
        file.write(json.dumps(results, indent=1) + "\n")
    with atomic_write(options.out / "failures.md", "w") as file:
        file.write(page(results))
    print(page(results))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"failures": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
