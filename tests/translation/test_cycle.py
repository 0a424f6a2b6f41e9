"""Two translators that undo each other: the paper's sums, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import losses, train, translation


class Shifts(nn.Module):
    """Translators that add a number each: G(x) = x + g, F(y) = y + f."""

    @nn.compact
    def __call__(self, images, *, train, axis_name=None):
        g = self.param("g", nn.initializers.constant(1.0), ())
        f = self.param("f", nn.initializers.constant(-3.0), ())
        ways = {"a": ("b", g), "b": ("a", f)}
        return {ways[domain][0]: images[domain] + ways[domain][1] for domain in images}


class Levels(nn.Module):
    """Critics whose only logit is the mean, times a number."""

    @nn.compact
    def __call__(self, images, *, train, axis_name=None):
        slope = self.param("slope", nn.initializers.constant(0.0), ())
        return jnp.stack([slope * images[d].mean(axis=(1, 2, 3)) for d in sorted(images)], axis=1)


BATCH = translation.both_domains(
    {"source": jnp.full((2, 2, 2, 1), 5.0), "real": jnp.full((2, 2, 2, 1), 7.0)}
)


@pytest.fixture
def state(key):
    image = BATCH["real"]
    keys = jax.random.split(key, 3)
    sgd = optax.sgd(0.1)
    return train.create_state(
        keys[0],
        train.create_player(keys[1], Shifts(), sgd, image),
        train.create_player(keys[2], Levels(), sgd, image),
        moving={"pool": train.start_pool(4, jax.tree.map(lambda leaf: leaf[0], image))},
    )


def step(state, **weights):
    steps = translation.cycle_steps(losses.least_squares, **weights)
    return train.make_train_step(*steps)(state, BATCH)


def test_terms_by_hand(state):
    after, metrics = step(state, cycle=10.0, identity=5.0)
    # F(G(x)) - x = G(F(y)) - y = 1 - 3 = -2; G(y) - y = 1; F(x) - x = -3.
    np.testing.assert_allclose(metrics["cycle_loss"], 5 * (2 + 2), rtol=1e-6)
    np.testing.assert_allclose(metrics["identity_loss"], 2.5 * (1 + 3), rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], 0.5, rtol=1e-6)  # of logits of 0
    # Both shifts rise towards -2 -> 0, by 2 * 5; and each towards 0, by 2.5.
    moved = {name: float(after.generator.params[name]) for name in ("g", "f")}
    assert moved == pytest.approx({"g": 1 + 0.1 * (10 - 2.5), "f": -3 + 0.1 * (10 + 2.5)})


def test_without_an_identity_there_is_no_such_term(state):
    _, metrics = step(state, cycle=10.0, identity=0.0)
    assert "identity_loss" not in metrics


def test_the_translators_move_first_and_critics_see_what_they_then_make(state):
    after, _ = step(state, cycle=10.0, identity=0.0)
    (b,) = np.unique(after.moving["pool"].samples["b"][:2])
    assert b == pytest.approx(5 + float(after.generator.params["g"]))
    assert int(after.moving["pool"].count) == 2
    # (D(y) - 1)^2 falls as the slope rises: reals are 5 and 7.
    assert float(after.discriminator.params["slope"]) > 0


def test_one_way_alone_after_training(state):
    there, back = translation.one_way("a", "b"), translation.one_way("b", "a")
    image = BATCH["source"]
    np.testing.assert_allclose(there(state.generator, image, None), 6.0)
    np.testing.assert_allclose(back(state.generator, image, None), 2.0)
