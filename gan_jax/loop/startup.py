"""What a run is started on: compiled programs kept from before, and a note of the versions."""

from __future__ import annotations

import platform

import jax

from gan_jax.files import cache_directory

__all__ = ["environment", "use_compilation_cache"]


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, so that a second start is quick.

    A folder chosen before, say by `JAX_COMPILATION_CACHE_DIR`, stays.
    """
    if jax.config.values.get("jax_compilation_cache_dir"):
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_directory("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


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
