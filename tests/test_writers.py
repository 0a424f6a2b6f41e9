import io
import json
import math
import os

import numpy as np
import pytest

from gan_jax.errors import RunError
from gan_jax.writers import JsonlWriter, Progress, TensorBoardWriter, read_jsonl, truncate_after


def write_steps(path, steps, **options):
    writer = JsonlWriter(path, **options)
    for step in steps:
        writer.write(step, {"generator_loss": 0.5 * step})
    writer.close()


def steps_in(path):
    return [row["step"] for row in read_jsonl(path)]


class TestJsonl:
    def test_reads_back_what_was_written(self, tmp_path):
        writer = JsonlWriter(tmp_path / "runs" / "metrics.jsonl")
        writer.write(np.int32(10), {"a": np.float32(0.25), "b": np.array(2), "c": 3})
        (row,) = read_jsonl(tmp_path / "runs" / "metrics.jsonl")
        writer.close()
        assert row.pop("wall_time") > 1.7e9
        assert row == {"step": 10, "a": 0.25, "b": 2.0, "c": 3.0}

    def test_what_is_not_finite_is_valid_json_and_comes_back_as_nan(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        writer = JsonlWriter(path)
        writer.write(1, {"a": math.nan, "b": np.float32("inf"), "c": -math.inf, "d": 1.0})
        writer.close()

        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        json.loads(path.read_text(), parse_constant=refuse)
        (row,) = read_jsonl(path)
        assert [math.isnan(row[name]) for name in "abcd"] == [True, True, True, False]

    def test_resuming_drops_what_came_after_the_checkpoint(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10, 20, 30, 40])
        write_steps(path, [30, 40, 50], resume_step=20)
        assert steps_in(path) == [10, 20, 30, 40, 50]
        write_steps(path, [10], resume_step=0)
        assert steps_in(path) == [10]

    def test_opening_without_a_step_keeps_all(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10, 20])
        write_steps(path, [30])
        assert steps_in(path) == [10, 20, 30]

    def test_a_line_torn_anywhere_costs_that_line_alone(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10, 20, 30])
        whole = path.read_bytes()
        second_end = whole.index(b"\n", whole.index(b"\n") + 1) + 1
        for length in range(second_end, len(whole)):
            path.write_bytes(whole[:length])
            expected = [10, 20, 30] if length == len(whole) - 1 else [10, 20]
            assert steps_in(path) == expected
            write_steps(path, [40], resume_step=30)
            assert steps_in(path) == [*expected, 40]

    def test_a_tail_of_zeros_after_a_power_cut_is_a_torn_line(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10])
        with path.open("ab") as file:
            file.write(bytes(100))
        assert steps_in(path) == [10]

    def test_a_broken_line_inside_is_named(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        path.write_text('{"step": 1}\n[2]\n{"step": 3}\n')
        with pytest.raises(RunError, match=r"metrics\.jsonl: line 2 is not a JSON object"):
            read_jsonl(path)

    def test_truncating_is_all_or_nothing(self, tmp_path, monkeypatch):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10, 20])
        before = path.read_bytes()

        def disk_full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", disk_full)
        with pytest.raises(OSError, match="No space left"):
            truncate_after(path, 10)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_that_needs_no_change_is_left_alone(self, tmp_path):
        path = tmp_path / "metrics.jsonl"
        write_steps(path, [10, 20])
        inode = path.stat().st_ino
        truncate_after(path, 20)
        assert path.stat().st_ino == inode

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
    def test_a_full_disk_is_an_error_at_once(self, tmp_path):
        writer = JsonlWriter(tmp_path / "metrics.jsonl")
        writer.close()
        writer._file = open("/dev/full", "ab")  # noqa: SIM115
        with pytest.raises(OSError, match="No space left"):
            writer.write(1, {"a": 1.0})
        with pytest.raises(OSError, match="No space left"):
            writer.close()


