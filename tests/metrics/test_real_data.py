"""The classifier at its full length on the data sets it is made for."""

from pathlib import Path

import numpy as np
import pytest

from gan_jax.metrics import cached_classifier, classify, frechet_feature_distance

_TFDS = Path(__file__).parents[2].parent / "shared" / "data" / "tfds"


def _load(name: str) -> list[np.ndarray]:
    if not (_TFDS / name).is_dir():
        pytest.skip(f"{name} is not in {_TFDS}")
    tfds = pytest.importorskip("tensorflow_datasets")
    arrays = []
    for split in ("train", "test"):
        source = tfds.data_source(name, split=split, data_dir=_TFDS)
        examples = source.__getitems__(range(len(source)))
        arrays.append(np.stack([example["image"] for example in examples]))
        arrays.append(np.array([example["label"] for example in examples], np.int32))
    return arrays


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "accuracy", "floor"), [("mnist", 0.99, (0.8, 4)), ("fashion_mnist", 0.9, (0.1, 1))]
)
def test_the_classifier_of_28x28_images_is_good_enough_to_judge_them(name, accuracy, floor):
    train_images, train_labels, test_images, test_labels = _load(name)
    classifier = cached_classifier(
        f"{name}-cnn", train_images, train_labels, test_images, test_labels, 10
    )
    assert classifier.test_accuracy >= accuracy
    features = [classify(classifier, images[:10_000])[0] for images in (train_images, test_images)]
    assert floor[0] < frechet_feature_distance(*features) < floor[1]


@pytest.mark.slow
def test_the_classifier_of_digits_is_good_enough_to_judge_them(digits):
    classifier = cached_classifier("digits-cnn", *digits, 10)
    assert classifier.test_accuracy >= 0.97
    features = [classify(classifier, images)[0] for images in (digits[0], digits[2])]
    assert 1 < frechet_feature_distance(*features) < 6
