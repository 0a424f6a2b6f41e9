"""Games that fail on purpose can be played, and the page shows which alarms went off."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import alarms, failing
from gan_jax.diagnostics import ALARMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "diagnostics.md").read_text(encoding="utf-8")
MEASURED = json.loads((ROOT / "benchmarks" / "results" / "alarms.json").read_text(encoding="utf-8"))
NAMES = [alarm.name for alarm in ALARMS]
GAMES = {**failing.FAILING, **failing.HEALTHY}


@pytest.mark.parametrize("name", GAMES)
def test_every_game_can_be_played(name):
    game = GAMES[name]()
    assert game.steps % alarms.WINDOWS == 0
    state = jax.eval_shape(game.create, jax.random.key(0))
    batch, held_out = (jax.eval_shape(draw, jax.random.key(0)) for draw in game[3:5])
    after, _ = jax.eval_shape(game.train_step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert held_out["real"].shape == batch["real"].shape


def test_there_is_a_game_for_every_alarm():
    assert list(failing.FAILING) == NAMES


def test_seeds_train_apart_and_their_alarms_are_folded():
    game = failing.tiny_generator(steps=500)
    measures = alarms.measures_of(game, [3, 4, 5])
    assert {values.shape for values in measures.values()} == {(3, alarms.WINDOWS)}
    assert len(np.unique(measures["separation"][:, 0])) == 3
    again = alarms.measures_of(game, [4, 3])
    np.testing.assert_allclose(again["reach"], measures["reach"][[1, 0]], rtol=1e-5)
    played = alarms.play(game, [3, 4])
    assert played["steps"] == 500
    assert [set(first) <= set(NAMES) for first in played["alarms"]] == [True, True]
    assert all("mode collapse" in first for first in played["alarms"])
    low, middle, high = played["measures"]["reach"]
    assert 0 <= low <= middle <= high


def test_only_the_first_digits_are_trained_on():
    game = failing.digits(images=100)
    keys = jax.random.split(jax.random.key(0), 40)
    seen = jnp.concatenate([game.reals(key)["real"] for key in keys])
    assert len(np.unique(np.asarray(seen).reshape(len(seen), -1), axis=0)) == 100


def test_a_table_by_hand():
    played = {
        "cycling": {
            "steps": 2000,
            "alarms": [{"cycling": 100}, {"cycling": 300, "mode collapse": 200}, {}],
            "measures": {"reach": [0.1, 0.5, 1.0]},
        },
        "some healthy game": {"steps": 50, "alarms": [{}], "measures": {"reach": [0.7, 0.8, 1]}},
    }
    rows = alarms.table(played).splitlines()[2:]
    assert rows == [
        "| cycling | 2,000 | 2 of 3 | 200 | mode collapse 1 |",
        "| some healthy game | 50 | — | — | none in 1 |",
    ]
    assert alarms.measure_table(played).splitlines()[2] == "| cycling | 0.10 … 0.50 … 1.00 |"


def test_the_page_shows_what_was_measured():
    assert alarms.table(MEASURED) in PAGE
    assert alarms.measure_table(MEASURED) in PAGE
    assert list(MEASURED) == list(GAMES)


def test_the_page_has_every_alarm_with_its_threshold():
    for alarm in ALARMS:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {alarm.name} | `"))
        assert f"`{alarm.measure}`" in row
        assert f"{alarm.fires:g}" in row
        assert f"{alarm.clears:g}" in row
        assert f" {alarm.patience} " in row


def test_failures_are_told_and_healthy_games_are_left_alone():
    for name in NAMES:
        seeds = MEASURED[name]["alarms"]
        assert len(seeds) == 10
        assert sum(name in first for first in seeds) >= 9
    healthy = [first for name in failing.HEALTHY for first in MEASURED[name]["alarms"]]
    assert len(healthy) == 20
    assert sum(bool(first) for first in healthy) <= 1


def test_mistakes_are_named(monkeypatch, capsys):
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    monkeypatch.setattr(alarms, "play", lambda *_, **__: pytest.fail("played"))
    assert alarms.main(["--only", "cyclin"]) == 2
    assert "--only is cyclin" in capsys.readouterr().err
    assert alarms.main(["--seeds", "0"]) == 2
    assert "--seeds is 0" in capsys.readouterr().err
    assert alarms.main(["--json", "/proc/nowhere/x.json"]) == 2
    assert "--json /proc/nowhere/x.json can't be written" in capsys.readouterr().err
