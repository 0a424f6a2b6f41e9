"""Damage of every kind: always an earlier good step or a clear refusal, never wrong numbers."""

import json
import shutil

import jax
import jax.numpy as jnp
import pytest

from gan_jax.checkpoint import Checkpoints, restore_latest, restore_part
from gan_jax.checkpoint.integrity import FORMAT, saved_steps
from gan_jax.errors import RunError, UsageError


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
    assert restore_latest(folder, make_game(0), report=pytest.fail)[1] == 2


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
    assert restore_latest(folder, make_game(0), report=pytest.fail)[1] == 2
    with pytest.raises(UsageError, match=r"can't be read from .*: Not a directory"):
        restore_latest(folder / "99", make_game(0))


def test_the_manifest_names_every_leaf_and_file(saved):
    described = json.loads((saved / "2" / "leaves.json").read_text())
    assert described["format"] == FORMAT
    leaves = described["leaves"]
    assert leaves["key"] == "key<fry>[]"
    assert leaves["generator/params/Dense_0/kernel"] == "float32[3, 4]"
    assert leaves["discriminator/ema_params"] == "empty"
    files = json.loads((saved / "2" / "integrity.json").read_text())
    present = {str(p.relative_to(saved / "2")) for p in (saved / "2").rglob("*") if p.is_file()}
    assert present - files.keys() == {"integrity.json", *_NOTES}
    assert files["leaves.json"]["size"] == (saved / "2" / "leaves.json").stat().st_size
