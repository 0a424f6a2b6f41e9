"""Restoring: bit for bit or not at all, and always from a step that is good."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.checkpoint import Checkpoints, restore_latest, restore_part
from gan_jax.checkpoint.integrity import saved_steps
from gan_jax.errors import RunError, UsageError


@pytest.fixture(scope="module")
def saved(tmp_path_factory, make_game):
    """A folder with steps 1 and 2 of the game."""
    folder = tmp_path_factory.mktemp("saved")
    with Checkpoints(folder, best="fid") as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, make_game(step), {"fid": 1.0})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """The test's own copy of it."""
    return shutil.copytree(saved, tmp_path / "checkpoints")


def _never(line):
    raise AssertionError(f"nothing was damaged, but: {line}")


@pytest.mark.parametrize("abstract", [False, True])
def test_everything_comes_back_bit_for_bit(saved, make_game, assert_same, abstract):
    target = jax.eval_shape(make_game, 0) if abstract else make_game(0)
    for _ in range(2):
        restored, step = restore_latest(saved, target, report=_never)
        assert step == 2
        assert restored.generator.tx is target.generator.tx
        assert restored.discriminator.ema_params is None
        assert_same(restored, make_game(2))
        # Fresh arrays: what becomes of them has no effect on what is restored next.
        jax.jit(lambda state: state, donate_argnums=0)(restored)


def test_nothing_was_saved(tmp_path, make_game):
    assert restore_latest(tmp_path, make_game(0), report=_never) is None
    assert restore_latest(tmp_path / "missing", make_game(0), report=_never) is None
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


def _with_params(game, **leaves):
    params = {**game.generator.params, **leaves}
    return game.replace(generator=game.generator.replace(params=params))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda game: game.replace(step=jnp.float32(0)),
            r"'step' is int32\[\] in the checkpoint, but float32\[\] in the state to restore",
        ),
        (
            lambda game: _with_params(game, half=jnp.zeros(2)),
            r"'generator/params/half' is bfloat16\[2\] .* but float32\[2\]",
        ),
        (
            lambda game: _with_params(game, Dense_0={"bias": jnp.zeros(4)}),
            r"'generator/params/Dense_0/kernel' is float32\[3, 4\] .* but absent",
        ),
        (
            lambda game: _with_params(game, Dense_1=jnp.zeros(4)),
            r"'generator/params/Dense_1' is absent .* but float32\[4\]",
        ),
        (
            lambda game: game.replace(key=jax.random.PRNGKey(0)),
            r"'key' is key<fry>\[\] .* but uint32\[2\]",
        ),
        (
            lambda game: game.replace(key=jax.random.key(0, impl="rbg")),
            r"'key' is key<fry>\[\] .* but key<rbg>\[\]",
        ),
        (
            lambda game: game.replace(generator=game.generator.replace(ema_params=None)),
            "'generator/ema_params' is not empty .* but empty",
        ),
        (
            lambda game: game.replace(discriminator=game.generator),
            "'discriminator/ema_params/Dense_0/bias' is absent",
        ),
        (
            lambda game: game.replace(
                generator=game.generator.replace(
                    opt_state=optax.sgd(0.1, momentum=0.9).init(game.generator.params)
                )
            ),
            "'generator/opt_state/0/trace/Dense_0/bias' is absent",
        ),
        (lambda game: game.replace(moving={}), "'moving' is not empty .* but empty"),
    ],
)
def test_another_state_is_refused(saved, make_game, change, message):
    with pytest.raises(UsageError, match=rf"checkpoint {saved}/2 doesn't fit: {message}"):
        restore_latest(saved, change(make_game(0)), report=_never)


def test_another_width_is_refused(saved, make_game):
    wide = jax.eval_shape(lambda: make_game(0, width=5))
    message = r"'generator/params/Dense_0/bias' is float32\[4\] .* but float32\[5\]"
    with pytest.raises(UsageError, match=message):
        restore_latest(saved, wide, report=_never)


