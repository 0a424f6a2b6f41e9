"""Convolution with weights that a style scales, for each example its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flax import linen as nn
from jax import lax
from jax import numpy as jnp
from jax.nn.initializers import normal, ones
from jax.typing import DTypeLike

from gan_jax.layers.convolution import conv_general_dilated, conv_transpose
from gan_jax.layers.equalized import EqualizedDense
from gan_jax.layers.resampling import blur
from gan_jax.typing import Array

__all__ = ["ModulatedConv", "modulated_conv"]


def modulated_conv(
    maps: Array,
    kernel: Array,
    scales: Array,
    *,
    demodulate: bool = True,
    upsample_taps: Sequence[float] | None = None,
) -> Array:
    r"""Convolve each example with weights of its own: the kernel times the example's scales.

    The weights of example b are `w_bhwio = scales_bi kernel_hwio`, and, demodulated,
    `w_bhwio / sqrt(sum_hwi w_bhwio^2 + 1e-8)`: maps of unit variance then stay so. No such weights
    are made. A convolution is linear in each channel that comes in and each that goes out, so the
    maps are scaled before one convolution with the shared kernel, and after it.

    Enlarging puts zeros between the pixels, convolves, and filters with a gain of 4, as
    `gan_jax.layers.upsample` does; here the zeros are left to a transposed convolution.

    Args:
      maps: floats [B, H, W, I]; their type is what the convolution computes in.
      kernel: [h, w, I, O].
      scales: `s`, [B, I]; the demodulation is computed in their type, float32 at least.
      demodulate: bring the weights of each channel that goes out to length 1.
      upsample_taps: the taps of the separable filter that follows when the size is doubled, at
        least h - 1 of them; None to keep the size.

    Returns:
      [B, H, W, O], or [B, 2 H, 2 W, O] with `upsample_taps`.

    Raises:
      ValueError: the shapes do not fit, the kernel has an even or unequal height and width, or
        there are too few taps.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958, section 2.2 and appendix B.
    """
    _check(maps, kernel, scales)
    modulated = maps * _at_each_pixel(scales.astype(maps.dtype))
    if upsample_taps is None:
        outputs = conv_general_dilated(
            modulated,
            kernel.astype(maps.dtype),
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    else:
        outputs = _upsample_conv(modulated, kernel, upsample_taps)
    if not demodulate:
        return outputs
    return outputs * _at_each_pixel(_demodulation(kernel, scales).astype(maps.dtype))


class ModulatedConv(nn.Module):
    """Convolve with weights that are scaled by a style, and brought back to length 1.

    `modulated_conv(maps, kernel / sqrt(h w I), A(styles))`, where the affine map `A` and the kernel
    have equalised learning rates and the bias of `A` starts at 1. There is no bias of the result.

    Attributes:
      features: channels O that go out.
      kernel_size: height and width of the kernel, the same and odd.
      demodulate: bring the weights of each channel that goes out to length 1.
      upsample_taps: the taps of the filter that follows when the size is doubled, e.g.
        (1, 3, 3, 1); None to keep the size.
      dtype: what the convolution computes in, e.g. bfloat16; that of the operands if None. The
        style's scales and the demodulation are computed in float32 at least.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958
    """

    features: int
    kernel_size: tuple[int, int] = (3, 3)
    demodulate: bool = True
    upsample_taps: Sequence[float] | None = None
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, styles: Array) -> Array:
        """Convolve.

        Args:
          maps: [B, H, W, I].
          styles: [B, D].

        Returns:
          [B, H, W, features], or twice as high and wide with `upsample_taps`.

        Raises:
          ValueError: as `modulated_conv` does.
        """
        shape = (*self.kernel_size, maps.shape[-1], self.features)
        kernel = self.param("kernel", normal(1.0), shape) / math.sqrt(math.prod(shape[:-1]))
        wide = styles.astype(jnp.promote_types(styles.dtype, jnp.float32))
        scales = EqualizedDense(maps.shape[-1], bias_init=ones, name="affine")(wide)
        dtype = jnp.result_type(maps, kernel, scales) if self.dtype is None else self.dtype
        return modulated_conv(
            maps.astype(dtype),
            kernel,
            scales,
            demodulate=self.demodulate,
            upsample_taps=self.upsample_taps,
        )


def _upsample_conv(maps: Array, kernel: Array, taps: Sequence[float]) -> Array:
    """Put zeros between the pixels, convolve and filter, keeping the image in its place."""
    size = kernel.shape[0]
    room = len(taps) - size - 1  # what the filter reaches beyond the kernel, as NVIDIA counts it
    if room < -2:
        raise ValueError(f"a kernel of {size} x {size} takes {size - 1} taps or more, got {taps}")
    full = ((size - 1, size - 1),) * 2
    apart = conv_transpose(maps, (4 * kernel).astype(maps.dtype), (2, 2), full)
    return blur(apart, taps, padding=((room + 1) // 2 + 1, room // 2 + 1))


def _demodulation(kernel: Array, scales: Array) -> Array:
    """Return one over the length of each example's weights for each channel that goes out."""
    wide = jnp.promote_types(jnp.result_type(kernel, scales), jnp.float32)
    energies = jnp.sum(jnp.square(kernel.astype(wide)), axis=(0, 1))
    squares = jnp.square(scales.astype(wide))
    return lax.rsqrt(jnp.matmul(squares, energies, precision=lax.Precision.HIGHEST) + 1e-8)


def _at_each_pixel(vectors: Array) -> Array:
    return vectors[:, None, None, :]


def _check(maps: Array, kernel: Array, scales: Array) -> None:
    floats = all(jnp.issubdtype(array.dtype, jnp.floating) for array in (maps, kernel, scales))
    fits = (
        maps.ndim == kernel.ndim == 4
        and 0 not in maps.shape
        and kernel.shape[2] == maps.shape[3]
        and scales.shape == (maps.shape[0], maps.shape[3])
    )
    if not floats or not fits:
        raise ValueError(
            "a modulated convolution takes floats: maps [B, H, W, I], a kernel [h, w, I, O] and "
            f"scales [B, I]; got {list(maps.shape)}, {list(kernel.shape)} and {list(scales.shape)}"
        )
    height, width = kernel.shape[:2]
    if height != width or height % 2 == 0:
        raise ValueError(
            f"a kernel of {height} x {width}: its height and width must be the same and odd"
        )
