"""Steps made from the state, and quantities that follow what steps report."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, train
from tests import games


def report(**values):
    """Return a step that changes nothing and reports fixed values."""

    def step(state, batch, key, *, axis_name=None):
        return state, {name: jnp.float32(value) for name, value in values.items()}

    return step


def with_moving(key, **moving):
    return games.dirac_state(key).replace(moving=jax.tree.map(jnp.float32, moving))


def test_a_step_may_be_made_from_the_state_it_changes(key):
    """The weight of the penalty is the running quantity, whatever it is when the step is taken."""

    def slope(weight, *, params, **_):
        return weight * params["psi"]

    def make(state):
        term = partial(slope, state.moving["weight"])
        return train.discriminator_step(losses.wasserstein, games.dirac_fake, penalties=(term,))

    step = jax.jit(train.make_train_step(train.state_dependent(make)))
    for weight in (0.0, 3.0):
        after, metrics = step(with_moving(key, weight=weight), games.dirac_batch())
        # Loss psi theta at theta = 1, and the penalty's slope is its weight.
        np.testing.assert_allclose(after.discriminator.params["psi"], 0.5 - 0.1 * (1 + weight))
        np.testing.assert_allclose(metrics["slope"], weight * 0.5)


def test_a_schedule_of_the_state_is_traced_once(key):
    traces = []

    def make(state):
        traces.append(state)
        share = optax.linear_schedule(1.0, 0.25, 3)(state.step)
        loss = losses.AdversarialLoss(
            losses.wasserstein.discriminator, lambda fake, real: -share * fake
        )
        return train.generator_step(loss, games.dirac_fake)

    step = jax.jit(train.make_train_step(train.state_dependent(make)))
    state, expected = games.dirac_state(key), 1.0
    for share in (1.0, 0.75, 0.5, 0.25, 0.25):
        state, _ = step(state, games.dirac_batch())
        expected += 0.1 * share * 0.5
        np.testing.assert_allclose(state.generator.params["theta"], expected, rtol=1e-6)
    assert len(traces) == 1


def test_running_averages_follow_their_formula(key):
    step = train.with_running(report(a=2.0, b=-1.0), train.running_average(0.75, "a", "b"))
    state, metrics = step(with_moving(key, a=1.0, b=0.0, other=7.0), {}, key)
    assert state.moving == {"a": 1.25, "b": -0.25, "other": 7.0}
    assert metrics == {"a": 2.0, "b": -1.0, "running_a": 1.25, "running_b": -0.25}


def test_running_averages_follow_a_schedule(key):
    warm_up = lambda step: jnp.where(step < 10, 0.0, 0.5)
    step = train.with_running(report(a=2.0), train.running_average(warm_up, "a"))
    for at, expected in ((9, 2.0), (10, 3.0)):
        state, _ = step(with_moving(key, a=4.0).replace(step=jnp.array(at)), {}, key)
        np.testing.assert_allclose(state.moving["a"], expected)


def test_a_balance_moves_by_its_rule(key):
    rule = lambda balance, real, fake: balance + 10 * real + 100 * fake
    step = train.with_running(report(real_logit=-1.0, fake_logit=-2.0), train.running_balance(rule))
    state, metrics = step(with_moving(key, balance=0.5), {}, key)
    assert state.moving == {"balance": 0.5 - 10 - 200}
    assert metrics["running_balance"] == state.moving["balance"]


def test_a_probability_adapts_to_the_mean_sign_of_its_interval(key):
    rule = lambda probability, sign, interval: probability + sign + interval - 3
    state = with_moving(key, augment_probability=0.0, real_sign=0.0)
    seen = []
    for at, sign in enumerate((1.0, 0.0, 0.5, 0.5, -1.0, -1.0)):
        step = train.with_running(
            report(real_sign=sign), train.running_probability(rule, interval=3)
        )
        state, _ = step(state.replace(step=jnp.array(at)), {}, key)
        seen.append(float(state.moving["augment_probability"]))
    np.testing.assert_allclose(seen, [0, 0, 0.5, 0.5, 0.5, 0.0])


def test_an_update_sees_the_work_of_those_before(key):
    double = lambda moving, metrics, step: {"b": 2 * moving["a"]}
    step = train.with_running(report(a=3.0), train.running_average(0.0, "a"), double)
    state, _ = step(with_moving(key, a=0.0, b=0.0), {}, key)
    assert state.moving == {"a": 3.0, "b": 6.0}


def test_a_quantity_without_a_start_is_named(key):
    step = train.with_running(report(a=3.0), train.running_average(0.9, "a"))
    with pytest.raises(ValueError, match=r"state.moving has no 'a'.*moving=\{'a': \.\.\.\}"):
        step(games.dirac_state(key), {}, key)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: train.running_average(1.5, "a"), r"decay is 1\.5"),
        (lambda: train.running_probability(max, interval=0), "interval is 0"),
    ],
)
def test_bad_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