def test_what_does_not_fit_moves_nothing(folder, make_game):
    (folder / "2" / "integrity.json").unlink()
    with pytest.raises(UsageError):
        restore_latest(folder, {"a": jnp.zeros(1)}, report=_never)
    assert saved_steps(folder) == [2, 1]


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# Orbax's notes on when the step was saved: without them every byte of the state is still right.
_NOTES = {"_CHECKPOINT_METADATA", "commit_success.txt"}


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (_truncate, "has changed"),
        (_flip_a_bit, "has changed"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["truncated", "bit flipped", "deleted"],
)
def test_each_file_of_a_step_damaged_in_turn(
    saved, tmp_path, make_game, assert_same, harm, problem
):
    names = [path.relative_to(saved / "2") for path in (saved / "2").rglob("*") if path.is_file()]
    assert len(names) > 10
    target = jax.eval_shape(make_game, 0)
    for number, name in enumerate(map(str, names)):
        folder = shutil.copytree(saved, tmp_path / str(number))
        harm(folder / "2" / name)
        lines = []
        restored, step = restore_latest(folder, target, report=lines.append)
        assert_same(restored, make_game(step))
        if name in _NOTES:
            assert (step, lines) == (2, [])
            with Checkpoints(folder, best="fid") as checkpoints:
                checkpoints.save(3, make_game(3))
        else:
            assert step == 1
            (line,) = lines
            # A manifest that names another file is as bad as that file missing.
            culprit = "" if name == "integrity.json" else f"{name} "
            assert line.startswith(f"checkpoint 2 is damaged ({culprit}")
            assert culprit == "" or problem in line
            assert saved_steps(folder) == [1]


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lambda step: shutil.rmtree(step / "state"), "state/_METADATA is missing"),
        (lambda step: (shutil.rmtree(step), step.mkdir()), "integrity.json is missing"),
        (
            lambda step: (
                (step / "leaves.json").unlink(),
                (step / "leaves.json").mkdir(),
            ),
            "leaves.json can't be read: Is a directory",
        ),
        (lambda step: (step / "integrity.json").write_text("[]"), "integrity.json has changed"),
        (lambda step: (step / "integrity.json").write_text("{}"), "integrity.json has changed"),
        (
            lambda step: (step / "integrity.json").write_bytes(b"\xff{}"),
            "integrity.json has changed",
        ),
    ],
)
def test_damaged_folders(folder, make_game, assert_same, harm, problem, caplog, capfd):
    harm(folder / "2")
    lines = []
    restored, step = restore_latest(folder, jax.eval_shape(make_game, 0), report=lines.append)
    assert step == 1
    assert_same(restored, make_game(1))
    (moved,) = folder.glob("damaged-2-*")
    assert lines == [f"checkpoint 2 is damaged ({problem}): moved to {moved}, 1 is good"]
    assert saved_steps(folder) == [1]
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_damaged_older_step_is_moved_away_too(folder, make_game):
    (folder / "1" / "metrics" / "metrics").write_bytes(b"\xff")
    lines = []
    _, step = restore_latest(folder, make_game(0), report=lines.append)
    assert step == 2
    assert len(lines) == 1
    assert saved_steps(folder) == [2]
    with Checkpoints(folder, best="fid") as checkpoints:
        checkpoints.save(3, make_game(3), {"fid": 9.0})


def test_the_same_step_damaged_twice(folder, make_game):
    for _ in range(2):
        _flip_a_bit(folder / "2" / "leaves.json")
        assert restore_latest(folder, make_game(0), report=lambda _: None)[1] == 1
        with Checkpoints(folder) as checkpoints:
            checkpoints.save(2, make_game(2))
    assert len(list(folder.glob("damaged-2-*"))) == 2
    assert restore_latest(folder, make_game(0), report=_never)[1] == 2


def test_nothing_good_is_an_error_and_nothing_is_moved(folder, make_game):
    (folder / "1" / "leaves.json").unlink()
    (folder / "2" / "integrity.json").unlink()
    message = (
        rf"no checkpoint in {folder} is good \(2: integrity.json is missing; 1: leaves.json is "
        r"missing\): put a good copy back, or move the folder away to begin anew"
    )
    for restore in (restore_latest, restore_part):
        lines = []
        with pytest.raises(RunError, match=message):
            restore(folder, {"step": jnp.int32(0)}, report=lines.append)
        assert saved_steps(folder) == [2, 1]


def test_what_is_no_step_is_left_alone(folder, make_game):
    (folder / "notes").mkdir()
    (folder / "99").write_text("a file")
    assert restore_latest(folder, make_game(0), report=_never)[1] == 2
    with pytest.raises(UsageError, match=r"can't be read from .*: Not a directory"):
        restore_latest(folder / "99", make_game(0))


def test_a_part_needs_nothing_of_the_rest(folder, make_game, assert_same):
    expected = make_game(2).generator
    target = jax.eval_shape(make_game, 0).generator
    names = ("params", "ema_params")
    parts, step = restore_part(
        folder, {"generator": {name: getattr(target, name) for name in names}}, report=_never
    )
    assert step == 2
    assert parts.keys() == {"generator"}
    assert_same(parts["generator"], {name: getattr(expected, name) for name in names})
    older, step = restore_part(folder, {"key": jax.random.key(0)}, step=1, report=_never)
    assert step == 1
    assert_same(older, {"key": make_game(1).key})


def test_a_part_is_taken_from_a_good_step_and_nothing_is_moved(folder, make_game, assert_same):
    _flip_a_bit(folder / "2" / "leaves.json")
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
        restore_part(saved, target, step=step, report=_never)


def test_no_part_of_nothing(tmp_path):
    with pytest.raises(UsageError, match=f"no checkpoint in {tmp_path}/none"):
        restore_part(tmp_path / "none", {"step": jnp.int32(0)})


def test_the_manifest_names_every_leaf_and_file(saved):
    leaves = json.loads((saved / "2" / "leaves.json").read_text())
    assert leaves["key"] == "key<fry>[]"
    assert leaves["generator/params/Dense_0/kernel"] == "float32[3, 4]"
    assert leaves["discriminator/ema_params"] == "empty"
    files = json.loads((saved / "2" / "integrity.json").read_text())
    present = {str(p.relative_to(saved / "2")) for p in (saved / "2").rglob("*") if p.is_file()}
    assert present - files.keys() == {"integrity.json", *_NOTES}
    assert files["leaves.json"]["size"] == (saved / "2" / "leaves.json").stat().st_size
