"""Tasks that turn an image into another, made of any data set.

| task | source | image |
|---|---|---|
| `outlines(dataset)` | its outlines | the image |
| `smaller(dataset, 4)` | the image at a quarter of its size | the image |
| `coloured(dataset)` | the image, grey | the image in colour |
| `aligned(dataset, thin, bold)` | any style of the image | another style of the same image |
| `unaligned(dataset, thin, bold)` | a style of one half of the images | another of the other half |

All but the last are pairs, and `.reversed` is the task the other way around. Labels stay, so a
classifier can tell whether what is made is still of the class of its source. Nothing is random but
what a seed draws from an image's own bytes: a task is the same in every run, on every machine. What
is made is held in memory.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.data.paired import Pairs
from gan_jax.data.styles import Style, content_bytes, outline, tinted
from gan_jax.data.unpaired import Unpaired
from gan_jax.errors import UsageError

__all__ = ["aligned", "bicubic", "coloured", "outlines", "smaller", "unaligned"]


def outlines(dataset: Dataset, *, share: float = 1 / 3) -> Pairs:
    """Pair each image with its outlines, as the edges that Pix2Pix makes shoes and handbags of.

    Args:
      dataset: uint8 images [N, H, W, C].
      share: how steep an edge is at least, see `gan_jax.data.styles.outline`.

    Returns:
      Pairs whose sources are the outlines, uint8 [N, H, W, 1].

    Reference:
      Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
      https://arxiv.org/abs/1611.07004
    """
    return _pairs(dataset, "outlines", outline(dataset.images, share=share), dataset.images)


def smaller(dataset: Dataset, factor: int) -> Pairs:
    """Pair each image with a smaller copy of itself, for super-resolution.

    The copy is made by Pillow's bicubic filter (a = -1/2, as wide as the step between pixels, so
    that it doesn't alias), the field's standard.

    Args:
      dataset: uint8 images [N, H, W, C], H and W multiples of the factor.
      factor: how many times smaller, a whole number from 2.

    Returns:
      Pairs whose sources are uint8 [N, H / factor, W / factor, C].

    Raises:
      UsageError: the factor is none, or does not divide the size.

    Example:
      >>> from gan_jax.data import load
      >>> smaller(load("digits"), 2).sources.shape
      (1437, 4, 4, 1)

    Reference:
      Ledig et al., Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
      Network, 2016, https://arxiv.org/abs/1609.04802
    """
    height, width = dataset.images.shape[1:3]
    if isinstance(factor, bool) or not isinstance(factor, int) or factor < 2:
        raise UsageError(f"factor is {factor!r}, it must be a whole number from 2")
    if height % factor or width % factor:
        raise UsageError(
            f"the images of {dataset.name} are {width}x{height}, no multiple of the factor {factor}"
        )
    size = (width // factor, height // factor)
    sources = np.stack([bicubic(image, size) for image in dataset.images])
    return _pairs(dataset, f"smaller-{factor}", sources, dataset.images)


def coloured(dataset: Dataset, hues: np.ndarray | None = None, *, seed: int = 0) -> Pairs:
    """Pair each grey image with itself in a colour, see `gan_jax.data.styles.tinted`.

    Hues that are drawn can't be told from a grey image: to colour it is a task of many right
    answers, and the way back is one of a single answer. Hues that follow from what is seen, such as
    `dataset.labels / dataset.num_classes`, make it one of a single answer both ways.

    Args:
      dataset: grey images, uint8 [N, H, W, 1].
      hues: floats [N]; None draws them from each image's own bytes.
      seed: of hues that are drawn.

    Returns:
      Pairs whose sources are grey and whose images are uint8 [N, H, W, 3].

    Raises:
      UsageError: the images are in colour.
      ValueError: there is not one finite hue for each image.
    """
    if dataset.images.shape[3] != 1:
        raise UsageError(f"the images of {dataset.name} are in colour, and grey ones are coloured")
    if hues is None:
        hues = content_bytes(dataset.images, 2, seed=seed, use="hue").view(">u2")[:, 0] / 2**16
    return _pairs(dataset, "coloured", dataset.images, tinted(dataset.images, hues))


def aligned(dataset: Dataset, first: Style, second: Style) -> Pairs:
    """Pair two styles of each image: what a translation from one to the other should come to.

    Args:
      dataset: uint8 images [N, H, W, C].
      first: makes the sources, e.g. a function of `gan_jax.data.styles`.
      second: makes the images.

    Returns:
      The pairs.
    """
    what = f"{_called(first)}-{_called(second)}"
    return _pairs(dataset, what, first(dataset.images), second(dataset.images))


def unaligned(dataset: Dataset, first: Style, second: Style) -> Unpaired:
    """Give one half of the images a style and the other half another, so that no pair exists.

    Which half an image is in is fixed by its contents and those of the others, and equal images are
    in the same half. `aligned`, of images that are held out, has the pairs to measure by.

    Args:
      dataset: uint8 images [N, H, W, C].
      first: makes the sources of one half, e.g. a function of `gan_jax.data.styles`.
      second: makes the images of the other.

    Returns:
      The two, each in the order of the data set.

    Raises:
      UsageError: there are not two images that differ.

    Example:
      >>> from gan_jax.data import load
      >>> from gan_jax.data.styles import bold, thin
      >>> both = unaligned(load("digits"), thin, bold)
      >>> len(both.source.labels), len(both.labels)
      (718, 719)
    """
    words = content_bytes(dataset.images, 8, use="half").view(">u8")[:, 0].astype(np.uint64)
    middle = np.partition(words, len(words) // 2)[len(words) // 2]
    later = words >= middle
    if later.all():  # half of them are copies of one
        later = words > middle
    if not later.any():
        raise UsageError(f"{dataset.name} has no two images that differ, for two halves")
    source, target = (
        _styled(dataset, half, style) for half, style in ((~later, first), (later, second))
    )
    return Unpaired.of(source, target)


def _styled(dataset: Dataset, half: np.ndarray, style: Style) -> Dataset:
    what = _called(style)
    return replace(
        dataset,
        name=f"{dataset.name}-{what}",
        images=style(dataset.images[half]),
        labels=dataset.labels[half],
        origin=f"{what}, half of {dataset.origin}",
    )


def _pairs(dataset: Dataset, what: str, sources: np.ndarray, images: np.ndarray) -> Pairs:
    return Pairs(
        f"{dataset.name}-{what}",
        dataset.split,
        images,
        dataset.labels,
        dataset.num_classes,
        dataset.class_names,
        f"{what} of {dataset.origin}",
        sources,
    )


def _called(style: Style) -> str:
    """Return the name of a function, also of one with some arguments filled in."""
    function = getattr(style, "func", style)
    return getattr(function, "__name__", "styled").strip("<>").replace("_", "-")


def bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image by Pillow's bicubic filter, the field's standard of super-resolution.

    Args:
      image: uint8 [H, W, C].
      size: width and height.

    Returns:
      uint8 of that size.

    Example:
      >>> bicubic(np.zeros((2, 3, 1), np.uint8), (12, 8)).shape
      (8, 12, 1)
    """
    from PIL import Image

    grey = image.shape[2] == 1
    picture = Image.fromarray(image[..., 0] if grey else image)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC)).reshape(*size[::-1], -1)
