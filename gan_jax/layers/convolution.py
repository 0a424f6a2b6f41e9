"""Convolutions with the signatures of `jax.lax` and the modules of `flax.linen`, but fast on a CPU.

On a GPU or a TPU they compile to the same operations as those they stand in for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flax import linen as nn
from flax.linen.linear import canonicalize_padding
from jax import lax
from jax import numpy as jnp

from gan_jax.layers.geometry import Geometry
from gan_jax.layers.triad import convolve, spread
from gan_jax.typing import Array

__all__ = ["Conv", "ConvTranspose", "conv_general_dilated", "conv_transpose"]

Padding = str | Sequence[tuple[int, int]]


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Padding,
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    precision: Any = None,
) -> Array:
    """Convolve, as `jax.lax.conv_general_dilated` does.

    Two-dimensional NHWC convolutions without dilation take the fast way, all others that of
    `jax.lax`.

    Args:
      lhs: images [B, H, W, I].
      rhs: kernel [h, w, I / feature_group_count, O].
      window_strides: steps (down, across).
      padding: `"SAME"`, `"VALID"`, or pairs of zeros before and after.
      lhs_dilation: as in `jax.lax`.
      rhs_dilation: as in `jax.lax`.
      dimension_numbers: as in `jax.lax`; must name NHWC, HWIO, NHWC for the fast way.
      feature_group_count: as in `jax.lax`.
      precision: as in `jax.lax`.

    Returns:
      Maps [B, H', W', O].
    """
    names = ("NHWC", "HWIO", "NHWC")
    plain = (
        lhs.ndim == 4
        and _ones(lhs_dilation)
        and _ones(rhs_dilation)
        and dimension_numbers is not None
        and lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
        == lax.conv_dimension_numbers(lhs.shape, rhs.shape, names)
    )
    if not plain or not jnp.issubdtype(lhs.dtype, jnp.floating):
        return lax.conv_general_dilated(
            lhs,
            rhs,
            window_strides,
            padding,
            lhs_dilation=lhs_dilation,
            rhs_dilation=rhs_dilation,
            dimension_numbers=dimension_numbers,
            feature_group_count=feature_group_count,
            precision=precision,
        )
    if lhs.shape[3] != rhs.shape[2] * feature_group_count or rhs.shape[3] % feature_group_count:
        raise ValueError(
            f"images of {lhs.shape[3]} channels can't meet a kernel for {rhs.shape[2]} in "
            f"{feature_group_count} group(s): {lhs.shape} and {rhs.shape}"
        )
    size, kernel_size = lhs.shape[1:3], rhs.shape[:2]
    _check_padding(padding)
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(size, kernel_size, window_strides, padding)
    geometry = _geometry(size, kernel_size, window_strides, padding, precision)
    return convolve(lhs, rhs, geometry._replace(groups=int(feature_group_count)))


def conv_transpose(
    lhs: Array,
    rhs: Array,
    strides: Sequence[int],
    padding: Padding,
    rhs_dilation: Sequence[int] | None = None,
    transpose_kernel: bool = False,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """Convolve with fractional strides, as `jax.lax.conv_transpose` does.

    Two-dimensional NHWC ones without dilation take the fast way, all others that of `jax.lax`.

    Args:
      lhs: maps [B, H', W', O].
      rhs: kernel [h, w, O, I], or [h, w, I, O] with `transpose_kernel`.
      strides: how many times larger (height, width) the images are.
      padding: `"SAME"`, `"VALID"`, or pairs of zeros around the maps once they are drawn apart.
      rhs_dilation: as in `jax.lax`.
      transpose_kernel: turn the kernel around and exchange its channels, which makes this the
        transpose of the convolution with it.
      precision: as in `jax.lax`.
      preferred_element_type: as in `jax.lax`.

    Returns:
      Images [B, H, W, I].
    """
    fast = lhs.ndim == 4 and _ones(rhs_dilation) and preferred_element_type is None
    if not fast or not jnp.issubdtype(lhs.dtype, jnp.floating):
        return lax.conv_transpose(
            lhs,
            rhs,
            strides,
            padding,
            rhs_dilation=rhs_dilation,
            transpose_kernel=transpose_kernel,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )
    kernel = rhs if transpose_kernel else jnp.swapaxes(rhs[::-1, ::-1], 2, 3)
    if lhs.shape[3] != kernel.shape[3]:
        raise ValueError(
            f"maps of {lhs.shape[3]} channels can't meet a kernel for {kernel.shape[3]}: "
            f"{lhs.shape} and {rhs.shape}"
        )
    _check_padding(padding)
    kernel_size = kernel.shape[:2]
    around = [
        _pads(taps, stride, padding if isinstance(padding, str) else padding[axis])
        for axis, (taps, stride) in enumerate(zip(kernel_size, strides, strict=True))
    ]
    size = [
        stride * (count - 1) + 2 + low + high - taps
        for count, taps, stride, (low, high) in zip(
            lhs.shape[1:3], kernel_size, strides, around, strict=True
        )
    ]
    pads = [
        (taps - 1 - low, taps - 1 - high)
        for taps, (low, high) in zip(kernel_size, around, strict=True)
    ]
    return spread(lhs, kernel, _geometry(size, kernel_size, strides, pads, precision))


class Conv(nn.Conv):
    """Convolve: `flax.linen.Conv`, with its parameters and its numbers, by the fast operations."""

    conv_general_dilated: Any = staticmethod(conv_general_dilated)


class ConvTranspose(nn.ConvTranspose):
    """Convolve with fractional strides: `flax.linen.ConvTranspose`, by the fast operations.

    Its parameters and its numbers are the same; circular padding is left to flax's own.
    """

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Enlarge the maps.

        Args:
          inputs: [..., H', W', O].

        Returns:
          [..., H, W, features].

        Raises:
          NotImplementedError: the padding is circular.
        """
        size = self.kernel_size
        kernel_size = (size,) if isinstance(size, int) else tuple(size)
        ones = (1,) * len(kernel_size)
        padding = canonicalize_padding(self.padding, len(kernel_size))
        if padding == "CIRCULAR":
            raise NotImplementedError("circular padding: use flax.linen.ConvTranspose")
        channels = (inputs.shape[-1], self.features)
        shape = kernel_size + (channels[::-1] if self.transpose_kernel else channels)
        kernel = self.param("kernel", self.kernel_init, shape, self.param_dtype)
        if self.mask is not None:
            kernel = kernel * self.mask
        bias = None
        if self.use_bias:
            bias = self.param("bias", self.bias_init, (self.features,), self.param_dtype)
        inputs, kernel, bias = cast(
            tuple[Array, Array, Array | None],
            self.promote_dtype(inputs, kernel, bias, dtype=self.dtype),
        )
        batch = inputs.shape[: -len(kernel_size) - 1]
        outputs = conv_transpose(
            inputs.reshape(-1, *inputs.shape[len(batch) :]),
            kernel,
            tuple(self.strides or ones),
            padding,
            rhs_dilation=self.kernel_dilation,
            transpose_kernel=self.transpose_kernel,
            precision=self.precision,
            preferred_element_type=self.preferred_element_type,
        )
        if bias is not None:
            outputs = outputs + jnp.expand_dims(bias, range(outputs.ndim - 1))
        return outputs.reshape(*batch, *outputs.shape[1:])


