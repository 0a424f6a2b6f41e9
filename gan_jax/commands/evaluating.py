"""Measure a trained generator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax.command_line import require
from gan_jax.commands.restoring import Build, restore_players
from gan_jax.errors import RunError, UsageError
from gan_jax.workdir import check_out, disk_errors_named

if TYPE_CHECKING:
    from gan_jax.evaluation import Evaluation, Request
    from gan_jax.experiment import Experiment

__all__ = ["BestMetric", "Evaluate", "MetricName", "PairedName", "evaluate"]

# Spelled out, as help is to load nothing heavy.
BestMetric = Literal[
    "frechet_distance", "classes_covered", "class_kl", "confident_fraction", "label_agreement",
    "kernel_distance", "inception_score", "precision", "recall", "density", "coverage",
    "sliced_wasserstein",
]  # fmt: skip
PairedName = Literal["l1_distance", "psnr", "ssim"]
MetricName = Literal[BestMetric, "nearest_train_distance", "ms_ssim", "all"]


@dataclass(frozen=True)
class Evaluate:
    """Measure a trained generator against the data set's test split.

    Every figure stands beside that of real images and with all that it was measured on. Those of
    the latest checkpoint are kept in evaluation.json, others beside the standard ones, and shown on
    the run's page.
    """

    workdir: Path
    """The run's folder."""
    metrics: tuple[
        MetricName | PairedName | Literal["overfitting_gap", "sharpness", "cycle_error"], ...
    ] = ()
    """What to measure; all means all that the extractor allows. If not given, the standard ones.
    Of pairs are l1_distance, psnr, ssim and sharpness, of two ways cycle_error."""
    count: int | None = None
    """How many samples to judge; if not given, as many as there are reals to compare with."""
    extractor: Literal["classifier", "pixels", "inception"] = "classifier"
    """What makes features: a classifier trained on the data set, or Inception as used for FID."""
    inception_weights: Path | None = None
    """The published file of Inception's weights; if not given, it is downloaded once."""
    resize: Literal["tf1-bilinear", "clean-bicubic"] | None = None
    """How images are made as large as Inception's: tf1-bilinear, as FID was first computed, if not
    given, or clean-bicubic, as clean-FID."""
    raw: bool = False
    """Take the generator's parameters as they are, not their moving average."""
    truncation: float | None = None
    """Draw latents up to this magnitude only: better samples, but fewer kinds."""
    seeds: tuple[int, ...] = ()
    """Seeds of the latents, the run's own if not given; several give mean and deviation."""
    best: bool = False
    """Measure the best checkpoint, as the run measured it, instead of the latest."""
    out: Path | None = None
    """A further JSON file for the figures."""
    pictures: Path | None = None
    """A folder for pictures; WORKDIR/evaluation if nothing else is chosen."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.count is not None:
            accepted = "from 200 to 100000: of fewer, chance decides"
            require(200 <= self.count <= 100_000, "count", self.count, accepted)
        for name in ("inception_weights", "resize"):
            given = getattr(self, name)
            unused = given is not None and self.extractor != "inception"
            require(not unused, name, given, "left out without --extractor inception")
        pictured = self.pictures is None or set(self.metrics) != {"overfitting_gap"}
        accepted = "left out: overfitting_gap alone draws no samples"
        require(pictured, "pictures", self.pictures, accepted)
        finite = self.truncation is None or 0 < self.truncation < float("inf")
        require(finite, "truncation", self.truncation, "above 0")
        good = all(0 <= seed < 2**32 for seed in self.seeds)
        different = len(set(self.seeds)) == len(self.seeds)
        accepted = "different ones from 0 to 4294967295"
        require(good and different, "seeds", " ".join(map(str, self.seeds)), accepted)


def evaluate(options: Evaluate, build: Build) -> int:
    """Measure the generator, print the figures, and keep them.

    Args:
      options: what to measure.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, or no such figure of it.
      RunError: no checkpoint is good, the data or the weights can't be had, the generator makes
        nothing that can be measured, or the disk is full.
    """
    from gan_jax.evaluation import Request, draw_pictures

    check_out(options.out)
    check_out(options.pictures, option="--pictures", folder=True)
    experiment, players, step = restore_players(options.workdir, build, best=options.best)
    if experiment.evaluate is None:
        raise UsageError(f"--workdir {options.workdir}: {experiment.name} has no evaluation")
    names = [field.name for field in dataclasses.fields(Request)]
    request = Request(**{name: getattr(options, name) for name in names})
    pictures = options.pictures
    if pictures is None and request.standard and not options.best:
        pictures = None if _later(options.workdir, step) else options.workdir / "evaluation"
    drawn: list[Path] = []

    def look(*samples: Any) -> None:
        with disk_errors_named(options.workdir):
            drawn.extend(draw_pictures(pictures, *samples) if pictures else ())

    try:
        evaluation = experiment.evaluate(
            players["generator"], step, request=request,
            discriminator=players["discriminator"], look=look,
        )  # fmt: skip
    except UsageError:
        raise
    except ValueError as error:
        raise RunError(f"step {step} can't be measured: {error}") from None
    print(f"step {step}", *evaluation.lines, sep="\n")
    _keep(options, request, evaluation, experiment)
    if drawn:
        print(f"pictures: {', '.join(map(str, drawn))}")
    return 0


def _later(workdir: Path, step: int) -> int | None:
    """Return the step of the figures that are kept, if that is a later one."""
    from gan_jax.evaluation import read_evaluation

    known = read_evaluation(workdir)
    return known.step if known is not None and known.step > step else None


def _keep(
    options: Evaluate, request: Request, evaluation: Evaluation, experiment: Experiment
) -> None:
    """Write figures down, and say where."""
    from gan_jax.evaluation import add_evaluation, write_evaluation

    standard = request.standard and not options.best
    with disk_errors_named(options.workdir):
        if add_evaluation(options.workdir, evaluation, standard=standard):
            print(f"kept in {options.workdir / 'evaluation.json'}")
            _redraw(options.workdir, experiment)
        elif options.out is None:
            later = _later(options.workdir, evaluation.step)
            holds = f"those of step {later}" if later else f"none of step {evaluation.step}"
            print(f"not kept: evaluation.json holds {holds}; --out FILE keeps these")
    if options.out is not None:
        with disk_errors_named(options.out.parent):
            write_evaluation(options.out.parent, evaluation, name=options.out.name)
        print(f"written to {options.out}")


def _redraw(workdir: Path, experiment: Experiment) -> None:
    """Show the figures on the page of a run that has one."""
    from gan_jax.evaluation import read_evaluation
    from gan_jax.loop.view import draw_report

    if (workdir / "report.html").exists():
        origin = experiment.load(split="train").origin
        print(f"report: {draw_report(experiment, workdir, read_evaluation(workdir), origin)}")
