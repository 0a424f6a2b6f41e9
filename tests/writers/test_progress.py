import io
import math
import os
import sys

import numpy as np
import pytest

from gan_jax.writers import Progress


class Terminal(io.StringIO):
    """A terminal that shows what a person would see: carriage returns write over the line."""

    def __init__(self, columns=200):
        super().__init__()
        self.columns = columns

    def isatty(self):
        return True

    def fileno(self):
        return 1000

    def screen(self):
        lines = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for part in line.split("\r"):
                assert len(part) < self.columns
                shown = part + shown[len(part) :]
            lines.append(shown.rstrip())
        return lines


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self):
        return self.now


METRICS = {
    "discriminator_loss": np.float32(0.6123),
    "generator_loss": 1.8431,
    "real_accuracy": 0.824,
    "fake_accuracy": 0.79,
    "r1_penalty": 3.0,
}
LOSSES = "loss D 0.612 G 1.843  accuracy real 82% fake 79%"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()

    def size(descriptor):
        assert descriptor == 1000
        return os.terminal_size((terminal.columns, 24))

    monkeypatch.setattr(os, "get_terminal_size", size)
    return terminal


def test_shows_speed_losses_and_accuracy(clock):
    log = io.StringIO()
    Progress(2000, stream=log, clock=clock).update(900, METRICS, images_per_second=12345.6)
    assert log.getvalue() == f" 45%  900/2000  12,346 images/s  {LOSSES}\n"


def test_shows_what_there_is(clock):
    log = io.StringIO()
    progress = Progress(10, stream=log, clock=clock)
    progress.update(0, {})
    clock.now += 60.0
    progress.update(9, {"discriminator_loss": math.nan})
    assert log.getvalue() == "  0%  0/10\n 90%  9/10  7s left  loss D nan\n"


def test_time_left_counts_from_this_process_alone(clock):
    log = io.StringIO()
    progress = Progress(10_000, stream=log, clock=clock)
    clock.now += 500.0  # Compilation.
    progress.update(9000, {})
    clock.now += 20.0
    progress.update(9100, {})
    assert log.getvalue().splitlines() == [" 90%  9000/10000", " 91%  9100/10000  3m 00s left"]


def test_a_log_gets_the_first_and_the_last_update_and_few_between(clock):
    log = io.StringIO()
    progress = Progress(100, stream=log, clock=clock)
    for step in range(1, 101):
        progress.update(step, {})
        clock.now += 1.0
    progress.close()
    steps = [line.split()[1] for line in log.getvalue().splitlines()]
    assert steps == [f"{step}/100" for step in (*range(1, 100, 10), 100)]


def test_closing_prints_the_last_update_of_a_run_that_ends_early(clock):
    log = io.StringIO()
    progress = Progress(100, stream=log, clock=clock)
    for step in (1, 2, 3):
        progress.update(step, {})
    progress.close()
    progress.close()
    assert log.getvalue() == "  1%  1/100\n  3%  3/100  0s left\n"


def test_a_terminal_has_one_line_that_is_rewritten(terminal, clock):
    progress = Progress(1000, stream=terminal, clock=clock)
    progress.update(1, METRICS, images_per_second=1.0)
    clock.now += 1.0
    progress.update(2, {})
    assert terminal.screen() == ["  0%  2/1000  16m 38s left"]
    clock.now += 0.01
    progress.update(3, {})
    assert terminal.screen() == ["  0%  2/1000  16m 38s left"]
    progress.close()
    assert terminal.screen() == ["  0%  3/1000  8m 23s left", ""]


def test_the_line_is_cut_to_the_terminal_even_when_that_gets_narrower(terminal, clock):
    progress = Progress(1000, stream=terminal, clock=clock)
    progress.update(500, METRICS)
    terminal.truncate(0)
    terminal.seek(0)
    terminal.columns = 25
    clock.now += 1.0
    progress.update(501, METRICS)
    assert terminal.screen() == [" 50%  501/1000  8m 19s l"]


def test_a_terminal_of_unknown_size_is_taken_for_80_columns(clock):
    stream = Terminal(80)
    Progress(10, stream=stream, clock=clock).update(
        1, {**METRICS, "generator_loss": 1e60}, images_per_second=1e20
    )
    assert len(stream.screen()[0]) == 79


def test_messages_stand_above_the_line(terminal, clock):
    progress = Progress(100, stream=terminal, clock=clock)
    progress.message("training")
    progress.update(1, METRICS)
    progress.message("saved")
    clock.now += 1.0
    progress.update(2, {})
    progress.close()
    progress.message("done")
    assert terminal.screen() == ["training", "saved", "  2%  2/100  1m 38s left", "done", ""]


def test_messages_in_a_log_are_lines(clock):
    log = io.StringIO()
    progress = Progress(100, stream=log, clock=clock)
    progress.message("training")
    progress.update(1, {})
    progress.message("saved")
    progress.close()
    assert log.getvalue() == "training\n  1%  1/100\nsaved\n"


def test_prints_to_standard_error_by_default(capsys):
    progress = Progress(2)
    progress.update(2, {})
    progress.close()
    assert capsys.readouterr() == ("", "100%  2/2\n")


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError()])
def test_a_stream_that_is_gone_is_no_reason_to_stop(error):
    class Gone(io.StringIO):
        def write(self, text):
            raise error

    progress = Progress(10, stream=Gone())
    progress.update(1, {})
    progress.message("still here")
    progress.update(10, {})
    progress.close()


def test_no_stream_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    progress = Progress(10)
    progress.message("nobody hears")
    progress.update(10, {})
    progress.close()


def test_what_holds_translations_to_their_sources_is_shown():
    stream = io.StringIO()
    progress = Progress(10, stream=stream)
    progress.update(1, {"generator_loss": 0.0, "squared_error": 0.0345, "cycle_loss": 1.5})
    progress.close()
    assert stream.getvalue().endswith("loss G 0.000  squared error 0.035 cycle 1.500\n")
