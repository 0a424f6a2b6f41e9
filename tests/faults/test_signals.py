"""Processes that are told to stop, or held up."""

import signal
import time

from tests.faults.starting import saved, wait_until

UNFINISHED = "10.orbax-checkpoint-tmp"


def in_a_save(starter, workdir, seconds):
    """Start a run, and return it while a checkpoint is being written."""
    run = starter.start(workdir, harms=[["save_slowly", seconds]])
    wait_until(lambda: (workdir / "checkpoints" / UNFINISHED / "state").exists())
    return run


def test_terminated_in_a_save(starter, undisturbed, outcome, tmp_path):
    """SIGTERM while a checkpoint is being written."""
    run = in_a_save(starter, tmp_path / "run", 0.5)
    run.send(signal.SIGTERM)
    assert run.wait().code == 128 + signal.SIGTERM
    assert run.errors == []
    newest = saved(tmp_path / "run")[-1]
    assert f"stopped and saved at step {newest}: the same command goes on" in run.out
    assert starter.run(tmp_path / "run").code == 0
    undisturbed.assert_same(tmp_path / "run")
    outcome("the save was finished, the step reached was saved, exit code 143", "the same bits")


def test_terminated_twice(starter, undisturbed, outcome, tmp_path):
    """SIGTERM twice, the second while a checkpoint is being written."""
    run = in_a_save(starter, tmp_path / "run", 60)
    run.send(signal.SIGTERM)
    time.sleep(0.2)
    run.send(signal.SIGTERM)
    assert run.wait().code == -signal.SIGTERM
    assert saved(tmp_path / "run") == []
    assert starter.run(tmp_path / "run").code == 0
    undisturbed.assert_same(tmp_path / "run")
    outcome("it died at once, and the half-written step did not count", "the same bits")


def test_held_up(starter, undisturbed, outcome, tmp_path):
    """SIGSTOP in the middle, SIGCONT a while later."""
    run = starter.start(tmp_path / "run", harms=[["train_slowly", 0.02]])
    wait_until(lambda: saved(tmp_path / "run"))
    run.send(signal.SIGSTOP)
    time.sleep(1.0)
    run.send(signal.SIGCONT)
    assert run.wait().code == 0
    assert run.errors == []
    undisturbed.assert_same(tmp_path / "run")
    outcome("it went on by itself", "the same bits")
