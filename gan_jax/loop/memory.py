"""Memory that a long run has freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["return_freed_memory"]


def return_freed_memory() -> None:
    """Give the system back what was freed, where the C library can (glibc) and keeps it otherwise.

    Threads of XLA, of checkpoints and of evaluations take memory from pools of their own, and free
    each other's. What is free in a pool lies between what is not, and glibc returns only what is on
    top: over hours a process would come to hold much more than it uses. It takes milliseconds.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
