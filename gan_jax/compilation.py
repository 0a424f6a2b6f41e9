"""How training steps are compiled, and kept compiled from one start to the next."""

from __future__ import annotations

from collections.abc import Callable

import jax

from gan_jax.files import cache_directory

__all__ = ["jit", "use_compilation_cache"]

_CPU_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE"
}


def jit(train_step: Callable) -> jax.stages.Wrapped:
    """Compile a training step for one device: `jax.jit` that donates the state.

    On a CPU, matrix products and reductions stay with the library XLA gives them to (YNNPACK), but
    convolutions are left to Eigen, with which a step of DCGAN-32 was 9 % quicker. Across virtual
    devices it is the other way round, so `gan_jax.parallel` leaves the choice to XLA.

    Args:
      train_step: `(state, batch) -> (state, metrics)`.

    Returns:
      The compiled function.
    """
    options = _CPU_OPTIONS if jax.default_backend() == "cpu" else None
    return jax.jit(train_step, donate_argnums=0, compiler_options=options)


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
