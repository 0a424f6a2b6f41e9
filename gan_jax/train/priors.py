"""Priors: how one example's latent vector is drawn."""

from __future__ import annotations

from collections.abc import Callable

import jax

from gan_jax.typing import Array, PRNGKey

__all__ = ["Prior", "example_keys", "normal_prior", "uniform_prior"]

Prior = Callable[[PRNGKey], Array]


def normal_prior(dimension: int) -> Prior:
    """Draw latents from N(0, I).

    Args:
      dimension: length D of a latent vector.

    Returns:
      A function from one key to latents [D].
    """
    return lambda key: jax.random.normal(key, (dimension,))


def uniform_prior(dimension: int) -> Prior:
    """Draw latents from U(-1, 1), independently per component.

    Args:
      dimension: length D of a latent vector.

    Returns:
      A function from one key to latents [D].
    """
    return lambda key: jax.random.uniform(key, (dimension,), minval=-1.0, maxval=1.0)


def example_keys(key: PRNGKey, count: int, *, axis_name: str | None = None) -> Array:
    """Give every example the key of its index in the global batch.

    Example `i` of device `d` gets `fold_in(key, d * count + i)`, so that N devices draw what one
    device draws for the same global batch.

    Args:
      key: the key of this draw.
      count: number of examples B on this device.
      axis_name: the mapped axis of the devices, None on one device.

    Returns:
      Keys [B].
    """
    first = 0 if axis_name is None else jax.lax.axis_index(axis_name) * count
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(first + jax.numpy.arange(count))
