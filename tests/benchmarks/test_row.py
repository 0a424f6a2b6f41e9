import json

import pytest

from benchmarks import row
from benchmarks.gate import Round


def benchmark(seen, *, note=None, most=None):
    def rounds(gate):
        seen.append(gate)
        kept = [Round(1.0, 2.0)] * gate.rounds
        return kept if note is None else (kept, note)

    return row.Benchmark(rounds, "s", most=most)


@pytest.mark.parametrize(("most", "expected"), [(None, 9), (5, 5), (20, 9)])
def test_slow_benchmarks_have_rounds_enough(most, expected):
    seen = []
    assert row.measure("game", benchmark(seen, most=most), 9)["kept_rounds"] == expected
    assert seen[0].rounds == expected
    assert seen[0].patience == 72.0


def test_the_last_line_is_the_row(capsys, monkeypatch):
    monkeypatch.setitem(row.BENCHMARKS, "game", benchmark([], note="a note")._replace(devices=8))
    row.main(["game", "2"])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (said["name"], said["ratio"], said["note"]) == ("game", 2.0, "a note")
