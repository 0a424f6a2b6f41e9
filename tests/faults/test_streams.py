"""Terminals that are gone."""

import subprocess
import sys

import pytest

from tests.faults.starting import ROOT

CLOSED = {"stdin": "closed", "stdout": "closed"}


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param({"stdin": "closed", "stdout": "closed"}, id="input and output closed"),
        pytest.param({"stderr": "closed"}, id="standard error closed"),
        pytest.param({"stderr": "/dev/full"}, id="standard error on a full disk"),
        pytest.param({"stdout": "broken pipe"}, id="output into `| true`"),
        pytest.param({"stderr": "broken pipe"}, id="standard error into `| true`"),
        pytest.param({"stdout": "/dev/full"}, id="output on a full disk"),
    ],
)
def test_streams(starter, undisturbed, outcome, tmp_path, streams):
    """Standard streams."""
    run = starter.run(tmp_path / "run", **streams)
    print(run.code)
    undisturbed.assert_same(tmp_path / "run")
    assert run.code == 0
    outcome("all files are complete", "the same bits")


def test_all_closed(starter, undisturbed, outcome, tmp_path):
    """A start with all three standard streams closed: files get their numbers."""
    shell = 'exec "$0" -m tests.faults.program --workdir "$1" <&- >&- 2>&-'
    subprocess.run(
        ["bash", "-c", shell, sys.executable, str(tmp_path / "run")],
        env=starter.environment,
        cwd=ROOT,
        check=True,
    )
    undisturbed.assert_same(tmp_path / "run")
    outcome("nothing was printed into them", "the same bits")
