import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import endurance
from benchmarks.endurance import LIMITS, Limit, Sample, Slope, slope, verdict

SECONDS = np.arange(0, 1800, 5.0)


def noise(size, *, seed=0, scale=1.0):
    """Return noise whose neighbours are alike, as what a process holds from moment to moment."""
    values, random = np.zeros(size), np.random.default_rng(seed)
    for index in range(1, size):
        values[index] = 0.8 * values[index - 1] + random.normal()
    return scale * values


@pytest.mark.parametrize("planted", [60.0, -40.0, 500.0])
def test_a_planted_slope_is_found(planted):
    found = slope(SECONDS, 900 + planted * SECONDS / 3600 + noise(len(SECONDS)))
    assert found.low <= planted <= found.high
    assert found.high - found.low < 20
    assert verdict(found, Limit("MB/h", 30.0)) == ("grows" if planted > 0 else "steady")


def test_what_only_trembles_is_steady_and_the_interval_is_honest():
    inside = 0
    for seed in range(100):
        found = slope(SECONDS, 900 + noise(len(SECONDS), seed=seed))
        inside += found.low <= 0 <= found.high
        assert verdict(found, Limit("MB/h", 30.0)) == "steady"
    assert inside >= 85  # 95 of 100 would be, were the medians independent


def test_one_spike_is_no_slope():
    values = np.full(len(SECONDS), 20.0)
    values[-9:] += 50  # as while a checkpoint is written
    assert slope(SECONDS, values) == Slope(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "values",
    [
        900 + 40 * (1 - np.exp(-SECONDS / 300)),
        20 + 5.0 * (SECONDS > 900),
        20 + 5.0 * (SECONDS > 400),
    ],
    ids=["settles", "one step", "an early step"],
)
def test_what_comes_to_an_end_is_no_leak(values):
    found = slope(SECONDS, values)
    assert found.low > 2
    assert verdict(found, Limit("", 2.0)) == "unclear"


def test_a_short_look_at_a_large_slope_is_unclear():
    seconds = np.arange(0, 60, 1.0)
    found = slope(seconds, 900 + 25 * seconds / 3600 + noise(60))
    assert verdict(found, Limit("MB/h", 30.0)) == "unclear"
    with pytest.raises(ValueError, match="23 values are too few, 24 are needed"):
        slope(range(23), range(23))


def samples(**grows):
    """Return what a process would have held that grows by so much in an hour."""
    return [
        Sample(
            seconds=float(s),
            megabytes=900 + grows.get("megabytes", 0) * s / 3600,
            descriptors=int(20 + grows.get("descriptors", 0) * s / 3600),
            threads=int(30 + grows.get("threads", 0) * s / 3600),
            children=int(grows.get("children", 0) * s / 3600),
            step=int(100 * s / (1 + grows.get("step_seconds", 0) * s / 3600 / 200)),
        )
        for s in SECONDS
    ]


@pytest.mark.parametrize("name", [None, *LIMITS])
def test_only_what_grows_is_called_a_leak(name, tmp_path, capsys):
    path = tmp_path / "e.json"
    options = endurance.Options(minutes=30, json=path)
    grows = {} if name is None else {name: 60.0}
    assert endurance._tell(options, samples(**grows)) == int(name is not None)
    results = json.loads(path.read_text())
    assert {each for each, said in results["verdicts"].items() if said == "grows"} == set(grows)
    if name is not None:
        assert results["slopes"][name]["per_hour"] == pytest.approx(60.0, rel=0.35)
        assert "allowed: grows" in capsys.readouterr().out
    assert len(results["samples"]["seconds"]) == len(SECONDS)


def test_a_process_that_leaks_is_seen_to(tmp_path):
    script = """
import json, sys, time
kept = []
for step in range(1000):
    with open(sys.argv[1] + "/metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": step}) + "\\n")
    kept.append((open("/dev/null"), bytearray(200_000)))
    time.sleep(0.02)
"""
    with subprocess.Popen([sys.executable, "-c", script, tmp_path]) as process:
        seen = endurance.watch(process, tmp_path, seconds=1.5, interval=0.05)
        process.kill()
    first, last = seen[5], seen[-1]
    assert last.step > first.step
    assert last.descriptors - first.descriptors == pytest.approx(last.step - first.step, abs=4)
    assert last.megabytes - first.megabytes > 0.1 * (last.step - first.step)
    assert (first.threads, first.children) == (1, 0)


def test_a_run_holds_no_more_after_a_while_than_before(tmp_path):
    workdir, seen = tmp_path / "run", []
    command = [sys.executable, "-m", "benchmarks.endurance", "train", "--no-evaluate"]
    few = ["--features", "8", "--workdir", workdir]
    with subprocess.Popen([*command, *few], stderr=subprocess.DEVNULL) as process:
        try:
            # Pictures and checkpoints come every 1000 steps.
            while process.poll() is None and (not seen or seen[-1].step < 7000):
                seen += endurance.watch(process, workdir, seconds=0.5, interval=0.05)
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        finally:
            process.kill()
    assert code == 128 + signal.SIGTERM
    # The first saves fill the pools of threads.
    early = [each for each in seen if 3000 <= each.step < 5000]
    late = [each for each in seen if each.step >= 5000]
    # A save holds more for a moment; what is never let go is held in the quietest moment too.
    for name, slack in (("descriptors", 0), ("threads", 2), ("children", 0), ("megabytes", 60)):
        before, after = (min(getattr(each, name) for each in part) for part in (early, late))
        assert after <= before + slack, name


def test_a_run_that_fails_is_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho trace >&2; echo error: no such thing >&2; exit 1\n")
    path.chmod(0o755)
    monkeypatch.setattr(endurance.sys, "executable", str(path))
    assert endurance.main(["--minutes", "0.5", "--interval", "0.1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "error: the run ended with 1: error: no such thing"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--minutes", "0"], "--minutes is 0.0: it must be from 0.5 to 6000"),
        (["--minutes", "nan"], "--minutes is nan"),
        (["--minutes", "1", "--interval", "60"], "--interval is 60.0: it must be above 0, and so short"),
        (["--json", "/dev/null/x.json"], "--json /dev/null/x.json can't be written"),
        (["--minuets", "1"], "unknown option --minuets: did you mean --minutes?"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_exit_with_2(words, line, capsys):
    assert endurance.main(words) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
