"""Pictures of truncated samples, and of mixed styles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require
from gan_jax.commands.rendering import Look, choose_labels, draw_vectors, render_images
from gan_jax.commands.restoring import Build, load_run
from gan_jax.errors import UsageError
from gan_jax.workdir import check_out, disk_errors_named

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.train import Prior

__all__ = ["Mix", "Truncation", "mix", "truncation"]

_THRESHOLDS = (0.25, 0.5, 1.0, 2.0)
_SHARES = (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Truncation(Look):
    """Draw the same samples at several levels of truncation: less variety for more fidelity.

    Each row is of one level, the last is not truncated.
    """

    levels: tuple[float, ...] = ()
    """Up to which magnitude latents are drawn, or which share is left of styles, which is 0 for
    their mean. If not given, 0.25 0.5 1 2, or of styles 0 0.25 0.5 0.75."""
    count: int = 10
    """How many samples, in columns."""
    out: Path | None = None
    """The picture to write; WORKDIR/truncation_seed_SEED.png if not given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        levels, different = self.levels, len(set(self.levels)) == len(self.levels)
        good = different and len(levels) <= 20 and all(map(math.isfinite, levels))
        require(good, "levels", " ".join(map(str, levels)), "at most 20 different numbers")
        require(1 <= self.count <= 100, "count", self.count, "from 1 to 100")


@dataclass(frozen=True)
class Mix(Look):
    """Mix styles: images with the first layers' styles of one source and the others' of another.

    The sources are shown too: to the left those of the first layers, above those of the others.
    """

    rows: int = 4
    """How many sources of the first, coarse layers."""
    columns: int = 6
    """How many sources of the other, fine layers."""
    coarse: int | None = None
    """How many of the layers are the first ones; half of them if not given."""
    out: Path | None = None
    """The picture to write; WORKDIR/mix_seed_SEED.png if not given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        require(1 <= self.rows <= 100, "rows", self.rows, "from 1 to 100")
        require(1 <= self.columns <= 100, "columns", self.columns, "from 1 to 100")


def truncation(options: Truncation, build: Build) -> int:
    """Write a picture with a row of the same samples for each level, the last untruncated.

    Args:
      options: what to draw.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, nothing of it to truncate, or no such level or label.
      RunError: no checkpoint is good, the generator draws NaN, or the disk is full.
    """
    import jax
    import numpy as np

    from gan_jax import report

    check_out(options.out)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    priors = _truncated_priors(experiment, options.levels)
    labels = choose_labels(experiment, options.label, options.count)
    keys = jax.random.split(jax.random.key(options.seed), options.count)
    decoder = jax.jit(experiment.decoder)
    rows = []
    for prior in priors.values():
        latents = jax.vmap(prior)(keys)
        standing = experiment.at_rest(generator, prior)
        rows.append(render_images(decoder, standing, labels, latents, step))
    images, indices = np.concatenate(rows), np.repeat(np.arange(len(rows)), options.count)
    path = options.out or options.workdir / f"truncation_seed_{options.seed}.png"
    picture = report.class_grid(
        images, indices, len(rows), names=list(priors), columns=options.count,
        scale=report.display_scale(images.shape[1]), smooth=True,
    )  # fmt: skip
    with disk_errors_named(path.parent):
        report.save_png(path, picture)
    print(f"from step {step}, truncated at {', '.join(priors)}: {path}")
    return 0


def mix(options: Mix, build: Build) -> int:
    """Write a picture of all pairs of sources of styles.

    Args:
      options: what to draw.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, no styles of layers to mix, or no such layer or label.
      RunError: no checkpoint is good, the generator draws NaN, or the disk is full.
    """
    import jax

    from gan_jax import report

    check_out(options.out)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    space = experiment.styles
    if space is None:
        raise UsageError(f"--workdir {options.workdir}: {experiment.name} has no styles to mix")
    labels = choose_labels(experiment, options.label, options.rows + options.columns)
    styles = draw_vectors(space, generator, labels, options.seed)
    layers = styles.shape[1] if styles.ndim == 3 else 1
    coarse = layers // 2 if options.coarse is None else options.coarse
    require(1 <= coarse < layers, "coarse", coarse, f"from 1 to {layers - 1}, of {layers} layers")
    table, of_each = _mixed(styles, labels, options.rows, coarse)
    images = render_images(jax.jit(space.render), generator, of_each, table, step)
    scale, padding = report.display_scale(images.shape[1]), 2
    picture = report.image_grid(
        images, columns=options.columns + 1, scale=scale, padding=padding, smooth=True
    )
    height, width = (scale * side + padding for side in images.shape[1:3])
    picture[:height, :width] = picture[0, 0]  # the corner is of no two sources
    path = options.out or options.workdir / f"mix_seed_{options.seed}.png"
    with disk_errors_named(path.parent):
        report.save_png(path, picture)
    print(f"from step {step}, {coarse} of {layers} layers coarse: {path}")
    return 0


def _truncated_priors(experiment: Experiment, levels: tuple[float, ...]) -> dict[str, Prior]:
    """Return the prior of each level, and the one that is not truncated."""
    if experiment.truncated is None:
        raise UsageError(f"{experiment.name}: there is no truncated prior of this run")
    levels = levels or (_THRESHOLDS if experiment.styles is None else _SHARES)
    try:
        priors = {f"{level:g}": experiment.truncated(level) for level in levels}
    except ValueError as error:
        raise UsageError(f"--levels: {error}") from None
    return {**priors, "none": experiment.prior}


def _mixed(styles: Any, labels: Any, rows: int, coarse: int) -> tuple[Any, Any]:
    """Return the styles of all images, row by row, and their labels.

    The first row has the fine sources, behind a corner, and each further one begins with its coarse
    source.
    """
    import numpy as np

    from gan_jax import exploration

    pairs = np.asarray(exploration.mix(styles[:rows], styles[rows:], coarse))
    above = np.concatenate([styles[:1], styles[rows:]])[None]
    below = np.concatenate([styles[:rows, None], pairs], axis=1)
    table = np.concatenate([above, below])
    of_each = np.concatenate([labels[:1], labels[rows:], np.repeat(labels[:rows], table.shape[1])])
    return table.reshape(-1, *styles.shape[1:]), of_each
