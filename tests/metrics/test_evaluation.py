"""Figures of generators whose faults are known: each shows in its own figure."""

import json

import numpy as np
import pytest

from gan_jax.metrics import as_scalars, evaluate


@pytest.fixture(scope="module")
def halves(digits):
    """Return the train images in two halves: what was trained on, and a perfect generator's."""
    images, labels, _, _ = digits
    return (images[0::2], labels[0::2]), (images[1::2], labels[1::2])


@pytest.fixture(scope="module")
def judge(classifier, digits, halves):
    """Return `evaluate` with everything but the generator filled in."""
    _, _, test_images, test_labels = digits
    (train_images, _), _ = halves

    def judge(fake_images, asked_labels=None):
        return evaluate(
            classifier,
            fake_images,
            test_images,
            test_labels,
            train_images=train_images,
            asked_labels=asked_labels,
        )

    return judge


@pytest.fixture(scope="module")
def perfect(judge, halves):
    """Return the figures of real images."""
    return judge(*halves[1])


def test_names_carry_the_extractor_and_the_sample_counts(perfect):
    assert list(as_scalars(perfect)) == [
        "frechet_distance[digits-cnn,718 fake,360 test]",
        "frechet_distance_floor[digits-cnn,718 train,360 test]",
        "classes_covered[digits-cnn,718 fake]",
        "classes_covered_floor[digits-cnn,360 test]",
        "class_kl[digits-cnn,718 fake,718 train]",
        "class_kl_floor[digits-cnn,360 test,718 train]",
        "confident_fraction[digits-cnn,718 fake]",
        "confident_fraction_floor[digits-cnn,360 test]",
        "nearest_train_distance[pixels,718 fake,719 train]",
        "nearest_train_distance_floor[pixels,360 test,719 train]",
        "label_agreement[digits-cnn,718 fake]",
        "label_agreement_floor[digits-cnn,360 test]",
    ]


def test_figures_are_kept_as_json(perfect):
    scalars = as_scalars(perfect)
    assert json.loads(json.dumps(scalars, allow_nan=False)) == scalars
    assert perfect["class_kl"].unit == "nats"
    assert perfect["classes_covered"].unit == ""


def test_a_perfect_generator_is_near_every_floor(perfect, classifier):
    for metric in ("frechet_distance", "confident_fraction", "label_agreement"):
        assert perfect[metric].value == pytest.approx(perfect[metric].floor, rel=0.15)
    assert perfect["nearest_train_distance"].value == pytest.approx(
        perfect["nearest_train_distance"].floor, rel=0.1
    )
    assert perfect["classes_covered"].value == perfect["classes_covered"].floor == 10
    assert 0 < perfect["class_kl"].value < 0.05
    assert 0 < perfect["class_kl"].floor < 0.05
    assert perfect["label_agreement"].floor == classifier.test_accuracy


def test_noise_is_far_and_doubtful(judge, perfect):
    noise = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    figures = judge(noise)
    assert figures["frechet_distance"].value > 10 * perfect["frechet_distance"].value
    assert figures["confident_fraction"].value < 0.8 * figures["confident_fraction"].floor
    assert figures["nearest_train_distance"].value > 1.5 * figures["nearest_train_distance"].floor
    assert "label_agreement" not in figures


def test_a_collapse_to_three_classes_shows(judge, halves, perfect):
    images, labels = halves[1]
    figures = judge(images[labels < 3])
    assert figures["classes_covered"].value == 3
    assert figures["class_kl"].value == pytest.approx(np.log(10 / 3), rel=0.1)
    assert figures["frechet_distance"].value > 5 * perfect["frechet_distance"].value


def test_memorised_images_show(judge, halves):
    copies = judge(halves[0][0])["nearest_train_distance"]
    assert copies.value == 0 < copies.floor


def test_labels_that_were_ignored_show(judge, halves):
    images, labels = halves[1]
    assert judge(images, (labels + 1) % 10)["label_agreement"].value < 0.05


def test_more_fakes_than_train_images_are_measured_against_all_of_those(judge, halves):
    figures = judge(np.concatenate([halves[1][0], halves[1][0]]))
    assert figures["frechet_distance"].name == "frechet_distance[digits-cnn,1436 fake,360 test]"
    assert figures["frechet_distance"].floor_measured_on == "digits-cnn,719 train,360 test"


def test_labels_that_are_not_the_images_are_refused(judge, halves):
    with pytest.raises(ValueError, match="718 fake images and 3 labels"):
        judge(halves[1][0], halves[1][1][:3])


def test_a_single_fake_image_is_refused(judge, halves):
    with pytest.raises(ValueError, match="at least 2 samples, not 1"):
        judge(halves[1][0][:1])
