"""What pages of translations share."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import losses, train, translation


class Normalised(nn.Module):
    """Normalises images over the batch, and adds noise of keys if it is given some."""

    @nn.compact
    def __call__(self, source, noise=None, *, train, axis_name=None):
        made = nn.BatchNorm(use_running_average=not train)(source)
        if noise is not None:
            made += jax.vmap(lambda key: jax.random.normal(key, source.shape[1:]))(noise)
        return made


@pytest.fixture
def generator(key):
    images = jnp.zeros((1, 4, 4, 1))
    return train.create_player(key, Normalised(), optax.sgd(0.1), images)


def test_each_image_is_normalised_by_its_own_statistics(generator, key):
    images = jax.random.normal(key, (3, 4, 4, 1)) * jnp.arange(1, 4).reshape(3, 1, 1, 1)
    own = translation.one_by_one(generator, images, train=True)
    np.testing.assert_allclose(own.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(own.std(axis=(1, 2, 3)), 1, rtol=1e-3)
    alone = translation.one_by_one(generator, images[1:2], train=True)
    np.testing.assert_allclose(own[1:2], alone, rtol=1e-6)
    running = translation.one_by_one(generator, images, train=False)
    np.testing.assert_allclose(running, images, rtol=1e-4, atol=1e-4)


def test_each_image_has_noise_of_its_own_key(generator, key):
    images, keys = jnp.zeros((2, 4, 4, 1)), jax.random.split(key)
    made = translation.one_by_one(generator, images, keys, train=False)
    expected = jnp.stack([jax.random.normal(one, (4, 4, 1)) for one in keys])
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)


def test_averaged_parameters_are_used_where_there_are_some(generator):
    images = jnp.ones((1, 4, 4, 1))
    scaled = jax.tree.map(lambda leaf: 3 * leaf, generator.params)
    made = translation.one_by_one(generator.replace(ema_params=scaled), images, train=False)
    np.testing.assert_allclose(made, 3.0, rtol=1e-4)


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_a_rate_is_kept_for_half_and_falls_to_nothing(steps):
    rate = translation.decayed(0.1, steps)
    half = steps // 2
    assert rate(0) == rate(half) == pytest.approx(0.1)
    assert rate(steps) == pytest.approx(0.0, abs=1e-9)
    assert rate((half + steps) / 2) == pytest.approx(0.05)


def test_a_loss_is_averaged_over_all_of_an_example():
    values = jnp.arange(8.0).reshape(2, 2, 2, 1)
    mean = translation.per_example(losses.l1_loss, values, jnp.zeros_like(values))
    np.testing.assert_allclose(mean, [1.5, 5.5])
