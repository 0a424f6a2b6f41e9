"""How near images are to those they should be, one by one, and how sharp they are.

Images are bytes, or floats of a range that is given; all measures are of pixels scaled from their
range to [0, 1], so that the same images have the same figures in bytes and in [-1, 1]. Channels
count alike. Figures of the literature on super-resolution are mostly of the luma alone, without a
border as wide as the factor: give that to compare with them.

What a plain interpolation reaches is the first figure to know: `clean_bicubic` makes it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from gan_jax.metrics.checks import real_numbers
from gan_jax.metrics.products import blocks
from gan_jax.metrics.structural import gaussian_window, windowed_similarities

__all__ = ["l1_distance", "psnr", "sharpness", "ssim"]

Range = tuple[float, float]

_IMAGES_AT_ONCE = 64


def l1_distance(
    images_a: ArrayLike, images_b: ArrayLike, *, value_range: Range | None = None
) -> np.ndarray:
    """Return the mean absolute difference of pairs of images, in parts of their range.

    `mean |a - b|`

    Args:
      images_a: [N, H, W, C].
      images_b: [N, H, W, C].
      value_range: (lowest, highest) of what pixels may be; of bytes (0, 255) if None.

    Returns:
      float64 [N], from 0 to 1; 0 for equal images.

    Raises:
      ValueError: the shapes are not the same [N, H, W, C] without a 0, floats come without a
        range, or pixels are not finite or outside the range.

    Example:
      >>> l1_distance(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5), value_range=(-1, 1))
      array([0.25])
    """

    def measure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.abs(a - b).mean(axis=(1, 2, 3))

    return _for_each(measure, value_range, images_a=images_a, images_b=images_b)


def psnr(
    images_a: ArrayLike, images_b: ArrayLike, *, value_range: Range | None = None
) -> np.ndarray:
    """Return the peak signal-to-noise ratio of pairs of images, in decibels.

    `-10 log10 mean (a - b)²`. Equal images have infinity, and with one such pair so has the mean
    of all: where it may happen, report the median, or how many are equal and the mean of the rest.

    Args:
      images_a: [N, H, W, C].
      images_b: [N, H, W, C].
      value_range: (lowest, highest) of what pixels may be; of bytes (0, 255) if None.

    Returns:
      float64 [N], at least 0; infinity for equal images.

    Raises:
      ValueError: the shapes are not the same [N, H, W, C] without a 0, floats come without a
        range, or pixels are not finite or outside the range.

    Example:
      >>> psnr(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1), value_range=(0, 1)).round(9)
      array([20.])
    """

    def measure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return -10 * np.log10(np.square(a - b).mean(axis=(1, 2, 3)))

    return _for_each(measure, value_range, images_a=images_a, images_b=images_b)


def ssim(
    images_a: ArrayLike,
    images_b: ArrayLike,
    *,
    value_range: Range | None = None,
    window: int = 11,
    window_deviation: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> np.ndarray:
    """Return the structural similarity of pairs of images.

    `mean (2 m_a m_b + k1²)(2 v_ab + k2²) / ((m_a² + m_b² + k1²)(v_a + v_b + k2²))`, of the means,
    variances and covariance under a Gaussian window, over the window's places within the image and
    over channels. It is the one-scale case of `ms_ssim`, but below 0 it stays what it is.

    An image smaller than the window has one as large as its shorter side, of the same shape.

    Args:
      images_a: [N, H, W, C].
      images_b: [N, H, W, C].
      value_range: (lowest, highest) of what pixels may be; of bytes (0, 255) if None.
      window: the side of the window in pixels.
      window_deviation: of the Gaussian, in pixels.
      k1: of the luminance.
      k2: of the contrast and structure.

    Returns:
      float64 [N], from -1 to 1; 1 for equal images.

    Raises:
      ValueError: the shapes are not the same [N, H, W, C] without a 0, floats come without a
        range, pixels are not finite or outside the range, or a number is not above 0.

    Reference:
      Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
    """
    numbers = (window, window_deviation, k1, k2)
    if not all(0 < number < np.inf for number in numbers):
        raise ValueError(
            "window, window_deviation, k1 and k2 must be above 0, not "
            f"{', '.join(map(str, numbers))}"
        )

    def measure(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        kernel = gaussian_window(min(a.shape[1:3]), window, window_deviation)
        return windowed_similarities(a, b, kernel, k1**2, k2**2)[0].mean(axis=1)

    return _for_each(measure, value_range, images_a=images_a, images_b=images_b)


def sharpness(images: ArrayLike, *, value_range: Range | None = None) -> np.ndarray:
    """Return the Tenengrad of images, which falls when they are blurred.

    `mean (g_x² + g_y²)` of Sobel's gradients, of pixels with all eight neighbours, scaled so that a
    ramp which rises by s from pixel to pixel has `s²`. There is no threshold.

    It needs no reference, but says something only next to the same figure of real images: noise is
    sharp, too. Of the measures of focus it was chosen because a checkerboard, which networks that
    enlarge images are prone to leave behind, counts as nothing; to the variance of the Laplacian it
    is the sharpest of all.

    Args:
      images: [N, H, W, C], H and W at least 3.
      value_range: (lowest, highest) of what pixels may be; of bytes (0, 255) if None.

    Returns:
      float64 [N], at least 0.

    Raises:
      ValueError: the shape is not [N, H, W, C] without a 0 or images are smaller, floats come
        without a range, or pixels are not finite or outside the range.

    Example:
      >>> ramp = np.tile(np.uint8([0, 51, 102, 153]).reshape(1, 1, 4, 1), (1, 3, 1, 1))
      >>> sharpness(ramp).round(9)
      array([0.04])

    Reference:
      Krotkov, Focusing, International Journal of Computer Vision, 1988; Pertuz et al., Analysis of
      Focus Measure Operators for Shape-from-Focus, Pattern Recognition, 2013.
    """

    def measure(scaled: np.ndarray) -> np.ndarray:
        if min(scaled.shape[1:3]) < 3:
            raise ValueError(f"images must be at least 3 x 3, not {list(np.shape(images))}")
        down, across = (_slopes(scaled, axis) for axis in (1, 2))
        return (down**2 + across**2).mean(axis=(1, 2, 3))

    return _for_each(measure, value_range, images=images)


def _slopes(images: np.ndarray, axis: int) -> np.ndarray:
    """Return how much pixels rise along axis 1 or 2, smoothed along the other."""
    smooth = ndimage.correlate1d(images, np.array([1, 2, 1]) / 4, axis=3 - axis)
    slopes = ndimage.correlate1d(smooth, np.array([-1, 0, 1]) / 2, axis=axis)
    return slopes[:, 1:-1, 1:-1]


def _for_each(
    measure: Callable[..., np.ndarray], value_range: Range | None, **images: ArrayLike
) -> np.ndarray:
    """Measure a few images at a time, in float64 and scaled to [0, 1]."""
    arrays = [_checked(name, given, value_range) for name, given in images.items()]
    first, last = arrays[0], arrays[-1]
    if first.shape != last.shape:
        raise ValueError(f"images {list(first.shape)} and {list(last.shape)} are no pairs")
    low, high = _limits(value_range)
    return np.concatenate(
        [
            measure(*((array[some].astype(np.float64) - low) / (high - low) for array in arrays))
            for some in blocks(len(first), _IMAGES_AT_ONCE)
        ]
    )


def _checked(name: str, images: ArrayLike, value_range: Range | None) -> np.ndarray:
    """Refuse what is no images, or not within its range."""
    images = real_numbers(name, images)
    if images.ndim != 4 or not images.size:
        raise ValueError(f"{name} must be [N, H, W, C], none of them 0, not {list(images.shape)}")
    if value_range is None and images.dtype != np.uint8:
        raise ValueError(f"{name} are {images.dtype}: give their value_range, such as (-1, 1)")
    low, high = _limits(value_range)
    if not np.isfinite(images).all():
        raise ValueError(f"{name} hold NaN or infinity")
    least, most = float(images.min()), float(images.max())
    rounding = 1e-6 * (high - low)
    if least < low - rounding or most > high + rounding:
        raise ValueError(
            f"{name} are from {least:g} to {most:g}, outside value_range ({low:g}, {high:g})"
        )
    return images


def _limits(value_range: Range | None) -> Range:
    low, high = (0.0, 255.0) if value_range is None else value_range
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"value_range is {value_range}: it must be (lowest, highest)")
    return low, high
