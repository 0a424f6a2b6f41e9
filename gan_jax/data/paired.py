"""Pairs of images, of which one is to become the other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.data.folder import open_folder
from gan_jax.data.kept import load_pictures
from gan_jax.data.pictures import Example, Pictures, simple_name
from gan_jax.data.resizing import check_fit, fit
from gan_jax.data.sides import as_folder, open_sides
from gan_jax.errors import UsageError

__all__ = ["Pairs", "load_pairs"]

_SPLITS = ("train", "test")
_DIRECTIONS = ("AtoB", "BtoA")


@dataclass(frozen=True, eq=False)
class Pairs(Dataset):
    """A data set whose images each have a source: what they are to be made from.

    Its `arrays` have a `"source"` beside `"image"` and `"label"`, and a row of indices takes all
    three, so a pair stays a pair in every batch.

    Attributes:
      sources: uint8 [N, h, w, c], of a size and a number of channels of their own; not to be
        written to.
    """

    sources: np.ndarray

    def __post_init__(self) -> None:
        """Check that each image has a source."""
        if len(self.sources) != len(self.images):
            raise ValueError(
                f"{len(self.sources)} sources are no pairs with {len(self.images)} images"
            )

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The examples as the tree `gather` reads; put it on the device once."""
        return {**super().arrays, "source": self.sources}

    @property
    def reversed(self) -> Pairs:
        """The same pairs the other way around."""
        return replace(self, images=self.sources, sources=self.images)


def load_pairs(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    split: str = "train",
    direction: str = "AtoB",
    resolution: int | None = None,
    channels: int | None = None,
    report: Callable[[str], None] = print,
) -> Pairs:
    """Load a split of a data set of pairs.

    The images of a pair are called A and B, and are of one size. They are

    - the left and the right half of one picture, in a folder that `gan_jax.data.folder` reads. So
      the data sets of Pix2Pix are; in some of them, such as its facades, B is the source;
    - or pictures of one name, whatever its ending, in two folders, or in the folders of one that
      `gan_jax.data.sides.open_sides` knows, such as `A` and `B` or `trainA` and `trainB`. A folder
      that has them is never read as pictures of two halves.

    What has no test split gets one, as in `gan_jax.data.load`: a tenth of the pairs, at most
    10,000, chosen by the contents of both images. Order and share depend neither on the resolution
    nor on the direction; pairs are decoded once and then mapped from the user's cache.

    Args:
      source: a folder: of pictures with two halves, of two folders, or of all A.
      target: the folder of all B, if the first is that of all A.
      split: `"train"` or `"test"`.
      direction: `"AtoB"` has A as the sources, `"BtoA"` has B.
      resolution: cut the square in the middle out of each image and resize it to that many pixels a
        side; None leaves them, and they must be of one size.
      channels: 1 makes images grey, 3 makes them RGB; None leaves them, and they must be alike.
      report: told, a line at a time, what takes long, is left out or is wrong with the cache.

    Returns:
      The pairs; sub-folders are their classes.

    Raises:
      UsageError: a folder is not there or not laid out like that, a picture has no partner, or they
        can't be used.
      RunError: there is no room to decode them.

    Reference:
      Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.07004
    """
    check_fit(resolution, channels)
    for name, value, known in (("split", split, _SPLITS), ("direction", direction, _DIRECTIONS)):
        if value not in known:
            raise UsageError(f"{name} {value!r} of pairs is not one of {', '.join(known)}")
    pictures = _open(source, target, mixed=channels is not None, report=report)
    both = load_pictures(pictures, split, resolution=resolution, channels=channels, report=report)
    middle = both.images.shape[2] // 2
    facts: dict[str, Any] = {each.name: getattr(both, each.name) for each in fields(Dataset)}
    facts["origin"] = pictures.origin + (
        "" if resolution is None else f", each cut and resized to {resolution}x{resolution}"
    )
    facts["images"] = both.images[:, :, middle:]
    pairs = Pairs(**facts, sources=both.images[:, :, :middle])
    return pairs if direction == "AtoB" else pairs.reversed


