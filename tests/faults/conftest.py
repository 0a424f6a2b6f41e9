"""How a fault test is written.

A test takes `outcome`, does something bad to a run, asserts what must hold, and says what happened:

    def test_killed(starter, undisturbed, outcome, tmp_path):
        '''The process is killed.'''
        ...
        undisturbed.assert_same(tmp_path / "run")
        outcome("the same command went on", "the same bits")

Its docstring is the fault, with the id of its parameters if it has some, and its module's docstring
is the heading. That is a row of `docs/reliability.md`, which the test then keeps true: what it says
must not depend on the machine or on chance. `python -m docs.reliability` writes the page. A test
that this machine can't run skips.
"""

import os
import subprocess

import pytest

from docs import reliability
from tests.faults.starting import Starter, Undisturbed


@pytest.fixture
def outcome(request):
    """Tell what happened in a test, and the verdict: one of `docs.reliability.VERDICTS`."""

    def tell(happened, verdict):
        finding = reliability.find(request.node, happened, verdict)
        recorder = getattr(request.config, "reliability", None)
        if recorder is not None:
            recorder.found[request.node.nodeid] = finding
            return
        lines = reliability.PATH.read_text(encoding="utf-8").splitlines()
        assert reliability.row(finding) in lines, "python -m docs.reliability makes the page anew"

    return tell


@pytest.fixture(scope="session")
def starter(tmp_path_factory):
    """Start runs in processes of their own: see `Starter`."""
    starter = Starter(tmp_path_factory.mktemp("faults_cache"), tmp_path_factory.mktemp("said"))
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def undisturbed(starter, tmp_path_factory):
    """A training that nothing happened to, to compare with."""
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    ended = starter.run(workdir)
    assert (ended.code, ended.errors) == (0, [])
    return Undisturbed(workdir)


@pytest.fixture(scope="session")
def halfway(starter, tmp_path_factory):
    """The folder of a training that was stopped at step 40 of 60; to be copied."""
    workdir = tmp_path_factory.mktemp("halfway") / "run"
    assert starter.run(workdir, harms=[["end_at_step", 40, 5]]).code == 128 + 15
    return workdir


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 8 MB, where one may be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("file systems can't be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
