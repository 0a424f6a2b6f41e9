"""Make a trained generator a folder of its own, for those who have JAX and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gan_jax.commands.restoring import Build, load_run
from gan_jax.workdir import check_out, disk_errors_named

__all__ = ["Export", "export"]


@dataclass(frozen=True)
class Export:
    """Write a trained generator as a folder that needs nothing but JAX to sample from.

    `python FOLDER/sample.py` then draws the images that the command sample draws, bit for bit.
    """

    workdir: Path
    """The run's folder."""
    out: Path | None = None
    """The folder to make; WORKDIR/generator if not given."""
    best: bool = False
    """Of the best checkpoint, as the run measured it, instead of the latest."""


def export(options: Export, build: Build) -> int:
    """Write the generator, what draws with it, and what says where it is from.

    Args:
      options: what to write, and where.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, or something is there already where the folder is to be.
      RunError: no checkpoint is good, or the disk is full.
    """
    from gan_jax.export import check_new, export_generator

    folder = options.out or options.workdir / "generator"
    check_new(folder)
    check_out(options.out, folder=True)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    conditional = experiment.config.get("conditional")
    with disk_errors_named(folder.parent):
        export_generator(
            folder,
            generator,
            experiment.sampler,
            experiment.decoder,
            prior=experiment.prior,
            gaussian=experiment.gaussian,
            num_classes=experiment.num_classes if conditional else 0,
            about={
                "experiment": experiment.name,
                "title": experiment.title,
                "config": dict(experiment.config),
                "command": experiment.command,
                "step": step,
            },
        )
    print(f"the generator of step {step}: {folder}")
    print(f"python {folder / 'sample.py'} --count 16 --seed 1 --out samples.png")
    return 0
