"""Memory of a long run: from where it is taken, and that what was freed is given back."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_freed_memory", "share_one_pool"]

_ARENA_MAX = -8  # of glibc's malloc.h


def share_one_pool() -> None:
    """Let all threads of this process take memory from one pool, where the C library has several.

    glibc gives each thread a pool, up to eight for each core. What threads of checkpoints and of
    evaluations take for a moment differs from time to time, so that each pool grows to its worst
    case, and all of them together for hours. Pools that are there already stay, so a program calls
    this before it loads JAX, which begins threads.
    """
    _call("mallopt", _ARENA_MAX, 1)


def return_freed_memory() -> None:
    """Give the system back what was freed, where the C library can (glibc) and keeps it otherwise.

    Threads of XLA, of checkpoints and of evaluations take memory from pools of their own, and free
    each other's. What is free in a pool lies between what is not, and glibc returns only what is on
    top: over hours a process would come to hold much more than it uses. It takes milliseconds.
    """
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    """Call a function of glibc, if this is glibc."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
