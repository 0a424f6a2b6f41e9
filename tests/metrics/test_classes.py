"""Histograms of classes and what is read off them."""

import numpy as np
import pytest

from gan_jax.metrics import (
    class_histogram,
    class_kl,
    class_kl_bias,
    classes_covered,
    classification_accuracy,
    label_agreement,
)


def test_histogram_counts_each_class_once():
    histogram = class_histogram(np.int32([2, 0, 2, 2]), 5)
    assert histogram.tolist() == [1, 0, 3, 0, 0]


def test_no_labels_make_an_empty_histogram():
    assert class_histogram([], 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], "label 3 is none of the classes 0 to 2"),
        ([-1, 0], "label -1 is none of the classes"),
        ([0.5, 1.0], r"integers \[N\], not float64"),
        ([[0, 1]], r"not int64 \[1, 2\]"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        class_histogram(labels, 3)


@pytest.mark.parametrize(
    ("histogram", "covered"),
    [
        ([10] * 10, 10),
        ([100] + [0] * 9, 1),
        ([91] + [1] * 9, 1),
        ([20, 2, 2, 2, 1, 1, 12, 20, 20, 20], 8),
        ([1, 0], 1),
    ],
)
def test_a_class_is_covered_from_a_fifth_of_its_fair_share_on(histogram, covered):
    assert classes_covered(histogram) == covered


def test_coverage_does_not_depend_on_the_number_of_samples():
    histogram = np.array([500, 30, 10, 60])
    assert classes_covered(histogram) == classes_covered(7 * histogram) == 3


def test_the_share_a_class_needs_can_be_given():
    assert classes_covered([96, 4, 0, 0], share=0.15) == 2


def test_kl_by_hand():
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert class_kl([75, 25], [10, 10]) == pytest.approx(expected)


def test_kl_of_one_class_out_of_many_is_the_log_of_their_number():
    assert class_kl([7] + [0] * 9, [100] * 10) == pytest.approx(np.log(10))


def test_kl_is_0_for_the_same_shares_and_infinite_for_a_class_the_reference_lacks():
    assert class_kl([1, 2, 0], [10, 20, 0]) == pytest.approx(0, abs=1e-12)
    assert class_kl([1, 1], [5, 0]) == np.inf


def test_kl_of_random_samples_is_near_its_expectation():
    rng = np.random.default_rng(0)
    reference, count = np.arange(1, 11), 500
    values = [
        class_kl(rng.multinomial(count, reference / reference.sum()), reference) for _ in range(400)
    ]
    assert np.mean(values) == pytest.approx(9 / (2 * count), rel=0.1)


@pytest.mark.parametrize("measure", [classes_covered, lambda one: class_kl(one, [1, 1])])
@pytest.mark.parametrize("histogram", [[0, 0], [-1, 2], [[1, 1]], [np.nan, 1]])
def test_what_is_no_histogram_is_refused(measure, histogram):
    with pytest.raises(ValueError, match="the histogram must be counts"):
        measure(histogram)


def test_histograms_of_different_classes_are_refused():
    with pytest.raises(ValueError, match="histograms of 2 and of 3 classes"):
        class_kl([1, 1], [1, 1, 1])


def test_agreement_is_the_fraction_of_equal_labels():
    assert label_agreement(np.int32([3, 1, 2, 0]), np.int64([3, 1, 0, 2])) == 0.5


@pytest.mark.parametrize(
    ("predicted", "asked", "message"),
    [([0, 1], [0], "2 predicted and 1 asked"), ([], [], "no labels to compare")],
)
def test_agreement_of_labels_that_do_not_pair_is_refused(predicted, asked, message):
    with pytest.raises(ValueError, match=message):
        label_agreement(predicted, asked)


def test_the_bias_of_a_divergence_by_hand():
    assert class_kl_bias(1000, 26_000) == pytest.approx(999 / 52_000)
    assert class_kl_bias(1, 5) == 0


@pytest.mark.parametrize("arguments", [(0, 5), (5, 0)])
def test_a_bias_of_nothing_is_refused(arguments):
    with pytest.raises(ValueError, match="must be at least 1, not"):
        class_kl_bias(*arguments)


def _nearest_mean(images, labels):
    """Return a classifier by the nearest mean of a class, from those classes that there are."""
    classes = np.unique(labels)
    means = np.stack([images[labels == label].mean(axis=0) for label in classes])
    return lambda images: classes[np.abs(images[:, None] - means).argmin(axis=1)]


def test_accuracy_on_real_images_of_a_classifier_of_others():
    test_images, test_labels = np.array([0.0, 1.0, 2.0, 9.0]), np.array([0, 1, 2, 2])
    for fakes, labels, expected in (
        ([0.1, 1.1, 2.2], [0, 1, 2], 1.0),
        ([0.1, 1.1, 2.2], [1, 0, 2], 0.5),
        ([0.1, 0.3], [0, 1], 0.5),
    ):
        accuracy = classification_accuracy(
            _nearest_mean, np.array(fakes), np.array(labels), test_images, test_labels
        )
        assert accuracy == expected


def test_images_and_labels_must_belong_together():
    images, labels = np.zeros(3), np.zeros(2, int)
    with pytest.raises(ValueError, match="3 images with 2 labels, and 3 test images with 3"):
        classification_accuracy(_nearest_mean, images, labels, images, np.zeros(3, int))