def _open(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None,
    *,
    mixed: bool,
    report: Callable[[str], None],
) -> Pictures:
    """Look what pairs there are, as pictures of two halves."""
    folder = as_folder(source)
    if target is not None:
        first, second = (open_folder(each, report) for each in (folder, as_folder(target)))
        return _matched(simple_name(f"{first.name}-{second.name}"), first, second, mixed)
    if sides := open_sides(folder, report):
        return _matched(simple_name(os.path.basename(os.path.realpath(folder))), *sides, mixed)
    return _halved(open_folder(folder, report))


def _matched(name: str, first: Pictures, second: Pictures, mixed: bool) -> Pictures:
    """Put each picture beside the one of its name."""
    lefts, rights = (_by_name(side) for side in (first, second))
    for some, others, there in ((lefts, rights, second), (rights, lefts, first)):
        if alone := sorted(some.keys() - others.keys()):
            raise UsageError(
                f"{some[alone[0]].place} has no partner: none of the {there.count:,} "
                f"{there.origin} has its name"
            )

    def examples() -> Iterator[Example]:
        for key, left in lefts.items():
            decode = partial(_beside, left, rights[key], mixed)
            yield left._replace(place=f"{left.place} beside {rights[key].place}", decode=decode)

    return Pictures(
        name=name,
        identity=f"pairs\n{first.identity}\n{second.identity}",
        signature=hashlib.sha256(f"{first.signature} {second.signature}".encode()).hexdigest(),
        class_names=first.class_names,
        origin=f"{first.origin} beside {second.origin}",
        is_split=first.is_split,
        count=first.count,
        examples=examples,
        fitted=_fit_halves,
    )


def _by_name(side: Pictures) -> dict[tuple[bool, str], Example]:
    """Return the pictures of one side by their splits, and their names without endings."""
    found: dict[tuple[bool, str], Example] = {}
    for example in side.examples():
        key = example.is_test, os.path.splitext(example.name)[0]
        if key in found:
            raise UsageError(
                f"{found[key].place} and {example.place} are of one name but for its ending, and "
                "the name tells which picture is whose partner"
            )
        found[key] = example
    return found


def _halved(pictures: Pictures) -> Pictures:
    """Take each picture for two halves."""

    def examples() -> Iterator[Example]:
        for example in pictures.examples():
            yield example._replace(decode=partial(_whole, example))

    return replace(
        pictures,
        identity=f"halves\n{pictures.identity}",
        origin=f"{pictures.origin}, two images side by side in each",
        examples=examples,
        fitted=_fit_halves,
    )


def _whole(example: Example) -> np.ndarray:
    pixels = example.decode()
    if pixels.shape[1] % 2:
        raise ValueError(f"its width, {pixels.shape[1]}, is odd: it is not two images side by side")
    return pixels


def _beside(left: Example, right: Example, mixed: bool) -> np.ndarray:
    """Decode two pictures, one beside the other; grey beside colour becomes colour if `mixed`."""
    sides = []
    for example in (left, right):
        try:
            sides.append(example.decode())
        except ValueError as error:
            raise ValueError(f"{example.place}: {error}") from None
    sizes = [f"{width}x{height}" for height, width, _ in (side.shape for side in sides)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"they are {sizes[0]} and {sizes[1]}, and must be of one size")
    depths = ["grey" if side.shape[2] == 1 else "in colour" for side in sides]
    if depths[0] != depths[1]:
        if not mixed:
            hint = "--channels 1, or 3, makes them alike"
            raise ValueError(f"they are {depths[0]} and {depths[1]}: {hint}")
        sides = [fit(side, channels=3) for side in sides]
    return np.concatenate(sides, axis=1)


def _fit_halves(
    image: np.ndarray, *, resolution: int | None = None, channels: int | None = None
) -> np.ndarray:
    """Give both halves of an image a size and a number of channels, as `fit` does."""
    halves = np.split(image, 2, axis=1)
    fitted = [fit(half, resolution=resolution, channels=channels) for half in halves]
    return np.concatenate(fitted, axis=1)
