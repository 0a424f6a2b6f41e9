import itertools
import multiprocessing
import os
import time
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import gate
from benchmarks.gate import Gate, Round, Side, compete, gated, row


class FakeMachine:
    """A machine with a clock of its own, on which others do what they are told."""

    def __init__(self, *, canaries=(2.0,), busy=(0.0,)):
        self.now = 100.0
        self.used = 5.0
        self.canaries = itertools.cycle(canaries)
        self.busy = itertools.cycle(busy)

    def gate(self, rounds, patience=1000.0):
        return Gate(rounds, patience, self.canary, lambda: self.used, lambda: self.now)

    def canary(self):
        self.now += 0.05
        return next(self.canaries)

    def work(self, number):
        """Take a second, during which others use a share of a core."""
        self.now += 1.0
        self.used += next(self.busy)
        return number


def test_all_rounds_count_on_a_quiet_machine():
    machine = FakeMachine(busy=(0.09,))
    assert gated(machine.work, machine.gate(3)) == [0, 1, 2]


def test_rounds_beside_a_busy_process_are_done_again():
    machine = FakeMachine(busy=(0.2, 0.0, 1.0, 0.11, 0.0))
    assert gated(machine.work, machine.gate(2)) == [1, 4]


@pytest.mark.parametrize(
    ("canaries", "kept"),
    [
        ((1.0, 2.0, 2.0), [0]),  # none is begun without two free cores
        ((2.0, 1.84, 2.0, 1.85), [1]),  # one that ends without them does not count
    ],
)
def test_two_cores_must_be_free_before_and_after(canaries, kept):
    machine = FakeMachine(canaries=canaries)
    assert gated(machine.work, machine.gate(1)) == kept


def test_patience_ends():
    machine = FakeMachine(busy=(1.0,))
    assert gated(machine.work, machine.gate(5, patience=10.0)) == []
    assert 110.0 <= machine.now <= 112.0
    blind = FakeMachine(canaries=(1.0,))
    assert gated(blind.work, blind.gate(5, patience=10.0)) == []
    assert blind.used == 5.0


def test_sides_take_turns_and_are_timed_per_step():
    machine, played = FakeMachine(), []

    def side(name, seconds, steps):
        def run(calls):
            played.append((name, calls))
            machine.now += calls * seconds

        return Side(run, steps)

    rounds = compete(side("ours", 0.1, 10), side("theirs", 0.3, 1), machine.gate(3))
    np.testing.assert_allclose(rounds, [(0.01, 0.3)] * 3)
    warm_up, blocks = played[:6], played[6:]
    assert warm_up == [("ours", 1)] * 3 + [("theirs", 1)] * 3
    ours, theirs = [("ours", 1), ("ours", 4)], [("theirs", 1)]
    assert blocks == [*ours, *theirs, *theirs, *ours, *ours, *theirs]


def test_a_row_sums_up_its_rounds():
    rounds = [Round(1.0, 1.0), Round(1.0, 2.0), Round(2.0, 6.0), Round(1.0, 4.0), Round(4.0, 20.0)]
    assert row("game", "s/step", rounds, "a note") == {
        "name": "game",
        "unit": "s/step",
        "ours": 1.0,
        "reference": 4.0,
        "ratio": 3.0,
        "spread": 2.0,
        "kept_rounds": 5,
        "note": "a note",
    }


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([], (None, None, None, None, 0)),
        ([Round(2.0, 3.0)], (2.0, 3.0, 1.5, None, 1)),
        ([Round(2.0), Round(4.0)], (3.0, None, None, None, 2)),
    ],
)
def test_a_row_says_nothing_where_there_is_nothing_to_say(rounds, expected):
    summed = row("game", "s", rounds)
    names = ("ours", "reference", "ratio", "spread", "kept_rounds")
    assert tuple(summed[name] for name in names) == expected


def test_the_canary_counts_threads():
    assert 0.2 < gate.two_thread_canary() < 2.6


def test_others_are_all_but_ourselves(tmp_path, monkeypatch):
    """Of 30 s busy (10 of them stolen), 4 are a live worker's and what this process used ours."""
    tick = os.sysconf("SC_CLK_TCK")
    counts = [12 * tick, 1 * tick, 5 * tick, 999 * tick, 99 * tick, 1 * tick, 1 * tick, 10 * tick]
    (tmp_path / "stat").write_text(f"cpu  {' '.join(map(str, counts))} 7 7\ncpu0 1 1 1\n")
    (tmp_path / "77").mkdir()
    fields = ["S", *["0"] * 10, str(3 * tick), str(1 * tick), *["0"] * 8]
    (tmp_path / "77" / "stat").write_text(f"77 (a worker) {' '.join(fields)}\n")
    monkeypatch.setattr(gate, "PROC", tmp_path)
    monkeypatch.setattr(multiprocessing, "active_children", lambda: [SimpleNamespace(pid=77)])
    times = os.times()
    ours = time.process_time() + times.children_user + times.children_system
    np.testing.assert_allclose(gate.other_processes_seconds(), 26.0 - ours, atol=0.1)


def test_without_proc_others_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "PROC", tmp_path / "nowhere")
    assert gate.other_processes_seconds() == 0.0
