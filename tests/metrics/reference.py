"""torch-fidelity, against which metrics and extractors are compared."""

import pytest

from benchmarks import fidelity


def torch_fidelity(name):
    """Import a module of torch-fidelity, or skip the test where it is not installed."""
    if not fidelity.is_installed():
        pytest.skip("torch-fidelity is not installed")
    return fidelity.module(name)
