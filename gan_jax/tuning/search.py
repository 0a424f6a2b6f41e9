"""Which settings to try: a grid or at random, each with every seed, as columns of one length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gan_jax.errors import UsageError
from gan_jax.tuning.space import Axis

if TYPE_CHECKING:
    import numpy as np

__all__ = ["as_rows", "cross_seeds", "grid_search", "random_search"]

_MOST = 1_000_000


def grid_search(space: Mapping[str, Axis], *, points: int | None = None) -> dict[str, np.ndarray]:
    """Return every combination of the axes' grids, the first name changing slowest.

    Args:
      space: what each hyper-parameter may be, by name.
      points: of each range that does not say itself.

    Returns:
      Columns [N] by name, N the product of the grids' lengths; no columns if `space` is empty.

    Raises:
      UsageError: a range has no number of points, or it is out of range; or there are more than a
        million combinations.

    Example:
      >>> from gan_jax.tuning import Choice, Range
      >>> columns = grid_search({"rate": Range(0.0, 1.0), "width": Choice([8, 16])}, points=2)
      >>> columns["rate"].tolist(), columns["width"].tolist()
      ([0.0, 0.0, 1.0, 1.0], [8, 16, 8, 16])
    """
    import numpy as np

    grids = []
    for name, axis in space.items():
        try:
            grids.append(axis.grid(points))
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    if (count := math.prod(map(len, grids))) > _MOST:
        raise UsageError(f"a grid of {count:,} combinations is too large: at most {_MOST:,}")
    return {
        name: column.ravel()
        for name, column in zip(space, np.meshgrid(*grids, indexing="ij"), strict=True)
    }


def random_search(space: Mapping[str, Axis], *, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw settings at random: uniformly, or uniformly in the logarithm where an axis says so.

    A value depends on the seed, its name, its axis and its row only: more settings extend fewer,
    and another axis in the space leaves the columns of the others as they are.

    Args:
      space: what each hyper-parameter may be, by name.
      count: how many settings.
      seed: at least 0.

    Returns:
      Columns [count] by name.

    Raises:
      ValueError: `space` is empty, `count` is below 1 or `seed` below 0.

    Reference:
      Bergstra & Bengio, 2012, Random Search for Hyper-Parameter Optimization,
      https://jmlr.org/papers/v13/bergstra12a.html.
    """
    import numpy as np

    if not space:
        raise ValueError("random_search: space is empty, it must name a hyper-parameter")
    if count < 1:
        raise ValueError(f"random_search: count is {count}, it must be at least 1")
    if seed < 0:
        raise ValueError(f"random_search: seed is {seed}, it must be at least 0")
    return {
        name: axis.draw(np.random.default_rng([seed, *name.encode()]), count)
        for name, axis in space.items()
    }


def cross_seeds(settings: Mapping[str, Any], seeds: Iterable[int]) -> dict[str, np.ndarray]:
    """Pair each setting with each seed, the settings changing slowest.

    What N runs give becomes one row a setting by `results.reshape(-1, len(seeds))`.

    Args:
      settings: arrays or lists [N] by name; none at all is one setting.
      seeds: different whole numbers.

    Returns:
      The columns and one called `seed`, [N * len(seeds)].

    Raises:
      ValueError: columns differ in length or one is called `seed` already; there are no seeds, or
        they are not different whole numbers.

    Example:
      >>> columns = cross_seeds({"rate": [0.1, 0.2]}, range(3))
      >>> columns["rate"].tolist(), columns["seed"].tolist()
      ([0.1, 0.1, 0.1, 0.2, 0.2, 0.2], [0, 1, 2, 0, 1, 2])
    """
    import numpy as np

    count = _length(settings) if settings else 1
    if "seed" in settings:
        raise ValueError("cross_seeds: the settings have a column called seed already")
    chosen = np.asarray(list(seeds))
    whole = chosen.ndim == 1 and chosen.size and np.issubdtype(chosen.dtype, np.integer)
    if not whole or len(np.unique(chosen)) != len(chosen):
        raise ValueError(
            f"cross_seeds: seeds are {chosen.tolist()}, they must be different whole numbers"
        )
    repeated = {name: np.repeat(column, len(chosen)) for name, column in settings.items()}
    return {**repeated, "seed": np.tile(chosen, count)}


def as_rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Turn columns into the rows of a table.

    Args:
      columns: arrays or lists [N] by name: settings, seeds and what came out.

    Returns:
      N rows of Python's numbers.

    Raises:
      ValueError: columns differ in length, or one is not one-dimensional.

    Example:
      >>> as_rows({"rate": [0.1, 0.2], "modes": [25, 24]})
      [{'rate': 0.1, 'modes': 25}, {'rate': 0.2, 'modes': 24}]
    """
    import numpy as np

    _length(columns)
    lists = [np.asarray(column).tolist() for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def _length(columns: Mapping[str, Any]) -> int:
    import numpy as np

    shapes = {name: np.shape(column) for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        shown = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ValueError(f"columns must all be [N] of one N, not {shown}")
    return next(iter(shapes.values()), (0,))[0]
