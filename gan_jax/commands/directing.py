"""Pictures of the directions in which a generator's images change most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require
from gan_jax.commands.rendering import (
    Look,
    SpaceName,
    choose_labels,
    choose_space,
    draw_vectors,
    render_images,
)
from gan_jax.commands.restoring import Build, load_run
from gan_jax.errors import UsageError
from gan_jax.workdir import check_out, disk_errors_named

if TYPE_CHECKING:
    from gan_jax.exploration import Space
    from gan_jax.train import TrainState

__all__ = ["Directions", "directions"]

_DRAWN = 1000  # from so many the spread along a direction is measured


@dataclass(frozen=True)
class Directions(Look):
    """Draw samples that move along the directions in which images change most.

    Each row is of one direction, found in closed form from the generator's first weights, the
    strongest first; the sample itself is in the middle. All directions are kept beside the picture.
    """

    count: int = 8
    """How many directions."""
    samples: int = 1
    """How many samples move along each, in rows of their own."""
    columns: int = 9
    """How many images in a row, an odd number."""
    span: float = 3.0
    """How far samples move both ways, in standard deviations of what is drawn."""
    space: SpaceName | None = None
    """Move latents, or the styles that a mapping network makes of them; styles where there are
    some, if not given."""
    layers: tuple[int, ...] = ()
    """Which layers' styles move, from 0; all of them if not given."""
    out: Path | None = None
    """Where to write, without ending; WORKDIR/directions_seed_SEED if not given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        for name in ("count", "samples"):
            value = getattr(self, name)
            require(1 <= value <= 100, name, value, "from 1 to 100")
        odd = self.columns % 2 == 1 and 3 <= self.columns <= 99
        require(odd, "columns", self.columns, "an odd number from 3 to 99")
        require(0 < self.span <= 1000, "span", self.span, "above 0 and at most 1000")
        good = len(set(self.layers)) == len(self.layers) and min(self.layers, default=0) >= 0
        require(good, "layers", " ".join(map(str, self.layers)), "different numbers from 0")


def directions(options: Directions, build: Build) -> int:
    """Write a picture with rows for each direction, and all directions.

    Args:
      options: what to draw.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, no weights of it that show directions, or no such space, layer
        or label.
      RunError: no checkpoint is good, the generator draws NaN, or the disk is full.
    """
    import jax
    import numpy as np

    from gan_jax import exploration
    from gan_jax.files import atomic_write
    from gan_jax.report import save_png

    check_out(options.out)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    space = choose_space(experiment, options.space)
    labels = choose_labels(experiment, options.label, _DRAWN)
    vectors = draw_vectors(space, generator, labels, options.seed)
    weights = _weights(space, generator, labels, vectors)
    found = exploration.closed_form_directions(*_of_layers(options.layers, vectors, weights))
    deviations = _deviations(vectors, found.directions)
    accepted = f"from 1 to {len(deviations)}, the length of a vector"
    require(options.count <= len(deviations), "count", options.count, accepted)
    moved, of_each = _moved(options, vectors, labels, found.directions, deviations)
    images = render_images(jax.jit(space.render), generator, of_each, moved, step)
    stem = options.out or options.workdir / f"directions_seed_{options.seed}"
    picture = _picture(images, options)
    with disk_errors_named(stem.parent):
        save_png(f"{stem}.png", picture)
        with atomic_write(f"{stem}.npz") as file:
            np.savez(file, **found._asdict(), deviations=deviations)
    for number, strength in enumerate(np.asarray(found.strengths[: options.count]), 1):
        print(f"direction {number}: strength {strength:.4g}")
    print(f"from step {step}: {stem}.png, {stem}.npz")
    return 0


def _weights(space: Space, generator: TrainState, labels: Any, vectors: Any) -> Sequence[Any]:
    """Return what vectors are multiplied by first."""
    from gan_jax.exploration import first_weights

    if space.weights is not None:
        averaged = generator.ema_params
        return list(space.weights(generator.params if averaged is None else averaged))
    batch = {"label": labels[:1]}
    first = first_weights(lambda one: space.render(generator, batch, one), vectors[:1])
    if first is None:
        raise UsageError(
            "no dense layer takes the latents of this run first: the experiment must name weights"
        )
    return [first]


def _of_layers(layers: tuple[int, ...], vectors: Any, weights: Sequence[Any]) -> Sequence[Any]:
    """Return the weights of the layers that are to move."""
    if not layers:
        return weights
    there_are = vectors.shape[1] if vectors.ndim == 3 else 0
    if len(weights) != there_are:
        raise UsageError("--layers was given, and no layer of this run has a vector of its own")
    accepted = f"from 0 to {there_are - 1}"
    require(max(layers) < there_are, "layers", " ".join(map(str, layers)), accepted)
    return [weights[layer] for layer in layers]


def _deviations(vectors: Any, directions: Any) -> Any:
    """Return the standard deviation of vectors along each direction, [D]."""
    import numpy as np

    rows = vectors.reshape(-1, vectors.shape[-1])
    return np.std(rows @ np.asarray(directions).T, axis=0)


def _moved(
    options: Directions, vectors: Any, labels: Any, directions: Any, deviations: Any
) -> tuple[Any, Any]:
    """Return the vectors of all images, row by row, and their labels."""
    import numpy as np

    from gan_jax import exploration

    ways = np.linspace(-options.span, options.span, options.columns, dtype=vectors.dtype)
    amounts = deviations[: options.count, None] * ways[None]
    moved = exploration.moved(
        vectors[: options.samples],
        directions[: options.count],
        amounts,
        layers=options.layers or None,
    )
    of_each = np.tile(np.repeat(labels[: options.samples], options.columns), options.count)
    return np.asarray(moved).reshape(-1, *vectors.shape[1:]), of_each


def _picture(images: Any, options: Directions) -> Any:
    """Lay images out, with the number of a direction before its first row."""
    import numpy as np

    from gan_jax import report

    names = [
        "" if sample else str(direction)
        for direction in range(1, options.count + 1)
        for sample in range(options.samples)
    ]
    return report.class_grid(
        images,
        np.arange(len(images)) // options.columns,
        len(names),
        names=names,
        columns=options.columns,
        scale=report.display_scale(images.shape[1]),
        smooth=True,
    )
