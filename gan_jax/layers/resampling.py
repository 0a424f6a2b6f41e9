"""Resampling of images with FIR filters, in polyphase form: slices and sums, no convolution."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

from jax import lax
from jax import numpy as jnp

from gan_jax.typing import Array

__all__ = ["blur", "downsample", "mean_pool", "nearest_upsample", "upsample"]

_SPATIAL = (2, 1)  # the width first: the second pass then adds up whole rows


def blur(images: Array, taps: Sequence[float], *, padding: tuple[int, int]) -> Array:
    """Convolve images with a separable FIR filter, at the same rate.

    `y[n] = sum_k taps[k] x[n + K - 1 - low - k]` along the height, then along the width, where `x`
    is zero outside the image and the K taps are first divided by their sum. This is the filter
    that stands after a transposed convolution of stride 2 (its gain of 4 is left to the caller),
    or before a convolution of stride 2.

    Args:
      images: floats [B, H, W, C].
      taps: the K taps of the filter, used along both axes.
      padding: rows (and columns) of zeros to add before and after the image; with
        `((K - 1) // 2, K // 2)` or `(K // 2, (K - 1) // 2)` the size stays as it is.

    Returns:
      Images [B, H + low + high - K + 1, W + low + high - K + 1, C], of the same dtype.

    Raises:
      ValueError: if images, taps or padding are not as said, or nothing would be left.

    >>> row = jnp.asarray([0.0, 0.0, 8.0, 0.0, 0.0]).reshape(1, 1, 5, 1)
    >>> blur(jnp.repeat(row, 5, axis=1), (1, 2, 1), padding=(1, 1))[0, 2, :, 0].tolist()
    [0.0, 2.0, 4.0, 2.0, 0.0]

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """
    _check_images(images)
    taps = _normalized(taps)
    if len(padding) != 2 or min(padding) < 0:
        raise ValueError(f"padding must be (low, high), both 0 or more, got {padding}")
    low, high = padding
    if min(images.shape[1:3]) + low + high < len(taps):
        raise ValueError(
            f"{len(taps)} taps do not fit into images of {images.shape[1]} x {images.shape[2]} "
            f"with padding {padding}"
        )
    for axis in _SPATIAL:
        images = _filter(images, taps, axis=axis, low=low, high=high)
    return images


def upsample(images: Array, taps: Sequence[float] = (1, 3, 3, 1), *, factor: int = 2) -> Array:
    """Enlarge images: put zeros between the pixels, then filter with a gain of `factor**2`.

    The zeros are never there: output phase `p` of an axis is the input filtered with every
    `factor`-th tap, and the phases are interleaved. The padding is StyleGAN2's: with K taps,
    `(K + factor - 1) // 2` zeros before and `(K - factor) // 2` after.

    Args:
      images: floats [B, H, W, C].
      taps: the K taps of a separable filter, at least `factor` of them, divided by their sum
        before use. With factor 2, (1, 1) repeats each pixel and (1, 3, 3, 1) interpolates linearly.
      factor: how many times larger the height and the width become.

    Returns:
      Images [B, H * factor, W * factor, C], of the same dtype.

    Raises:
      ValueError: if images, taps or factor are not as said.

    >>> row = jnp.asarray([0.0, 4.0, 8.0]).reshape(1, 1, 3, 1)
    >>> upsample(jnp.repeat(row, 3, axis=1))[0, 2, :, 0].tolist()
    [0.0, 1.0, 3.0, 5.0, 7.0, 6.0]

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """
    _check_images(images)
    _check_factor(factor)
    taps = _normalized(taps, gain=factor)
    if len(taps) < factor:
        raise ValueError(
            f"upsampling by {factor} takes at least {factor} taps, or pixels stay empty; "
            f"got {len(taps)}"
        )
    for axis in _SPATIAL:
        phases = [_output_phase(images, taps, phase, factor, axis=axis) for phase in range(factor)]
        shape = [size * factor if i == axis else size for i, size in enumerate(images.shape)]
        images = jnp.stack(phases, axis=axis + 1).reshape(shape)
    return images


def downsample(images: Array, taps: Sequence[float] = (1, 3, 3, 1), *, factor: int = 2) -> Array:
    """Shrink images: filter, then keep every `factor`-th pixel; only those are computed.

    The padding is StyleGAN2's: with K taps, `(K - factor + 1) // 2` zeros before and
    `(K - factor) // 2` after. If the taps are symmetric and K - factor is even, this is the
    adjoint of `upsample` but for the gain:
    `<upsample(x), y> = factor**2 <x, downsample(y)>`; if it is odd, the two are a pixel apart.

    Args:
      images: floats [B, H, W, C], H and W multiples of `factor`.
      taps: the K taps of a separable filter, divided by their sum before use.
      factor: how many times smaller the height and the width become.

    Returns:
      Images [B, H / factor, W / factor, C], of the same dtype.

    Raises:
      ValueError: if images, taps or factor are not as said.

    >>> row = jnp.asarray([8.0, 8.0, 0.0, 0.0, 8.0, 8.0]).reshape(1, 1, 6, 1)
    >>> downsample(jnp.repeat(row, 6, axis=1))[0, 1, :, 0].tolist()
    [6.0, 2.0, 6.0]

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """
    _check_images(images)
    _check_factor(factor)
    taps = _normalized(taps)
    height, width = images.shape[1:3]
    if height % factor or width % factor:
        raise ValueError(
            f"images of {height} x {width} cannot be shrunk by {factor}: "
            f"height and width must be multiples of {factor}"
        )
    excess = len(taps) - factor
    for axis in _SPATIAL:
        low, high = (excess + 1) // 2, excess // 2
        images = _filter(images, taps, axis=axis, low=low, high=high, stride=factor)
    return images


def nearest_upsample(images: Array, *, factor: int = 2) -> Array:
    """Enlarge images by repeating each pixel.

    Args:
      images: floats [B, H, W, C].
      factor: how many times larger the height and the width become.

    Returns:
      Images [B, H * factor, W * factor, C], of the same dtype.

    Raises:
      ValueError: if images or factor are not as said.
    """
    _check_factor(factor)
    return upsample(images, (1,) * factor, factor=factor)


def mean_pool(images: Array, *, factor: int = 2) -> Array:
    """Shrink images to the means of squares of `factor` by `factor` pixels.

    Args:
      images: floats [B, H, W, C], H and W multiples of `factor`.
      factor: how many times smaller the height and the width become.

    Returns:
      Images [B, H / factor, W / factor, C], of the same dtype.

    Raises:
      ValueError: if images or factor are not as said.
    """
    _check_factor(factor)
    return downsample(images, (1,) * factor, factor=factor)


def _filter(
    images: Array, taps: tuple[float, ...], *, axis: int, low: int, high: int, stride: int = 1
) -> Array:
    """Convolve along one axis after zero padding (cropping where negative), keep some outputs."""
    widths = [(0, 0, 0)] * images.ndim
    widths[axis] = (low, high, 0)
    padded = lax.pad(images, jnp.zeros((), images.dtype), widths)
    span = padded.shape[axis] - len(taps) + 1
    terms = (
        tap * lax.slice_in_dim(padded, start, start + span, stride, axis)
        for start, tap in enumerate(reversed(taps))
    )
    return reduce(operator.add, terms)


def _output_phase(
    images: Array, taps: tuple[float, ...], phase: int, factor: int, *, axis: int
) -> Array:
    """Return outputs `phase`, `phase + factor`, ... of one axis of `upsample`."""
    # Output n is the sum over inputs i of taps[n + high - factor * i] x[i].
    advance, first = divmod(phase + (len(taps) - factor) // 2, factor)
    phase_taps = taps[first::factor]
    return _filter(images, phase_taps, axis=axis, low=len(phase_taps) - 1 - advance, high=advance)


def _normalized(taps: Sequence[float], gain: float = 1) -> tuple[float, ...]:
    taps = tuple(map(float, taps))
    total = sum(taps)
    if not abs(total) > 1e-6 * sum(map(abs, taps)):  # true for no taps, and for NaN, too
        raise ValueError(
            f"taps must be one or more finite numbers with a sum other than 0, got {taps}"
        )
    return tuple(gain * tap / total for tap in taps)


def _check_images(images: Array) -> None:
    floats = jnp.issubdtype(images.dtype, jnp.floating)
    if images.ndim != 4 or not floats or 0 in images.shape[1:]:
        raise ValueError(
            f"images must be floats [B, H, W, C], got {images.dtype} {list(images.shape)}"
        )


def _check_factor(factor: int) -> None:
    if not isinstance(factor, int) or factor < 1:
        raise ValueError(f"factor must be a whole number of 1 or more, got {factor!r}")
