"""Saving: in the background, the right steps kept, and clear words when it can't be done."""

import errno
import gc
import os
import subprocess
import threading
import time

import jax
import jax.numpy as jnp
import pytest

from gan_jax.checkpoint import Checkpoints, best_step, restore_latest, saving
from gan_jax.checkpoint.integrity import saved_steps
from gan_jax.errors import RunError, UsageError


def _threads_gone(before, *, seconds=3.0):
    """Whether no other threads are left than before; idle pool workers take a moment to go."""
    deadline = time.monotonic() + seconds
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    return not set(threading.enumerate()) - before


@pytest.mark.parametrize(
    ("options", "fids", "kept", "best"),
    [
        ({}, [3, 1, 2, 5], [4, 3], 3),
        ({"keep": 1, "best": "fid"}, [3, 1, 2, 5], [4, 2], 2),
        ({"keep": 2, "best": "fid"}, [3, 1, 2, 5], [4, 3, 2], 2),
        ({"keep": 1, "best": "fid", "mode": "max"}, [3, 9, 2, 5], [4, 2], 2),
        ({"keep": 1, "best": "fid"}, [3, 1, 1, 5], [4, 3], 3),
        ({"keep": 1, "best": "fid"}, [float("nan"), 7, float("nan"), 9], [4, 2], 2),
        ({"keep": 1, "best": "fid", "mode": "max"}, [float("nan"), 7, float("nan"), 5], [4, 2], 2),
        ({"keep": 1, "best": "fid"}, [None, 7, None, None], [4, 2], 2),
        ({"keep": 2, "best": "fid"}, [None, None, None], [3, 2], None),
    ],
)
def test_keeps_the_latest_and_the_best(tmp_path, options, fids, kept, best):
    with Checkpoints(tmp_path, **options) as checkpoints:
        for step, fid in enumerate(fids, start=1):
            metrics = None if fid is None else {"fid": fid, "other": -step}
            checkpoints.save(step, {"a": jnp.zeros(1)}, metrics)
    assert saved_steps(tmp_path) == kept
    if "best" in options:
        assert best_step(tmp_path, "fid", mode=options.get("mode", "min")) == best


def test_the_best_is_remembered_when_a_run_goes_on(tmp_path):
    for start, fids in [(1, [5.0, 1.0]), (3, [3.0, 4.0]), (5, [2.0, 9.0])]:
        with Checkpoints(tmp_path, keep=1, best="fid") as checkpoints:
            for step, fid in enumerate(fids, start=start):
                checkpoints.save(step, {"a": jnp.zeros(1)}, {"fid": jnp.float32(fid)})
    assert saved_steps(tmp_path) == [6, 2]
    assert best_step(tmp_path, "fid") == 2
    assert best_step(tmp_path, "fid", mode="max") == 6
    assert best_step(tmp_path, "accuracy") is None
    assert best_step(tmp_path / "nowhere", "fid") is None


def test_another_metric_may_decide_later(tmp_path):
    with Checkpoints(tmp_path, keep=1, best="fid") as checkpoints:
        checkpoints.save(1, {"a": jnp.zeros(1)}, {"fid": 1.0})
    with Checkpoints(tmp_path, keep=1, best="kid") as checkpoints:
        for step in (2, 3):
            checkpoints.save(step, {"a": jnp.zeros(1)}, {"kid": step})
    assert saved_steps(tmp_path) == [3, 2]


def test_returns_while_the_writing_goes_on(tmp_path, monkeypatch):
    allowed, real_seal = threading.Event(), saving.seal
    monkeypatch.setattr(saving, "seal", lambda *a: allowed.wait(20) and real_seal(*a))
    before = set(threading.enumerate())
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"a": jnp.zeros(1)})
        assert saved_steps(tmp_path) == []
        allowed.set()
    assert saved_steps(tmp_path) == [1]
    assert _threads_gone(before)


def test_a_step_has_its_final_name_only_with_its_manifest(tmp_path, monkeypatch):
    seen, real_seal = [], saving.seal

    def seal(folder, leaves):
        real_seal(folder, leaves)
        seen.append((folder.name, (folder / "integrity.json").exists(), saved_steps(tmp_path)))

    monkeypatch.setattr(saving, "seal", seal)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, {"a": jnp.zeros(1)})
    # The step before is still there until the new one is in place.
    assert seen == [("1.orbax-checkpoint-tmp", True, []), ("2.orbax-checkpoint-tmp", True, [1])]


def test_the_state_may_be_donated_right_after_save(tmp_path):
    forward = jax.jit(lambda state: jax.tree.map(lambda leaf: leaf + 1, state), donate_argnums=0)
    state = forward({"a": jnp.arange(2_000_000.0), "b": jnp.zeros((), jnp.int32)})
    with Checkpoints(tmp_path, keep=4) as checkpoints:
        for step in range(1, 5):
            checkpoints.save(step, state)
            for _ in range(5):
                state = forward(state)
    restored, step = restore_latest(tmp_path, state)
    assert step == 4
    assert int(restored["b"]) == 16
    assert jnp.array_equal(restored["a"], jnp.arange(2_000_000.0) + 16)


def test_saves_leave_nothing_behind(tmp_path):
    def objects():
        gc.collect()
        return len(gc.get_objects())

    state = {"weights": jnp.ones(3), "step": jnp.zeros((), jnp.int32)}
    with Checkpoints(tmp_path) as checkpoints:
        for step in range(1, 41):
            checkpoints.save(step, state)
            if step == 20:
                checkpoints._wait()
                before = objects()
        checkpoints._wait()
        # Where tensorstore's counters are looked at, each save leaves two dozen lists.
        assert objects() - before < 5 * 20


