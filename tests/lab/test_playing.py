import importlib
import io
import json
import signal
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, losses
from gan_jax.diagnostics import ALARMS, watch_rows
from gan_jax.errors import RunError, UsageError
from gan_jax.lab import judge_all, planar_game, play
from gan_jax.lab.protocol import FIGURES
from gan_jax.train import one_by_one
from gan_jax.writers import read_jsonl

NUMBERS = {"learning_rate": 2e-3, "generator_rate": 0.5, "beta1": 0.0, "beta2": 0.99}
NUMBERS |= {"gamma": 1.0, "gamma_fall": 1.0}
RECORD = {"experiment": "small", "config": {"rate": 1}, "command": "python -m small"}
SEEDS = (3, 5, 8)
module = importlib.import_module("gan_jax.lab.playing")  # the package's `play` is the function


@pytest.fixture(scope="module")
def game():
    return planar_game(
        data.ring(standard_deviation=0.1), losses.non_saturating, steps=200, batch_size=16, width=8
    )


@pytest.fixture(scope="module")
def once():
    """Return a way to run members whose programs are compiled once for all tests of a game."""
    programs = {}

    def spread(member):
        return lambda *given: programs.setdefault("window", one_by_one(member))(*given)

    return spread


@pytest.fixture(scope="module")
def whole(game, once, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    return workdir, run(game, workdir, once, draw=module.draw_points)


def run(game, workdir, spread, *, stream=None, rates=(2e-3, 2e-3, 2e-3), draw=None, **options):
    numbers = {name: jnp.full(len(SEEDS), value) for name, value in NUMBERS.items()}
    numbers["learning_rate"] = jnp.array(rates)
    stream = io.StringIO() if stream is None else stream
    given = {"record": RECORD, "spread": spread, **options}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "draw_points", draw or (lambda *panels, **options: None))
        return play(game, numbers, SEEDS, workdir=workdir, stream=stream, **given)


def rows(workdir, name="metrics.jsonl"):
    return [
        {key: value for key, value in row.items() if key != "wall_time"}
        for row in read_jsonl(workdir / name)
    ]


def judge_few(distribution, fakes):
    """Judge what has been drawn by a few samples, which is quick."""
    return judge_all(distribution, np.asarray(fakes)[:, :100])


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "judge_all", judge_few)
        yield


@pytest.fixture
def interrupted(monkeypatch):
    """Return a function that makes a signal come while a window's samples are judged."""

    def at(window):
        def judged(distribution, fakes):
            calls.append(None)
            if len(calls) == window:
                signal.raise_signal(signal.SIGTERM)
            return judge_few(distribution, fakes)

        calls = []
        monkeypatch.setattr(module, "judge_all", judged)

    return at


def test_what_is_in_the_folder(whole):
    workdir, played = whole
    assert json.loads((workdir / "config.json").read_text()) == RECORD
    samples = sorted(path.name for path in (workdir / "samples").iterdir())
    windows = sorted({1, 2, 4, 8, 16, 32, 64, *range(10, 101, 10)})
    assert samples == [f"step_{2 * window:08d}.png" for window in windows]
    names = sorted(path.name for path in (workdir / "seeds").iterdir())
    assert names == ["seed_3.jsonl", "seed_5.jsonl", "seed_8.jsonl"]
    assert (workdir / "checkpoints" / "200").is_dir()
    assert (played.step, played.signal, played.alarm) == (200, None, None)


def test_each_member_has_its_rows_and_all_have_their_means(whole):
    workdir, played = whole
    members = [rows(workdir, f"seeds/seed_{seed}.jsonl") for seed in SEEDS]
    means = rows(workdir)
    assert [[row["step"] for row in each] for each in (*members, means)] == [
        list(range(2, 201, 2))
    ] * 4
    assert {"discriminator_loss", "generator_loss", "reach", "separation", *FIGURES} <= (
        members[0][0].keys()
    )
    assert any(name.startswith("alarm_") for name in members[0][-1])
    for name in ("discriminator_loss", "distance", "modes"):
        column = [each[50][name] for each in members]
        assert len(set(column)) > 1 or name == "modes"
        assert means[50][name] == pytest.approx(np.mean(column))
    for name, values in played.figures.items():
        np.testing.assert_array_equal(values, [each[-1][name] for each in members])
    assert list(played.watches) == [watch_rows(each) for each in members]


