"""The same bits as the trainer's, in a process that has JAX and nothing else."""

import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.export import cases

MANY = ("dcgan-conditional-averaged-bfloat16", "mlp-conditional-averaged")
SEED = 11

# Isolated, so that neither this folder nor any environment variable helps it.
ALONE = """
import importlib, importlib.util, sys
from pathlib import Path

class Blocked:
    def find_spec(self, name, path=None, target=None):
        absent = "gan_jax flax optax orbax safetensors flatbuffers PIL chex tests".split()
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)

sys.meta_path.insert(0, Blocked())
for name in ("gan_jax", "flax", "safetensors", "flatbuffers"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} can be imported")

import jax, numpy as np
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", int(sys.argv[2]))
many, drawn = sys.argv[3:], {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    spec = importlib.util.spec_from_file_location("sample", folder / "sample.py")
    sample = importlib.util.module_from_spec(spec)
    sys.modules["sample"] = sample
    spec.loader.exec_module(sample)
    generator = sample.load(folder)
    for count in (1, 3, 16) if folder.name in many else (3,):
        keys = generator.keys(11, count)
        drawn[f"{folder.name} {count}"] = np.asarray(generator.sample(keys))
    latents = np.linspace(-2, 2, 15, dtype=np.float32).reshape(3, 5)
    drawn[f"{folder.name} decoded"] = np.asarray(generator.decode(latents))
    if folder.name in many:
        out = str(Path(sys.argv[1]).with_name(folder.name + ".npy"))
        assert sample.main(["--count", "3", "--seed", "11", "--out", out]) == 0
np.savez(Path(sys.argv[1]).with_name("drawn.npz"), **drawn)
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"gan_jax", "flax", "safetensors", "flatbuffers"}
"""


@pytest.fixture(scope="module")
def games():
    return {name: cases.make(name) for name in cases.NAMES}


@pytest.fixture(scope="module")
def drawn(games, tmp_path_factory):
    """Return all that the process alone drew; it has one device, this one has eight."""
    folder = tmp_path_factory.mktemp("bits") / "exports"
    for name, game in games.items():
        game.export(folder / name)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE, folder, "1", *MANY],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(np.load(folder.with_name("drawn.npz"))), folder.parent


@pytest.mark.parametrize("name", cases.NAMES)
def test_samples_and_decoded_latents_are_the_trainers_bits(games, drawn, name):
    images, _ = drawn
    for count in (1, 3, 16) if name in MANY else (3,):
        expected = np.asarray(games[name].images(jax.random.split(jax.random.key(SEED), count)))
        found = images[f"{name} {count}"]
        assert found.dtype == expected.dtype == np.float32
        assert np.isfinite(found).all()
        assert found.tobytes() == expected.tobytes()
        assert len(np.unique(found)) > count
    latents = np.linspace(-2, 2, 15, dtype=np.float32).reshape(3, 5)
    expected = np.asarray(games[name].decoded(latents))
    assert images[f"{name} decoded"].tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", MANY)
def test_the_program_draws_the_same(drawn, name):
    images, folder = drawn
    assert np.load(folder / f"{name}.npy").tobytes() == images[f"{name} 3"].tobytes()
