"""Random crops and mirror images of what a step is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require

if TYPE_CHECKING:
    from gan_jax.typing import Batch, PRNGKey

__all__ = ["check_jitter", "jitter_apart", "jitter_pairs"]


def check_jitter(enlarge: float | None) -> None:
    """Check the option of pages that jitter.

    Args:
      enlarge: how many times larger images become before they are cropped, 0 for no jitter.

    Raises:
      UsageError: it is out of range.
    """
    fits = enlarge is None or enlarge == 0 or 1 <= enlarge <= 4
    require(fits, "jitter", enlarge, "0, or from 1 to 4")


def jitter_pairs(enlarge: float) -> Callable[[PRNGKey, Batch], Any]:
    """Make the function that jitters a source and its image alike.

    Args:
      enlarge: see `gan_jax.data.jitter`.

    Returns:
      What `train.changing` takes.
    """

    def change(key: PRNGKey, example: Batch) -> Batch:
        from gan_jax import data

        images = {name: example[name] for name in ("source", "real")}
        return {**example, **data.jitter(key, images, enlarge=enlarge)}

    return change


def jitter_apart(enlarge: float) -> Callable[[PRNGKey, Batch], Any]:
    """Make the function that jitters both images of an example with a key each: they are no pair.

    Args:
      enlarge: see `gan_jax.data.jitter`.

    Returns:
      What `train.changing` takes, for batches of `both_domains`.
    """

    def change(key: PRNGKey, example: Batch) -> Batch:
        import jax

        from gan_jax import data

        keys = dict(zip(("a", "b"), jax.random.split(key), strict=True))
        real = {
            domain: data.jitter(keys[domain], example["real"][domain], enlarge=enlarge)
            for domain in keys
        }
        return {**example, "real": real}

    return change
