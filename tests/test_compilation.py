import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import compilation

START = """
import jax, jax.numpy as jnp
from gan_jax.compilation import use_compilation_cache
use_compilation_cache()
jax.jit(lambda x: jnp.sin(x) + 1)(jnp.ones(3)).block_until_ready()
print(jax.config.jax_compilation_cache_dir)
"""


SPLIT = """
import jax
from gan_jax.compilation import split_cpu
split_cpu(2)
print(len(jax.devices()))
"""


def run(program, **environment):
    """Run a program in a fresh process, and return what it printed."""
    outside = ("JAX_", "XLA_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**plain, "JAX_PLATFORMS": "cpu", **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return done.stdout.strip()


def start(**environment):
    """Run a tiny program in a fresh process, and return the folder that it kept programs in."""
    return Path(run(START, **environment))


def kept(folder):
    return {path.name for path in folder.rglob("*-cache")} if folder.exists() else set()


def test_even_small_programs_are_kept_and_found_again(tmp_path):
    folder = start(GAN_JAX_CACHE=str(tmp_path))
    assert folder.is_relative_to(tmp_path)
    programs = kept(folder)
    assert programs
    assert start(GAN_JAX_CACHE=str(tmp_path)) == folder
    assert kept(folder) == programs


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: b"",
        lambda content: content[:-9],
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: os.urandom(100),
    ],
    ids=["emptied", "truncated", "bit flipped", "garbage"],
)
def test_a_damaged_program_is_compiled_anew_and_replaced(programs, harm):
    folder = start(GAN_JAX_CACHE=str(programs))
    paths = list(folder.iterdir())
    for path in paths:
        path.write_bytes(harm(path.read_bytes()))
    assert start(GAN_JAX_CACHE=str(programs)) == folder
    for path in paths:
        content = path.read_bytes()
        assert hashlib.sha256(content[32:]).digest() == content[:32]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


def test_a_folder_chosen_before_stays(tmp_path):
    chosen = tmp_path / "chosen"
    folder = start(GAN_JAX_CACHE=str(tmp_path / "own"), JAX_COMPILATION_CACHE_DIR=str(chosen))
    assert folder == chosen
    assert not (tmp_path / "own").exists()


def test_the_cache_can_be_turned_off(tmp_path):
    folder = start(GAN_JAX_CACHE=str(tmp_path), JAX_ENABLE_COMPILATION_CACHE="false")
    assert not kept(folder)


def test_a_compiled_step_is_the_step_and_takes_its_state():
    step = compilation.jit(lambda state, batch: (state + batch, jnp.sum(batch)))
    state = jnp.ones(3)
    new, metrics = step(state, jnp.arange(3.0))
    np.testing.assert_array_equal(new, [1, 2, 3])
    assert float(metrics) == 3
    with pytest.raises(RuntimeError, match="deleted"):
        jax.block_until_ready(state + 1)


def test_a_cpu_is_split_before_it_is_used():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert run(SPLIT) == str(min(2, cores))


def test_devices_in_use_stay_as_they_are():
    devices = jax.devices()
    compilation.split_cpu(1)
    assert jax.devices() == devices
    assert jax.config.jax_num_cpu_devices == len(devices) == 8
