"""Adaptive pseudo augmentation: a whole fake now and then, as a constant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import pseudo_augment

REAL = {"image": jnp.arange(12.0).reshape(2, 2, 3), "label": jnp.array(3)}
FAKE = {"image": -jnp.ones((2, 2, 3)), "label": jnp.array(7)}


def test_the_sample_is_all_real_or_all_fake_at_the_given_rate():
    keys = jax.random.split(jax.random.key(0), 4000)
    mix = jax.jit(jax.vmap(pseudo_augment, in_axes=(0, None, None, None)))
    for probability in (0.2, 0.7):
        mixed = mix(keys, REAL, FAKE, probability)
        replaced = np.asarray(mixed["label"] == 7)
        expected = np.where(replaced[:, None, None, None], FAKE["image"], REAL["image"])
        np.testing.assert_array_equal(mixed["image"], expected)
        assert stats.binomtest(int(replaced.sum()), 4000, probability).pvalue > 0.01
    assert (mix(keys, REAL, FAKE, 0.0)["label"] == 3).all()
    assert (mix(keys, REAL, FAKE, 1.0)["label"] == 7).all()


def test_the_draw_is_that_of_the_key():
    for key in jax.random.split(jax.random.key(1), 5):
        mixed = pseudo_augment(key, REAL, FAKE, 0.5)
        assert int(mixed["label"]) == (7 if jax.random.uniform(key) < 0.5 else 3)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_gradients_reach_the_real_that_is_shown_and_never_the_fake(key, probability):
    def total(real, fake):
        return pseudo_augment(key, real, fake, probability).sum()

    of_real, of_fake = jax.grad(total, argnums=(0, 1))(jnp.ones(3), jnp.ones(3))
    np.testing.assert_array_equal(of_real, np.full(3, 1 - probability))
    np.testing.assert_array_equal(of_fake, np.zeros(3))


def test_dtypes_are_kept(key):
    half = jnp.ones((2, 2, 1), jnp.bfloat16)
    assert pseudo_augment(key, half, 0 * half, jnp.array(0.5)).dtype == jnp.bfloat16


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(key, probability):
    with pytest.raises(ValueError, match=rf"probability must be in \[0, 1\], got {probability}"):
        pseudo_augment(key, REAL, FAKE, probability)


@pytest.mark.parametrize(
    "fake", [jnp.zeros((2, 1)), jnp.zeros((2, 2), jnp.bfloat16), {"image": jnp.zeros((2, 2))}]
)
def test_samples_that_differ_in_kind_are_refused(key, fake):
    with pytest.raises(ValueError, match=r"real and fake must be alike, got float32\[2, 2\], "):
        pseudo_augment(key, jnp.zeros((2, 2)), fake, 0.5)
