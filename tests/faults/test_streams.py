"""Terminals that are gone."""

import subprocess
import sys

import pytest

from tests.faults.starting import ROOT

COMPLETE = "all files are complete"


@pytest.mark.parametrize(
    ("streams", "code", "happened"),
    [
        pytest.param({"stdin": "closed", "stdout": "closed"}, 0, COMPLETE, id="input and output closed"),
        pytest.param({"stderr": "closed"}, 0, COMPLETE, id="standard error closed"),
        pytest.param({"stderr": "/dev/full"}, 0, COMPLETE, id="standard error on a full disk"),
        pytest.param({"stderr": "broken pipe"}, 0, COMPLETE, id="standard error into `| true`"),
        pytest.param(
            {"stdout": "broken pipe"}, 141, f"{COMPLETE}; exit code 141", id="output into `| true`"
        ),
        pytest.param(
            {"stdout": "/dev/full"}, 1, f"{COMPLETE}; exit code 1, saying so", id="output on a full disk"
        ),
    ],
)  # fmt: skip
def test_streams(starter, undisturbed, outcome, tmp_path, streams, code, happened):
    """Standard streams."""
    run = starter.run(tmp_path / "run", **streams)
    undisturbed.assert_same(tmp_path / "run")
    assert run.code == code
    full = ["error: the output can't be written: No space left on device"]
    assert run.errors == (full if code == 1 else [])
    outcome(happened, "the same bits")


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
