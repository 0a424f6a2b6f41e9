"""Losses of any arrays: the documented shape and meaning, or one line that says what is wrong."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax import losses
from tests.fuzz.arrays import arrays, is_float, outcome, shapes, wide

PAIRS = {
    name: value for name in losses.__all__ if isinstance(value := getattr(losses, name), losses.AdversarialLoss)
} | {
    "ebgan": losses.ebgan(margin=1.0),
    "began": losses.began(0.5),
    "smoothed": losses.one_sided_label_smoothing(losses.minimax),
    "top_k": losses.top_k(losses.hinge, 0.5),
}  # fmt: skip
DISTANCES = (losses.l1_loss, losses.l2_loss, losses.charbonnier_loss, losses.cycle_consistency_loss)
PLACES = st.sampled_from((-(2**31), -3, -1, 0, 0, 1, 1, 2, 3, 9, 2**31 - 1))


@st.composite
def twins(draw):
    """Draw two arrays, of one shape and type more often than not."""
    first = draw(arrays())
    shape = draw(st.sampled_from((first.shape,) * 3) | shapes())
    return first, draw(arrays(shape, str(first.dtype)) | arrays(shape))


@pytest.mark.parametrize("name", PAIRS)
@given(logits=twins())
def test_pairs(name, logits):
    pair, (real, fake) = PAIRS[name], logits
    accepted = is_float(real) and is_float(fake) and real.shape == fake.shape and real.size > 0
    matching = name == "matching_aware"
    fits = accepted and (not matching or (real.ndim >= 2 and real.shape[-1] == 2))
    expected = real.shape[:-1] if matching else real.shape
    loss = outcome(jax.eval_shape, pair.discriminator, real, fake)
    assert isinstance(loss, str) == (not fits), loss
    if fits:
        assert (loss.shape, loss.dtype) == (expected, wide(real, fake))
    loss = outcome(jax.eval_shape, pair.generator, fake, real)
    if fits and (real.ndim or name != "top_k"):
        assert (loss.shape, loss.dtype) == (expected, wide(real, fake))
    else:
        single = is_float(fake) and fake.size > 0  # of reals that are not looked at
        assert isinstance(loss, str) or (
            single and loss.shape[: fake.ndim] == fake.shape[: loss.ndim]
        )


@pytest.mark.parametrize("loss", DISTANCES)
@given(pair=twins())
def test_distances(loss, pair):
    found = outcome(loss, *pair)
    numbers = all(jnp.issubdtype(x.dtype, jnp.integer) or is_float(x) for x in pair)
    if isinstance(found, str):
        assert not numbers or pair[0].shape != pair[1].shape or not pair[0].size
        return
    difference = np.subtract(*(np.asarray(x.astype(jnp.float32), np.float64) for x in pair))
    reference = {
        "l1_loss": abs(difference),
        "l2_loss": difference**2,
        "cycle_consistency_loss": 10 * abs(difference),
    }
    expected = reference.get(loss.__name__, np.sqrt(difference**2 + 1e-6))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("loss", [losses.auxiliary_classification_loss, losses.multi_hinge_loss])
@given(
    logits=arrays(dtype="float32") | arrays(st.tuples(st.integers(1, 3), st.integers(1, 4))),
    data=st.data(),
)
def test_labels(loss, logits, data):
    rows, classes = [*logits.shape, 0, 0][:2]
    labels = np.array(data.draw(st.lists(PLACES, min_size=rows, max_size=rows)))
    labels = jnp.asarray(
        labels, data.draw(st.sampled_from((jnp.int32, jnp.int32, jnp.int8, jnp.uint8, jnp.float32)))
    )
    inside = (labels >= 0) & (labels < classes)
    usable = is_float(logits) and logits.ndim == 2 and logits.size > 0 and not is_float(labels)
    usable = usable and classes > (loss is losses.multi_hinge_loss)
    found = outcome(loss, logits, labels)
    assert isinstance(found, str) == (not usable or not bool(inside.all())), found
    if usable:
        traced = jax.jit(loss)(logits, labels)
        assert np.array_equal(np.isfinite(traced), inside)
        if not isinstance(found, str):
            np.testing.assert_allclose(found, traced, rtol=1e-6, atol=1e-6)


@given(codes=arrays(), logits=arrays())
def test_codes(codes, logits):
    found = outcome(losses.categorical_information_loss, logits, codes)
    assert isinstance(found, str) or (found.shape == logits.shape[:1] and np.isfinite(found).all())
    found = outcome(losses.gaussian_information_loss, logits, logits, codes)
    assert isinstance(found, str) or found.shape == logits.shape[:1]


@pytest.mark.parametrize(
    "loss", [losses.conditional_contrastive_loss, losses.data_to_data_cross_entropy_loss]
)
@given(embeddings=twins(), labels=arrays())
def test_embeddings(loss, embeddings, labels):
    found = outcome(loss, *embeddings, labels)
    assert isinstance(found, str) or (found.shape == labels.shape and np.isfinite(found).all())


@given(features=twins())
def test_features(features):
    for found in (
        outcome(losses.feature_matching_loss, *features),
        outcome(losses.pull_away_loss, features[0]),
    ):
        assert isinstance(found, str) or (
            found.shape == features[0].shape[:1] and np.isfinite(found).all()
        )


NUMBERS = st.sampled_from(
    (
        float("nan"),
        float("inf"),
        -1,
        -0.1,
        0,
        0.5,
        1,
        2,
        True,
        np.float32(3),
        jnp.float32(0.2),
        jnp.ones(2),
        "1",
        None,
    )
)


@given(value=NUMBERS)
def test_numbers(value):
    """What is made with a number out of range is refused as it is made."""
    number = isinstance(value, (int, float, np.number)) or getattr(value, "shape", None) == ()
    share = number and 0 <= value <= 1
    positive = number and 0 < value < float("inf")
    for make, accepted in (
        (lambda: losses.ebgan(margin=value), positive),
        (lambda: losses.began(value), share),
        (lambda: losses.top_k(losses.hinge, value), share),
        (lambda: losses.one_sided_label_smoothing(losses.minimax, smoothing=value), share),
        (lambda: losses.charbonnier_loss(jnp.ones(2), jnp.ones(2), epsilon=value), positive),
    ):
        assert isinstance(outcome(make), str) == (not accepted), inspect.getsource(make)
