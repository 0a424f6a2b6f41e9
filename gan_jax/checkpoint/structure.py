"""What a state is made of: the name, dtype and shape of every leaf."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from gan_jax.checkpoint.quiet import one_line
from gan_jax.errors import UsageError
from gan_jax.typing import PyTree

__all__ = ["abstract_state", "check_fits", "describe"]


def abstract_state(state: PyTree, sharding: jax.sharding.Sharding | None = None) -> PyTree:
    """Return the shapes and dtypes of a state, and where its arrays are to go.

    Args:
      state: a pytree of arrays, or of their shapes and dtypes.
      sharding: where all the arrays go, the first local device if None.

    Returns:
      The same tree of `jax.ShapeDtypeStruct`.

    Raises:
      UsageError: a leaf isn't an array.
    """
    sharding = sharding or jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    try:
        shapes = jax.eval_shape(lambda tree: tree, state)
    except TypeError as error:
        which = one_line(error).rpartition("The problematic value is ")[2]
        raise UsageError(f"a checkpoint holds arrays only; one value is {which}") from error
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), shapes
    )


def describe(state: PyTree) -> dict[str, str]:
    """Name every leaf and say what it is; where there is nothing, say so.

    >>> describe({"bias": jax.numpy.zeros(3), "ema": None})
    {'bias': 'float32[3]', 'ema': 'empty'}

    Args:
      state: a pytree of arrays, or of their shapes and dtypes.

    Returns:
      Dtype and shape by the leaf's path, in the order of the tree.
    """
    leaves = jax.tree_util.tree_leaves_with_path(state, is_leaf=_is_empty)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): (
            "empty" if _is_empty(leaf) else f"{leaf.dtype}{list(leaf.shape)}"
        )
        for path, leaf in leaves
    }


def check_fits(stored: Mapping[str, str], wanted: Mapping[str, str], *, part: bool) -> None:
    """Check that what is wanted is what is stored, leaf by leaf.

    Args:
      stored: what `describe` said of the state that was saved.
      wanted: what it says of the state that is to be restored.
      part: whether there may be more in store than is wanted.

    Raises:
      UsageError: the first leaf that differs.
    """
    unwanted = [] if part else [name for name in stored if name not in wanted]
    for name in [*wanted, *unwanted]:
        if stored.get(name) != wanted.get(name):
            raise UsageError(
                f"{name!r} is {_find(name, stored)} in the checkpoint, "
                f"but {_find(name, wanted)} in the state to restore"
            )


def _find(name: str, leaves: Mapping[str, str]) -> str:
    inside = any(other.startswith(f"{name}/") for other in leaves)
    return leaves.get(name, "not empty" if inside else "absent")


def _is_empty(node: PyTree) -> bool:
    """Tell None, {}, () and empty named tuples, which are no leaves to JAX but part of a state."""
    return node is None or (isinstance(node, Mapping | tuple | list) and not node)
