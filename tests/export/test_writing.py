import errno
import hashlib
import json
import stat
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import gan_jax
from gan_jax import train
from gan_jax.errors import UsageError
from gan_jax.export import check_new, writing
from gan_jax.export.sample import FILES
from tests.export import cases


def plain(**parts):
    """Return a generator without a network: its samples are what the weights say."""
    player = train.TrainState(
        step=0, apply_fn=None, params={"shift": jnp.ones(2)}, tx=None, opt_state=(), model_state={}
    )
    return player.replace(**parts)


def export(folder, generator, draw):
    writing.export_generator(
        folder, generator, draw, draw, prior=train.normal_prior(2), about={}, value_range=None
    )


def shifted(generator, batch, inputs):
    return jnp.zeros((inputs.shape[0], 2)) + generator.params["shift"][None]


def test_the_weights_are_those_of_sampling_by_their_path(case, exported):
    weights = safetensors.numpy.load_file(exported / "weights.safetensors")
    generator = case.generator
    expected = {
        "params/Dense_0/kernel": generator.ema_params["Dense_0"]["kernel"],
        "params/ConvTranspose_1/bias": generator.ema_params["ConvTranspose_1"]["bias"],
        "batch_stats/BatchNorm_0/var": generator.model_state["batch_stats"]["BatchNorm_0"]["var"],
    }
    for name, leaf in expected.items():
        np.testing.assert_array_equal(weights[name], leaf, strict=True)
    leaves = jax.tree.leaves((generator.ema_params, generator.model_state))
    assert len(weights) == len(leaves)
    assert sum(weight.size for weight in weights.values()) == sum(leaf.size for leaf in leaves)


def test_dtypes_are_kept(tmp_path):
    params = {
        "shift": jnp.ones(2), "half": jnp.asarray([1.5, -0.0], jnp.bfloat16),
        "count": jnp.asarray(3), "flags": jnp.asarray([True]), "none": jnp.zeros((0, 4)),
    }  # fmt: skip
    export(tmp_path / "out", plain(params=params), shifted)
    content = (tmp_path / "out" / "weights.safetensors").read_bytes()
    found = {
        name: (each["dtype"], each["shape"]) for name, each in safetensors.deserialize(content)
    }
    assert found == {
        "params/shift": ("F32", [2]), "params/half": ("BF16", [2]), "params/count": ("I32", []),
        "params/flags": ("BOOL", [1]), "params/none": ("F32", [0, 4]),
    }  # fmt: skip


def test_the_settings_say_what_it_is(exported):
    settings = json.loads((exported / "settings.json").read_text())
    convention = settings.pop("calling_convention")
    assert type(convention) is int
    assert settings == {
        "format": 1,
        "gan_jax": gan_jax.__version__,
        "jax": jax.__version__,
        "platforms": ["cpu", "cuda", "rocm", "tpu"],
        "about": {
            "experiment": "test", "step": 7, "config": {"steps": 10, "rate": 1e-3, "gamma": None},
        },
        "parameters": "ema_params",
        "num_classes": 3,
        "keys": {"impl": "threefry2x32", "shape": [2], "dtype": "uint32"},
        "latents": {"gaussian": True, "shape": [5], "dtype": "float32"},
        "samples": {"shape": [8, 8, 1], "dtype": "float32", "range": [-1.0, 1.0]},
    }  # fmt: skip


def test_nothing_but_the_files_is_there_and_sha256sum_would_agree(exported):
    assert {path.name for path in exported.iterdir()} == {*FILES, "SHA256SUMS"}
    assert (exported / "SHA256SUMS").read_text() == "".join(
        f"{hashlib.sha256((exported / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES
    )
    source = Path(writing.__file__).with_name("sample.py")
    assert (exported / "sample.py").read_bytes() == source.read_bytes()


