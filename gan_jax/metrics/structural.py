"""Structural similarity of images over several scales, as a measure of too little diversity."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gan_jax.metrics.checks import random_stream, real_numbers
from gan_jax.metrics.products import blocks

__all__ = ["gaussian_window", "ms_ssim", "pairwise_ms_ssim", "windowed_similarities"]

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_PAIRS_AT_ONCE = 64


def ms_ssim(
    images_a: np.ndarray,
    images_b: np.ndarray,
    *,
    maximum: float = 255.0,
    weights: tuple[float, ...] = _WEIGHTS,
    window: int = 11,
    window_deviation: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> np.ndarray:
    """Return the multi-scale structural similarity of pairs of images.

    `ssim_S^(w_S) prod_(i<S) cs_i^(w_i)`, where `cs = (2 v_ab + c2) / (v_a + v_b + c2)` compares
    contrast and structure, and `ssim = cs (2 m_a m_b + c1) / (m_a² + m_b² + c1)` luminance too,
    with the means, variances and covariance under a Gaussian window and `c = (k maximum)²`. Both
    are means over the window's places within the image, 0 if that is below 0; the mean of the
    channels' products is returned. Each scale is the mean of 2 x 2 pixels of the one before; an odd
    last row or column is left out.

    Small images have fewer scales: those whose sides are at least the window's, with the weights
    brought to the sum of 1. Images of 28 x 28 have two, and only from 176 x 176 on all five. An
    image smaller than the window has one scale, and a window as large as its shorter side, of the
    same shape.

    Args:
      images_a: [N, H, W, C].
      images_b: [N, H, W, C].
      maximum: the range of the pixels: 255 for bytes, 2 for images in [-1, 1].
      weights: of the scales, the finest first.
      window: the side of the window in pixels.
      window_deviation: of the Gaussian, in pixels.
      k1: of the luminance.
      k2: of the contrast and structure.

    Returns:
      float64 [N], from 0 to 1; 1 for equal images.

    Raises:
      ValueError: the shapes are not the same [N, H, W, C], some are not finite, or a number is not
        above 0.

    Reference:
      Wang et al., Multi-Scale Structural Similarity for Image Quality Assessment, 2003.
    """
    numbers = (maximum, window, window_deviation, k1, k2, *weights)
    if not weights or not all(0 < number < np.inf for number in numbers):
        raise ValueError(
            "maximum, window, window_deviation, k1, k2 and weights must be above 0, not "
            f"{', '.join(map(str, numbers))}"
        )
    a, b = _as_images(images_a), _as_images(images_b)
    if a.shape != b.shape:
        raise ValueError(f"images {list(a.shape)} and {list(b.shape)} are no pairs")
    side = min(a.shape[1:3])
    kernel = gaussian_window(side, window, window_deviation)
    scales = 1 + sum(side >> i >= window for i in range(1, len(weights)))
    powers = np.array(weights[:scales]) / sum(weights[:scales])
    constants = ((k1 * maximum) ** 2, (k2 * maximum) ** 2)
    result = np.ones((len(a), a.shape[3]))
    for scale, power in enumerate(powers):
        if scale:
            a, b = _halve(a), _halve(b)
        similarity, structure = windowed_similarities(a, b, kernel, *constants)
        last = scale == scales - 1
        result *= np.clip(similarity if last else structure, 0, None) ** power
    return result.mean(axis=1)


def pairwise_ms_ssim(
    images: np.ndarray, *, pairs: int = 100, maximum: float = 255.0, seed: int = 0
) -> float:
    """Return the mean multi-scale structural similarity of random pairs of images of one set.

    `mean MS-SSIM(x, x')` over pairs of different samples: the higher, the less diverse. It compares
    with the same figure of real images only, and best within one class: images of different classes
    are unlike each other however little each class varies.

    Args:
      images: [N, H, W, C], N at least 2.
      pairs: how many pairs are drawn.
      maximum: the range of the pixels, as in `ms_ssim`.
      seed: of the pairs.

    Returns:
      A similarity from 0 to 1.

    Raises:
      ValueError: fewer than 2 images or 1 pair, another shape, or numbers that are not finite.

    Reference:
      Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2016,
      https://arxiv.org/abs/1610.09585
    """
    if len(images) < 2 or pairs < 1:
        raise ValueError(
            "pairs of different images take at least 2 images and 1 pair, "
            f"not {len(images)} and {pairs}"
        )
    images, stream = np.asarray(images), random_stream(seed)
    first = stream.randint(len(images), size=pairs)
    second = (first + stream.randint(1, len(images), size=pairs)) % len(images)
    similarities = [
        ms_ssim(images[first[some]], images[second[some]], maximum=maximum)
        for some in blocks(pairs, _PAIRS_AT_ONCE)
    ]
    return float(np.mean(np.concatenate(similarities)))


def _as_images(images: np.ndarray) -> np.ndarray:
    images = real_numbers("images", images)
    if images.ndim != 4 or 0 in images.shape[1:]:
        raise ValueError(f"images must have the shape [N, H, W, C], not {list(images.shape)}")
    images = images.astype(np.float64)
    if not np.isfinite(images).all():
        raise ValueError("images hold NaN or infinity")
    return images


def gaussian_window(side: int, window: int, deviation: float) -> np.ndarray:
    """Return the weights of a window along one axis.

    Args:
      side: the shorter side of the images in pixels.
      window: the side of the window in pixels; one larger than the images is shrunk to their side.
      deviation: of the Gaussian, in pixels; it shrinks with the window.

    Returns:
      float64 [min(side, window)], of sum 1.
    """
    size = min(window, side)
    places = np.arange(size) - (size - 1) / 2
    values = np.exp(-((places / (deviation * min(1, side / window))) ** 2) / 2)
    return values / values.sum()


def _halve(images: np.ndarray) -> np.ndarray:
    n, height, width, channels = images.shape
    whole = images[:, : height // 2 * 2, : width // 2 * 2]
    return whole.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def windowed_similarities(
    a: np.ndarray, b: np.ndarray, kernel: np.ndarray, c1: float, c2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return SSIM of one scale, and its contrast and structure alone, of each channel.

    Args:
      a: float64 [N, H, W, C].
      b: float64 [N, H, W, C].
      kernel: weights of the window along either axis, at most as many as there are pixels.
      c1: of the luminance.
      c2: of the contrast and structure.

    Returns:
      Means over the window's places within the image, float64 [N, C] each.
    """
    mean_a, mean_b, square_a, square_b, product = (
        _window_means(x, kernel) for x in (a, b, a * a, b * b, a * b)
    )
    variances = square_a - mean_a**2 + square_b - mean_b**2
    structure = (2 * (product - mean_a * mean_b) + c2) / (variances + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * structure).mean(axis=(1, 2)), structure.mean(axis=(1, 2))


def _window_means(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Average under the window, at the places where it lies within the image."""
    before, after = len(kernel) // 2, len(kernel) - len(kernel) // 2 - 1
    for axis in (1, 2):
        images = ndimage.correlate1d(images, kernel, axis=axis)
    _, height, width, _ = images.shape
    return images[:, before : height - after, before : width - after]
