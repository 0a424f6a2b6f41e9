"""What commands that make pictures share: labels, the space looked at, images of vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax.command_line import require
from gan_jax.errors import RunError, UsageError

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.exploration import Space
    from gan_jax.train import TrainState

__all__ = [
    "Look",
    "SpaceName",
    "check_finite",
    "choose_labels",
    "choose_space",
    "draw_vectors",
    "in_chunks",
    "render_images",
]

SpaceName = Literal["latents", "styles"]

_CHUNK = 100


@dataclass(frozen=True)
class Look:
    """What is looked at, and of which draw."""

    workdir: Path
    """The run's folder."""
    seed: int = 1
    """Seed of what is drawn."""
    label: int | None = None
    """The class to draw, for a conditional generator; all classes in turn if not given."""
    best: bool = False
    """Of the best checkpoint, as the run measured it, instead of the latest."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


def check_finite(images: Any, step: int) -> None:
    """Refuse what no picture can show.

    Args:
      images: of a generator.
      step: which the generator is of.

    Raises:
      RunError: there is NaN or infinity among them.
    """
    import numpy as np

    if not np.isfinite(images).all():
        raise RunError(f"the generator of step {step} draws NaN or infinity")


def choose_labels(experiment: Experiment, label: int | None, count: int) -> Any:
    """Give every image the asked class, or all classes in turn.

    Args:
      experiment: whose classes they are.
      label: the class that was asked for, or None.
      count: how many images there are.

    Returns:
      int32 [count].

    Raises:
      UsageError: the run is not conditional, or there is no such class.
    """
    import numpy as np

    if label is None:
        return np.arange(count, dtype=np.int32) % experiment.num_classes
    if not experiment.config.get("conditional"):
        raise UsageError("--label was given and this run is not conditional")
    if not 0 <= label < experiment.num_classes:
        raise UsageError(f"--label is {label}: it must be from 0 to {experiment.num_classes - 1}")
    return np.full(count, label, np.int32)


def choose_space(experiment: Experiment, name: SpaceName | None) -> Space:
    """Return the space that was asked for: styles where there are some, if not said otherwise.

    Args:
      experiment: whose space it is.
      name: which one, or None.

    Returns:
      The space.

    Raises:
      UsageError: there are no styles.
    """
    if experiment.styles is not None and name != "latents":
        return experiment.styles
    if name == "styles":
        raise UsageError(f"--space is styles: {experiment.name} has no styles, only latents")
    return experiment.latents


def draw_vectors(space: Space, generator: TrainState, labels: Any, seed: int) -> Any:
    """Draw vectors of a space.

    Args:
      space: of which vectors are drawn.
      generator: its state.
      labels: int32 [B], one for each vector.
      seed: of the draw.

    Returns:
      [B, D] or [B, L, D].

    Raises:
      UsageError: what is drawn is something else.
    """
    import jax
    import numpy as np

    keys = jax.random.split(jax.random.key(seed), len(labels))
    vectors = jax.jit(space.draw)(generator, {"label": labels}, keys)
    if not isinstance(vectors, jax.Array) or vectors.ndim not in (2, 3):
        raise UsageError(
            "the latents of this run are not one vector each, which this needs: where there are "
            "styles, --space styles looks at those"
        )
    return np.asarray(vectors)


def in_chunks(
    function: Callable[..., Any],
    generator: TrainState,
    labels: Any,
    vectors: Any,
    *,
    what: str = "drawing images",
) -> Any:
    """Make something of some vectors at a time, and say how far it is if that takes long.

    Args:
      function: `(generator, {"label": labels}, vectors) -> [B, ...]`; compile it first.
      generator: its state.
      labels: int32 [B].
      vectors: [B, ...], or a tree of such.
      what: what is being done.

    Returns:
      [B, ...].
    """
    import jax
    import numpy as np

    from gan_jax.progress import progress_lines

    progress = progress_lines(what, len(labels), print)
    parts = []
    for start in range(0, len(labels), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        some = jax.tree.map(lambda leaf, chunk=chunk: leaf[chunk], vectors)
        parts.append(np.asarray(function(generator, {"label": labels[chunk]}, some)))
        progress(min(start + _CHUNK, len(labels)))
    return np.concatenate(parts)


def render_images(
    render: Callable[..., Any], generator: TrainState, labels: Any, vectors: Any, step: int
) -> Any:
    """Make images of vectors that a picture can show.

    Args:
      render: `(generator, {"label": labels}, vectors) -> images`; compile it first.
      generator: its state.
      labels: int32 [B].
      vectors: [B, ...], or a tree of such.
      step: which the generator is of.

    Returns:
      Images [B, H, W, C].

    Raises:
      RunError: there is NaN or infinity among them.
    """
    images = in_chunks(render, generator, labels, vectors)
    check_finite(images, step)
    return images
