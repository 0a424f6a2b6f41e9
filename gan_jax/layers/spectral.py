"""Spectral normalisation: layers whose weights are divided by their largest singular value.

Each stands in for the layer it is named after, with the same parameters, and keeps one vector more
in the collection `spectral_stats`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
from flax import linen as nn
from jax import lax
from jax import numpy as jnp

from gan_jax.layers.convolution import Conv, ConvTranspose
from gan_jax.typing import SPECTRAL_STATS, Array

__all__ = [
    "SpectralConv",
    "SpectralConvTranspose",
    "SpectralDense",
    "SpectralEmbed",
    "spectral_norm",
]

_product = partial(jnp.matmul, precision=lax.Precision.HIGHEST)


def spectral_norm(
    matrix: Array, u: Array, *, iterations: int = 1, epsilon: float = 1e-12
) -> tuple[Array, Array]:
    """Estimate a matrix's largest singular value by power iteration.

    `sigma = v^T W u` after `v = normalize(W u), u = normalize(W^T v)`. As in the paper, `u` and `v`
    are constants to the gradient, which flows through `W` alone.

    Args:
      matrix: `W`, [N, F].
      u: where the iteration starts, [F].
      iterations: how many times `v` and `u` move, at least 1.
      epsilon: what a length is divided by at least.

    Returns:
      `sigma` [], never above the true value, and the new `u` [F].

    Raises:
      ValueError: if `iterations` is below 1, or the arrays are not floats of shapes that fit.

    >>> sigma, u = spectral_norm(jnp.diag(jnp.asarray([3.0, 4.0])), jnp.asarray([0.0, 1.0]))
    >>> float(sigma), u.tolist()
    (4.0, [0.0, 1.0])

    Reference:
      Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1802.05957
    """
    for name, array in (("matrix", matrix), ("u", u)):
        if not jnp.issubdtype(array.dtype, jnp.floating) or not array.size:
            raise ValueError(f"{name} must be floats, got {array.dtype} {list(array.shape)}")
    if iterations < 1:
        raise ValueError(f"iterations is {iterations}: it must be at least 1")
    if matrix.ndim != 2 or u.shape != matrix.shape[1:]:
        raise ValueError(
            f"a matrix [N, F] takes a vector [F]: got {list(matrix.shape)} and {list(u.shape)}"
        )
    fixed = lax.stop_gradient(matrix)
    u = lax.stop_gradient(u)
    for _ in range(iterations):
        v = _normalize(_product(fixed, u), epsilon)
        u = _normalize(_product(v, fixed), epsilon)
    return _product(v, _product(matrix, u)), u


def _normalize(vector: Array, epsilon: float) -> Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), epsilon)


class _Spectral(nn.Module):
    """Hand a layer its kernel or embedding already divided by `sigma`."""

    iterations: int = 1
    epsilon: float = 1e-12

    @nn.nowrap
    def param(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        value = super().param(name, *arguments, **keywords)
        return self._normalized(value) if name in ("kernel", "embedding") else value

    @nn.nowrap
    def _normalized(self, weights: Array) -> Array:
        outputs = -2 if getattr(self, "transpose_kernel", False) else -1
        wide = weights.astype(jnp.promote_types(weights.dtype, jnp.float32))
        matrix = jnp.moveaxis(wide, outputs, -1).reshape(-1, weights.shape[outputs])

        def start() -> Array:
            vector = jax.random.normal(self.make_rng("params"), matrix.shape[1:], matrix.dtype)
            return _normalize(vector, self.epsilon)

        kept = self.variable(SPECTRAL_STATS, "u", start)
        sigma, u = spectral_norm(
            matrix, kept.value, iterations=self.iterations, epsilon=self.epsilon
        )
        # A matrix of zeros has no direction: u waits where it is, and nothing is divided.
        some = sigma > self.epsilon
        if self.is_mutable_collection(SPECTRAL_STATS) and not self.is_initializing():
            kept.value = jnp.where(some, u, kept.value)
        return (wide / jnp.where(some, sigma, 1)).astype(weights.dtype)


class SpectralDense(_Spectral, nn.Dense):
    """Apply a linear map whose weights are divided by their largest singular value.

    `x (W / sigma(W)) + b`, with `sigma` from `spectral_norm`. Every application moves the kept `u`
    by one iteration and uses the result; it is stored only where the collection `spectral_stats` is
    mutable, so that training and evaluation see the same weights, and never while initialising.

    Attributes:
      iterations: of the power method at each application.
      epsilon: what a length is divided by at least; below it `sigma` counts as that of no weights.

    Reference:
      Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1802.05957
    """


class SpectralEmbed(_Spectral, nn.Embed):
    """Look up rows of a table that is divided by its largest singular value.

    `(E / sigma(E))[label]`; see `SpectralDense`.

    Attributes:
      iterations: of the power method at each application.
      epsilon: what a length is divided by at least.

    Reference:
      Miyato and Koyama, cGANs with Projection Discriminator, 2018,
      https://arxiv.org/abs/1802.05637
    """


class SpectralConv(_Spectral, Conv):
    """Convolve with a kernel that is divided by its largest singular value.

    `conv(x, W / sigma(W)) + b`, where `sigma` is that of the kernel as a matrix [h w I, O], as in
    the paper; the convolution itself, as a linear map, may stretch by up to `sqrt(h w)`. See
    `SpectralDense`.

    Attributes:
      iterations: of the power method at each application.
      epsilon: what a length is divided by at least.

    Reference:
      Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1802.05957
    """


class SpectralConvTranspose(_Spectral, ConvTranspose):
    """Convolve with fractional strides, the kernel divided by its largest singular value.

    `conv_transpose(x, W / sigma(W)) + b`, where `sigma` is that of the kernel as a matrix
    [h w I, O] with O the channels that come out, whichever of them `transpose_kernel` stores last.
    See `SpectralDense`.

    Attributes:
      iterations: of the power method at each application.
      epsilon: what a length is divided by at least.

    Reference:
      Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1802.05957
    """
