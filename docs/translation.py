"""The page on making images of others.

    python -m docs.translation

`docs/translation.md` is the page of `benchmarks/results/translation.json`, which `python -m
benchmarks.translation` measures, together with the pictures in `docs/translation/`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from docs.pages import spread, table, write_page

__all__ = ["PATH", "RESULTS", "SAID", "main", "page", "sentence"]

PATH = Path(__file__).with_suffix(".md")
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results" / "translation.json"
MEASURE = (
    "python -m benchmarks.translation --json benchmarks/results/translation.json "
    "--pictures docs/translation"
)
Rows = Sequence[Mapping[str, Any]]

HEAD = """# From image to image

Made by `python -m docs.translation` from
[translation.json](../benchmarks/results/translation.json); a test keeps it true to that.

Tasks made of MNIST, each with its page's `small` preset on one core of a CPU, beside other work:

    {command}

Figures are of all 10,000 test images, or of the half of them that are sources where there are no
pairs. Means and standard deviations are over the seeds, which are 0, 1, ..., none selected. *Label
agreement* says how many translations are still of their source's class, by a classifier of the
target's images; *Fréchet distance* is that of its features to those of all targets. Beside each
stands what a source is worth as it is, and what real images have: for the Fréchet distance, as many
training images. Where there are pairs, each translation is compared with its own target among the
others, and can come nearer than training images do.
"""
PAIRED = (
    ("l1_distance", 4), ("psnr", 2), ("ssim", 3), ("sharpness", 4), ("label_agreement", 3),
    ("frechet_distance", 2),
)  # fmt: skip
UNPAIRED = (("frechet_distance", 2), ("label_agreement", 3), ("cycle_error", 4))
SECTIONS = (
    (
        "## Outlines to digits: Pix2Pix",
        "Pairs. `L1 alone` has no critic: an outline leaves so little open that it comes as far. "
        "Sharpness and label agreement of real images are those of the targets.",
        ("outlines", "outlines, L1 alone"),
        "source",
        PAIRED,
    ),
    (
        "## Four times larger: super-resolution",
        "Pairs, from 7x7 to 28x28. The generator of `larger` learns pixels alone for three "
        "quarters of the steps, then the critic joins: its images are as sharp as real ones and, "
        "all together, nearer to them, at the price of about 1 dB. The rates, the critic's weight "
        "and when it joins were chosen on seed 100, against training images.",
        ("larger", "larger, pixels alone"),
        "bicubic",
        PAIRED,
    ),
    (
        "## Without pairs: CycleGAN",
        "`textures`: light strokes on dark grain become dark on light stripes. `weights`: thin "
        "strokes become bold. `style`: plain digits become dark on light stripes, by "
        "`experiments.style_transfer`. It has no identity term, which was chosen by one run of "
        "seed 100; with it, of weight 5, seed 0 kept 64 % of the classes.",
        ("textures", "weights", "style"),
        "source",
        UNPAIRED,
    ),
)
NAMES = {
    "l1_distance": "L1", "psnr": "PSNR, dB", "ssim": "SSIM", "sharpness": "sharpness",
    "label_agreement": "label agreement", "frechet_distance": "Fréchet distance",
    "cycle_error": "cycle error",
}  # fmt: skip

# What a page in `experiments/` says of its task, and beside it what the baseline has.
SAID = {
    "outlines": ("source", "ssim", "label_agreement"),
    "outlines, L1 alone": ("source", "ssim", "label_agreement"),
    "larger": ("bicubic", "psnr", "sharpness", "frechet_distance"),
    "larger, pixels alone": ("bicubic", "psnr", "sharpness", "frechet_distance"),
    "textures": ("source", "frechet_distance", "label_agreement"),
    "weights": ("source", "frechet_distance", "label_agreement"),
    "style": ("source", "frechet_distance", "label_agreement"),
}


def page(rows: Rows) -> str:
    """Write the page of results.

    Args:
      rows: what `translation.json` holds, at least one run.

    Returns:
      Markdown.
    """
    parts = [HEAD.format(command=MEASURE)]
    for title, text, tasks, baseline, figures in SECTIONS:
        chosen = {name: [row for row in rows if row["task"] == name] for name in tasks}
        chosen = {name: runs for name, runs in chosen.items() if runs}
        if chosen:
            parts += [f"{title}\n", f"{text}\n", _table(chosen, baseline, figures), _shown(chosen)]
    return "\n".join(parts)


def sentence(rows: Rows, *, task: str) -> str:
    """Say what a task came to, as its page in `experiments/` says it.

    Args:
      rows: what `translation.json` holds.
      task: a task of `SAID`.

    Returns:
      One sentence.
    """
    runs = [row for row in rows if row["task"] == task]
    baseline, *metrics = SAID[task]
    digits = dict((*PAIRED, *UNPAIRED))
    parts = []
    for metric in metrics:
        found, count = [run["figures"][metric] for run in runs], digits[metric]
        beside = runs[0]["figures"].get(f"{baseline}_{metric}", (None,))[0], found[0][1]
        named = [
            f"{name} {value:.{count}f}"
            for name, value in zip((baseline, "real"), beside, strict=True)
            if value is not None
        ]
        value = spread([value for value, _ in found], count)
        name, *unit = NAMES[metric].split(", ")
        parts.append(" ".join([name, value, *unit]) + f" ({', '.join(named)})" * bool(named))
    minutes = median(run["seconds"] for run in runs) / 60
    seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"
    return f"`{task}` of MNIST on one CPU core, {minutes:.1f} minutes, {seeds}: {'; '.join(parts)}."


def _table(chosen: Mapping[str, Rows], baseline: str, figures: Sequence[tuple[str, int]]) -> str:
    """Lay out what each task came to, and below it the baselines and the reals."""
    lines = []
    for name, runs in chosen.items():
        cells = [
            spread([run["figures"][metric][0] for run in runs], digits)
            for metric, digits in figures
        ]
        minutes = median(run["seconds"] for run in runs) / 60
        lines.append((f"`{name}`", *cells, f"{minutes:.1f}", str(len(runs))))
    told = set()
    for name, runs in chosen.items():
        found = runs[0]["figures"]
        plain = [_one(found.get(f"{baseline}_{metric}"), 0, digits) for metric, digits in figures]
        real = [_one(found.get(metric), 1, digits) for metric, digits in figures]
        several = baseline == "source" and len(chosen) > 1
        for what, cells in ((baseline, plain), ("real", real)):
            if tuple(cells) not in told:
                of = f" of `{name}`" if several else ""
                lines.append((f"*{what}*{of}", *cells, "", ""))
                told.add(tuple(cells))
    heads = [NAMES[metric] for metric, _ in figures]
    return table(("task", *heads, "minutes", "seeds"), lines) + "\n"


def _one(pair: Sequence[float | None] | None, place: int, digits: int) -> str:
    value = None if pair is None else pair[place]
    return "" if value is None else f"{value:.{digits}f}"


def _shown(chosen: Mapping[str, Rows]) -> str:
    """Show the last picture of each first seed."""
    shown = []
    for name, runs in chosen.items():
        label = "-".join([runs[0]["dataset"], *name.replace(",", "").split()])
        third = "what it should be" if "psnr" in runs[0]["figures"] else "the way back"
        shown.append(
            f"`{name}`: source, translation, {third}.\n\n![{name}](translation/{label}.png)\n"
        )
    return "\n".join(shown)


def main() -> int:
    """Write the page, and return the exit code."""
    return write_page(PATH, page, RESULTS, measure=MEASURE)


if __name__ == "__main__":
    sys.exit(main())
