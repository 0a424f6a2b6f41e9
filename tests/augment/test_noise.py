"""Instance noise: white, of the given scale, and nothing at all at scale 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import instance_noise


def test_noise_is_white_and_of_the_given_scale(key):
    for shape in ((64, 64, 1), (4096,)):
        sample = jnp.full(shape, 2.0)
        noise = np.asarray(instance_noise(0.3)(key, sample) - sample).ravel()
        assert stats.kstest(noise, stats.norm(0, 0.3).cdf).pvalue > 0.01
        assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 4 / np.sqrt(noise.size)


def test_the_value_is_its_formula(key):
    sample = jax.random.uniform(jax.random.key(1), (4, 5, 3))
    expected = np.asarray(sample) + 0.3 * np.asarray(jax.random.normal(key, (4, 5, 3)))
    np.testing.assert_allclose(instance_noise(0.3)(key, sample), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_at_scale_0_the_sample_comes_back_bit_by_bit(key, dtype):
    sample = jnp.array([-0.0, 0.0, 1.5, jnp.inf, -3e-7], dtype)
    traced = jax.jit(lambda scale: instance_noise(scale)(key, sample))(0.0)
    for output in (instance_noise(0)(key, sample), traced):
        assert np.asarray(output).tobytes() == np.asarray(sample).tobytes()


def test_the_scale_may_follow_a_schedule(key):
    sample = jnp.zeros((3, 3, 1))
    scales = jnp.array([1.0, 0.5, 0.0])
    _, outputs = jax.lax.scan(lambda _, scale: (_, instance_noise(scale)(key, sample)), 0, scales)
    np.testing.assert_allclose(outputs[1], outputs[0] / 2)
    assert not outputs[2].any()
    assert outputs[0].all()


@pytest.mark.parametrize("scale", [-0.1, float("nan")])
def test_negative_scales_are_refused(scale):
    with pytest.raises(ValueError, match=f"instance_noise: scale must be 0 or more, got {scale}"):
        instance_noise(scale)


def test_whole_numbers_are_refused(key):
    with pytest.raises(ValueError, match="instance_noise: sample must be floats, got uint8"):
        instance_noise(0.1)(key, jnp.zeros((4, 4, 1), jnp.uint8))
