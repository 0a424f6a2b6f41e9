"""How labels enter a network: next to the latents, or as a projection of the features."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, normal

from gan_jax.typing import Array

__all__ = ["LabelledLatents", "ProjectionHead", "check_features", "checked_labels", "inside"]


class LabelledLatents(nn.Module):
    """Join latents with an embedding of their label.

    Attributes:
      num_classes: number of classes; 0 leaves the latents as they are.
      features: length E of the embedding.
    """

    num_classes: int
    features: int = 32

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None) -> Array:
        """Return the generator's input.

        Args:
          latents: [B, D].
          labels: int32 [B], or None without classes.

        Returns:
          [B, D], or [B, D + E] with classes.

        Raises:
          ValueError: labels are missing, unasked for, not integers [B], or no class; or what goes
            with them is not floats. Traced labels can't be looked at: of no class they give NaN.
        """
        check_features("latents", latents)
        labels = checked_labels("generator", self.num_classes, labels, latents.shape[0])
        if labels is None:
            return latents
        embedding = nn.Embed(self.num_classes, self.features, embedding_init=normal(1.0))(labels)
        return jnp.concatenate([latents, embedding], axis=-1)


class ProjectionHead(nn.Module):
    r"""Turn features into a logit, with a projection on the label's embedding if there are classes.

    `logit = w . features + b + embedding(label) . features`

    Attributes:
      num_classes: number of classes; 0 for an unconditional discriminator.
      kernel_init: initializer of `w`.
      dense: makes `w` and `b`, called as `flax.linen.Dense`.
      embed: makes the embedding, called as `flax.linen.Embed`.

    Reference:
      Miyato and Koyama, cGANs with Projection Discriminator, 2018,
      https://arxiv.org/abs/1802.05637
    """

    num_classes: int
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    embed: Callable[..., Callable[[Array], Array]] = nn.Embed

    @nn.compact
    def __call__(self, features: Array, labels: Array | None) -> Array:
        """Return the logits.

        Args:
          features: [B, F]; of less than float32 they are widened, as losses need the digits.
          labels: int32 [B], or None without classes.

        Returns:
          Logits [B].

        Raises:
          ValueError: labels are missing, unasked for, not integers [B], or no class; or what goes
            with them is not floats. Traced labels can't be looked at: of no class they give NaN.
        """
        check_features("features", features)
        labels = checked_labels("discriminator", self.num_classes, labels, features.shape[0])
        features = features.astype(jnp.promote_types(features.dtype, jnp.float32))
        logits = self.dense(1, kernel_init=self.kernel_init)(features)[:, 0]
        if labels is None:
            return logits
        width = features.shape[-1]
        embed = self.embed(
            self.num_classes, width, embedding_init=normal(width**-0.5), name="projection"
        )
        return logits + jnp.sum(embed(labels) * features, axis=-1)


def check_features(name: str, features: Array) -> None:
    """Refuse what is not floats [B, D]: bytes, say, would pass for numbers in [-1, 1].

    Args:
      name: what it is called in the message.
      features: should be floats [B, D].

    Raises:
      ValueError: it is anything else.
    """
    if features.ndim != 2 or not jnp.issubdtype(features.dtype, jnp.floating):
        raise ValueError(
            f"{name} must be floats [B, D], got {features.dtype} {list(features.shape)}"
        )


def inside(name: str, labels: Array, num_classes: int) -> Array:
    """Make sure that labels which are no class lead to NaN, and not to another class.

    Args:
      name: what they are called in a message.
      labels: integers of any shape.
      num_classes: how many classes there are.

    Returns:
      The labels; traced ones below 0 are `num_classes`, of which a table's row is NaN, as of all
      others beyond it.

    Raises:
      ValueError: they are not integers, or are seen to be no class.
    """
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"{name} must be integers, got {labels.dtype}")
    if not isinstance(labels, jax.core.Tracer):
        known = np.asarray(labels)
        wrong = known[(known < 0) | (known >= num_classes)]
        if wrong.size:
            raise ValueError(f"{name} must be from 0 to {num_classes - 1}, got {wrong[0]}")
    return jnp.where(labels < 0, num_classes, labels)


def checked_labels(player: str, num_classes: int, labels: Array | None, batch: int) -> Array | None:
    """Return the labels of a batch, once it is sure that a network wants them.

    Args:
      player: what the network is called in a message.
      num_classes: number of classes it has, 0 for none.
      labels: should be int32 [B] if it has some, and None if not.
      batch: the number of examples B.

    Returns:
      The labels as `inside` leaves them, or None.

    Raises:
      ValueError: they are missing, unasked for, not integers [B], or seen to be no class.
    """
    if num_classes and labels is None:
        raise ValueError(f"this {player} has {num_classes} classes and was given no labels")
    if labels is not None and not num_classes:
        raise ValueError(f"this {player} was given labels and has no classes: set num_classes")
    if labels is not None and labels.shape != (batch,):
        raise ValueError(
            f"this {player} was given labels {list(labels.shape)} for a batch of {batch}: "
            f"they must be [{batch}]"
        )
    return None if labels is None else inside(f"labels of this {player}", labels, num_classes)
