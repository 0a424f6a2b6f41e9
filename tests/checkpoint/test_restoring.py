"""Restoring: bit for bit, fresh arrays, all of a state or some parts of it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.checkpoint import Checkpoints, restore_latest, restore_part
from gan_jax.checkpoint.integrity import FORMAT, saved_steps
from gan_jax.errors import RunError, UsageError
from gan_jax.files import sha256_of


@pytest.mark.parametrize("abstract", [False, True])
def test_everything_comes_back_bit_for_bit(saved, make_game, assert_same, abstract):
    target = jax.eval_shape(make_game, 0) if abstract else make_game(0)
    for _ in range(2):
        restored, step = restore_latest(saved, target, report=pytest.fail)
        assert step == 2
        assert restored.generator.tx is target.generator.tx
        assert restored.discriminator.ema_params is None
        assert_same(restored, make_game(2))
        # Fresh arrays: what becomes of them has no effect on what is restored next.
        jax.jit(lambda state: state, donate_argnums=0)(restored)


def test_nothing_was_saved(tmp_path, make_game):
    assert restore_latest(tmp_path, make_game(0), report=pytest.fail) is None
    assert restore_latest(tmp_path / "missing", make_game(0), report=pytest.fail) is None
    assert not (tmp_path / "missing").exists()


def test_python_numbers_come_back_as_the_arrays_they_are_to_jax(tmp_path):
    state = {"step": 3, "rate": 0.1, "flag": True, "table": np.arange(3, dtype=np.int32)}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state)
    restored, _ = restore_latest(tmp_path, state)
    assert {name: str(leaf.dtype) for name, leaf in restored.items()} == {
        "step": "int32",
        "rate": "float32",
        "flag": "bool",
        "table": "int32",
    }
    assert restored["rate"] == jnp.float32(0.1)


def test_states_move_between_numbers_of_devices(tmp_path, make_game, assert_same):
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, jax.device_put(make_game(1), everywhere))
    target = jax.eval_shape(make_game, 0)
    on_one, _ = restore_latest(tmp_path, target)
    on_all, _ = restore_latest(tmp_path, target, sharding=everywhere)
    assert_same(on_one, make_game(1))
    assert_same(on_all, make_game(1))
    assert all(leaf.devices() == {jax.devices()[0]} for leaf in jax.tree.leaves(on_one))
    assert all(leaf.devices() == set(jax.devices()) for leaf in jax.tree.leaves(on_all))


def test_a_part_needs_nothing_of_the_rest(folder, make_game, assert_same):
    expected = make_game(2).generator
    target = jax.eval_shape(make_game, 0).generator
    names = ("params", "ema_params")
    parts, step = restore_part(
        folder, {"generator": {name: getattr(target, name) for name in names}}, report=pytest.fail
    )
    assert step == 2
    assert parts.keys() == {"generator"}
    assert_same(parts["generator"], {name: getattr(expected, name) for name in names})
    older, step = restore_part(folder, {"key": jax.random.key(0)}, step=1, report=pytest.fail)
    assert step == 1
    assert_same(older, {"key": make_game(1).key})


def test_a_part_is_taken_from_a_good_step_and_nothing_is_moved(folder, make_game, assert_same):
    (folder / "2" / "leaves.json").write_text("{}")
    lines = []
    parts, step = restore_part(folder, {"step": jnp.int32(0)}, report=lines.append)
    assert step == 1
    assert_same(parts, {"step": make_game(1).step})
    assert lines == ["checkpoint 2 is damaged (leaves.json has changed): passed over"]
    assert saved_steps(folder) == [2, 1]
    with pytest.raises(RunError, match=r"2: leaves\.json has changed"):
        restore_part(folder, {"step": jnp.int32(0)}, step=2, report=lines.append)


@pytest.mark.parametrize(
    ("target", "step", "message"),
    [
        ({"step": jnp.int32(0)}, 7, r"no checkpoint 7 in .*: the steps there are \[2, 1\]"),
        ({"generator": {"ema": jnp.zeros(1)}}, None, "'generator/ema' is absent in the checkpoint"),
        ({"generator": {"ema_params": None}}, None, "'generator/ema_params' is not empty in"),
        ({"discriminator": {"ema_params": jnp.zeros(1)}}, None, "is empty in the checkpoint, but"),
        ({"moving": {"flags": jnp.zeros(1)}}, 1, r"'moving/flags' is bool\[1\] in the checkpoint"),
    ],
)
def test_parts_that_are_not_there(saved, target, step, message):
    with pytest.raises(UsageError, match=message):
        restore_part(saved, target, step=step, report=pytest.fail)


@pytest.mark.parametrize(
    ("described", "found"), [({"format": 99, "leaves": {}}, "99"), ({"step": "int32[]"}, "1")]
)
def test_another_format_is_refused(folder, make_game, described, found):
    """Even one that fits, byte for byte as it was written."""
    path = folder / "2" / "leaves.json"
    path.write_text(json.dumps(described))
    seals = json.loads((folder / "2" / "integrity.json").read_text())
    seals["leaves.json"] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
    (folder / "2" / "integrity.json").write_text(json.dumps(seals))
    message = rf"doesn't fit: its format is {found}, and this version of gan_jax reads {FORMAT}"
    for restore, target in ((restore_latest, make_game(0)), (restore_part, {"step": jnp.int32(0)})):
        with pytest.raises(UsageError, match=message):
            restore(folder, target, report=pytest.fail)
    assert saved_steps(folder) == [2, 1]


def test_no_part_of_nothing(tmp_path):
    with pytest.raises(UsageError, match=f"no checkpoint in {tmp_path}/none"):
        restore_part(tmp_path / "none", {"step": jnp.int32(0)})
