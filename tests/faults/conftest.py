"""Start runs that something bad is done to.

A fault test takes `outcome` (see `tests/conftest.py`), does something bad to a run, asserts what
must hold, and says what happened:

    def test_killed(starter, undisturbed, outcome, tmp_path):
        '''The process is killed.'''
        ...
        undisturbed.assert_same(tmp_path / "run")
        outcome("the same command went on", "the same bits")
"""

import os
import subprocess

import pytest

from tests.faults.starting import Starter, Undisturbed


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
