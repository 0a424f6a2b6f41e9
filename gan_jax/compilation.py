"""Compiled programs that are kept from one start to the next."""

from __future__ import annotations

import jax

from gan_jax.files import cache_directory

__all__ = ["use_compilation_cache"]


def use_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, so that a second start is quick.

    Small programs are kept too: a start has many, and together they take seconds. A folder chosen
    before, say by `JAX_COMPILATION_CACHE_DIR`, stays; `JAX_ENABLE_COMPILATION_CACHE=false` turns
    every cache of JAX off.
    """
    if jax.config.values.get("jax_compilation_cache_dir"):
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_directory("xla")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
