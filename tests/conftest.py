"""The strict front door of the tests: eight virtual CPU devices, no silent rank promotion."""

import os
from pathlib import Path

import jax
import pytest

from docs import reliability

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")

_compilation_cache = os.environ.get(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "xla")
)
jax.config.update("jax_compilation_cache_dir", _compilation_cache)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True)
def _own_cache_folder(tmp_path_factory, monkeypatch):
    """Keep every test out of the user's cache folder."""
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.getbasetemp() / "gan_jax_cache"))


# Where programs run a few times and are then done with: compiling is what takes long.
_COMPILED_QUICKLY = (
    "augment",
    "commands",
    "diagnostics",
    "exploration",
    "layers",
    "losses",
    "models",
    "penalties",
    "train",
    "translation",
)


@pytest.fixture(autouse=True, scope="module")
def _compiled_quickly(request):
    """Leave out the optimisations that don't pay in a program that hardly runs."""
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    jax.config.update("jax_disable_most_optimizations", room in _COMPILED_QUICKLY)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture
def key():
    """Return a typed base key."""
    return jax.random.key(0)


@pytest.fixture
def outcome(request):
    """Tell what happened in a test, and the verdict: one of `docs.reliability.VERDICTS`.

    The test's docstring is the fault, with the id of its parameters if it has some, and its
    module's docstring is the heading. That is a row of `docs/reliability.md`, which the test then
    keeps true: what it says must not depend on the machine or on chance. `python -m
    docs.reliability` writes the page; a test that this machine can't run skips.
    """

    def tell(happened, verdict):
        finding = reliability.find(request.node, happened, verdict)
        recorder = getattr(request.config, "reliability", None)
        if recorder is not None:
            recorder.found[request.node.nodeid] = finding
            return
        lines = reliability.PATH.read_text(encoding="utf-8").splitlines()
        assert reliability.row(finding) in lines, "python -m docs.reliability makes the page anew"

    return tell