def test_stopped_by_a_signal_and_gone_on_with_it_is_bit_identical(
    whole, game, once, tmp_path, interrupted
):
    straight, played = whole
    interrupted(37)
    stopped = run(game, tmp_path, once)
    assert (stopped.signal, stopped.step) == (signal.SIGTERM, 74)
    assert set(stopped.figures) == set(FIGURES)
    # What was written after the checkpoint by a process that died is dropped.
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 76, "modes": 99}\n')
    said = io.StringIO()
    resumed = run(game, tmp_path, once, stream=said)
    assert "going on from step 74" in said.getvalue()
    assert resumed.signal is None
    for name in ("metrics.jsonl", *(f"seeds/seed_{seed}.jsonl" for seed in SEEDS)):
        assert rows(tmp_path, name) == rows(straight, name)
    for name, values in played.figures.items():
        np.testing.assert_array_equal(resumed.figures[name], values)
    assert resumed.watches == played.watches


def test_a_signal_between_two_windows_loses_nothing(game, once, tmp_path, monkeypatch):
    class Late(module.Interruption):
        asked = 0

        @property
        def signal(self):
            self.asked += 1
            return signal.SIGINT if self.asked > 3 else None

        @signal.setter
        def signal(self, value):
            pass

    monkeypatch.setattr(module, "Interruption", Late)
    stopped = run(game, tmp_path, once)
    assert stopped.signal == signal.SIGINT
    assert [int(path.name) for path in (tmp_path / "checkpoints").iterdir()] == [stopped.step]


def test_a_finished_population_is_left_as_it_is(whole, game, once):
    workdir, played = whole
    before = (workdir / "metrics.jsonl").read_bytes()
    again = run(game, workdir, once)
    assert (workdir / "metrics.jsonl").read_bytes() == before
    assert again.figures.keys() == played.figures.keys()
    for name, values in played.figures.items():
        np.testing.assert_array_equal(again.figures[name], values)


def test_one_member_that_diverges_leaves_the_others_as_they_are(whole, game, once, tmp_path):
    straight, _ = whole
    said = io.StringIO()
    played = run(game, tmp_path, once, rates=(2e-3, 1e30, 2e-3), stream=said)
    assert said.getvalue().count("seed 5: training diverged (not finite)") == 1
    for seed in (3, 8):
        name = f"seeds/seed_{seed}.jsonl"
        assert rows(tmp_path, name) == rows(straight, name)
    last = rows(tmp_path, "seeds/seed_5.jsonl")[-1]
    assert not np.isfinite(last["discriminator_loss"])
    assert (last["modes"], played.figures["modes"][1]) == (0, 0)
    assert np.isnan(played.figures["distance"][1])
    assert np.isfinite(played.figures["distance"][[0, 2]]).all()


def test_a_population_that_is_lost_ends(game, once, tmp_path):
    with pytest.raises(RunError, match="training diverged with every seed"):
        run(game, tmp_path, once, rates=(1e30, 1e30, 1e30))


@pytest.fixture
def forced(monkeypatch):
    """Make an alarm of something that is so in every run, from the fifth window on."""
    alarm = replace(
        ALARMS[0],
        name="too real",
        measure="diversity",
        fires=-1.0,
        clears=-2.0,
        patience=5,
        grace=5,
    )
    monkeypatch.setattr(module, "watch_rows", lambda rows: watch_rows(rows, alarms=(alarm,)))
    return alarm


def test_an_alarm_of_all_can_stop_it(game, once, tmp_path, forced, interrupted):
    said = io.StringIO()
    stopped = run(game, tmp_path, once, stop_on_alarm=True, stream=said)
    assert (stopped.alarm, stopped.signal, stopped.step) == (forced, None, 10)
    assert f"step 10, seeds 3, 5, 8: {forced}" in said.getvalue()
    assert (tmp_path / "checkpoints" / "10").is_dir()
    assert rows(tmp_path, "seeds/seed_5.jsonl")[-1]["alarm_too_real"] == 1
    # Going on, the alarm is on but does not start again.
    interrupted(3)
    gone_on = run(game, tmp_path, once, stop_on_alarm=True)
    assert (gone_on.alarm, gone_on.step) == (None, 16)


def test_an_alarm_is_told_and_nothing_stops_if_not_asked(game, once, tmp_path, forced, interrupted):
    said = io.StringIO()
    interrupted(8)
    stopped = run(game, tmp_path, once, stream=said)
    assert (stopped.alarm, stopped.step) == (None, 16)
    assert "too real" in said.getvalue()


def test_the_folder_of_another_is_refused(whole, game, once):
    workdir, _ = whole
    before = (workdir / "metrics.jsonl").read_bytes()
    other = {**RECORD, "config": {"rate": 2}}
    with pytest.raises(UsageError, match=r"other settings: rate \(there 1, now 2\)"):
        run(game, workdir, once, record=other)
    assert (workdir / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize("steps", [50, 150, 0])
def test_steps_that_are_no_windows_are_refused(game, once, tmp_path, steps):
    with pytest.raises(ValueError, match=f"steps is {steps}, it must be a multiple of 100"):
        run(game._replace(steps=steps), tmp_path, once)
    assert not list(tmp_path.iterdir())
