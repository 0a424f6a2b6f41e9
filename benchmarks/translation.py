"""What each task of image to image comes to, with several seeds.

    python -m benchmarks.translation --json benchmarks/results/translation.json \
        --pictures docs/translation
    python -m benchmarks.translation --tasks outlines larger --seeds 1
    python -m docs.translation

Every run is one of a page in `experiments/` with its default settings, in a folder of its own: one
that is there is gone on with, and one that is over is only read. The figures of
`docs/translation.md` come from here.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from benchmarks.results_file import write_results
from experiments import cyclegan, pix2pix, style_transfer, super_resolution
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError

__all__ = ["TASKS", "Options", "Task", "main", "merged", "outcome"]

PROGRAM = "python -m benchmarks.translation"


class Task(NamedTuple):
    """A task, and how it is played.

    Attributes:
      page: in `experiments/`.
      words: options of the page that are not its defaults.
    """

    page: ModuleType
    words: tuple[str, ...] = ()


TASKS = {
    "outlines": Task(pix2pix),
    "outlines, L1 alone": Task(pix2pix, ("--adversarial-weight", "0")),
    "textures": Task(cyclegan),
    "weights": Task(cyclegan, ("--task", "weights")),
    "style": Task(style_transfer),
    "larger": Task(super_resolution),
    "larger, pixels alone": Task(super_resolution, ("--adversarial-weight", "0")),
}


@dataclass(frozen=True)
class Options:
    """Train the tasks with several seeds, and keep what each came to."""

    tasks: tuple[str, ...] = ()
    """Which to train; all if not given."""
    dataset: Literal["mnist", "fashion_mnist", "digits"] = "mnist"
    """What the tasks are made of."""
    seeds: int = 3
    """Seeds of each, from 0 on."""
    workdir: Path = Path("runs/translation")
    """Folder of the runs' folders."""
    pictures: Path | None = None
    """Folder for the last picture of the first seeds."""
    json: Path | None = None
    """File for the results, an object a run; other runs in it are kept."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "from 1 to 1000")
        for name in self.tasks:
            accepted = f"one of {', '.join(map(repr, TASKS))}"
            require(name in TASKS, "tasks", repr(name), accepted)


def outcome(workdir: Path) -> dict[str, Any]:
    """Read what came of a run that is over.

    Args:
      workdir: its folder.

    Returns:
      Its data set, seed, steps and command, and its figures by name, each with that of real images.

    Raises:
      RunError: nothing was measured of it.
    """
    from gan_jax.evaluation import read_evaluation
    from gan_jax.workdir import read_config

    stored, evaluation = read_config(workdir), read_evaluation(workdir)
    if evaluation is None:
        raise RunError(f"{workdir}: nothing was measured, the same command goes on")
    return {
        **{name: stored["config"][name] for name in ("dataset", "seed")},
        "steps": evaluation.step,
        "command": stored["command"],
        "figures": {figure.metric: [figure.value, figure.floor] for figure in evaluation.figures},
    }


def merged(known: Sequence[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a row among others, in the place of one of the same run.

    How long a run took is known only to whoever did it in one go, and is kept.

    Args:
      known: other rows.
      new: the row.

    Returns:
      All of them, in the order of the tasks.
    """

    def identity(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["dataset"], list(TASKS).index(row["task"]), row["seed"]

    rows = {identity(row): row for row in known}
    seconds = new["seconds"] or rows.get(identity(new), new)["seconds"]
    rows[identity(new)] = {**new, "seconds": seconds}
    return [rows[key] for key in sorted(rows)]


def _play(options: Options, name: str, seed: int) -> dict[str, Any]:
    """Train one run, and read what it came to."""
    task = TASKS[name]
    label = "-".join([options.dataset, *name.replace(",", "").split()])
    workdir = options.workdir / f"{label}-seed{seed}"
    words = ["--dataset", options.dataset, "--seed", str(seed), "--workdir", str(workdir)]
    begun, fresh = time.monotonic(), not workdir.exists()
    words += task.words
    if code := task.page.main(words):
        raise RunError(f"stopped with exit code {code}: {task.page.PAGE.program} {' '.join(words)}")
    took = round(time.monotonic() - begun, 1) if fresh else None
    if options.pictures is not None and seed == 0:
        options.pictures.mkdir(parents=True, exist_ok=True)
        last = max((workdir / "samples").glob("step_*.png"))
        shutil.copyfile(last, options.pictures / f"{label}.png")
    return {"task": name, **outcome(workdir), "seconds": took}


def _run(options: Options) -> int:
    """Train what is asked, and return the exit code."""
    rows: list[dict[str, Any]] = []
    if options.json is not None and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    write_results(options.json, rows)
    for name, seed in itertools.product(options.tasks or tuple(TASKS), range(options.seeds)):
        result = _play(options, name, seed)
        rows = merged(rows, result)
        write_results(options.json, rows)
        print(json.dumps(result["figures"]), flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"translation": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
