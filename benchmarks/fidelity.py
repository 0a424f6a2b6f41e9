"""torch-fidelity, the reference implementation of metrics, as far as it needs no torchvision."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from unittest import mock

__all__ = ["is_installed", "module"]

_STUBS = (
    "torchvision",
    "torchvision.datasets",
    "torchvision.transforms",
    "torchvision.transforms.functional",
)


def is_installed() -> bool:
    """Return whether PyTorch and torch-fidelity are there."""
    return all(importlib.util.find_spec(name) for name in ("torch", "torch_fidelity"))


def module(name: str) -> ModuleType:
    """Import a module of torch-fidelity.

    Args:
      name: such as `"metric_kid"`.

    Returns:
      The module.
    """
    # The package imports torchvision whatever is asked of it, and torchvision's wheels do not load
    # beside a CPU build of PyTorch. The metrics and the Inception network make no use of it.
    importlib.import_module("torch")
    stubs = {stub: mock.MagicMock() for stub in _STUBS if stub not in sys.modules}
    sys.modules.update(stubs)
    try:
        return importlib.import_module(f"torch_fidelity.{name}")
    finally:
        for stub in stubs:
            del sys.modules[stub]
