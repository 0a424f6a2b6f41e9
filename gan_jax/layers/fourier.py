"""Fourier features, with which dense layers learn what changes quickly with their input."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flax import linen as nn
from jax import numpy as jnp

from gan_jax.typing import Array

__all__ = ["FourierFeatures", "fourier_features"]


def fourier_features(inputs: Array, frequencies: Sequence[float] | Array) -> Array:
    """Join inputs with their sines and cosines at given frequencies.

    `[x, sin(f_1 x), ..., sin(f_K x), cos(f_1 x), ..., cos(f_K x)]`. Frequencies are in radians and
    act on each input alone; Tancik et al. also mix inputs by a random matrix.

    Args:
      inputs: floats [B, D]; of less than float32 they are widened, as phases need the digits.
      frequencies: [K].

    Returns:
      [B, D (1 + 2 K)].

    Raises:
      ValueError: if inputs are not floats [B, D] or frequencies not [K].

    >>> fourier_features(jnp.zeros((1, 2)), [1.0]).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]]

    Reference:
      Tancik et al., Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
      Domains, 2020, https://arxiv.org/abs/2006.10739
    """
    if inputs.ndim != 2 or not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(f"inputs must be floats [B, D], got {inputs.dtype} {list(inputs.shape)}")
    wide = inputs.astype(jnp.promote_types(inputs.dtype, jnp.float32))
    rates = jnp.asarray(frequencies, wide.dtype)
    if rates.ndim != 1:
        raise ValueError(f"frequencies must be [K], got {list(rates.shape)}")
    phases = wide[:, None, :] * rates[None, :, None]
    phases = phases.reshape(wide.shape[0], len(rates) * wide.shape[1])
    return jnp.concatenate([wide, jnp.sin(phases), jnp.cos(phases)], axis=-1)


class FourierFeatures(nn.Module):
    """Join inputs with their sines and cosines at octaves of one frequency.

    `fourier_features(x, [base, 2 base, 4 base, ..., 2^(number - 1) base])`.

    Attributes:
      number: how many frequencies.
      base: the lowest, in radians; pi, as in NeRF, has a period of 2, the width of [-1, 1].

    Reference:
      Tancik et al., Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional
      Domains, 2020, https://arxiv.org/abs/2006.10739; the octaves are NeRF's, Mildenhall et al.,
      2020, https://arxiv.org/abs/2003.08934
    """

    number: int
    base: float = math.pi

    def __call__(self, inputs: Array) -> Array:
        """Return the features.

        Args:
          inputs: floats [B, D].

        Returns:
          [B, D (1 + 2 number)].

        Raises:
          ValueError: inputs are not floats [B, D], or an attribute is out of range.
        """
        if self.number < 0 or not 0 < self.base < math.inf:
            raise ValueError(
                f"number must be 0 or more and base above 0, got {self.number} and {self.base}"
            )
        return fourier_features(inputs, [self.base * 2**k for k in range(self.number)])