def test_the_same_generator_gives_the_same_bytes_wherever_the_code_lies(case, exported, tmp_path):
    before = jax.config.jax_traceback_in_locations_limit
    case.export(tmp_path / "again", step=7, config={"steps": 10, "rate": 1e-3, "gamma": None})
    assert jax.config.jax_traceback_in_locations_limit == before
    for path in exported.iterdir():
        content = path.read_bytes()
        assert content == (tmp_path / "again" / path.name).read_bytes()
        assert str(Path(gan_jax.__file__).parent).encode() not in content
        assert path.suffix != ".stablehlo" or b".py" not in content


def test_an_empty_folder_is_filled_and_missing_ones_above_are_made(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "not" / "yet" / "there"):
        export(folder, plain(), shifted)
        assert (folder / "sample.py").is_file()
        # Not for one person alone, as a temporary folder would be.
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("what", ["full", "file", "link", "dangling", "link to an empty one"])
def test_what_is_there_already_is_left_alone(tmp_path, what):
    folder = tmp_path / "out"
    if what == "full":
        folder.mkdir()
        (folder / "mine").write_text("mine")
    elif what == "file":
        folder.write_text("mine")
    else:
        (tmp_path / "empty").mkdir()
        places = {"link": tmp_path, "dangling": tmp_path / "nowhere"}
        folder.symlink_to(places.get(what, tmp_path / "empty"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="out is there already: name a new folder"):
        check_new(folder)
    with pytest.raises(UsageError, match="out is there already: name a new folder"):
        export(folder, plain(), shifted)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("written", range(len(FILES) + 1))
def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch, written):
    done = []

    def write(path):
        if len(done) == written:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        done.append(path)
        return open(path, "wb")

    monkeypatch.setattr(writing, "atomic_write", write)
    with pytest.raises(OSError, match="No space left"):
        export(tmp_path / "out", plain(), shifted)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    folder = tmp_path / "out"
    whole = writing.atomic_write

    def write(path):
        folder.mkdir(exist_ok=True)
        (folder / "mine").write_text("mine")
        return whole(path)

    monkeypatch.setattr(writing, "atomic_write", write)
    with pytest.raises(UsageError, match="out is there already"):
        export(folder, plain(), shifted)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "mine"]


def counted(generator, batch, inputs):
    return jnp.zeros((len(inputs), 2))


def few_or_many(generator, batch, inputs):
    return jnp.zeros((inputs.shape[0], 2 if inputs.shape[0] > 9 else 3))


def pair(generator, batch, inputs):
    return shifted(generator, batch, inputs), shifted(generator, batch, inputs)


def summed(generator, batch, inputs):
    return shifted(generator, batch, inputs).sum()


@pytest.mark.parametrize(
    ("parts", "draw", "line"),
    [
        ({}, counted, "can't be exported for any number of samples: '_DimExpr' object cannot be"),
        ({}, few_or_many, "can't be exported for any number of samples"),
        ({}, pair, "only samples that are one array"),
        ({}, summed, "only samples that are one array"),
        ({"params": {"a": np.ones(2)}}, shifted, "weights of float64 can't be exported: params/a"),
        ({"params": {"a/b": np.ones(2), "a": {"b": np.ones(2)}}}, shifted, "have the same name"),
    ],
)
def test_what_cannot_be_exported_is_one_line(tmp_path, parts, draw, line):
    with pytest.raises(UsageError, match=line) as caught:
        export(tmp_path / "out", plain(**parts), draw)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_generator_of_points_can_be_exported(tmp_path):
    export(tmp_path / "out", plain(), shifted)
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["samples"] == {"shape": [2], "dtype": "float32", "range": None}
    assert settings["parameters"] == "params"


def test_every_case_has_its_own_settings():
    made = {name: cases.make(name) for name in cases.NAMES}
    averaged = {name for name, game in made.items() if game.generator.ema_params is not None}
    conditional = {name for name, game in made.items() if game.num_classes}
    assert averaged == {name for name in made if "averaged" in name}
    assert conditional == {name for name in made if "conditional" in name}
    assert "spectral_stats" in made["spectral"].generator.model_state