@pytest.mark.parametrize("step", [1, 2])
def test_a_step_that_is_not_newer_is_refused(tmp_path, step):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, {"a": jnp.zeros(1)})
        with pytest.raises(UsageError, match=f"step {step} can't be saved in .*: it has step 2"):
            checkpoints.save(step, {"a": jnp.ones(1)})
        checkpoints.save(3, {"a": jnp.ones(1)})
    assert saved_steps(tmp_path) == [3, 2]


def test_only_arrays_are_saved(tmp_path):
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(UsageError, match=r"arrays only.*'str'.*\['name'\]"),
    ):
        checkpoints.save(1, {"name": "dcgan"})


def test_closing_twice_and_after_nothing(tmp_path):
    before = set(threading.enumerate())
    with Checkpoints(tmp_path / "a" / "b") as checkpoints:
        pass
    checkpoints.close()
    assert _threads_gone(before)
    assert restore_latest(tmp_path / "a" / "b", {"a": jnp.zeros(1)}) is None


def test_what_is_raised_inside_is_not_swallowed(tmp_path):
    def train():
        with Checkpoints(tmp_path) as checkpoints:
            checkpoints.save(1, {"a": jnp.zeros(1)})
            raise KeyError

    with pytest.raises(KeyError):
        train()
    assert saved_steps(tmp_path) == [1]


def test_leftovers_of_a_killed_save_are_removed(tmp_path):
    for leftover in ("7.orbax-checkpoint-tmp", "retired/5"):
        (tmp_path / leftover / "state").mkdir(parents=True)
        (tmp_path / leftover / "state" / "half").write_text("x")
    with Checkpoints(tmp_path) as checkpoints:
        assert os.listdir(tmp_path) == []
        for step in (7, 8, 9):
            checkpoints.save(step, {"a": jnp.zeros(1)})
    assert sorted(os.listdir(tmp_path)) == ["8", "9"]


def test_a_folder_below_a_file_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"can't be written in .*file/x: Not a directory"):
        Checkpoints(tmp_path / "file" / "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_a_usage_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match=r"can't be written in .*: Permission denied"):
        Checkpoints(tmp_path)


def test_a_folder_with_metrics_nobody_can_read(tmp_path):
    with Checkpoints(tmp_path, best="fid") as checkpoints:
        checkpoints.save(1, {"a": jnp.zeros(1)}, {"fid": 1.0})
    (tmp_path / "1" / "metrics" / "metrics").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"checkpoints in .*: .*decode"):
        Checkpoints(tmp_path, best="fid")


def test_a_failing_write_is_told_at_the_next_save(tmp_path, monkeypatch, caplog):
    before, real_seal = set(threading.enumerate()), saving.seal

    def seal(folder, leaves):
        if folder.name.startswith("2."):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_seal(folder, leaves)

    monkeypatch.setattr(saving, "seal", seal)
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(1, {"a": jnp.zeros(1)})
        checkpoints.save(2, {"a": jnp.ones(1)})
        with pytest.raises(RunError, match=r"checkpoint 2 can't be saved in .*: No space left on"):
            checkpoints.save(3, {"a": jnp.ones(1)})
        checkpoints.save(4, {"a": jnp.ones(1)})
        checkpoints.save(5, {"a": jnp.ones(1)})
    assert saved_steps(tmp_path)[0] == 5
    assert _threads_gone(before)
    assert not caplog.records


def test_a_failing_last_write_is_told_by_close(tmp_path, monkeypatch, caplog):
    before = set(threading.enumerate())
    monkeypatch.setattr(saving, "seal", lambda *_: 1 / 0)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"a": jnp.zeros(1)})
    with pytest.raises(RunError, match=r"checkpoint 1 can't be saved in .*: division by zero"):
        checkpoints.close()
    assert saved_steps(tmp_path) == []
    assert _threads_gone(before)
    assert not caplog.records


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a megabyte, where one may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(small_disk, caplog):
    before = set(threading.enumerate())
    noise = {"a": jax.random.normal(jax.random.key(0), (10_000,))}
    too_much = {"a": jax.random.normal(jax.random.key(0), (1_000_000,))}

    def train():
        with Checkpoints(small_disk, keep=1) as checkpoints:
            checkpoints.save(1, noise)
            checkpoints.save(2, too_much)

    with pytest.raises(RunError, match=r"checkpoint 2 .*disk: No space left on device$"):
        train()
    assert _threads_gone(before)
    restored, step = restore_latest(small_disk, noise)
    assert step == 1
    assert jnp.array_equal(restored["a"], noise["a"])
    assert not caplog.records
    with Checkpoints(small_disk, keep=1) as checkpoints:
        checkpoints.save(2, noise)
    assert saved_steps(small_disk) == [2]


def test_disk_that_became_read_only(small_disk, caplog):
    before = set(threading.enumerate())
    with Checkpoints(small_disk) as checkpoints:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        with pytest.raises(RunError, match=r"checkpoint 1 .*disk: Read-only file system"):
            checkpoints.save(1, {"a": jnp.zeros(1)})
    with pytest.raises(UsageError, match=r"can't be written in .*disk: Read-only file system"):
        Checkpoints(small_disk)
    assert _threads_gone(before)
    assert not caplog.records
