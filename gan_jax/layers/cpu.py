"""The three operations of `gan_jax.layers.triad` in the forms XLA runs well on a CPU.

XLA has fast code there for convolutions of NHWC images with HWIO kernels and for matrix products.
What it makes of the general transpositions of a convolution (operands exchanged, windows reversed,
other layouts) falls out of that code, by 30 to 100 times for the kernel gradient of a transposed
convolution, and by more inside `lax.scan`. So nothing else is emitted here.
"""

from __future__ import annotations

import functools
import math

from jax import lax
from jax import numpy as jnp

from gan_jax.layers.geometry import Geometry
from gan_jax.typing import Array

__all__ = ["convolve", "correlate", "spread"]

_PIXELS_AT_ONCE = 1024
_NUMBERS_AT_ONCE = 2**16


def convolve(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve images with a kernel.

    Args:
      images: [B, H, W, I].
      kernel: [h, w, I, O].
      geometry: sizes, strides and padding.

    Returns:
      Maps [B, H', W', O].
    """
    height, width, channels, features = kernel.shape
    if height == width == 1 or height * width > math.prod(geometry.image_size):
        return _product(_patches(images, geometry), kernel.reshape(-1, features), geometry)
    if geometry.strides == (1, 1) and height * width * features <= channels:
        return _sum_of_taps(images, kernel, geometry)
    return lax.conv_general_dilated(
        images,
        kernel,
        geometry.strides,
        geometry.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision,
    )


def spread(maps: Array, kernel: Array, geometry: Geometry) -> Array:
    """Spread maps over images, the transpose of `convolve`.

    Args:
      maps: [B, H', W', O].
      kernel: [h, w, I, O].
      geometry: sizes, strides and padding of the convolution.

    Returns:
      Images [B, H, W, I].
    """
    if geometry.strides == (1, 1):
        return convolve(maps, jnp.swapaxes(kernel[::-1, ::-1], 2, 3), _turned(geometry))
    height, width, channels, features = kernel.shape
    taps = kernel.transpose(3, 0, 1, 2).reshape(features, -1)
    spots = _product(maps, taps, geometry).reshape(*maps.shape[:3], height, width, channels)
    return _overlap(spots, geometry)


def correlate(images: Array, maps: Array, geometry: Geometry) -> Array:
    """Correlate images with maps: the gradient of `<maps, convolve(images, w)>` by `w`.

    Args:
      images: [B, H, W, I].
      maps: [B, H', W', O].
      geometry: sizes, strides and padding.

    Returns:
      A kernel [h, w, I, O].
    """
    channels, features = images.shape[3], maps.shape[3]
    taps = math.prod(geometry.kernel_size)
    if taps == 1 or taps * channels <= features:
        kernel = _contract(_patches(images, geometry), maps, geometry)
        return kernel.reshape(*geometry.kernel_size, channels, features)
    if geometry.strides == (1, 1) and taps * features <= channels:
        kernel = _contract(_patches(maps, _turned(geometry)), images, geometry)
        kernel = kernel.reshape(*geometry.kernel_size, features, channels)
        return jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
    return _correlate_in_chunks(images, maps, geometry)


def _turned(geometry: Geometry) -> Geometry:
    """Return what a convolution of stride 1 is transposed to, with the kernel turned around."""
    vertical, horizontal = (
        (kernel - 1 - low, kernel - 1 - high)
        for kernel, (low, high) in zip(geometry.kernel_size, geometry.padding, strict=True)
    )
    return geometry._replace(image_size=geometry.map_size, padding=(vertical, horizontal))


def _product(rows: Array, matrix: Array, geometry: Geometry) -> Array:
    """Multiply the last axis: [B, H, W, K] by [K, N]."""
    flat = rows.reshape(-1, rows.shape[3])
    product = jnp.matmul(flat, matrix, precision=geometry.precision)
    return product.reshape(*rows.shape[:3], -1)


def _contract(left: Array, right: Array, geometry: Geometry) -> Array:
    """Multiply and sum over examples and places: [B, H, W, M] and [B, H, W, N] to [M, N]."""
    places = (0, 1, 2)
    return lax.dot_general(left, right, ((places, places), ((), ())), precision=geometry.precision)


def _pad(images: Array, geometry: Geometry) -> Array:
    zero = jnp.zeros((), images.dtype)
    return lax.pad(images, zero, ((0, 0, 0), *((*p, 0) for p in geometry.padding), (0, 0, 0)))


def _windows(padded: Array, geometry: Geometry) -> list[Array]:
    """Return, for each tap of the kernel, what it meets: [B, H', W', ...]."""
    (down, across), (height, width) = geometry.strides, geometry.map_size
    rows, columns = down * (height - 1) + 1, across * (width - 1) + 1
    return [
        padded[:, top : top + rows : down, left : left + columns : across]
        for top in range(geometry.kernel_size[0])
        for left in range(geometry.kernel_size[1])
    ]


def _patches(images: Array, geometry: Geometry) -> Array:
    """Return what the kernel meets at each place: [B, H', W', h * w * I]."""
    return jnp.concatenate(_windows(_pad(images, geometry), geometry), axis=3)


def _sum_of_taps(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve to few features: multiply by all taps at once, then shift and add."""
    features = kernel.shape[3]
    matrix = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
    windows = _windows(_pad(_product(images, matrix, geometry), geometry), geometry)
    slots = (slice(tap * features, (tap + 1) * features) for tap in range(len(windows)))
    shifted = (window[..., slot] for window, slot in zip(windows, slots, strict=True))
    return functools.reduce(jnp.add, shifted)


def _overlap(spots: Array, geometry: Geometry) -> Array:
    """Add up what each place spreads, [B, H', W', h, w, I], to images [B, H, W, I].

    Pixels that lie `stride` apart form a phase: a sum of shifted taps, as large as the maps. The
    phases are then interleaved.
    """
    batch, rows, columns, height, width, channels = spots.shape
    (down, across), (high, wide) = geometry.strides, geometry.image_size
    tall, broad = -(-high // down), -(-wide // across)
    zero, none = jnp.zeros((), spots.dtype), (0, 0, 0)

    def met(phase: int, low: int, stride: int, taps: int) -> list[tuple[int, int]]:
        """Return the taps that reach a phase, and how far from it each place is."""
        nearest, first = divmod(phase + low, stride)
        return [(tap, nearest - back) for back, tap in enumerate(range(first, taps, stride))]

    def phase(y: int, x: int) -> Array:
        (top, _), (left, _) = geometry.padding
        shifted = [
            lax.pad(
                spots[:, :, :, row, column],
                zero,
                (none, (-dy, tall - rows + dy, 0), (-dx, broad - columns + dx, 0), none),
            )
            for row, dy in met(y, top, down, height)
            for column, dx in met(x, left, across, width)
        ]
        empty = jnp.zeros((batch, tall, broad, channels), spots.dtype)
        return functools.reduce(jnp.add, shifted) if shifted else empty

    phases = [jnp.stack([phase(y, x) for x in range(across)], axis=3) for y in range(down)]
    whole = jnp.stack(phases, axis=2).reshape(batch, tall * down, broad * across, channels)
    # Written out once: fused into what comes next, it would be worked out for every use of it.
    return lax.optimization_barrier(whole[:, :high, :wide])


def _correlate_in_chunks(images: Array, maps: Array, geometry: Geometry) -> Array:
    """Correlate by a convolution whose kernel is the maps, some examples at a time."""
    batch, features = images.shape[0], maps.shape[3]
    # As much as the caches hold, and not too little: every chunk takes a pass over the kernel.
    at_once = max(_PIXELS_AT_ONCE, _NUMBERS_AT_ONCE // features)
    wanted = max(1, min(batch, batch * math.prod(geometry.map_size) // at_once))
    chunks = next(number for number in range(wanted, 0, -1) if batch % number == 0)
    if chunks == 1:
        return _correlate_once(images, maps, geometry)
    total = jnp.promote_types(images.dtype, jnp.float32)

    def add(kernel: Array, chunk: tuple[Array, Array]) -> tuple[Array, None]:
        return kernel + _correlate_once(*chunk, geometry).astype(total), None

    start = jnp.zeros((*geometry.kernel_size, images.shape[3], maps.shape[3]), total)
    first, second = (array.reshape(chunks, -1, *array.shape[1:]) for array in (images, maps))
    return lax.scan(add, start, (first, second))[0].astype(images.dtype)


def _correlate_once(images: Array, maps: Array, geometry: Geometry) -> Array:
    padding = [
        (low, kernel + stride * (count - 1) - size - low)
        for kernel, stride, count, size, (low, _) in zip(
            geometry.kernel_size,
            geometry.strides,
            maps.shape[1:3],
            geometry.image_size,
            geometry.padding,
            strict=True,
        )
    ]
    kernel = lax.conv_general_dilated(
        images.transpose(3, 1, 2, 0),
        maps.transpose(1, 2, 0, 3),
        (1, 1),
        padding,
        rhs_dilation=geometry.strides,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision,
    )
    return kernel.transpose(1, 2, 0, 3)
