"""Penalties of any samples, keys and numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax import penalties
from tests.fuzz.arrays import arrays, is_float, outcome, shapes, wide


def critic(samples):
    """Judge each example by a patch map of one entry."""
    total = sum(
        jnp.sum(jnp.square(leaf.reshape(leaf.shape[0], -1)), axis=1)
        for leaf in jax.tree.leaves(samples)
    )
    return total[:, None]


def shift(key, sample):
    return jax.tree.map(lambda leaf: leaf + 1, sample)


SAMPLED = {
    name: partial(getattr(penalties, name), critic=critic)
    for name in (
        "r1_penalty", "r2_penalty", "gradient_penalty", "zero_centred_gradient_penalty", "wgan_div_penalty",
        "max_gradient_penalty", "dragan_penalty",
    )
} | {
    name: partial(getattr(penalties, name), critic=critic, augment=shift)
    for name in ("consistency_penalty", "balanced_consistency_penalty")
}  # fmt: skip
KEYLESS = ("r1_penalty", "r2_penalty")
ONE = ("r1_penalty", "consistency_penalty", "dragan_penalty")


@st.composite
def keys(draw, count):
    """Draw keys, one for each example more often than not."""
    typed = jax.random.key(draw(st.integers(0, 9)))
    several = lambda number: jax.random.split(typed, number)
    odd = (
        typed,
        several(count + 1),
        several(1),
        several((count, 2)),
        jax.random.key_data(several(max(count, 1))),
    )
    numbers = jnp.zeros(count, jnp.uint32)
    return several(count) if draw(st.integers(0, 2)) else draw(st.sampled_from((*odd, numbers)))


@pytest.mark.parametrize("name", SAMPLED)
@given(real=arrays(), other=shapes(), data=st.data())
def test_samples(name, real, other, data):
    fake = data.draw(arrays(data.draw(st.sampled_from((real.shape, real.shape, other)))))
    count = real.shape[0] if real.ndim else 0
    given_keys = data.draw(keys(count))
    sample, twin = data.draw(st.sampled_from(((real, fake), ((real,), (fake,)), ((), ()))))
    found = outcome(jax.eval_shape, SAMPLED[name], real=sample, fake=twin, keys=given_keys)
    typed = jnp.issubdtype(given_keys.dtype, jax.dtypes.prng_key) and given_keys.shape == (count,)
    read = {"r1_penalty": [real], "r2_penalty": [fake]}.get(
        name, [real] if name in ONE else [real, fake]
    )
    good = len(jax.tree.leaves(sample)) > 0 and all(
        is_float(x) and x.ndim and x.shape[0] for x in read
    )
    good = good and (name in KEYLESS or typed) and len({x.shape for x in read}) == 1
    assert isinstance(found, str) == (not good), found
    if good:
        assert (found.shape, found.dtype) == (read[0].shape[:1], wide(*read))


@given(
    logits=st.tuples(arrays(), arrays()),
    same=st.booleans(),
    average=st.sampled_from((0.5, 1, jnp.float32(2), jnp.ones(2), 1j)),
)
def test_logits(logits, same, average):
    real, fake = logits[0], logits[0] if same else logits[1]
    found = outcome(
        penalties.lecam_penalty,
        real_logits=real,
        fake_logits=fake,
        real_average=average,
        fake_average=0.0,
    )
    good = (
        is_float(real)
        and is_float(fake)
        and real.shape == fake.shape
        and real.ndim
        and 0 not in real.shape[1:]
    )
    if isinstance(found, str):
        assert not good or jnp.ndim(average) or isinstance(average, complex)
    else:
        assert found.shape == real.shape[:1]
        if good:
            assert np.isfinite(found).all()


@given(kernels=st.lists(arrays(), max_size=3))
def test_parameters(kernels):
    for penalty in (penalties.orthogonal_penalty, penalties.off_diagonal_orthogonal_penalty):
        found = outcome(jax.eval_shape, penalty, params=kernels)
        counted = [kernel for kernel in kernels if kernel.ndim >= 2]
        assert isinstance(found, str) == (not counted or not all(map(is_float, counted)))
        assert isinstance(found, str) or found.shape == ()


@given(latents=arrays(), data=st.data(), result=shapes(1, 4))
def test_paths(latents, data, result):
    given_keys = data.draw(keys(latents.shape[0] if latents.ndim else 0))
    generate = lambda z: jnp.zeros(result) + jnp.sum(z)
    found = outcome(jax.eval_shape, partial(penalties.path_lengths, generate), latents, given_keys)
    if not isinstance(found, str):
        assert is_float(latents)
        assert latents.ndim in (2, 3)
        assert found.shape == given_keys.shape == latents.shape[:1] == result[:1]
        assert len(result) > 1


NUMBERS = st.sampled_from(
    (
        float("nan"),
        -1,
        -0.1,
        0,
        0.5,
        1,
        7,
        np.float32(3),
        jnp.float32(-2),
        jnp.float32(2),
        jnp.ones(2),
        1j,
    )
)


@given(value=NUMBERS)
def test_numbers(value):
    sample = jnp.ones((2, 3))
    call = dict(real=sample, fake=sample, keys=jax.random.split(jax.random.key(0), 2))
    number = not isinstance(value, complex) and jnp.ndim(value) == 0
    for name, argument, least in (
        ("gradient_penalty", "target", 0),
        ("wgan_div_penalty", "power", 1),
        ("wgan_div_penalty", "coefficient", 0),
        ("dragan_penalty", "scale", 0),
    ):
        found = outcome(jax.eval_shape, partial(SAMPLED[name], **{argument: value}), **call)
        assert isinstance(found, str) == (not (number and value >= least)), (name, argument)
    assert isinstance(outcome(penalties.weighted, value, critic), str) == (
        not (number and value >= 0)
    )
    every = outcome(penalties.every, value, critic)
    assert isinstance(every, str) == (not (isinstance(value, int) and value >= 1))
