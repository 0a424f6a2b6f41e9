"""What the steps and priors ask of the numbers they are made with."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["check_share", "check_whole"]


def check_whole(name: str, value: Any, *, least: int = 1) -> None:
    """Refuse what is no whole number that counts something.

    Args:
      name: what it is called in the message.
      value: should be a whole number.
      least: the smallest.

    Raises:
      ValueError: it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value}, it must be a whole number of at least {least}")


def check_share(name: str, value: Any) -> None:
    """Refuse a number outside [0, 1]; one that is traced can't be looked at.

    Args:
      name: what it is called in the message.
      value: should be one number.

    Raises:
      ValueError: it is out of range, or an array.
    """
    known = not isinstance(value, jax.core.Tracer)
    if jnp.ndim(value) or (known and not 0 <= np.asarray(value) <= 1):
        raise ValueError(f"{name} is {value}, it must be in [0, 1]")
