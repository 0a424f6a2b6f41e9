"""What the README shows works."""

import re
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np

from tests import games

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_composed_step_trains(key):
    names = {}
    exec(BLOCKS[0], names)
    create, _, _ = games.dense_game()
    # The example draws latents of its own length.
    state = create(key)
    generator = names["train"].create_player(
        key, games.mlp.Generator((4, 4, 1), features=(8,)), state.generator.tx,
        jnp.zeros((1, 64)), ema=True,
    )  # fmt: skip
    state = state.replace(generator=generator)
    batch = games.image_batch(key, 20, (4, 4, 1))
    state, metrics = names["step"](state, batch)
    assert int(state.discriminator.step) == 5
    assert int(state.generator.step) == 1
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_losses_alone_run():
    names = {"real_logits": jnp.ones(3), "fake_logits": jnp.zeros(3)}
    exec(BLOCKS[1], names)
    assert names["losses"].hinge


def test_the_adaptive_step_trains(key):
    names = {}
    exec(BLOCKS[2], names)
    create, _, _ = games.dense_game()
    state, train = create(key), names["train"]
    generator = train.create_player(
        key, games.mlp.Generator((4, 4, 1), features=(8,)), state.generator.tx, jnp.zeros((1, 64))
    )
    state = train.create_state(key, generator, state.discriminator, moving=names["start"])
    chex.clear_trace_counter()
    step = jax.jit(chex.assert_max_traces(names["ada_step"], n=1), donate_argnums=0)
    for batch in [games.image_batch(key, 8, (4, 4, 1))] * 2:
        state, metrics = step(state, batch)
    assert 0 <= metrics["running_augment_probability"] <= 1
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_population_trains_at_each_rate():
    names = {}
    exec(BLOCKS[3], names)
    logs = names["logs"]
    assert {leaf.shape for leaf in jax.tree.leaves(logs)} == {(3, 10)}
    assert len(np.unique(logs["generator_loss"][:, -1])) == 3


def test_the_files_it_names_are_there():
    named = re.findall(r"\]\(([\w/.]+)\)", README) + re.findall(r"`(tests/[\w/.]+)`", README)
    assert named
    assert all((ROOT / name).exists() for name in named)
