"""Numbers that are no numbers."""

import re
import shutil

import pytest

from tests.faults.starting import saved

STEP = 43


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("batch", id="a batch"),
        pytest.param("generator.params", id="the generator's parameters"),
        pytest.param("discriminator.params", id="the discriminator's parameters"),
        pytest.param("generator.gradient", id="the generator's gradient"),
        pytest.param("discriminator.opt_state", id="an optimizer's moments"),
    ],
)
def test_in_the_middle(starter, halfway, undisturbed, outcome, tmp_path, what):
    """A NaN, in the middle of a window of steps, in"""
    workdir = shutil.copytree(halfway, tmp_path / "run")
    run = starter.run(workdir, harms=[["break_numbers", what, STEP]])
    assert run.code == 1
    (line,) = run.errors
    (step,) = re.findall(r"^error: step (\d+): \w+ is nan: training diverged", line)
    assert STEP <= int(step) <= STEP + 2
    assert saved(workdir) == [30, 40]
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 1, naming step and metric; without the NaN, the same command went on",
        "stopped in one line, nothing lost",
    )
