"""Recipes whose parts follow the state: they run anywhere, and their quantities move as they say."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import augment, checkpoint, layers, losses, penalties, train
from gan_jax.models import dcgan
from tests import games

BATCH = 8


def players(key, discriminator):
    generator = dcgan.Generator(base=2, features=(4, 4))
    return (
        train.create_player(key, generator, optax.sgd(0.05), jnp.zeros((1, 5)), ema=True),
        train.create_player(key, discriminator, optax.sgd(0.05), jnp.zeros((1, 8, 8, 1))),
    )


PLAIN = dcgan.Discriminator(features=(4, 4), norm=layers.no_norm)
SPECTRAL = dcgan.Discriminator(
    features=(4, 4),
    norm=layers.no_norm,
    conv=layers.SpectralConv,
    head=partial(layers.ProjectionHead, dense=layers.SpectralDense),
)
FAKE = train.unconditional(train.normal_prior(5))
RULE = partial(augment.adapt_probability, batch_size=BATCH, images=100)


def ada():
    def game(state):
        see = augment.adaptive_augment(state.moving["augment_probability"], geometry=())
        return train.chain(
            train.discriminator_step(losses.non_saturating, FAKE, augment=see),
            train.generator_step(losses.non_saturating, FAKE, augment=see),
        )

    adapt = train.running_probability(RULE, interval=2)
    return [train.with_running(train.state_dependent(game), adapt)]


def apa():
    def learn(state):
        mix = partial(augment.pseudo_augment, probability=state.moving["augment_probability"])
        return train.mixing_reals(mix, FAKE, train.discriminator_step(losses.hinge, FAKE))

    adapt = train.running_probability(RULE, interval=1)
    return [
        train.with_running(train.state_dependent(learn), adapt),
        train.generator_step(losses.hinge, FAKE),
    ]


def lecam():
    def learn(state):
        term = partial(
            penalties.lecam_penalty,
            real_average=state.moving["real_logit"],
            fake_average=state.moving["fake_logit"],
        )
        return train.discriminator_step(losses.hinge, FAKE, penalties=(term,))

    average = train.running_average(0.9, "real_logit", "fake_logit")
    return [
        train.with_running(train.state_dependent(learn), average),
        train.generator_step(losses.hinge, FAKE),
    ]


def began():
    def game(state):
        pair = losses.began(state.moving["balance"])
        return train.chain(train.discriminator_step(pair, FAKE), train.generator_step(pair, FAKE))

    balance = train.running_balance(partial(losses.began_balance, rate=0.5))
    return [train.with_running(train.state_dependent(game), balance)]


def top_k():
    def learn(state):
        share = jnp.maximum(0.5, 0.9**state.step)
        return train.generator_step(losses.top_k(losses.hinge, share), FAKE)

    return [train.discriminator_step(losses.hinge, FAKE), train.state_dependent(learn)]


def pool():
    learn = partial(train.discriminator_step, losses.least_squares)
    return [train.pooled_step(learn, FAKE), train.generator_step(losses.least_squares, FAKE)]


def max_gradient():
    terms = (penalties.max_gradient_penalty, penalties.dragan_penalty)
    learn = train.discriminator_step(losses.wasserstein, FAKE, penalties=terms)
    return [learn, train.generator_step(losses.wasserstein, FAKE), train.ema_step(0.9)]


def diff():
    see = augment.diff_augment
    learn = train.discriminator_step(losses.hinge, FAKE, augment=see)
    return [learn, train.generator_step(losses.hinge, FAKE, augment=see)]


START = {
    "ada": {"augment_probability": 0.5, "real_sign": 0.3},
    "apa": {"augment_probability": 0.5, "real_sign": 0.3},
    "lecam": {"real_logit": 0.0, "fake_logit": 0.0},
    "began": {"balance": 0.25},
}
RECIPES = {f.__name__: f for f in (ada, apa, lecam, began, top_k, pool, max_gradient, diff)}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_gives_the_same_scanned_and_on_two_devices(key, name):
    """Two scanned steps in one lane, and the same in two lanes that share the batch."""
    moving = {k: jnp.float32(v) for k, v in START.get(name, {}).items()}
    if name == "pool":
        moving = {"pool": train.start_pool(6, jnp.zeros((8, 8, 1)))}
    discriminator = SPECTRAL if name in ("lecam", "top_k") else PLAIN
    state = train.create_state(key, *players(key, discriminator), moving=moving)
    many = train.scan_steps(train.make_train_step(*RECIPES[name]()))
    real = games.image_batch(key, 2 * BATCH)["real"].reshape(2, BATCH, 8, 8, 1)
    spread = jax.vmap(
        lambda state, batch: many(state, batch, axis_name="batch"),
        in_axes=(None, 1),
        axis_name="batch",
    )
    halves = {"real": real.reshape(2, 2, BATCH // 2, 8, 8, 1)}
    (whole, metrics), (lanes, _) = jax.jit(
        lambda state: (many(state, {"real": real}), spread(state, halves))
    )(state)
    for lane in (0, 1):
        assert games.difference(jax.tree.map(lambda x, i=lane: x[i], lanes), whole) < 1e-5
    assert all(np.isfinite(value).all() for value in metrics.values())
    for quantity, start in START.get(name, {}).items():
        assert whole.moving[quantity] != start
        np.testing.assert_allclose(metrics[f"running_{quantity}"][-1], whole.moving[quantity])


def test_adaptation_reacts_to_the_sign_of_the_reals(key):
    """Logits of reals are positive here, so that every adaptation goes up by 8 / 100."""
    state = games.dirac_state(key, learning_rate=0.0).replace(
        moving={"augment_probability": jnp.zeros(()), "real_sign": jnp.zeros(())}
    )
    learn = train.discriminator_step(losses.non_saturating, games.dirac_fake)
    adapt = train.running_probability(RULE, interval=1)
    step = jax.jit(train.make_train_step(train.with_running(learn, adapt)))
    batch = {"real": jnp.ones((BATCH, 1))}
    for expected in (0.08, 0.16, 0.24):
        state, metrics = step(state, batch)
        np.testing.assert_allclose(metrics["running_augment_probability"], expected, rtol=1e-5)


def test_a_term_may_read_the_parameters_being_trained(key):
    create, fake, _ = games.dense_game()
    state = create(key)
    update = train.generator_step(losses.hinge, fake, terms=(penalties.orthogonal_penalty,))
    _, metrics = update(state, games.image_batch(key, 4, (4, 4, 1)), key)
    expected = 0.0
    for kernel in (leaf for leaf in jax.tree.leaves(state.generator.params) if leaf.ndim == 2):
        gram = np.asarray(kernel).T @ np.asarray(kernel)
        expected += np.sum((gram - np.eye(len(gram))) ** 2)
    np.testing.assert_allclose(metrics["orthogonal_penalty"], expected, rtol=1e-4)


def test_everything_a_recipe_keeps_survives_a_restart(key, tmp_path):
    """Pools, running quantities, spectral vectors and an optimizer's history, to the bit."""
    optimizer = optax.chain(train.historical_averaging(0.1), train.lazy_adam(1e-3, interval=4))
    generator = dcgan.Generator(base=2, features=(4, 4))
    moving = {
        "pool": train.start_pool(6, jnp.zeros((8, 8, 1))),
        "real_logit": jnp.zeros(()),
        "fake_logit": jnp.zeros(()),
    }

    @jax.jit
    def create(key):
        return train.create_state(
            key,
            train.create_player(key, generator, optimizer, jnp.zeros((1, 5)), ema=True),
            train.create_player(key, SPECTRAL, optimizer, jnp.zeros((1, 8, 8, 1))),
            moving=moving,
        )

    average = train.running_average(0.9, "real_logit", "fake_logit")
    learn = partial(train.discriminator_step, losses.hinge)
    step = jax.jit(
        train.make_train_step(
            train.with_running(train.pooled_step(learn, FAKE), average),
            train.generator_step(losses.hinge, FAKE),
            train.ema_step(train.half_life_decay(1000, batch_size=BATCH)),
        )
    )
    batches = [games.image_batch(jax.random.key(i), BATCH) for i in range(4)]
    state = create(key)
    for batch in batches[:2]:
        state, _ = step(state, batch)
    with checkpoint.Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, state)
    restored, at = checkpoint.restore_latest(tmp_path, jax.eval_shape(create, key))
    assert at == 2
    for batch in batches[2:]:
        state, _ = step(state, batch)
        restored, _ = step(restored, batch)
    assert games.difference(restored, state) == 0
    assert isinstance(restored.moving["pool"], train.Pool)
