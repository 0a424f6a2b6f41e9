"""Processes that want the same folder."""

import signal

from tests.faults.starting import saved, wait_until


def test_two_of_one_run(starter, undisturbed, outcome, tmp_path):
    """A second process is started on a run's folder."""
    workdir = tmp_path / "run"
    first = starter.start(workdir, harms=[["train_slowly", 0.05]])
    wait_until(lambda: saved(workdir))
    second = starter.run(workdir)
    assert second.code == 2
    assert second.said == f"error: --workdir {workdir} is in use by process {first.pid}\n"
    assert first.wait().code == 0
    assert first.errors == []
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 2, naming the first process, which was not disturbed",
        "refused in one line, nothing lost",
    )


def test_the_first_is_dead(starter, undisturbed, outcome, tmp_path):
    """A process is started where another was killed a moment ago."""
    workdir = tmp_path / "run"
    first = starter.start(workdir, harms=[["train_slowly", 0.05]])
    wait_until(lambda: saved(workdir))
    first.send(signal.SIGKILL)
    assert first.wait().code == -signal.SIGKILL
    assert (workdir / ".lock").read_text() == str(first.pid)
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome("its lock did not matter", "the same bits")


def test_two_with_empty_caches(starter, undisturbed, outcome, tmp_path):
    """Two runs start at once, with nothing in the caches yet."""
    harms = [["use_cache", str(tmp_path / "cache")]]
    runs = [starter.start(tmp_path / name, harms=harms) for name in ("one", "two")]
    for name, run in zip(("one", "two"), runs, strict=True):
        assert run.wait().code == 0
        assert run.errors == []
        undisturbed.assert_same(tmp_path / name)
    assert not list((tmp_path / "cache").rglob(".*"))
    outcome("both compiled, and one whole copy of each program was kept", "the same bits")
