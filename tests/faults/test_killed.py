"""Processes that die."""

import random
import signal
import time

import pytest

from tests.faults.starting import Undisturbed, saved

STEPS = 200
KILLS = 30


@pytest.fixture(scope="module")
def long(starter, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("long") / "run"
    assert starter.run(workdir, "--steps", STEPS).code == 0
    return Undisturbed(workdir)


def kill(starter, workdir, moment, random):
    """Kill a run at a moment of some kind; return whether it was still alive then."""
    harms = []
    if moment == "operation":
        harms = [["die_at_operation", random.randint(1, 120), str(workdir)]]
    if moment == "end":
        harms = [["die_at_operation", random.randint(1, 2), random.choice((".curves", ".report"))]]
    run = starter.start(workdir, "--steps", STEPS, harms=harms)
    if moment == "clock":
        time.sleep(random.uniform(0.0, 1.5))
        run.send(signal.SIGKILL)
    return run.wait().code == -signal.SIGKILL


def test_killed_at_random_moments(starter, long, outcome, tmp_path):
    """`kill -9` at 30 random moments of one training, also in its start and its end."""
    workdir, chance = tmp_path / "run", random.Random(0)
    kills, reached = 0, []
    while kills < KILLS:
        # The last ones in the end, which a run that was killed in it comes to again.
        moment = "end" if kills >= KILLS - 8 else "clock" if kills % 2 else "operation"
        kills += kill(starter, workdir, moment, chance)
        reached.append(saved(workdir)[-1:])
        assert len(reached) < 2 * KILLS
    assert starter.run(workdir, "--steps", STEPS).code == 0
    long.assert_same(workdir)
    # Some died before they had saved anything new, others after.
    assert 3 < len(set(map(tuple, reached))) < KILLS
    outcome("each start went on from a good step, to the end", "the same bits")
