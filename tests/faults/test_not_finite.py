"""Numbers that are no numbers."""

import pytest

from tests.faults.starting import saved

STEP = 43


@pytest.mark.parametrize(
    ("what", "told"),
    [
        pytest.param("batch", "step 43: r1_penalty is nan", id="a batch"),
        pytest.param(
            "generator.params",
            "step 44: discriminator_loss is nan",
            id="the generator's parameters",
        ),
        pytest.param(
            "discriminator.params",
            "step 44: discriminator_loss is nan",
            id="the discriminator's parameters",
        ),
        pytest.param(
            "discriminator.opt_state",
            "step 45: discriminator_loss is nan",
            id="an optimizer's moments",
        ),
    ],
)
def test_in_the_middle(starter, undisturbed, outcome, tmp_path, what, told):
    """A NaN, in the middle of a window of steps, in"""
    workdir = tmp_path / "run"
    run = starter.run(workdir, harms=[["break_numbers", what, STEP]])
    print(run.said)
    assert run.code == 1
    assert len(run.errors) == 1
    assert saved(workdir) == [30, 40]
    assert starter.run(workdir).code == 0
    undisturbed.assert_same(workdir)
    outcome(
        "exit code 1, naming step and metric; without the NaN, the same command went on",
        "stopped in one line, nothing lost",
    )
