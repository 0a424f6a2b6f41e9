"""The page that compares the families.

    python -m docs.families

`docs/families.md` is the page of `benchmarks/results/families.json`, which `python -m
benchmarks.families` measures, together with the pictures in `docs/families/`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from docs.pages import spread, table, write_page

__all__ = ["PATH", "RESULTS", "main", "page", "sentence"]

PATH = Path(__file__).with_suffix(".md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "families.json"
MEASURE = (
    "python -m benchmarks.families --json benchmarks/results/families.json --pictures docs/families"
)
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "digits": "Digits, 8x8"}
MEASURED = ("mnist", "fashion_mnist")
TIMED = "fashion_mnist"
"""The data set on which all families were trained in one go, so that their times compare."""
ABREAST = 4


class Described(NamedTuple):
    """What a family plays.

    Attributes:
      networks: of both players, in a few words.
      game: loss and what regularises it.
    """

    networks: str
    game: str


FAMILIES = {
    "mlp": Described("dense", "relativistic pairing, R1 and R2"),
    "vanilla": Described("dense, maxout", "non-saturating"),
    "dcgan": Described("convolutions, BatchNorm", "non-saturating"),
    "lsgan": Described("convolutions, BatchNorm", "least squares"),
    "wgan, clipping": Described("convolutions, BatchNorm", "Wasserstein, clipped, 5 updates"),
    "wgan, penalty": Described("convolutions", "Wasserstein, gradient penalty, 5 updates"),
    "sngan": Described("residual", "hinge, spectral norm, 5 updates"),
    "sagan": Described("residual, attention", "hinge, spectral norm in both"),
    "biggan": Described("residual, latents at every block", "hinge, spectral norm in both"),
    "stylegan2": Described("styles, skips, residual", "non-saturating, lazy R1"),
    "r3gan": Described("residual, grouped, no norm", "relativistic pairing, R1 and R2"),
}
HEAD = """# The families side by side

Made by `python -m docs.families` from [families.json](../benchmarks/results/families.json); a test
keeps it true to that.

The families of `experiments/`, each with its `small` preset, without labels, on the same data and
for about as long on the same two CPU cores:

    {command}

Distances are Fréchet distances between features of a classifier trained on the same data, 10,000
samples against the 10,000 test images; *real* is that of as many training images to the same test
images, which is what a perfect generator would get. Means and standard deviations are over the
seeds, which are 0, 1, ..., none selected. Samples are of seed 0, not selected either. Precision and
recall are of 3 neighbours in the same features. `mlp` is `experiments.mnist`, here for 8,000 of its
40,000 steps, and `r3gan` takes 800 of its 4,000. The learning rates of `dcgan`, `sngan`, `sagan`,
`biggan` and `wgan` with the penalty are the better of two, chosen on another seed and against
training images.

"After {images:,}" is the distance when the discriminator had seen {images:,} real images, in the
same runs: on the way, with learning rates still high and averages still short; where it is the
distance at the end, a run saw no more.

The same steps took half as long again on some days as on others, so seconds compare within one
table alone. A minute is short, and decides for small networks, which take more steps in it. What it
does not tell is which family is best with a GPU and days.
"""


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the page of results.

    Args:
      rows: what `families.json` holds, at least one run.

    Returns:
      Markdown.
    """
    parts = [HEAD.format(command=MEASURE, images=_early(rows))]
    done = {row["family"] for row in rows}, {row["dataset"] for row in rows}
    missing = [f"`{name}`" for name in FAMILIES if name not in done[0]]
    missing += [TITLES[name] for name in MEASURED if name not in done[1]]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.\n")
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        chosen = [row for row in rows if row["dataset"] == dataset]
        parts += [f"## {TITLES[dataset]}\n", _reached(chosen), _pictures(dataset, chosen)]
    timed = [row for row in rows if row["dataset"] == TIMED] or rows
    return "\n".join([*parts, "## What a step costs\n", _costs(timed)])


def sentence(rows: Sequence[Mapping[str, Any]], *, name: str) -> str:
    """Say what a family reached, as its page in `experiments/` says it.

    Args:
      rows: what `families.json` holds.
      name: of the family.

    Returns:
      One sentence, of all data sets that it was trained on.
    """
    own = [row for row in rows if row["family"] == name]
    parts = []
    for dataset in dict.fromkeys(row["dataset"] for row in own):
        runs = [row for row in own if row["dataset"] == dataset]
        took = f"{median(run['seconds'] for run in runs):.0f} s on {TITLES[dataset]}"
        reached = spread(_values(runs, "frechet_distance"), 1)
        floor = f"real images have {runs[0]['figures']['frechet_distance'][1]:.1f}"
        parts.append(f"of {reached} in {took} ({len(runs)} seeds; {floor})")
    preset = f"`small{_chosen(own[0]['command'])}`"
    return f"On 2 CPU cores {preset} comes to a Fréchet distance {', and '.join(parts)}."


