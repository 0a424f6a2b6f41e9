"""The page on the thousand modes of Stacked MNIST.

    python -m docs.stacked_mnist

`docs/stacked_mnist.md` is the page of `benchmarks/results/stacked_mnist.json`, which `python -m
benchmarks.stacked_mnist` measures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from docs.pages import spread, table, write_page

__all__ = ["PATH", "PUBLISHED", "RESULTS", "Published", "main", "page", "sentence"]

PATH = Path(__file__).with_suffix(".md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "stacked_mnist.json"
MEASURE = "python -m benchmarks.stacked_mnist --json benchmarks/results/stacked_mnist.json"


class Published(NamedTuple):
    """A row of a paper's table, as it stands there.

    Attributes:
      method: what was trained.
      modes: combinations covered.
      kl: divergence from the uniform distribution.
      source: which table.
    """

    method: str
    modes: str
    kl: str
    source: str


_VEEGAN, _PACGAN, _UNROLLED = "VEEGAN, table 2", "PacGAN, table 2", "PacGAN, table 3"
PUBLISHED: Mapping[str, Sequence[Published]] = {
    "26,000 samples": (
        Published("DCGAN", "99", "3.40", _VEEGAN),
        Published("ALI", "16", "5.40", _VEEGAN),
        Published("Unrolled GAN", "48.7", "4.32", _VEEGAN),
        Published("VEEGAN", "150", "2.95", _VEEGAN),
        Published("DCGAN", "78.9 ± 6.46", "4.50 ± 0.127", _PACGAN),
        Published("PacDCGAN2", "1000 ± 0", "0.06 ± 0.003", _PACGAN),
        Published("PacDCGAN3", "1000 ± 0", "0.06 ± 0.003", _PACGAN),
        Published("PacDCGAN4", "1000 ± 0", "0.07 ± 0.005", _PACGAN),
    ),
    "25,600 samples, smaller networks, a discriminator a quarter as large as the generator": (
        Published("DCGAN", "30.6 ± 20.7", "5.99", _UNROLLED),
        Published("Unrolled GAN, 10 steps", "327 ± 75", "4.66", _UNROLLED),
        Published("PacDCGAN4", "667 ± 29", "1.81", _UNROLLED),
    ),
    "25,600 samples, smaller networks, a discriminator half as large": (
        Published("DCGAN", "628 ± 141", "2.58", _UNROLLED),
        Published("Unrolled GAN, 10 steps", "817 ± 38", "1.43", _UNROLLED),
        Published("PacDCGAN3", "867 ± 12", "0.90", _UNROLLED),
    ),
}
HEAD = """# Stacked MNIST: a thousand modes

Made by `python -m docs.stacked_mnist` from
[stacked_mnist.json](../benchmarks/results/stacked_mnist.json); a test keeps it true to that.

Three random digits are the channels of one image: 1,000 combinations, which a generator covers or
does not. A classifier of single digits, trained on the training images of MNIST, says which one a
sample is.

- **modes**: combinations with at least one sample;
- **KL**: of the samples' combinations from the uniform distribution, in nats. N samples of the
  uniform distribution itself have 999 / 2N to expect: 0.0192 for 26,000, 0.0195 for 25,600;
- **real**: the same of as many stacks of test images. Their KL is larger, since digits are not
  equally frequent and the classifier errs: it is what a perfect generator gets.

`metrics.stacked_modes` computes them; training is on 128,000 triples of training images, drawn once
with seed 0 (`gan_jax.data.stacked`).

## Measured here

    {command}

`--recipes` names some of them, `--preset paper` trains for 50 epochs. Means and standard deviations
over the seeds, which are 0, 1, ..., none selected; minutes are of one run, with its evaluation,
on one CPU core with other work beside it.

{measured}

The classifier has {accuracy} of single test digits right. What `small` and `paper` are, and where
they differ from PacGAN's experiment, is said in
[experiments/stacked_mnist.py](../experiments/stacked_mnist.py).

## Published

Copied from the tables of the papers (Srivastava et al., 2017, <https://arxiv.org/abs/1705.07761>;
Lin et al., 2017, <https://arxiv.org/abs/1712.04086>), ± as there. Networks, classifiers and the
draw of the triples differ between papers and from these, so rows compare within a table.

{published}
"""


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Write the page of results.

    Args:
      results: what `stacked_mnist.json` holds, at least one run.

    Returns:
      Markdown.
    """
    tables = [
        f"{protocol}:\n\n" + table(("method", "modes", "KL", "source"), rows)
        for protocol, rows in PUBLISHED.items()
    ]
    accuracies = sorted({f"{row['classifier_accuracy']:.2%}" for row in results})
    heads = ("data", "preset", "recipe", "steps", "samples", "modes", "KL", "real: modes", "KL")
    return HEAD.format(
        command=MEASURE,
        measured=table((*heads, "seeds", "minutes"), _measured(results)),
        accuracy=" or ".join(accuracies),
        published="\n\n".join(tables),
    )


def sentence(results: Sequence[Mapping[str, Any]], *, recipe: str, dataset: str) -> str:
    """Say what a recipe reached in `small`, as `experiments.stacked_mnist` says it.

    Args:
      results: what `stacked_mnist.json` holds.
      recipe: which.
      dataset: what was stacked.

    Returns:
      One sentence.
    """
    asked = (dataset, "small", recipe)
    runs = [run for run in results if (run["dataset"], run["preset"], run["recipe"]) == asked]
    judged = [run["measured"]["26000"] for run in runs]
    modes, divergence = ([one[name] for one in judged] for name in ("modes", "mode_kl"))
    minutes = [run["seconds"] / 60 for run in runs if run["seconds"]]
    return (
        f"`{recipe}` covers {spread(modes, 1)} of the modes at a divergence of "
        f"{spread(divergence, 3)}, after {mean(minutes):.0f} minutes (seeds: {len(runs)})."
    )


def _measured(results: Sequence[Mapping[str, Any]]) -> Iterable[Sequence[str]]:
    """Make a row for the seeds of each recipe and each number of samples."""

    def recipe(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("dataset", "preset", "recipe", "steps"))

    for (data, preset, name, steps), group in groupby(sorted(results, key=recipe), recipe):
        runs = list(group)
        counts = sorted({count for run in runs for count in run["measured"]}, key=int)
        for count in reversed(counts):
            judged = [run["measured"][count] for run in runs if count in run["measured"]]
            seconds = [run["seconds"] for run in runs if run["seconds"]]
            yield (
                data,
                preset,
                name,
                f"{steps:,}",
                f"{int(count):,}",
                spread([one["modes"] for one in judged], 1),
                spread([one["mode_kl"] for one in judged], 3),
                f"{mean(one['modes_of_reals'] for one in judged):.0f}",
                f"{mean(one['mode_kl_of_reals'] for one in judged):.4f}",
                str(len(judged)),
                f"{mean(seconds) / 60:.1f}" if seconds else "",
            )


def main() -> int:
    """Write the page, and return the exit code."""
    return write_page(PATH, page, RESULTS, measure=MEASURE)


if __name__ == "__main__":
    sys.exit(main())
