"""Functional GAN research in JAX: pure losses, penalties, networks and steps that compose.

Submodules load on first use, so `from gan_jax import losses` imports nothing but JAX.
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "augment",
    "checkpoint",
    "compilation",
    "data",
    "diagnostics",
    "errors",
    "export",
    "files",
    "lab",
    "layers",
    "loop",
    "losses",
    "metrics",
    "models",
    "parallel",
    "penalties",
    "profiling",
    "report",
    "train",
    "tuning",
    "typing",
    "writers",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
