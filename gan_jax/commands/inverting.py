"""Find what a generator makes a given image of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gan_jax.command_line import require
from gan_jax.commands.rendering import (
    Look,
    SpaceName,
    check_finite,
    choose_labels,
    choose_space,
    draw_vectors,
    in_chunks,
    render_images,
)
from gan_jax.commands.restoring import Build, load_run
from gan_jax.errors import UsageError
from gan_jax.workdir import check_out, disk_errors_named

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.exploration import Search, Space
    from gan_jax.train import TrainState

__all__ = ["Invert", "invert"]

_AT_ONCE = 20  # steps in one dispatch


@dataclass(frozen=True)
class Invert(Look):
    """Find the latents whose image is nearest to a given one.

    The search goes on from those of many random samples that are nearest. The picture has the image
    and what each start came to, the best first; the latents are kept beside it.
    """

    image: Path | None = None
    """A picture, which is made as large as the run's images; or give --index."""
    index: int | None = None
    """Take the image of this number in the data set's test split, and its class."""
    starts: int = 8
    """How many searches there are."""
    samples: int = 1000
    """Of how many random samples the nearest are the starts."""
    steps: int = 1000
    """Steps of each search."""
    learning_rate: float = 0.1
    """Adam's learning rate, once it is warm."""
    distance: Literal["multiscale", "pixels"] = "multiscale"
    """pixels: the mean of their squared differences. multiscale: the mean of that at every size
    down to 4 pixels, so that shapes count for more than details."""
    noise: float = 0.05
    """Noise on the latents that fades, in their standard deviations."""
    pull: float = 0.0
    """How strongly normal latents are pulled to the length they have when drawn."""
    space: SpaceName | None = None
    """Search among latents, or among the styles that a mapping network makes of them; styles where
    there are some, if not given."""
    per_layer: bool = False
    """Search for a style for each layer, not for one: nearer, but further from what is drawn."""
    out: Path | None = None
    """Where to write, without ending; in WORKDIR, named by the image, if not given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        if (self.image is None) == (self.index is None):
            raise UsageError("give either --image FILE or --index NUMBER")
        for name, most in {"starts": 100, "samples": 100_000, "steps": 1_000_000}.items():
            value = getattr(self, name)
            require(1 <= value <= most, name, value, f"from 1 to {most}")
        accepted = f"at least --starts, {self.starts}"
        require(self.starts <= self.samples, "samples", self.samples, accepted)
        require(1e-12 <= self.learning_rate <= 1e3, "learning_rate", self.learning_rate, "above 0")
        for name in ("noise", "pull"):
            value = getattr(self, name)
            require(0 <= value <= 1e6, name, value, "from 0 to 1e6")


def invert(options: Invert, build: Build) -> int:
    """Write a picture of an image beside its reconstructions, and the latents of those.

    Args:
      options: what to look for, and how.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, no such image, space or label, or options that don't go together.
      RunError: no checkpoint is good, the generator draws NaN, the data can't be had, or the disk
        is full.
    """
    import numpy as np

    from gan_jax.files import atomic_write
    from gan_jax.report import display_scale, image_grid, save_png

    check_out(options.out)
    given = None if options.image is None else _read(options.image)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    pixels, label = _pixels(options, given, experiment)
    found = _search(options, experiment, generator, pixels, label, step)
    pictures = np.concatenate([found.target[None], found.images])
    scale = display_scale(pictures.shape[1])
    picture = image_grid(pictures, columns=len(pictures), scale=scale, smooth=True)
    stem = options.out or options.workdir / _name(options)
    with disk_errors_named(stem.parent):
        save_png(f"{stem}.png", picture)
        with atomic_write(f"{stem}.npz") as file:
            np.savez(file, **found._asdict(), step=step)
    print(f"nearest of {options.samples} random samples: distance {found.nearest:.4g}")
    after = f"after {options.steps} steps from the {options.starts} nearest"
    print(f"{after}: distance {found.distances[0]:.4g}")
    print(f"from step {step}: {stem}.png, {stem}.npz")
    return 0


class _Found(NamedTuple):
    """The image that was looked for, and what the searches came to, the best first."""

    target: Any
    vectors: Any
    labels: Any
    distances: Any
    images: Any
    nearest: float


class _Drawn(NamedTuple):
    """Samples, before their images; `layers` is how many share a vector, 0 if none do."""

    space: Space
    labels: Any
    vectors: Any
    layers: int


def _search(
    options: Invert,
    experiment: Experiment,
    generator: TrainState,
    pixels: Any,
    label: int | None,
    step: int,
) -> _Found:
    """Draw samples, and search on from the nearest."""
    import jax
    import numpy as np

    drawn = _draw(options, experiment, generator, label)
    target = _fitted(options, pixels, drawn, generator)
    render, distance = jax.jit(drawn.space.render), _distance(options)

    @jax.jit
    def measure(generator: TrainState, batch: Any, vectors: Any) -> Any:
        return distance(drawn.space.render(generator, batch, vectors), target[None])

    distances = in_chunks(measure, generator, drawn.labels, drawn.vectors, what="drawing samples")
    check_finite(distances, step)
    near = np.argsort(distances)[: options.starts]
    search = _run(options, drawn, near, generator, target)
    order = np.argsort(search.distances)
    labels, best = drawn.labels[near][order], np.asarray(search.best)[order]
    images = render_images(render, generator, labels, best, step)
    if drawn.layers:
        best = np.repeat(best[:, None], drawn.layers, axis=1)
    reached = np.asarray(search.distances)[order]
    return _Found(target, best, labels, reached, images, distances[near[0]])


def _draw(
    options: Invert, experiment: Experiment, generator: TrainState, label: int | None
) -> _Drawn:
    """Draw what searches may start from."""
    from gan_jax.exploration import tied

    space = choose_space(experiment, options.space)
    if options.pull and not space.gaussian:
        raise UsageError("--pull was given, and what is searched for is not drawn normally")
    labels = choose_labels(experiment, label, options.samples)
    vectors = draw_vectors(space, generator, labels, options.seed)
    if vectors.ndim == 3 and not options.per_layer:
        layers = vectors.shape[1]
        return _Drawn(tied(space, layers), labels, vectors[:, 0], layers)
    if vectors.ndim == 2 and options.per_layer:
        raise UsageError("--per-layer was given, and no layer of this run has a vector of its own")
    return _Drawn(space, labels, vectors, 0)


def _run(options: Invert, drawn: _Drawn, near: Any, generator: TrainState, target: Any) -> Search:
    """Make the steps of a search, some at a time so that it can be said how far it is."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gan_jax.exploration import inversion, norm_penalty
    from gan_jax.progress import progress_lines

    batch = {"label": drawn.labels[near]}
    noise = options.noise * float(np.sqrt(np.mean(np.var(drawn.vectors, axis=0))))

    def search_with(generator: TrainState) -> Any:
        return inversion(
            lambda vectors: drawn.space.render(generator, batch, vectors),
            jnp.asarray(target),
            steps=options.steps,
            learning_rate=options.learning_rate,
            distance=_distance(options),
            penalty=(lambda z: options.pull * norm_penalty(z)) if options.pull else None,
            noise=noise,
            key=jax.random.key(options.seed),
        )

    @jax.jit
    def advance(generator: TrainState, search: Search, count: Any) -> Search:
        _, update = search_with(generator)
        return jax.lax.fori_loop(0, count, lambda _, search: update(search), search)

    init, _ = search_with(generator)
    search = init(jnp.asarray(drawn.vectors[near]))
    progress = progress_lines("searching", options.steps, print)
    while (done := int(search.step)) < options.steps:
        search = advance(generator, search, min(_AT_ONCE, options.steps - done))
        progress(int(search.step))
    return search


