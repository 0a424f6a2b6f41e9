"""The laws that every penalty obeys, and the package's independence."""

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
from jax.test_util import check_grads

from gan_jax import penalties
from gan_jax.penalties import gradient_penalty, r1_penalty, r2_penalty

every_penalty = pytest.mark.parametrize(
    "penalty", [r1_penalty, r2_penalty, gradient_penalty], ids=lambda penalty: penalty.__name__
)


def _keys(number):
    return jax.random.split(jax.random.key(0), number)


def _samples(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)


def _bowl(samples):
    """D(x) = 1/2 ||x||², whose gradient is x."""
    return 0.5 * jnp.sum(jnp.square(samples), axis=range(1, samples.ndim))


def _network(parameters, samples):
    hidden = jnp.tanh(samples.reshape(len(samples), -1) @ parameters["hidden"])
    return jax.nn.softplus(hidden) @ parameters["output"]


def _parameters(seed=1, dtype=np.float32):
    random = np.random.default_rng(seed)
    return {
        "hidden": random.normal(size=(4, 3)).astype(dtype),
        "output": random.normal(size=3).astype(dtype),
    }


def _of_parameters(penalty, real, fake):
    """Return the penalty as a function of the critic's parameters."""
    return lambda parameters: penalty(
        critic=partial(_network, parameters), real=real, fake=fake, keys=_keys(len(real)), step=0
    )


@every_penalty
def test_an_example_does_not_depend_on_the_rest_of_the_batch(penalty):
    real, fake = _samples(6, 4)
    keys = _keys(6)
    value = jax.jit(partial(penalty, critic=partial(_network, _parameters())))
    whole = value(real=real, fake=fake, keys=keys)
    for part in (slice(0, 3), slice(3, 6), np.array([4, 0, 1])):
        some = value(real=real[part], fake=fake[part], keys=keys[part])
        np.testing.assert_allclose(some, whole[part], rtol=1e-5)


@every_penalty
def test_samples_are_constants(penalty):
    real, fake = _samples(3, 4)

    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def gradients(real, fake):
        return penalty(critic=_bowl, real=real, fake=fake, keys=_keys(3)).sum()

    assert all((gradient == 0).all() for gradient in gradients(real, fake))


@every_penalty
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_one_float32_value_per_example(penalty, dtype):
    real, fake = _samples(3, 1000)
    value = jax.jit(partial(penalty, critic=_bowl, keys=_keys(3)))
    exact, rounded = (
        value(real=real, fake=fake),
        value(real=real.astype(dtype), fake=fake.astype(dtype)),
    )
    assert (rounded.shape, rounded.dtype) == ((3,), jnp.float32)
    np.testing.assert_allclose(rounded, exact, rtol=1e-2)


@every_penalty
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_extreme_samples_give_finite_values_and_gradients(penalty, dtype):
    @jax.jit
    @jax.value_and_grad
    def value_and_gradient(scale, real, fake):
        def critic(samples):
            return scale * _bowl(samples)

        return penalty(critic=critic, real=real, fake=fake, keys=_keys(2)).sum()

    for extreme in (1e4, -1e4):
        samples = jnp.full((2, 4), extreme, dtype)
        value, gradient = value_and_gradient(jnp.ones((), dtype), samples, -samples)
        assert value > 1e4
        assert jnp.isfinite(value)
        assert jnp.isfinite(gradient)


@every_penalty
def test_a_flat_critic_has_a_finite_gradient(penalty):
    real, fake = _samples(2, 4)
    parameters = jax.tree.map(jnp.zeros_like, _parameters())
    of_parameters = _of_parameters(penalty, real, fake)
    expected = 1.0 if penalty is gradient_penalty else 0.0
    np.testing.assert_allclose(of_parameters(parameters), expected, rtol=1e-5)
    gradients = jax.jit(jax.grad(lambda parameters: of_parameters(parameters).sum()))(parameters)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


@every_penalty
def test_parameter_derivatives_are_those_of_finite_differences_twice_over(penalty):
    with jax.enable_x64(True):
        real, fake = _samples(3, 4).astype(np.float64)
        of_parameters = _of_parameters(penalty, real, fake)
        value = jax.jit(lambda parameters: of_parameters(parameters).sum())
        parameters = (_parameters(dtype=np.float64),)
        check_grads(value, parameters, order=1, modes=["rev"], rtol=1e-6)
        check_grads(jax.jit(jax.grad(value)), parameters, order=1, modes=["fwd"], rtol=1e-6)


@every_penalty
def test_jit_is_eager(penalty):
    of_parameters = _of_parameters(penalty, *_samples(3, 4))
    eager, compiled = of_parameters(_parameters()), jax.jit(of_parameters)(_parameters())
    np.testing.assert_allclose(compiled, eager, rtol=1e-5)


@every_penalty
def test_vmap_and_scan_over_critics_are_a_loop(penalty):
    of_parameters = _of_parameters(penalty, *_samples(3, 4))
    population = [_parameters(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *population)
    looped = np.stack([of_parameters(parameters) for parameters in population])
    np.testing.assert_allclose(jax.vmap(of_parameters)(stacked), looped, rtol=1e-5)
    _, scanned = jax.lax.scan(lambda carry, critic: (carry, of_parameters(critic)), 0, stacked)
    np.testing.assert_allclose(scanned, looped, rtol=1e-5)


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


@every_penalty
def test_values_and_parameter_gradients_agree_with_pytorch(penalty):
    torch = pytest.importorskip("torch")
    real, fake = _samples(3, 4).astype(np.float64)
    parameters = _parameters(dtype=np.float64)
    with jax.enable_x64(True):
        alpha = np.array(jax.vmap(jax.random.uniform)(_keys(3)))[:, None]
        of_parameters = _of_parameters(penalty, real, fake)
        ours = of_parameters(parameters)
        our_gradients = jax.grad(lambda parameters: of_parameters(parameters).sum())(parameters)

    point = {
        r1_penalty: real,
        r2_penalty: fake,
        gradient_penalty: alpha * real + (1 - alpha) * fake,
    }[penalty]
    samples = torch.tensor(point, requires_grad=True)
    hidden = torch.tensor(parameters["hidden"], requires_grad=True)
    output = torch.tensor(parameters["output"], requires_grad=True)
    logits = torch.nn.functional.softplus(torch.tanh(samples @ hidden)) @ output
    (slopes,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    if penalty is gradient_penalty:
        theirs = (slopes.norm(2, dim=1) - 1) ** 2
    else:
        theirs = slopes.square().sum(dim=1) / 2
    their_gradients = torch.autograd.grad(theirs.sum(), (hidden, output))

    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-8)
    np.testing.assert_allclose(our_gradients["hidden"], their_gradients[0].numpy(), rtol=1e-8)
    np.testing.assert_allclose(our_gradients["output"], their_gradients[1].numpy(), rtol=1e-8)
