"""Extractors stream: in batches of one size, and an image has the same features in any of them."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import Extracted, classifier_extractor, classify, pixel_extractor
from gan_jax.metrics.extractors import BatchExtractor


def images(count, height=4, width=5, channels=1):
    shape = (count, height, width, channels)
    return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def seen():
    """Collect the shapes that an extractor's function was called with."""
    return []


@pytest.fixture
def means(seen):
    """Return an extractor of the mean pixel, and of that and its negative as logits."""

    def extract(batch):
        seen.append(batch.shape)
        mean = jnp.asarray(batch, jnp.float32).mean(axis=(1, 2, 3))[:, None]
        return Extracted(mean, jnp.concatenate([mean, -mean], axis=1))

    return BatchExtractor("means", "[N, H, W, 1]", lambda shape: shape[-1] == 1, extract, 4)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9])
def test_batches_have_one_size_and_only_the_images_come_back(means, seen, count):
    batch = images(count)
    features, logits = means(batch)
    np.testing.assert_allclose(features[:, 0], batch.mean(axis=(1, 2, 3)), rtol=1e-6)
    np.testing.assert_array_equal(logits, np.concatenate([features, -features], axis=1))
    assert isinstance(features, np.ndarray)
    assert isinstance(logits, np.ndarray)
    assert features.dtype == logits.dtype == np.float32
    assert seen == [(4, 4, 5, 1)] * -(-count // 4)


def test_a_stream_gives_what_the_whole_gives(means):
    batch = images(11)
    whole = means(batch)
    stream = (batch[start : start + 3] for start in range(0, 11, 3))
    for found, expected in zip(means(stream), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(means(jnp.asarray(batch)).features, whole.features)


def test_a_stream_may_change_its_size_where_the_extractor_allows_it(means):
    small, large = images(2), images(3, 7, 6)
    expected = [image.mean() for image in [*small, *large]]
    np.testing.assert_allclose(means([small, large]).features[:, 0], expected, rtol=1e-6)


def test_a_stream_is_read_no_further_than_one_batch_ahead(means):
    read, done = [], []

    def stream():
        for index in range(5):
            read.append(index)
            yield images(4)

    means(stream(), progress=lambda count: done.append((count, len(read))))
    assert done == [(4, 2), (8, 3), (12, 4), (16, 5), (20, 5)]


def test_progress_counts_images(means):
    counts = []
    means(images(9), progress=counts.append)
    assert counts == [4, 8, 9]


@pytest.mark.parametrize("nothing", [images(0), [], [images(0)]], ids=["array", "list", "stream"])
def test_no_images_are_refused(means, nothing):
    with pytest.raises(ValueError, match=r"^means is given no images$"):
        means(nothing)


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        (np.zeros((2, 4, 5, 3), np.uint8), r"uint8 \[2, 4, 5, 3\]"),
        (np.zeros((2, 4, 5, 1), np.float32), r"float32 \[2, 4, 5, 1\]"),
        (np.zeros((4, 5, 1), np.uint8), r"uint8 \[4, 5, 1\]"),
        ([images(2), np.zeros((2, 4, 5, 1), np.int32)], r"int32 \[2, 4, 5, 1\]"),
        ([[0, 1]], r"int64 \[2\]"),
    ],
    ids=["channels", "floats", "one image", "in a stream", "a list"],
)
def test_other_images_are_refused(means, batch, found):
    with pytest.raises(ValueError, match=r"^means takes uint8 images \[N, H, W, 1\], not " + found):
        means(batch)


def test_a_batch_of_no_images_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0: it must be at least 1"):
        pixel_extractor(batch_size=0)


def test_pixels_are_their_own_features():
    extractor = pixel_extractor(batch_size=2)
    batch = images(5, channels=3)
    features, logits = extractor(batch)
    assert (extractor.name, logits, features.dtype) == ("pixels", None, np.float32)
    np.testing.assert_allclose(features, batch.reshape(5, -1) / 255, rtol=1e-6)


def test_a_classifier_gives_what_classify_gives(classifier, digits):
    extractor = classifier_extractor(classifier)
    assert extractor.name == f"digits-cnn/{classifier.digest}"
    assert extractor.test_accuracy == classifier.test_accuracy > 0.9
    batch = digits[2][:7]
    for found, expected in zip(extractor(batch), classify(classifier, batch), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_classifier_refuses_images_of_another_shape(classifier):
    message = rf"^digits-cnn/{classifier.digest} takes uint8 images \[N, 8, 8, 1\], not uint8 \[2, 4, 5, 1\]"
    with pytest.raises(ValueError, match=message):
        classifier_extractor(classifier)(images(2))
