"""Let a trained generator make images of a person's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require
from gan_jax.commands.restoring import Build, load_run
from gan_jax.errors import RunError, UsageError
from gan_jax.progress import progress_lines
from gan_jax.workdir import check_out, disk_errors_named

if TYPE_CHECKING:
    import numpy as np

    from gan_jax.experiment import Translator
    from gan_jax.train import TrainState

__all__ = ["Translate", "translate"]


@dataclass(frozen=True)
class Translate:
    """Translate a picture, or all pictures of a folder, of any size that the network takes.

    OUT/NAME.png is the translation of NAME, and OUT/NAME_beside.png shows it beside its source.
    """

    workdir: Path
    """The run's folder."""
    images: Path
    """A picture, or a folder of pictures."""
    targets: Path | None = None
    """What they should become, of the same names, to be shown beside."""
    backward: bool = False
    """The other way around, for a run that learns both ways."""
    resolution: int | None = None
    """Cut the square in the middle out of each picture and resize it to that many pixels a side;
    pictures stay as they are if not given."""
    seed: int = 1
    """Seed of the noise, for a generator that takes some."""
    out: Path | None = None
    """The folder to write to; WORKDIR/translated if not given."""
    best: bool = False
    """By the best checkpoint, as the run measured it, instead of the latest."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        side = self.resolution
        require(side is None or 1 <= side <= 8192, "resolution", side, "from 1 to 8192")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


def translate(options: Translate, build: Build) -> int:
    """Write the translation of each picture, and a picture of it beside its source.

    Args:
      options: which pictures.
      build: makes the experiment of a run's settings.

    Returns:
      The exit code 0.

    Raises:
      UsageError: there is no run, no such way, a picture can't be read, or the network takes none
        of its size.
      RunError: no checkpoint is good, the generator makes NaN, or the disk is full.
    """
    check_out(options.out, folder=True)
    sources = _pictures(options.images, "--images")
    targets = {} if options.targets is None else _targets(options.targets, sources)
    experiment, generator, step = load_run(options.workdir, build, best=options.best)
    translator = experiment.translator
    if translator is None:
        raise UsageError(f"--workdir {options.workdir}: {experiment.name} makes images of latents")
    apply = _compiled(translator, generator, options)
    folder = options.out or options.workdir / "translated"
    progress = progress_lines("translating pictures", len(sources), partial(print, flush=True))
    for number, path in enumerate(sources, start=1):
        source = _read(path, translator.channels[options.backward], options.resolution)
        image = apply(path, source)
        with disk_errors_named(folder):
            _write(folder, path, source, image, targets.get(path.stem))
        progress(number)
    print(f"{len(sources)} translated by step {step}: {folder}")
    return 0


def _pictures(path: Path, option: str) -> list[Path]:
    """Return the picture, or all of a folder."""
    from gan_jax.data.pictures import SUFFIXES

    if not path.exists():
        raise UsageError(f"{option} {path}: there is nothing")
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES)
    if not found:
        raise UsageError(f"{option} {path}: there is no picture in it ({', '.join(SUFFIXES)})")
    for stem, count in Counter(each.stem for each in found).items():
        if count > 1:
            raise UsageError(f"{option} {path}: two pictures are called {stem}")
    return found


def _targets(folder: Path, sources: list[Path]) -> dict[str, Path]:
    """Find what each source should become."""
    found = {path.stem: path for path in _pictures(folder, "--targets")}
    for path in sources:
        if path.stem not in found:
            raise UsageError(f"--targets {folder}: there is no picture called {path.stem}")
    return found


def _read(path: Path, channels: int | None, resolution: int | None) -> np.ndarray:
    """Read a picture as uint8 [H, W, C]."""
    from gan_jax.data.pictures import decode_picture, quiet
    from gan_jax.data.resizing import fit

    try:
        with quiet():
            pixels = decode_picture(path)
    except ValueError as error:
        raise UsageError(f"{path} can't be read: {error}") from None
    return fit(pixels, resolution=resolution, channels=channels)


def _compiled(
    translator: Translator, generator: TrainState, options: Translate
) -> Callable[[Path, np.ndarray], np.ndarray]:
    """Make the function that translates a picture; compiled once for each size."""
    import jax
    import numpy as np

    from gan_jax.evaluation import bytes_to_bytes

    way = translator.backward if options.backward else translator.forward
    if way is None:
        raise UsageError("--backward was given, and this run learns one way alone")
    run = bytes_to_bytes(way)
    key = jax.random.key(options.seed)[None]

    def apply(path: Path, source: np.ndarray) -> np.ndarray:
        try:
            image, finite = run(generator, source[None], key)
        except ValueError as error:
            raise UsageError(f"{path}: {str(error).splitlines()[0]}") from None
        if not finite:
            raise RunError(f"{path}: the generator makes NaN or infinity")
        return np.asarray(image[0])

    return apply


def _write(
    folder: Path, path: Path, source: np.ndarray, image: np.ndarray, target: Path | None
) -> None:
    from gan_jax import report

    shown: list[Any] = [source, image]
    if target is not None:
        wanted = _read(target, image.shape[2], None)
        if wanted.shape != image.shape:
            sizes = [f"{each.shape[1]}x{each.shape[0]}" for each in (wanted, image)]
            raise UsageError(f"{target} is {sizes[0]}, and the translation {sizes[1]}")
        shown.append(wanted)
    report.save_png(folder / f"{path.stem}.png", image)
    beside = report.draw_beside(*(each[None] for each in shown))
    report.save_png(folder / f"{path.stem}_beside.png", beside)
