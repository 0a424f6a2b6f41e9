import json
import math
import os
import tracemalloc

import numpy as np
import pytest

from gan_jax.errors import RunError
from gan_jax.writers import JsonlWriter, read_jsonl, truncate_after


def write_steps(path, steps, **options):
    writer = JsonlWriter(path, **options)
    for step in steps:
        writer.write(step, {"generator_loss": 0.5 * step})
    writer.close()


def steps_in(path):
    return [row["step"] for row in read_jsonl(path)]


def test_reads_back_what_was_written(tmp_path):
    writer = JsonlWriter(tmp_path / "runs" / "metrics.jsonl")
    writer.write(np.int32(10), {"a": np.float32(0.25), "b": np.array(2), "c": 3})
    (row,) = read_jsonl(tmp_path / "runs" / "metrics.jsonl")
    writer.close()
    assert row.pop("wall_time") > 1.7e9
    assert row == {"step": 10, "a": 0.25, "b": 2.0, "c": 3.0}


def test_what_is_not_finite_is_valid_json_and_comes_back_as_nan(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = JsonlWriter(path)
    writer.write(1, {"a": math.nan, "b": np.float32("inf"), "c": -math.inf, "d": 1.0})
    writer.close()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads(path.read_text(), parse_constant=refuse)
    (row,) = read_jsonl(path)
    assert [math.isnan(row[name]) for name in "abcd"] == [True, True, True, False]


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, [10, 20, 30, 40])
    write_steps(path, [30, 40, 50], resume_step=20)
    assert steps_in(path) == [10, 20, 30, 40, 50]
    write_steps(path, [10], resume_step=0)
    assert steps_in(path) == [10]


def test_opening_without_a_step_keeps_all(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, [10, 20])
    write_steps(path, [30])
    assert steps_in(path) == [10, 20, 30]


def test_a_line_torn_anywhere_costs_that_line_alone(tmp_path):
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


def test_a_tail_of_zeros_after_a_power_cut_is_a_torn_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, [10])
    with path.open("ab") as file:
        file.write(bytes(100))
    assert steps_in(path) == [10]


def test_a_broken_line_inside_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n[2]\n{"step": 3}\n')
    with pytest.raises(RunError, match=r"metrics\.jsonl: line 2 is not a JSON object"):
        read_jsonl(path)


def test_a_broken_line_before_the_last_is_not_taken_for_a_torn_one(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2\n{"step": 3')
    with pytest.raises(RunError, match=r"line 2 is not a JSON object"):
        truncate_after(path, 10)
    assert path.read_text() == '{"step": 1}\n{"step": 2\n{"step": 3'


def test_ends_of_lines_are_mended_even_where_the_size_stays(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\r\n{"step": 2}')
    truncate_after(path, 10)
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


def test_a_long_file_is_resumed_without_being_held_in_memory(tmp_path):
    path = tmp_path / "metrics.jsonl"
    row = b'{"step": %d, "generator_loss": 0.123456789, "discriminator_loss": null}\n'
    path.write_bytes(b"".join(row % step for step in range(50_000)))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        JsonlWriter(path, resume_step=49_998).close()
        assert tracemalloc.get_traced_memory()[1] < size / 5
        assert path.stat().st_size == size - len(row % 49_999)
        tracemalloc.reset_peak()
        rows = read_jsonl(path)
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()
    assert len(rows) == 49_999
    assert math.isnan(rows[-1]["discriminator_loss"])


def test_truncating_is_all_or_nothing(tmp_path, monkeypatch):
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


def test_a_file_that_needs_no_change_is_left_alone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, [10, 20])
    inode = path.stat().st_ino
    truncate_after(path, 20)
    assert path.stat().st_ino == inode


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_at_once(tmp_path):
    writer = JsonlWriter(tmp_path / "metrics.jsonl")
    writer.close()
    writer._file = open("/dev/full", "ab")  # noqa: SIM115
    with pytest.raises(OSError, match="No space left"):
        writer.write(1, {"a": 1.0})
    with pytest.raises(OSError, match="No space left"):
        writer.close()
