"""What a classifier computes of images."""

import dataclasses

import jax
import numpy as np
import pytest

from gan_jax.metrics import classify
from gan_jax.metrics.classifier import Classifier, Network, digest_of


def _untrained(shape: tuple[int, int, int], num_classes: int = 10) -> Classifier:
    images = np.zeros((1, *shape), np.uint8)
    params = Network(num_classes).init(jax.random.key(0), images)["params"]
    return Classifier("untrained", params, num_classes, shape, 0.1)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
def test_features_and_logits_have_their_shapes(shape):
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    features, logits = classify(_untrained(shape, num_classes=7), images)
    assert (features.shape, features.dtype) == ((3, 128), np.float32)
    assert (logits.shape, logits.dtype) == ((3, 7), np.float32)
    assert features.min() == 0 < features.max()


def test_logits_are_linear_in_the_features(classifier, digits):
    features, logits = classify(classifier, digits[2][:5])
    head = classifier.params["Dense_1"]
    np.testing.assert_allclose(logits, features @ head["kernel"] + head["bias"], rtol=1e-4)


@pytest.mark.parametrize("count", [1, 511, 512, 513])
def test_an_image_is_classified_alike_in_any_batch(classifier, digits, count):
    images = digits[0]
    features, logits = classify(classifier, images[:count])
    assert len(features) == len(logits) == count
    alone = classify(classifier, images[count - 1 : count])
    np.testing.assert_allclose(features[-1:], alone[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits[-1:], alone[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "seen"),
    [
        (np.zeros((2, 8, 8, 1), np.float32), r"not float32 \[2, 8, 8, 1\]"),
        (np.zeros((2, 28, 28, 1), np.uint8), r"not uint8 \[2, 28, 28, 1\]"),
        (np.zeros((8, 8, 1), np.uint8), r"not uint8 \[8, 8, 1\]"),
        (np.zeros((0, 8, 8, 1), np.uint8), r"not uint8 \[0, 8, 8, 1\]"),
    ],
)
def test_images_it_can_not_classify_are_refused(classifier, images, seen):
    with pytest.raises(ValueError, match=r"digits-cnn classifies uint8 images .*8, 8, 1.*" + seen):
        classify(classifier, images)


def test_the_digest_names_the_parameters_alone(classifier):
    other = _untrained((8, 8, 1))
    renamed = dataclasses.replace(classifier, name="another", test_accuracy=0.0)
    assert renamed.digest == classifier.digest != other.digest
    assert len(classifier.digest) == 12
    assert int(classifier.digest, 16) > 0


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.int32([1, 2])},
        {"a": np.int64([[1], [2]])},
        {"b": np.int64([1, 2])},
        {"a": np.int64([1, 3])},
        {"a": np.int64([1, 2]), "b": np.int64([])},
    ],
)
def test_a_digest_sees_names_types_shapes_and_values(other):
    assert digest_of({"a": np.int64([1, 2])}) != digest_of(other)


def test_a_digest_does_not_see_order_or_memory_layout():
    table = np.arange(6).reshape(2, 3)
    one = {"a": table, "b": np.ones(2)}
    other = {"b": np.ones(2), "a": np.asfortranarray(table)}
    assert digest_of(one) == digest_of(other)