def _ones(numbers: Any) -> bool:
    return numbers is None or numbers == 1 or all(number == 1 for number in tuple(numbers))


def _geometry(
    size: Sequence[int],
    kernel_size: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[tuple[int, int]],
    precision: Any,
) -> Geometry:
    """Make a geometry of whole numbers only, which can be a key and be compared."""
    height, width = ((int(low), int(high)) for low, high in pads)
    return Geometry(
        (int(size[0]), int(size[1])),
        (int(kernel_size[0]), int(kernel_size[1])),
        (int(strides[0]), int(strides[1])),
        (height, width),
        precision,
    )


def _check_padding(padding: Padding) -> None:
    named = isinstance(padding, str) and padding in ("SAME", "VALID", "SAME_LOWER")
    if not named and (isinstance(padding, str) or len(padding) != 2):
        raise ValueError(f"padding {padding!r}: it must be 'SAME', 'VALID' or pairs, one an axis")


def _pads(taps: int, stride: int, padding: str | tuple[int, int]) -> tuple[int, int]:
    """Return the zeros before and after maps that are drawn apart, by the conventions of lax."""
    if padding == "SAME":
        total = taps + stride - 2
        low = min(taps - 1, -(-total // 2))
        return low, total - low
    if padding == "VALID":
        return taps - 1, max(taps, stride) - 1
    if isinstance(padding, str):
        raise ValueError(f"padding {padding!r}: it must be 'SAME', 'VALID' or pairs of numbers")
    return padding