def _chosen(command: str) -> str:
    """Return the options of a command that aren't its data set's."""
    words = command.split()
    chosen = [name for name in ("--bound", "--steps") if name in words]
    return "".join(f" {name} {words[words.index(name) + 1]}" for name in chosen)


def _early(rows: Sequence[Mapping[str, Any]]) -> int:
    """Return after how many images all runs were measured on the way."""
    (images,) = {row["early_steps"] * row["batch_size"] for row in rows}
    return images


def _families(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the runs of each family, the nearest to the reals first."""
    ordered = sorted(rows, key=lambda row: list(FAMILIES).index(row["family"]))
    groups = {name: list(group) for name, group in groupby(ordered, lambda row: row["family"])}
    return dict(sorted(groups.items(), key=lambda item: mean(_values(item[1], "frechet_distance"))))


def _values(runs: Iterable[Mapping[str, Any]], metric: str) -> list[float]:
    return [run["figures"][metric][0] for run in runs]


def _reached(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay out what each family reached."""
    heads = ("family", "networks", "game", f"after {_early(rows):,}", "distance", "times real")
    lines = []
    for name, runs in _families(rows).items():
        distances = _values(runs, "frechet_distance")
        early = [run["early"]["frechet_distance"][0] for run in runs]
        floor = runs[0]["figures"]["frechet_distance"][1]
        lines.append(
            (
                f"`{name}`",
                *FAMILIES[name],
                spread(early, 0),
                spread(distances, 1),
                f"{mean(distances) / floor:.1f}",
                *(spread(_values(runs, metric), 2) for metric in ("precision", "recall")),
                spread(_values(runs, "class_kl"), 3),
                str(len(runs)),
            )
        )
    real = {name: pair[1] for name, pair in rows[0]["figures"].items()}
    fidelity = (f"{real[name]:.2f}" for name in ("precision", "recall"))
    distance = f"{real['frechet_distance']:.2f}"
    lines.append(("*real*", "", "", "", distance, "1", *fidelity, f"{real['class_kl']:.3f}", ""))
    return table((*heads, "precision", "recall", "class KL", "seeds"), lines) + "\n"


def _pictures(dataset: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay out the samples, in the order of the table."""
    names = list(_families(rows))
    tables = []
    for start in range(0, len(names), ABREAST):
        part = names[start : start + ABREAST]
        files = [f"families/{dataset}-{name.replace(', ', '-')}.png" for name in part]
        shown = [f"![Samples of {n}]({f})" for n, f in zip(part, files, strict=True)]
        tables.append(table([f"`{name}`" for name in part], [shown]) + "\n")
    return "\n".join(tables)


def _costs(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay out what each family costs, the cheapest step first, from runs on one data set."""
    lines = []
    for name, runs in _families(rows).items():
        first = runs[0]
        step = median(run["seconds"] / run["steps"] for run in runs)
        lines.append(
            (
                step,
                (
                    f"`{name}`",
                    *(f"{count:,}" for count in first["parameters"]),
                    str(first["batch_size"]),
                    f"{1000 * step:.1f}",
                    f"{first['steps']:,}",
                    f"{median(run['seconds'] for run in runs):.0f}",
                    f"{median(run['start_seconds'] for run in runs):.0f}",
                    f"{max(run['megabytes'] for run in runs):,}",
                ),
            )
        )
    heads = ("family", "parameters: generator", "discriminator", "images", "ms", "steps", "seconds")
    told = f"""
Medians over the runs on {TITLES[rows[0]["dataset"]]}, which were one after another on one machine:
real images that a step takes, all updates of the discriminator together; milliseconds of a step;
steps and seconds of training; seconds from a settled experiment to the end of its first steps,
compilation included unless the program was found compiled; the largest resident memory of the
process, in MB.
"""
    lines.sort(key=lambda line: line[0])
    return table((*heads, "start", "MB"), [cells for _, cells in lines]) + "\n" + told


def main() -> int:
    """Write the page, and return the exit code."""
    return write_page(PATH, page, RESULTS, measure=MEASURE)


if __name__ == "__main__":
    sys.exit(main())
