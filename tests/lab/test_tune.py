import functools
import importlib

import jax
import numpy as np
import pytest

from gan_jax import data, losses
from gan_jax.lab import SAMPLES, advance, draw_fakes, halve, judge, planar_game, start, sweep
from gan_jax.train import one_by_one
from gan_jax.tuning import KeptResults, Round

FIXED = {"generator_rate": 0.5, "beta1": 0.0, "beta2": 0.99, "gamma": 1.0, "gamma_fall": 1.0}
SEEDS = (7, 2)
SETTINGS = {
    "learning_rate": np.array([1e-3, 5e-3, 2e-2, 1e-4]),
    "width": np.array([8, 4, 8, 4]),
    **{name: np.full(4, value) for name, value in FIXED.items()},
}


@pytest.fixture(autouse=True)
def one_device(monkeypatch):
    """Keep members on one device, which saves compiling for eight."""
    for name in ("gan_jax.train.population", "gan_jax.lab.tune"):
        monkeypatch.setattr(importlib.import_module(name), "usual_spread", lambda: one_by_one)


class Games:
    """Makes games, and counts how often they were made and their steps traced."""

    def __init__(self):
        self.made, self.traced = [], 0

    def __call__(self, shapes):
        self.made.append(dict(shapes))
        game = planar_game(
            data.ring(), losses.hinge, steps=40, batch_size=16, **{"width": 8, **shapes}
        )

        def counted(numbers):
            self.traced += 1
            return game.train_step(numbers)

        return game._replace(train_step=counted)


@functools.cache
def swept():
    games, told = Games(), []
    table = sweep(
        games, SETTINGS, SEEDS, shapes=["width", "pack"], chunk=3,
        report=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    return games, told, table


def alone(rate, width, seed, steps=40):
    """Play one member by itself."""
    begin, take, look = programs(width)
    numbers = {"learning_rate": np.float32(rate), **FIXED}
    run = begin(numbers, jax.random.key(seed))
    for _ in range(steps // 10):
        run, _ = take(numbers, run)
    return judge(data.ring(), np.asarray(look(run)))


@functools.cache
def programs(width):
    game = Games()({"width": width})
    return (
        jax.jit(functools.partial(start, game)),
        jax.jit(functools.partial(advance, game, steps=10)),
        jax.jit(functools.partial(draw_fakes, game, count=SAMPLES)),
    )


def test_rows_are_in_the_order_of_settings_and_seeds(one_device):
    _, _, table = swept()
    assert [row["learning_rate"] for row in table] == [
        1e-3, 1e-3, 5e-3, 5e-3, 2e-2, 2e-2, 1e-4, 1e-4
    ]  # fmt: skip
    assert [row["width"] for row in table] == [8, 8, 4, 4, 8, 8, 4, 4]
    assert [row["seed"] for row in table] == [7, 2] * 4
    assert len({row["distance"] for row in table}) == 8


@pytest.mark.parametrize("index", [1, 2, 5])
def test_a_row_is_what_a_run_played_alone_comes_to(index):
    row = swept()[2][index]
    expected = alone(row["learning_rate"], row["width"], row["seed"])
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, rel=1e-3, abs=1e-3, nan_ok=True)


def test_settings_of_one_shape_are_one_program(one_device):
    games, told, _ = swept()
    assert games.made == [{"width": 8}, {"width": 4}]
    assert games.traced == 4  # one for what comes out, one for the program, for each shape
    assert told == [(3, 8), (4, 8), (7, 8), (8, 8)]


def test_without_shapes_there_is_one_game():
    games = Games()
    numbers = {name: values[:1] for name, values in SETTINGS.items() if name != "width"}
    (row,) = sweep(games, numbers, [7], shapes=["width"])
    assert games.made == [{}]
    assert row["distance"] == pytest.approx(swept()[2][0]["distance"], rel=1e-3)


def test_kept_results_are_not_trained_again_and_an_interrupted_sweep_goes_on(tmp_path):
    class StopError(Exception):
        pass

    def stop(done, total):
        if done == 4:
            raise StopError

    def again(games, report=None):
        return sweep(
            games, SETTINGS, SEEDS, shapes=["width"], chunk=2, report=report,
            kept=lambda name: KeptResults(tmp_path / name),
        )  # fmt: skip

    with pytest.raises(StopError):
        again(Games(), stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["width=8,steps=40"]
    assert len(list((tmp_path / "width=8,steps=40").iterdir())) == 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    table = again(Games())
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [row["distance"] for row in table] == pytest.approx(
        [row["distance"] for row in swept()[2]], rel=1e-3
    )
    games = Games()
    assert repr(again(games)) == repr(table)
    assert games.traced == 2  # what comes out is known by shapes alone; nothing is compiled


ROUNDS = [Round(4, 1), Round(2, 3), Round(1, 4)]


@functools.cache
def halved():
    games, told = Games(), []
    found = halve(
        games, SETTINGS, SEEDS, ROUNDS, shapes=["width"], score="distance", mode="min", unit=10,
        report=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    return games, told, found


def test_the_better_settings_go_on(one_device):
    _, told, (halving, rows) = halved()
    assert [len(outcome.kept) for outcome in halving.rounds] == [4, 2, 1]
    steps = np.array([row["steps"] for row in rows]).reshape(4, 2)
    assert (steps[:, 0] == steps[:, 1]).all()
    assert sorted(steps[:, 0]) == [10, 10, 30, 40]
    first = halving.rounds[0].scores
    assert set(halving.rounds[1].kept) == set(np.argsort(first)[:2])
    assert steps[halving.best, 0] == 40
    # 4 settings for 1 unit, 2 for 2 more, 1 for 1 more; of 10 steps and 2 seeds.
    assert halving.cost == 4 + 4 + 1
    assert halving.full_cost == 16
    assert told[-1] == (180, 180)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_states_go_on_from_where_they_were(one_device):
    _, _, (halving, rows) = halved()
    for row in rows:
        expected = alone(row["learning_rate"], row["width"], row["seed"], steps=int(row["steps"]))
        assert row["distance"] == pytest.approx(expected["distance"], rel=2e-3)
    # At the whole budget that is what a sweep says of the kept setting.
    best = [row["distance"] for row in rows[2 * halving.best : 2 * halving.best + 2]]
    alike = [row["distance"] for row in swept()[2][2 * halving.best : 2 * halving.best + 2]]
    assert best == pytest.approx(alike, rel=2e-3)
    assert halving.scores[halving.best] == pytest.approx(np.mean(best))


def test_halving_compiles_a_program_for_each_number_of_members_and_not_for_each_unit(one_device):
    games, _, (halving, _) = halved()
    sizes = set()
    for outcome in halving.rounds:
        widths = SETTINGS["width"][outcome.kept]
        sizes |= {(int(width), int(np.sum(widths == width))) for width in widths}
    # Of each game what comes out is traced once besides.
    assert games.traced <= len(sizes) + 2


def test_kept_rounds_are_not_trained_again(tmp_path):
    found = []
    for _ in range(2):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
        found.append(
            halve(
                Games(), SETTINGS, SEEDS, ROUNDS[:2], shapes=["width"], score="distance",
                mode="min", unit=10, chunk=2, kept=lambda name: KeptResults(tmp_path / name),
            )
        )  # fmt: skip
    assert before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == before
    assert repr(found[0]) == repr(found[1])
