"""Objectives side by side: every recipe can be played, and the page shows what was measured."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import objectives, recipes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_can_be_played(name):
    recipe = recipes.RECIPES[name]
    create, step = recipes.make(recipe, 100)
    state = jax.eval_shape(create, jax.random.key(0))
    batch = {"real": jax.ShapeDtypeStruct((16 * recipe.batches, 2), jnp.float32)}
    after, metrics = jax.eval_shape(step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"real_logit", "fake_logit", "generator_loss"} <= metrics.keys()


@pytest.mark.parametrize(
    "name", ["non-saturating", "Wasserstein, clipped", "non-saturating, extragradient"]
)
def test_rates_fall_to_zero_with_the_last_step_and_not_before(name):
    recipe, total = recipes.RECIPES[name], 20
    create, step = recipes.make(recipe, total)
    state = create(jax.random.key(0))
    state = state.replace(step=jnp.asarray(total - 2, jnp.int32))
    for player, updates in zip(("generator", "discriminator"), recipe.updates, strict=True):
        one = getattr(state, player)
        counted = jax.tree.map(
            lambda leaf, n=updates: (
                leaf + (total - 2) * n if jnp.issubdtype(leaf.dtype, jnp.integer) else leaf
            ),
            one.opt_state,
        )
        state = state.replace(**{player: one.replace(opt_state=counted)})
    batch = {"real": recipes.grid_points(jax.random.key(1), 10 * recipe.batches)}
    after, _ = jax.jit(step)(state, batch)
    for player in ("generator", "discriminator"):
        before, moved = (getattr(s, player).params for s in (state, after))
        changes = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), before, moved)
        assert max(jax.tree.leaves(changes)) > 0, player


def test_the_grid_is_that_of_the_protocol():
    points = np.asarray(recipes.grid_points(jax.random.key(0), 50_000)) / recipes.SCALE
    nearest = np.round(points / 2)
    assert sorted(set(nearest.ravel())) == [-2, -1, 0, 1, 2]
    np.testing.assert_allclose((points - 2 * nearest).std(axis=0), 0.05, rtol=0.02)
    judged = objectives.coverage(points[:2500])
    assert judged["modes"] == judged["full_modes"] == 25
    np.testing.assert_allclose(judged["high_quality"], 1 - np.exp(-4.5), atol=0.01)


def test_seeds_train_apart_in_one_program():
    result = objectives.train_seeds("non-saturating", seeds=3, steps=50)
    assert {len(values) for values in result["coverage"].values()} == {3}
    losses = np.array(result["metrics"]["discriminator_loss"])
    assert losses.shape == (3, len(objectives.MOMENTS))
    assert len(np.unique(losses[:, 0])) == 3
    heading, _, row = objectives.table({"non-saturating": result}).splitlines()
    assert row.startswith("| non-saturating | ")
    assert row.count("|") == heading.count("|")


@pytest.mark.parametrize("results", ["objectives.json", "objectives_20000_steps.json"])
def test_the_page_shows_what_was_measured(results):
    measured = json.loads((RESULTS / results).read_text(encoding="utf-8"))
    assert objectives.table(measured) in PAGE
    assert results != "objectives.json" or objectives.log_table(measured) in PAGE
    assert {len(row["coverage"]["modes"]) for row in measured.values()} == {8}


def test_a_misspelt_recipe_is_named(capsys):
    assert objectives.main(["--only", "hingee"]) == 2
    assert "--only is hingee" in capsys.readouterr().err
    assert objectives.main(["--steps", "55"]) == 2
    assert "a multiple of 50" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named_before_anything_is_trained(monkeypatch, capsys):
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    monkeypatch.setattr(objectives, "train_seeds", lambda *_, **__: pytest.fail("trained"))
    assert objectives.main(["--only", "hinge", "--json", "/proc/nowhere/x.json"]) == 2
    assert "--json /proc/nowhere/x.json can't be written" in capsys.readouterr().err
