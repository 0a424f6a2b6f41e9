"""The laws that every penalty on samples obeys, and the package's independence."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import penalties
from tests.penalties.cases import ON_ONE_EXAMPLE, ON_SAMPLES, bowl, each, keys, samples

every_penalty = pytest.mark.parametrize("name", ON_SAMPLES)
FLAT = {"two_sided": 1.0, "dragan": 1.0}


def _network(parameters, samples):
    hidden = jnp.tanh(samples.reshape(len(samples), -1) @ parameters["hidden"])
    return jax.nn.softplus(hidden) @ parameters["output"]


def _parameters(seed=1, dtype=np.float32):
    """Return parameters at which norms are on both sides of 1."""
    random = np.random.default_rng(seed)
    return {
        "hidden": random.normal(size=(4, 3)).astype(dtype),
        "output": 3 * random.normal(size=3).astype(dtype),
    }


def _of_parameters(name, real, fake):
    """Return the penalty as a function of the critic's parameters."""
    return lambda parameters: ON_SAMPLES[name](
        critic=partial(_network, parameters), real=real, fake=fake, keys=keys(len(real)), step=0
    )


@pytest.fixture(scope="module")
def batches():
    """Evaluate a batch of six, and parts of it."""
    real, fake = samples(6, 4)

    @jax.jit
    def values(**sample):
        critic = partial(_network, _parameters())
        return each(lambda name: ON_SAMPLES[name](critic=critic, **sample))

    chosen = (np.arange(6), np.arange(3), np.array([4, 0, 1]))
    return [(c, values(real=real[c], fake=fake[c], keys=keys(6)[c])) for c in chosen]


@pytest.mark.parametrize("name", ON_ONE_EXAMPLE)
def test_an_example_does_not_depend_on_the_rest_of_the_batch(name, batches):
    (_, whole), *parts = batches
    assert len(set(np.asarray(whole[name]))) > 1
    for part, some in parts:
        np.testing.assert_allclose(some[name], whole[name][part], rtol=1e-5, atol=1e-6)


def test_gradients_flow_through_the_samples():
    """As finite differences say, so that a generator can look through a discriminator's answer."""
    with jax.enable_x64(True):
        real, fake = (x.astype(np.float64) for x in samples(3, 4))
        parameters = _parameters(dtype=np.float64)
        directions = [np.random.default_rng(i).normal(size=real.shape) for i in (3, 4)]

        @jax.jit
        def along(step):
            moved = (x + step * d for x, d in zip((real, fake), directions, strict=True))
            call = dict(zip(("real", "fake"), moved, strict=True), keys=keys(3))
            critic = partial(_network, parameters)
            return each(lambda name: ON_SAMPLES[name](critic=critic, **call).sum())

        slopes = jax.jit(jax.jacfwd(along))(0.0)
        high, low = along(1e-6), along(-1e-6)
        for name, slope in slopes.items():
            expected = (high[name] - low[name]) / 2e-6
            np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-7, err_msg=name)
            assert abs(slope) > 1e-3, name


@pytest.fixture(scope="module")
def precisions():
    """Evaluate samples of a thousand numbers in two precisions."""
    real, fake = samples(3, 1000)

    @jax.jit
    def values(real, fake):
        call = {"critic": bowl, "real": real, "fake": fake, "keys": keys(3)}
        return each(lambda name: ON_SAMPLES[name](**call))

    return [values(real.astype(d), fake.astype(d)) for d in ("float32", "bfloat16")]


@every_penalty
def test_one_float32_value_per_example(name, precisions):
    exact, rounded = (values[name] for values in precisions)
    assert (exact.shape, exact.dtype) == (rounded.shape, rounded.dtype) == ((3,), jnp.float32)
    # The sixth power is six times as wrong, and a critic's own logits are rounded too.
    np.testing.assert_allclose(rounded, exact, rtol=3e-2)


@pytest.fixture(scope="module", params=["bfloat16", "float32"])
def extremes(request):
    """Evaluate penalties and their gradients at samples of ±1e4."""

    @jax.jit
    def values_and_gradients(real, fake):
        def value_and_gradient(name):
            def value(scale):
                critic = lambda samples: scale * bowl(samples)
                return ON_SAMPLES[name](critic=critic, real=real, fake=fake, keys=keys(2)).sum()

            return jax.value_and_grad(value)(jnp.ones((), request.param))

        return each(value_and_gradient)

    far = jnp.full((2, 4), 1e4, request.param)
    return [values_and_gradients(far, -far), values_and_gradients(-far, far)]


