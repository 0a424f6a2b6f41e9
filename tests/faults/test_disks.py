"""Disks that are full or read-only."""

import shutil
import subprocess

import pytest

from tests.faults import harms
from tests.faults.starting import saved


@pytest.mark.parametrize(
    ("harm", "trigger"),
    [
        pytest.param("fill_disk", "40.orbax-checkpoint-tmp/state", id="a checkpoint"),
        pytest.param("fill_disk", "/samples/.step_00000040", id="samples"),
        pytest.param(
            "fill_disk_at_row", "metrics.jsonl", id="metrics.jsonl, in the middle of a row"
        ),
        pytest.param("fill_disk", ".training.gif", id="the report"),
    ],
)
def test_full(starter, undisturbed, small_disk, outcome, harm, trigger):
    """The disk is full while this is written."""
    workdir = small_disk / "run"
    trigger = trigger if harm == "fill_disk" else str(workdir / trigger)
    run = starter.run(workdir, harms=[[harm, str(small_disk), trigger]])
    assert run.code == 1
    assert len(run.errors) == 1, run.said
    (line,) = run.errors
    assert line.startswith("error: ")
    assert "No space left on device" in line
    assert saved(workdir)
    (small_disk / "ballast").unlink()
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 1; with room again, the same command went on",
        "stopped in one line, nothing lost",
    )


def test_full_at_the_start(starter, undisturbed, small_disk, outcome):
    """The disk is full when the run begins."""
    workdir = small_disk / "run"
    harms.fill(small_disk)
    run = starter.run(workdir)
    assert run.code in (1, 2)
    assert len(run.errors) == 1
    (small_disk / "ballast").unlink()
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome("with room, the same command began", "refused in one line, nothing lost")


def test_read_only_at_the_start(starter, halfway, undisturbed, small_disk, outcome):
    """The folder is read-only when the run goes on."""
    workdir = shutil.copytree(halfway, small_disk / "run")
    remount(small_disk, "ro")
    run = starter.run(workdir)
    assert run.code == 2
    assert run.said == f"error: --workdir {workdir} can't be written: Read-only file system\n"
    remount(small_disk, "rw")
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 2; writable again, the same command went on", "refused in one line, nothing lost"
    )


def test_read_only_in_the_middle(
    starter, halfway, undisturbed, small_disk, outcome, tmp_path, request
):
    """The file system of the checkpoints becomes read-only in the middle."""
    workdir = shutil.copytree(halfway, tmp_path / "run")
    shutil.move(workdir / "checkpoints", small_disk / "checkpoints")
    (workdir / "checkpoints").mkdir()
    mount = ["mount", "--bind", str(small_disk / "checkpoints"), str(workdir / "checkpoints")]
    subprocess.run(mount, check=True)
    request.addfinalizer(
        lambda: subprocess.run(["umount", "-l", str(workdir / "checkpoints")], check=True)
    )
    run = starter.run(workdir, harms=[["make_read_only", str(small_disk), 50]])
    assert run.code == 1
    (line,) = run.errors
    assert line.startswith("error: checkpoint 50 can't be saved in ")
    assert line.endswith("Read-only file system")
    assert saved(workdir) == [30, 40]
    remount(small_disk, "rw")
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 1; writable again, the same command went on", "stopped in one line, nothing lost"
    )


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
