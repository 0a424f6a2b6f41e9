"""What a run is started on: a note of the versions and the devices."""

from __future__ import annotations

import platform

import jax

__all__ = ["environment"]


def environment() -> dict[str, str]:
    """Return the versions and the devices that a run's numbers may depend on.

    Returns:
      Names and what they are.
    """
    import flax
    import numpy
    import optax

    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
        "numpy": numpy.__version__,
        "devices": f"{jax.local_device_count()} x {jax.devices()[0].device_kind}",
        "platform": platform.platform(),
    }
