"""Priors: how one example's latent vector is drawn."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.typing import Array, PRNGKey

__all__ = [
    "Prior",
    "example_keys",
    "join_priors",
    "normal_prior",
    "sign_prior",
    "truncate",
    "truncated_normal_prior",
    "uniform_prior",
]

Prior = Callable[[PRNGKey], Array]


def normal_prior(dimension: int) -> Prior:
    """Draw latents from N(0, I).

    Args:
      dimension: length D of a latent vector.

    Returns:
      A function from one key to latents [D].

    Raises:
      ValueError: `dimension` is no whole number from 0.
    """
    check_whole("normal_prior: dimension", dimension, least=0)
    return lambda key: jax.random.normal(key, (dimension,))


def sign_prior(dimension: int) -> Prior:
    """Draw latents of -1 and 1, either as likely, independently per component.

    A continuous generator of continuous latents draws connected shapes: between separate modes of
    the data it leaves samples that are neither. Joined with others, signs cut the latents into
    `2^dimension` separate pieces.

    Args:
      dimension: length D of a latent vector.

    Returns:
      A function from one key to latents [D].

    Raises:
      ValueError: `dimension` is no whole number from 0.

    Reference:
      Khayatkhoei, Elgammal and Singh, Disconnected Manifold Learning for Generative Adversarial
      Networks, 2018, https://arxiv.org/abs/1806.00880, on the problem; discrete latents are those
      of Chen et al., InfoGAN, 2016, https://arxiv.org/abs/1606.03657, without its information term.
    """
    check_whole("sign_prior: dimension", dimension, least=0)
    return lambda key: jax.random.rademacher(key, (dimension,), jnp.float32)


def join_priors(*priors: Prior) -> Prior:
    """Draw latents from several priors, one after the other.

    Args:
      *priors: each with a key of its own, `fold_in(key, i)`.

    Returns:
      A function from one key to latents [D_1 + D_2 + ...].
    """

    def prior(key: PRNGKey) -> Array:
        parts = [each(jax.random.fold_in(key, index)) for index, each in enumerate(priors)]
        return jnp.concatenate(parts)

    return prior


def truncated_normal_prior(dimension: int, threshold: float | Array) -> Prior:
    """Draw latents from N(0, I) with every component redrawn until it is within the threshold.

    This is BigGAN's truncation trick, for sampling from a generator trained with `normal_prior`:
    less variety for more fidelity. (Redrawing gives the normal distribution truncated to
    [-threshold, threshold], which is drawn from directly.)

    Args:
      dimension: length D of a latent vector.
      threshold: the largest magnitude of a component, above 0.

    Returns:
      A function from one key to latents [D].

    Raises:
      ValueError: `threshold` is a number that is not above 0, or `dimension` no whole number.

    Reference:
      Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018,
      https://arxiv.org/abs/1809.11096
    """
    check_whole("truncated_normal_prior: dimension", dimension, least=0)
    if isinstance(threshold, (int, float)) and not threshold > 0:
        raise ValueError(f"truncated_normal_prior: threshold is {threshold}, it must be above 0")
    return lambda key: jax.random.truncated_normal(key, -threshold, threshold, (dimension,))


def truncate(styles: Array, mean: Array, share: float | Array) -> Array:
    """Pull styles towards their mean, which is StyleGAN's truncation trick.

    `mean + share * (styles - mean)`

    Args:
      styles: [..., D].
      mean: [D].
      share: the paper's psi: 1 leaves the styles as they are, 0 makes all of them the mean.

    Returns:
      [..., D].

    Raises:
      ValueError: the shapes do not fit.

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks,
      2018, https://arxiv.org/abs/1812.04948
    """
    if jnp.shape(mean) != jnp.shape(styles)[-1:]:
        raise ValueError(
            f"truncate: styles [..., D] take a mean [D], got {list(jnp.shape(styles))} and "
            f"{list(jnp.shape(mean))}"
        )
    return mean + share * (styles - mean)


def uniform_prior(dimension: int) -> Prior:
    """Draw latents from U(-1, 1), independently per component.

    Args:
      dimension: length D of a latent vector.

    Returns:
      A function from one key to latents [D].

    Raises:
      ValueError: `dimension` is no whole number from 0.
    """
    check_whole("uniform_prior: dimension", dimension, least=0)
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
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(first + jnp.arange(count))
