"""Figures of generators whose faults are known: each shows in its own figure."""

import json

import numpy as np
import pytest

from gan_jax.errors import UsageError
from gan_jax.metrics import (
    METRICS,
    STANDARD,
    Conditions,
    Extracted,
    Metric,
    Samples,
    as_scalars,
    choose_metrics,
    classifier_extractor,
    evaluate,
    pixel_extractor,
)
from gan_jax.metrics.extractors import BatchExtractor


@pytest.fixture(scope="module")
def halves(digits):
    """Return the train images in two halves: what was trained on, and a perfect generator's."""
    images, labels, _, _ = digits
    return (images[0::2], labels[0::2]), (images[1::2], labels[1::2])


@pytest.fixture(scope="module")
def extractor(classifier):
    return classifier_extractor(classifier)


@pytest.fixture(scope="module")
def reals(extractor, digits, halves):
    """Return the test and the train images."""
    _, _, images, labels = digits
    test = Samples("test", images, extractor, labels=labels)
    return test, Samples("train", halves[0][0], extractor, labels=halves[0][1])


@pytest.fixture(scope="module")
def judge(extractor, reals):
    """Return `evaluate` with everything but the generator filled in."""

    def judge(images, labels=None, names=(), **options):
        fake = Samples("fake", images, extractor, labels=labels)
        chosen = choose_metrics(names, reals[0], labelled=labels is not None)
        return evaluate(fake, *reals, metrics=chosen, **options)

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


def test_too_few_images_are_refused_with_the_number_needed_and_why(judge, halves):
    with pytest.raises(UsageError, match="at least 2 images of each kind, for a covariance: there are 1 fake"):  # fmt: skip
        judge(halves[1][0][:1])
    with pytest.raises(UsageError, match=r"precision takes at least 4 .* 3 nearest neighbours: there are 3 fake"):  # fmt: skip
        judge(halves[1][0][:3], names=["precision"])
    with pytest.raises(UsageError, match="inception_score takes at least 10 images"):
        judge(halves[1][0][:3], names=["precision", "inception_score", "frechet_distance"])


def test_every_metric_knows_real_from_noise(judge, halves):
    images, labels = halves[1]
    noise = np.random.default_rng(0).integers(0, 256, (300, 8, 8, 1), dtype=np.uint8)
    good, bad = judge(images, labels, ["all"]), judge(noise, labels[:300], ["all"])
    assert list(good) == list(METRICS)
    for name, figure in good.items():
        assert np.isfinite(figure.floor), name
        better = METRICS[name].better
        if better and name != "classes_covered":
            sign = -1 if better == "lower" else 1
            assert sign * figure.value > sign * bad[name].value, name
    for name in ("precision", "recall", "density", "coverage"):
        assert good[name].value == pytest.approx(good[name].floor, abs=0.1)
        assert bad[name].value < 0.3
    assert good["kernel_distance"].deviation_of == "subsets"
    assert good["kernel_distance"].conditions.settings == "subsets=100 subset_size=180"
    assert good["inception_score"].deviation > 0


def test_a_metric_of_two_figures_is_computed_once(judge, halves):
    calls = []

    def measure(samples, reference):
        calls.append(samples.kind)
        return METRICS["recall"].measure(samples, reference, neighbours=3)

    twice = {name: Metric(measure, "test", field=name) for name in ("precision", "recall")}
    test = Samples("test", halves[0][0][:50], pixel_extractor())
    fake = Samples("fake", halves[1][0][:50], pixel_extractor())
    figures = evaluate(fake, test, metrics=twice)
    assert calls == ["fake", "test"]  # and once for the floors
    assert figures["precision"].floor_measured_on == "pixels,25 test,25 test"


def test_several_sets_give_mean_and_deviation_and_one_floor(extractor, reals, halves):
    images = halves[1][0]
    fakes = [Samples("fake", images[start::2], extractor) for start in (0, 1)]
    chosen = choose_metrics(["frechet_distance", "recall"], reals[0], labelled=False)
    drawn = Conditions(seeds=(4, 5), weights="raw", truncation=0.5)
    both = evaluate(fakes, *reals, metrics=chosen, drawn=drawn)
    each = [evaluate(fake, *reals, metrics=chosen) for fake in fakes]
    for name, figure in both.items():
        values = [figures[name].value for figures in each]
        assert figure.value == pytest.approx(np.mean(values), rel=1e-12)
        assert figure.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-9)
        assert figure.deviation_of == "seeds"
        assert figure.floor == each[0][name].floor
        assert figure.id.endswith(",seeds 4 5,raw,truncation 0.5]")


def test_ids_carry_the_weights_of_the_extractor_and_the_real_images(perfect, classifier, reals):
    assert perfect["frechet_distance"].id == (
        f"frechet_distance[digits-cnn/{classifier.digest},718 fake,360 test/{reals[0].digest}]"
    )


def test_what_an_extractor_cannot_give_is_left_out_or_refused(digits, halves):
    test = Samples("test", digits[2], pixel_extractor())
    offered = choose_metrics((), test, labelled=True)
    assert list(offered) == ["frechet_distance", "nearest_train_distance"]
    assert set(STANDARD) > set(offered)
    for name, why in [
        ("class_kl", "needs the classes of the data, which pixels does not know"),
        ("inception_score", "needs classes, and pixels knows none"),
        ("kernel", "metric 'kernel' is not one of all, frechet_distance, "),
    ]:
        with pytest.raises(UsageError, match=why):
            choose_metrics([name], test, labelled=True)
    fake = Samples("fake", halves[1][0], pixel_extractor())
    with pytest.raises(UsageError, match="class_kl needs the classes"):
        evaluate(fake, test, metrics={"class_kl": METRICS["class_kl"]})


def test_labels_that_were_not_asked_for_are_missed(reals):
    with pytest.raises(UsageError, match="label_agreement needs the labels that were asked for"):
        choose_metrics(["label_agreement"], reals[0], labelled=False)
    assert "label_agreement" not in choose_metrics((), reals[0], labelled=False)


@pytest.mark.parametrize("name", ["frechet_distance", "kernel_distance", "precision", "coverage"])
def test_features_that_are_not_finite_are_refused_by_name(name, halves):
    def broken(images):
        features = images.reshape(len(images), -1) / np.float32(255)
        return Extracted(np.where(np.arange(len(images))[:, None] == 7, np.nan, features), None)

    extractor = BatchExtractor("broken", "[N, H, W, C]", lambda shape: True, broken, 64)
    test = Samples("test", halves[0][0][:100], pixel_extractor())
    fake = Samples("fake", halves[1][0][:100], extractor)
    with pytest.raises(ValueError, match=f"{name}: .*NaN"):
        evaluate(fake, test, metrics={name: METRICS[name]})


def test_a_frechet_distance_of_too_few_images_is_pointed_out(judge, halves):
    lines = []
    judge(halves[1][0][:100], names=["frechet_distance"], report=lines.append)
    assert lines[0].startswith("frechet_distance: 100 fake images are too few")
    assert "128 features" in lines[0]


def test_no_images_or_sets_of_different_sizes_are_refused(reals, extractor, halves):
    chosen = choose_metrics(["recall"], reals[0], labelled=False)
    with pytest.raises(ValueError, match="there are no fake images to measure"):
        evaluate([], *reals, metrics=chosen)
    fakes = [Samples("fake", halves[1][0][:count], extractor) for count in (50, 60)]
    with pytest.raises(ValueError, match="the sets of fake images must be of one size"):
        evaluate(fakes, *reals, metrics=chosen)
