"""Looks that images can be given, as functions of the images alone.

Each takes uint8 [N, H, W, C] to as many images, one by one: what becomes of an image depends on no
other. Where something is random, it is drawn from the image's own bytes, so that it is the same in
every run, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

__all__ = [
    "Style",
    "bold",
    "content_bytes",
    "dark_on_light",
    "light_on_dark",
    "outline",
    "thin",
    "tinted",
]

Style = Callable[[np.ndarray], np.ndarray]
"""`uint8 [N, H, W, C] -> uint8 [N, h, w, c]`, image by image."""

_CHUNK_BYTES = 2**22  # of images at once: temporary arrays stay in the processor's cache
_GRAIN = 63  # the largest value of a texture


def content_bytes(images: np.ndarray, count: int, *, seed: int = 0, use: str = "") -> np.ndarray:
    """Return bytes that are fixed by an image's contents and are otherwise as good as random.

    The SHAKE-128 of the seed, the use and the image's bytes.

    Args:
      images: uint8 [N, ...].
      count: K, how many bytes.
      seed: which of many such functions it is.
      use: what the bytes are for: two uses of one seed have nothing to do with each other.

    Returns:
      uint8 [N, K].

    Example:
      >>> first, second, third = content_bytes(np.uint8([[1, 2], [3, 4], [1, 2]]), 4).tolist()
      >>> first == third, first == second
      (True, False)
    """
    start = hashlib.shake_128(f"{seed} {use} ".encode())

    def digest(image: np.ndarray) -> bytes:
        hashed = start.copy()
        hashed.update(np.ascontiguousarray(image).data)
        return hashed.digest(count)

    joined = b"".join(map(digest, images))
    return np.frombuffer(joined, np.uint8).reshape(len(images), count)


def outline(images: np.ndarray, *, share: float = 1 / 3) -> np.ndarray:
    r"""Draw the outlines of what is bright, white on black.

    With the largest and the smallest of a pixel x and its four neighbours,
    $\delta(x)$ and $\epsilon(x)$, it is white where the morphological gradient
    $\delta(x) - \epsilon(x)$ is at least `share` of the largest in the image, and the
    morphological Laplacian $\delta(x) + \epsilon(x) - 2x$ is not below 0: on the dark side of
    each step, so that a line is one pixel wide where the step is sharp.

    Args:
      images: uint8 [N, H, W, C].
      share: of the largest gradient, above 0 and at most 1. At a half, a step over several pixels
        has one line too, and lines of fainter steps have gaps.

    Returns:
      uint8 [N, H, W, 1] of 0 and 255; white where any channel has an edge.

    Raises:
      ValueError: the images or the share are not so.

    Reference:
      van Vliet, Young and Beckers, A Nonlinear Laplace Operator as Edge Detector in Noisy Images,
      Computer Vision, Graphics, and Image Processing 45 (1989).
    """
    if not 0 < share <= 1:
        raise ValueError(f"outline: share is {share}, it must be above 0 and at most 1")

    def draw(part: np.ndarray) -> np.ndarray:
        high, low = _around(np.maximum, part), _around(np.minimum, part)
        gradient = high - low
        steep = gradient >= np.maximum(1, share * gradient.max(axis=(1, 2, 3), keepdims=True))
        dark = high.astype(np.int16) + low >= 2 * part.astype(np.int16)
        return np.where((steep & dark).any(axis=3, keepdims=True), 255, 0).astype(np.uint8)

    return _in_parts(draw, images)


def thin(images: np.ndarray) -> np.ndarray:
    r"""Take a pixel off both sides of what is bright, and lose nothing that is one or two wide.

    $x - (\gamma(x) - \epsilon(x))$, with the erosion $\epsilon$ by a pixel and its four neighbours
    and the opening $\gamma = \delta\epsilon$: the erosion, and what the opening can't bring back of
    it. Three pixels become one, and two stay two; a thin line may lose the pixel that meets a thick
    one. Beyond the border is nothing that takes part.

    Args:
      images: uint8 [N, H, W, C], bright on dark.

    Returns:
      Images of the same shape, nowhere brighter.

    Raises:
      ValueError: the images are not so.

    Reference:
      Serra, Image Analysis and Mathematical Morphology, 1982, chapter XI: what the opening can't
      bring back is the skeleton's first part.
    """

    def change(part: np.ndarray) -> np.ndarray:
        eroded = _around(np.minimum, part)
        return part - (_around(np.maximum, eroded) - eroded)

    return _in_parts(change, images)


def bold(images: np.ndarray) -> np.ndarray:
    """Put a pixel on both sides of what is bright, and close no gap that is one or two wide.

    The dual of `thin`: what thins the negative.

    Args:
      images: uint8 [N, H, W, C], bright on dark.

    Returns:
      Images of the same shape, nowhere darker.

    Raises:
      ValueError: the images are not so.
    """
    _check(images)
    return ~thin(~images)


def light_on_dark(images: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Give what is bright a light ink and the rest a dark ground, both of fine grain.

    `x (255 - g) + (1 - x) g` with x in [0, 1] and g drawn from 0 to 63 for each pixel.

    Args:
      images: uint8 [N, H, W, C], bright on dark.
      seed: of the grain.

    Returns:
      Images of the same shape.

    Raises:
      ValueError: the images are not so.
    """

    def change(part: np.ndarray) -> np.ndarray:
        count, height, width, _ = part.shape
        grain = content_bytes(part, height * width, seed=seed, use="grain") & _GRAIN
        grain = grain.reshape(count, height, width, 1)
        return _mixed(part, 255 - grain, grain)

    return _in_parts(change, images)