@every_penalty
def test_extreme_samples_give_finite_values_and_gradients(name, extremes):
    for value, gradient in (at[name] for at in extremes):
        assert value > 1e4
        assert jnp.isfinite(value)
        assert jnp.isfinite(gradient)


def test_a_flat_critic_has_a_finite_gradient():
    real, fake = samples(2, 4)

    @jax.jit
    def values_and_gradients(parameters):
        def value_and_gradient(name):
            of_parameters = _of_parameters(name, real, fake)
            return jax.value_and_grad(lambda at: of_parameters(at).mean())(parameters)

        return each(value_and_gradient)

    results = values_and_gradients(jax.tree.map(jnp.zeros_like, _parameters()))
    for name, (mean, gradients) in results.items():
        np.testing.assert_allclose(mean, FLAT.get(name, 0), rtol=1e-5, atol=1e-9, err_msg=name)
        assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients)), name


@pytest.fixture(scope="module")
def derivatives():
    """Differentiate twice along a direction, by the chain rule and by differences."""
    real, fake = samples(3, 4, dtype=np.float64)
    point, direction = (_parameters(seed, np.float64) for seed in (1, 7))

    @jax.jit
    def at(step):
        def twice(name):
            value = lambda parameters: _of_parameters(name, real, fake)(parameters).sum()
            moved = jax.tree.map(lambda p, d: p + step * d, point, direction)
            return jax.jvp(jax.value_and_grad(value), (moved,), (direction,))

        return each(twice)

    with jax.enable_x64(True):
        return direction, *(jax.tree.map(np.asarray, at(step)) for step in (0.0, 1e-5, -1e-5))


@every_penalty
def test_parameter_derivatives_are_those_of_finite_differences_twice_over(name, derivatives):
    """As `check_grads` does to the second order."""
    direction, here, *around = derivatives
    (value, gradient), (slope, curvature) = here[name]
    assert value.dtype == np.float64
    for leaves in (gradient, curvature):
        assert min(np.abs(leaf).max() for leaf in jax.tree.leaves(leaves)) > 1e-3
    along = sum(np.sum(gradient[leaf] * direction[leaf]) for leaf in direction)
    np.testing.assert_allclose(along, slope, rtol=1e-9)
    (after, gradient_after), (before, gradient_before) = (at[name][0] for at in around)
    np.testing.assert_allclose((after - before) / 2e-5, slope, rtol=1e-6)
    for leaf, expected in curvature.items():
        difference = (gradient_after[leaf] - gradient_before[leaf]) / 2e-5
        np.testing.assert_allclose(difference, expected, rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def transformed():
    """Evaluate three critics one by one, vmapped and scanned, compiled; and one of them eagerly."""
    real, fake = samples(3, 4)
    population = [_parameters(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *population)

    @jax.jit
    def compiled(population, stacked):
        def all_ways(name):
            of_parameters = _of_parameters(name, real, fake)
            scanned = jax.lax.scan(lambda c, critic: (c, of_parameters(critic)), 0, stacked)[1]
            looped = jnp.stack([of_parameters(parameters) for parameters in population])
            return looped, jax.vmap(of_parameters)(stacked), scanned

        return each(all_ways)

    eager = each(lambda name: _of_parameters(name, real, fake)(population[1]))
    return eager, compiled(population, stacked)


@every_penalty
def test_jit_vmap_and_scan_are_an_eager_loop(name, transformed):
    eager, compiled = (results[name] for results in transformed)
    looped, *others = compiled
    np.testing.assert_allclose(looped[1], eager, rtol=1e-5, atol=1e-6)
    for values in others:
        np.testing.assert_allclose(values, looped, rtol=1e-5, atol=1e-6)


def test_package_works_alone_under_another_name(tmp_path):
    shutil.copytree(Path(penalties.__file__).parent, tmp_path / "borrowed")
    run = subprocess.run(
        [sys.executable, "-c", "import borrowed, sys; print(*sys.modules)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(run.stdout.split()) & {"gan_jax", "flax", "orbax", "tensorflow_datasets"}
