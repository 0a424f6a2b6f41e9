"""Pictures of a trained generator: samples, and walks through its latent space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_jax.command_line import require
from gan_jax.commands.rendering import (
    SpaceName,
    check_finite,
    choose_labels,
    choose_space,
    draw_vectors,
    render_images,
)
from gan_jax.commands.restoring import Build, load_run
from gan_jax.workdir import check_out, disk_errors_named

__all__ = ["Interpolate", "Sample", "interpolate", "sample"]


@dataclass(frozen=True)
class Sample:
    """Draw new samples of a trained generator as one picture."""

    workdir: Path
    """The run's folder."""
    count: int = 100
    """How many images."""
    seed: int = 1
    """Seed of the latents."""
    label: int | None = None
    """The class to draw, for a conditional generator; all classes in turn if not given."""
    out: Path | None = None
    """The picture to write; WORKDIR/samples_seed_SEED.png if not given."""
    best: bool = False
    """Of the best checkpoint, as the run measured it, instead of the latest."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(1 <= self.count <= 10_000, "count", self.count, "from 1 to 10000")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


@dataclass(frozen=True)
class Interpolate:
    """Walk through the latent space of a trained generator: a picture and a film."""

    workdir: Path
    """The run's folder."""
    anchors: int = 8
    """How many random points to visit."""
    frames: int = 12
    """Images from one point to the next."""
    seed: int = 1
    """Seed of the points."""
    label: int | None = None
    """The class to stay in, for a conditional generator; one class per point if not given."""
    space: SpaceName | None = None
    """Walk among latents, or among the styles that a mapping network makes of them; styles where
    there are some, if not given."""
    path: Literal["spherical", "linear"] | None = None
    """Walk on great circles or on lines; if not given, on circles where what is drawn is normal."""
    out: Path | None = None
    """Where to write, without ending; WORKDIR/interpolation_seed_SEED if not given."""
    best: bool = False
    """Of the best checkpoint, as the run measured it, instead of the latest."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(2 <= self.anchors <= 100, "anchors", self.anchors, "from 2 to 100")
        require(1 <= self.frames <= 100, "frames", self.frames, "from 1 to 100")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


def sample(options: Sample, build: Build) -> int:
    """Write a grid of new samples.

    Args:
      options: what to draw.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, or no such label.
      RunError: no checkpoint is good, the generator draws NaN, or the disk is full.
    """
    import jax
    import numpy as np

    from gan_jax import report

    check_out(options.out)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    labels = choose_labels(experiment, options.label, options.count)
    keys = jax.random.split(jax.random.key(options.seed), options.count)
    images = np.asarray(jax.jit(experiment.sampler)(generator, {"label": labels}, keys))
    check_finite(images, step)
    path = options.out or options.workdir / f"samples_seed_{options.seed}.png"
    scale = report.display_scale(images.shape[1])
    with disk_errors_named(path.parent):
        report.save_png(path, report.image_grid(images, scale=scale, smooth=True))
    print(f"{options.count} samples of step {step}: {path}")
    return 0


def interpolate(options: Interpolate, build: Build) -> int:
    """Write a picture with a row per segment, and a film that loops.

    Args:
      options: where to walk.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, or no such label or space.
      RunError: no checkpoint is good, the generator draws NaN, or the disk is full.
    """
    import jax
    import numpy as np

    from gan_jax import report

    check_out(options.out)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    space = choose_space(experiment, options.space)
    labels = choose_labels(experiment, options.label, options.anchors)
    anchors = draw_vectors(space, generator, labels, options.seed)
    spherical = space.gaussian if options.path is None else options.path == "spherical"
    between = report.slerp if spherical else report.lerp
    path = report.interpolation_path(anchors, options.frames, closed=True, interpolate=between)
    labels = np.repeat(labels, options.frames)
    images = render_images(jax.jit(space.render), generator, labels, path, step)
    scale = report.display_scale(images.shape[1])
    stem = options.out or options.workdir / f"interpolation_seed_{options.seed}"
    picture = report.image_grid(images, columns=options.frames, scale=scale, smooth=True)
    frames = [report.image_grid(image[None], scale=4 * scale, smooth=True) for image in images]
    with disk_errors_named(stem.parent):
        report.save_png(f"{stem}.png", picture)
        report.save_gif(f"{stem}.gif", frames)
    print(f"from step {step}: {stem}.png, {stem}.gif")
    return 0