def _distance(options: Invert) -> Callable[[Any, Any], Any]:
    """Return the distance that was asked for."""
    from gan_jax.exploration import mean_square_distance, multiscale_distance

    return {"pixels": mean_square_distance, "multiscale": multiscale_distance}[options.distance]


def _read(path: Path) -> Any:
    """Read a picture, before anything else takes time."""
    from gan_jax.data.pictures import decode_picture, quiet

    try:
        with quiet():
            return decode_picture(path)
    except ValueError as error:
        raise UsageError(f"--image {path} can't be read: {error}") from None


def _pixels(options: Invert, given: Any, experiment: Experiment) -> tuple[Any, int | None]:
    """Return the image that is looked for, uint8 [H, W, C], and the class of its samples."""
    if options.index is None:
        return given, options.label
    split = experiment.load(split="test", report=print)
    most = len(split.images) - 1
    require(0 <= options.index <= most, "index", options.index, f"from 0 to {most}")
    label = options.label
    if label is None and experiment.config.get("conditional"):
        label = int(split.labels[options.index])
    return split.images[options.index], label


def _fitted(options: Invert, pixels: Any, drawn: _Drawn, generator: TrainState) -> Any:
    """Return an image as large as the generator's, float32 [H, W, C] in [-1, 1]."""
    import jax
    import numpy as np

    from gan_jax.data.resizing import fit

    batch = {"label": drawn.labels[:1]}
    image = jax.eval_shape(drawn.space.render, generator, batch, drawn.vectors[:1])
    shape = image.shape[1:]
    if pixels.shape != shape:
        height, width, channels = shape
        accepted = f"{height} x {width}, as the run's images are"
        require(height == width, "image", options.image, accepted)
        pixels = fit(pixels, resolution=height, channels=channels)
    return pixels.astype(np.float32) / 127.5 - 1


def _name(options: Invert) -> str:
    """Return what files are called where that is not said."""
    if options.image is None:
        return f"inversion_test_{options.index}"
    return f"inversion_{options.image.stem[:40]}"
