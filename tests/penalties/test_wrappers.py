"""Weighted and lazy penalties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax.penalties import (
    every,
    gradient_penalty,
    orthogonal_penalty,
    r1_penalty,
    weighted,
)

SAMPLES = np.arange(6.0, dtype=np.float32).reshape(3, 2)


def _bowl(samples):
    return 0.5 * jnp.sum(jnp.square(samples), axis=1)


CALL = {
    "critic": _bowl,
    "real": SAMPLES,
    "fake": -SAMPLES,
    "keys": jax.random.split(jax.random.key(0), 3),
    "labels": np.arange(3),
}
R1 = np.sum(SAMPLES**2, axis=1) / 2


def test_weighted_multiplies_by_a_number():
    np.testing.assert_allclose(weighted(10.0, r1_penalty)(**CALL, step=3), 10 * R1)
    np.testing.assert_allclose(weighted(0, r1_penalty)(**CALL), 0 * R1)


@pytest.mark.parametrize("step", [0, 25, 100, 1000])
def test_weighted_follows_a_schedule_of_the_step(step):
    penalty = weighted(optax.linear_schedule(1.0, 0.2, 100), r1_penalty)
    expected = (1 - 0.8 * min(step, 100) / 100) * R1
    np.testing.assert_allclose(penalty(**CALL, step=step), expected, rtol=1e-6)
    np.testing.assert_allclose(
        jax.jit(lambda step: penalty(**CALL, step=step))(step), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # R3GAN on CIFAR-10: γ falls from 0.05 to 0.005 along half a cosine.
        (
            optax.cosine_decay_schedule(0.05, 200, alpha=0.1),
            lambda step: 0.005 + 0.045 * (1 + np.cos(np.pi * min(step, 200) / 200)) / 2,
        ),
        (optax.exponential_decay(10.0, 50, 0.5), lambda step: 10 * 0.5 ** (step / 50)),
    ],
    ids=["cosine", "exponential"],
)
def test_weights_of_papers_as_schedules(schedule, expected):
    value = jax.jit(lambda step: weighted(schedule, r1_penalty)(**CALL, step=step))
    for step in (0, 50, 100, 199, 200, 400):
        np.testing.assert_allclose(value(step), expected(step) * R1, rtol=1e-4)


def test_scalars_of_parameters_are_weighted_and_timed_too():
    params = {"kernel": 2 * jnp.eye(3)}
    lazy = every(2, weighted(lambda step: 1.0 + step, orthogonal_penalty))
    assert [float(lazy(params=params, step=step)) for step in range(3)] == [54.0, 0.0, 162.0]


def test_a_schedule_starts_at_step_zero_when_no_step_is_given():
    np.testing.assert_allclose(weighted(lambda step: 2.0 + step, r1_penalty)(**CALL), 2 * R1)


def test_weight_can_be_traced_so_that_a_population_has_its_own():
    gammas = jnp.array([0.1, 1.0, 10.0])
    values = jax.vmap(lambda gamma: weighted(gamma, r1_penalty)(**CALL))(gammas)
    np.testing.assert_allclose(values, np.outer(gammas, R1), rtol=1e-6)
    slope = jax.grad(lambda gamma: weighted(gamma, r1_penalty)(**CALL).sum())(1.0)
    assert slope == pytest.approx(R1.sum())


@pytest.mark.parametrize("weight", [-1, -0.5, float("nan"), np.float32(-2)])
def test_weight_must_not_be_negative(weight):
    with pytest.raises(ValueError, match="weight must be a number >= 0 or a schedule") as error:
        weighted(weight, r1_penalty)
    assert repr(weight) in str(error.value)


@pytest.mark.parametrize("interval", [1, 3, 4])
@pytest.mark.parametrize("compiled", [False, True])
def test_every_evaluates_at_multiples_of_the_interval_that_much_stronger(interval, compiled):
    penalty = every(interval, r1_penalty)

    def at(step):
        return penalty(**CALL, step=step)

    at = jax.jit(at) if compiled else at
    for step in range(8):
        expected = interval * R1 if step % interval == 0 else 0 * R1
        np.testing.assert_allclose(at(step), expected)
        np.testing.assert_allclose(at(jnp.int32(step)), expected)


def test_every_keeps_the_mean_over_the_steps():
    def step_value(carry, step):
        return carry, every(4, r1_penalty)(**CALL, step=step)

    _, values = jax.lax.scan(step_value, 0, jnp.arange(12))
    np.testing.assert_allclose(values.mean(axis=0), R1, rtol=1e-6)


def test_every_does_not_evaluate_in_between():
    evaluated = []

    def observed(*, step, **arguments):
        jax.debug.callback(lambda step: evaluated.append(int(step)), step)
        return r1_penalty(step=step, **arguments)

    def step_value(carry, step):
        return carry, every(4, observed)(**CALL, step=step)

    jax.block_until_ready(jax.lax.scan(step_value, 0, jnp.arange(10)))
    jax.effects_barrier()
    assert sorted(evaluated) == [0, 4, 8]


def test_every_under_vmap_goes_by_each_states_own_step():
    penalty = every(2, r1_penalty)
    values = jax.vmap(lambda step: penalty(**CALL, step=step))(jnp.arange(4))
    np.testing.assert_allclose(values, [2 * R1, 0 * R1, 2 * R1, 0 * R1])


def test_every_lets_the_gradient_of_the_critic_through_on_its_steps_only():
    penalty = every(3, gradient_penalty)

    def slope(penalty, step):
        def value(scale):
            call = {**CALL, "critic": lambda samples: scale * _bowl(samples)}
            return penalty(**call, step=step).sum()

        return jax.jit(jax.grad(value))(2.0)

    np.testing.assert_allclose(slope(penalty, 3), 3 * slope(gradient_penalty, 3), rtol=1e-5)
    assert slope(penalty, 4) == 0


@pytest.mark.parametrize("interval", [0, -1, 2.5, "4", None])
def test_interval_must_be_a_positive_whole_number(interval):
    with pytest.raises(ValueError, match="interval must be a whole number of steps >= 1") as error:
        every(interval, r1_penalty)
    assert repr(interval) in str(error.value)


def test_wrappers_compose_in_any_order():
    halving = optax.exponential_decay(8.0, 1, 0.5)
    lazy_outside = every(2, weighted(halving, r1_penalty))
    lazy_inside = weighted(halving, every(2, r1_penalty))
    for step in range(4):
        expected = 2 * 8 * 0.5**step * R1 if step % 2 == 0 else 0 * R1
        np.testing.assert_allclose(lazy_outside(**CALL, step=step), expected, rtol=1e-6)
        np.testing.assert_allclose(lazy_inside(**CALL, step=step), expected, rtol=1e-6)


def test_wrappers_keep_the_penaltys_name_also_through_a_partial():
    assert weighted(10.0, r1_penalty).__name__ == "r1_penalty"
    assert every(16, weighted(5.0, r1_penalty)).__name__ == "r1_penalty"
    zero_centred = partial(partial(gradient_penalty, target=0.5), target=0.0)
    assert weighted(1.0, zero_centred).__name__ == "gradient_penalty"
    np.testing.assert_allclose(weighted(1.0, zero_centred)(**CALL), zero_centred(**CALL))
