"""A small game to save, and what it means for two states to be the same."""

import shutil
from functools import partial
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.checkpoint import Checkpoints


@flax.struct.dataclass
class Player:
    params: Any
    opt_state: Any
    ema_params: Any
    tx: optax.GradientTransformation = flax.struct.field(pytree_node=False)


@flax.struct.dataclass
class Game:
    step: jax.Array
    key: jax.Array
    generator: Player
    discriminator: Player
    moving: dict


_ADAM = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))


@partial(jax.jit, static_argnames="width")
def _make_game(step: int, width: int = 4) -> Game:
    def player(key, *, ema):
        params = {
            "Dense_0": {"kernel": jax.random.normal(key, (3, width)), "bias": jnp.ones(width)}
        }
        params["half"] = jax.random.normal(key, (2,), jnp.bfloat16)
        opt_state = jax.tree.map(
            lambda leaf: leaf + jnp.asarray(step, leaf.dtype), _ADAM.init(params)
        )
        average = jax.tree.map(jnp.copy, params) if ema else None
        return Player(params=params, opt_state=opt_state, ema_params=average, tx=_ADAM)

    key = jax.random.key(step)
    generator_key, discriminator_key = jax.random.split(key)
    return Game(
        step=jnp.asarray(step, jnp.int32),
        key=key,
        generator=player(generator_key, ema=True),
        discriminator=player(discriminator_key, ema=False),
        moving={"strange": jnp.array([jnp.nan, -0.0, jnp.inf, 1e-45]), "flags": jnp.array([True])},
    )


def _assert_same(actual: Any, expected: Any) -> None:
    """The same structure and static fields, the same types, and every bit the same."""
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for got, want in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert (type(got), got.dtype, got.shape) == (type(want), want.dtype, want.shape)
        if jnp.issubdtype(want.dtype, jax.dtypes.prng_key):
            got, want = jax.random.key_data(got), jax.random.key_data(want)
        assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


@pytest.fixture(scope="session")
def make_game():
    return _make_game


@pytest.fixture
def assert_same():
    return _assert_same


@pytest.fixture(scope="session")
def saved(tmp_path_factory, make_game):
    """A folder with steps 1 and 2 of the game."""
    folder = tmp_path_factory.mktemp("saved")
    with Checkpoints(folder, best="fid") as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, make_game(step), {"fid": 1.0})
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """The test's own copy of it."""
    return shutil.copytree(saved, tmp_path / "checkpoints")