def dark_on_light(images: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Give what is bright a dark ink and the rest a light ground, both in stripes.

    `x g + (1 - x) (255 - g)` with x in [0, 1] and g drawn from 0 to 63 for each row.

    Args:
      images: uint8 [N, H, W, C], bright on dark.
      seed: of the stripes.

    Returns:
      Images of the same shape.

    Raises:
      ValueError: the images are not so.
    """

    def change(part: np.ndarray) -> np.ndarray:
        stripes = content_bytes(part, part.shape[1], seed=seed, use="stripes") & _GRAIN
        stripes = stripes[:, :, None, None]
        return _mixed(part, stripes, 255 - stripes)

    return _in_parts(change, images)


def tinted(images: np.ndarray, hues: np.ndarray) -> np.ndarray:
    """Give grey images a hue each: black stays black, white becomes the colour.

    Args:
      images: uint8 [N, H, W, 1].
      hues: floats [N], once around the circle in [0, 1]: 0 is red, 1/3 green, 2/3 blue.

    Returns:
      uint8 [N, H, W, 3], whose largest channel is the grey image.

    Raises:
      ValueError: the images are not grey, or there is not one finite hue for each.

    Example:
      >>> white = np.full((3, 1, 1, 1), 255, np.uint8)
      >>> tinted(white, np.array([0, 1 / 3, 0.5])).reshape(3, 3).tolist()
      [[255, 64, 64], [64, 255, 64], [64, 255, 255]]
    """
    _check(images)
    hues = np.asarray(hues, np.float64)
    if images.shape[3] != 1 or hues.shape != images.shape[:1] or not np.isfinite(hues).all():
        raise ValueError(
            "tinted takes grey images [N, H, W, 1] and a finite hue for each, got "
            f"{list(images.shape)} and {list(hues.shape)}"
        )
    # How far each hue is from that of the channel, in sixths of the circle: full up to one, none
    # from two on.
    apart = (6 * hues[:, None] - np.array([0, 2, 4]) + 3) % 6 - 3
    full = np.clip(2 - np.abs(apart), 0, 1)
    weights = np.round(64 + 191 * full).astype(np.uint16)[:, None, None, :]
    return np.concatenate(
        [((images[part] * weights[part] + 127) // 255).astype(np.uint8) for part in _parts(images)]
    )


def _around(pick: np.ufunc, images: np.ndarray) -> np.ndarray:
    """Give each pixel the least or the greatest of itself and its four neighbours."""
    picked = images.copy()
    for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        pick(picked[:, here], images[:, there], out=picked[:, here])
        pick(picked[:, :, here], images[:, :, there], out=picked[:, :, here])
    return picked


def _mixed(images: np.ndarray, ink: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Put ink on a ground as far as an image is bright; exact in 16 bits."""
    share = images.astype(np.uint16)
    return ((share * ink + (255 - share) * ground + 127) // 255).astype(np.uint8)


def _in_parts(change: Style, images: np.ndarray) -> np.ndarray:
    _check(images)
    return np.concatenate([change(images[part]) for part in _parts(images)])


def _parts(images: np.ndarray) -> list[slice]:
    size = max(1, _CHUNK_BYTES // max(1, images[:1].nbytes))
    return [slice(start, start + size) for start in range(0, len(images), size)]


def _check(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"images must be uint8 [N, H, W, C], N at least 1, got {images.dtype} "
            f"{list(images.shape)}"
        )