class TestTensorBoard:
    @pytest.fixture
    def read(self, tmp_path):
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        def read(folder=tmp_path):
            events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
            return events.Reload()

        return read

    def test_scalars_read_back(self, tmp_path, read):
        writer = TensorBoardWriter(tmp_path)
        for step in (10, 20):
            writer.scalars(step, {"generator_loss": np.float32(step / 4), "modes": step})
        writer.close()
        events = read()
        assert events.Tags()["scalars"] == ["generator_loss", "modes"]
        assert [(e.step, e.value) for e in events.Scalars("generator_loss")] == [(10, 2.5), (20, 5)]

    @pytest.mark.parametrize("channels", [1, 3])
    def test_pictures_read_back(self, tmp_path, read, channels):
        from PIL import Image

        image = np.random.default_rng(0).integers(0, 256, (6, 9, channels), np.uint8)
        writer = TensorBoardWriter(tmp_path)
        writer.image(7, "samples", image)
        (event,) = read().Images("samples")
        writer.close()
        assert event.step == 7
        with Image.open(io.BytesIO(event.encoded_image_string)) as picture:
            np.testing.assert_array_equal(np.asarray(picture), np.broadcast_to(image, (6, 9, 3)))

    def test_resuming_hides_what_came_after_the_checkpoint(self, tmp_path, read):
        for value, steps, resume_step in ((1.0, (10, 20, 30), None), (2.0, (30, 40), 20)):
            writer = TensorBoardWriter(tmp_path, resume_step=resume_step)
            for step in steps:
                writer.scalars(step, {"a": value})
            writer.close()
        found = [(event.step, event.value) for event in read().Scalars("a")]
        assert found == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0)]

    def test_writers_made_in_the_same_second_do_not_share_a_file(self, tmp_path):
        for _ in range(3):
            TensorBoardWriter(tmp_path).close()
        assert len(list(tmp_path.iterdir())) == 3

    def test_a_full_disk_is_an_error_rather_than_a_hang(self, tmp_path, monkeypatch):
        writer = TensorBoardWriter(tmp_path)

        def disk_full(_):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", disk_full)
            with pytest.raises(OSError, match="No space left"):
                writer.image(1, "samples", np.zeros((2, 2, 1), np.uint8))
        writer.close()


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


class TestProgress:
    def test_shows_speed_losses_and_accuracy(self, clock):
        log = io.StringIO()
        Progress(2000, stream=log, clock=clock).update(900, METRICS, images_per_second=12345.6)
        assert log.getvalue() == f" 45%  900/2000  12,346 images/s  {LOSSES}\n"

    def test_shows_what_there_is(self, clock):
        log = io.StringIO()
        progress = Progress(10, stream=log, clock=clock)
        progress.update(0, {})
        clock.now += 60.0
        progress.update(9, {"discriminator_loss": math.nan})
        assert log.getvalue() == "  0%  0/10\n 90%  9/10  7s left  loss D nan\n"

    def test_time_left_counts_from_this_process_alone(self, clock):
        log = io.StringIO()
        progress = Progress(10_000, stream=log, clock=clock)
        clock.now += 500.0  # Compilation.
        progress.update(9000, {})
        clock.now += 20.0
        progress.update(9100, {})
        assert log.getvalue().splitlines() == [" 90%  9000/10000", " 91%  9100/10000  3m 00s left"]

    def test_a_log_gets_the_first_and_the_last_update_and_few_between(self, clock):
        log = io.StringIO()
        progress = Progress(100, stream=log, clock=clock)
        for step in range(1, 101):
            progress.update(step, {})
            clock.now += 1.0
        progress.close()
        steps = [line.split()[1] for line in log.getvalue().splitlines()]
        assert steps == [f"{step}/100" for step in (*range(1, 100, 10), 100)]

    def test_closing_prints_the_last_update_of_a_run_that_ends_early(self, clock):
        log = io.StringIO()
        progress = Progress(100, stream=log, clock=clock)
        for step in (1, 2, 3):
            progress.update(step, {})
        progress.close()
        progress.close()
        assert log.getvalue() == "  1%  1/100\n  3%  3/100  0s left\n"

    def test_a_terminal_has_one_line_that_is_rewritten(self, terminal, clock):
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

    def test_the_line_is_cut_to_the_terminal_even_when_that_gets_narrower(self, terminal, clock):
        progress = Progress(1000, stream=terminal, clock=clock)
        progress.update(500, METRICS)
        terminal.truncate(0)
        terminal.seek(0)
        terminal.columns = 25
        clock.now += 1.0
        progress.update(501, METRICS)
        assert terminal.screen() == [" 50%  501/1000  8m 19s l"]

    def test_a_terminal_of_unknown_size_is_taken_for_80_columns(self, clock):
        stream = Terminal(80)
        Progress(10, stream=stream, clock=clock).update(
            1, {**METRICS, "generator_loss": 1e60}, images_per_second=1e20
        )
        assert len(stream.screen()[0]) == 79

    def test_messages_stand_above_the_line(self, terminal, clock):
        progress = Progress(100, stream=terminal, clock=clock)
        progress.message("training")
        progress.update(1, METRICS)
        progress.message("saved")
        clock.now += 1.0
        progress.update(2, {})
        progress.close()
        progress.message("done")
        assert terminal.screen() == ["training", "saved", "  2%  2/100  1m 38s left", "done", ""]

    def test_messages_in_a_log_are_lines(self, clock):
        log = io.StringIO()
        progress = Progress(100, stream=log, clock=clock)
        progress.message("training")
        progress.update(1, {})
        progress.message("saved")
        progress.close()
        assert log.getvalue() == "training\n  1%  1/100\nsaved\n"

    def test_prints_to_standard_error_by_default(self, capsys):
        progress = Progress(2)
        progress.update(2, {})
        progress.close()
        assert capsys.readouterr() == ("", "100%  2/2\n")
