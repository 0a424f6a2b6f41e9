import numpy as np
import pytest
from scipy.special import logsumexp

from gan_jax import data, metrics
from gan_jax.metrics import (
    STACKED_METRICS,
    Classifier,
    Samples,
    class_kl,
    class_kl_bias,
    classify,
    stacked_extractor,
    stacked_modes,
)

# How many test images of MNIST are of each class.
MNIST = np.array([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


@pytest.fixture(scope="module")
def extractor(classifier):
    return stacked_extractor(classifier)


@pytest.fixture(scope="module")
def stacks():
    return data.load("stacked_digits", split="test")


def judged(images, extractor, test=None):
    fake = Samples("fake", images, extractor)
    test = fake if test is None else Samples("test", test, extractor)
    return metrics.evaluate(fake, test, metrics=STACKED_METRICS)


def test_a_stack_is_of_the_classes_of_its_channels(classifier, extractor, stacks):
    images = stacks.images[:700]
    features, logits = extractor(images)
    parts = [classify(classifier, images[..., i : i + 1]) for i in range(3)]
    classes = np.stack([part.argmax(axis=1) for _, part in parts], axis=1)
    np.testing.assert_array_equal(logits.argmax(axis=1), classes @ [100, 10, 1])
    np.testing.assert_array_equal(features, np.concatenate([part for part, _ in parts], axis=1))
    assert logits.shape == (700, 1000)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logsumexp(logits, axis=1), 0, atol=1e-5)
    of_first = logsumexp(logits.reshape(700, 10, 100), axis=2)
    expected = parts[0][1] - logsumexp(parts[0][1], axis=1, keepdims=True)
    np.testing.assert_allclose(of_first, expected, atol=1e-4)
    assert extractor.test_accuracy == classifier.test_accuracy > 0.9


def test_stacks_of_another_depth_have_classes_too(classifier, stacks):
    pairs = stacks.images[:200, ..., :2]
    figures = judged(pairs, stacked_extractor(classifier, channels=2))
    predictions = [classify(classifier, pairs[..., i : i + 1])[1].argmax(axis=1) for i in (0, 1)]
    found = stacked_modes(np.stack(predictions, axis=1))
    assert (figures["modes"].value, figures["mode_kl"].value) == pytest.approx(found)
    assert figures["mode_kl_if_uniform"].value == class_kl_bias(100, 200)


def test_real_stacks_cover_all_modes_and_diverge_as_chance_has_it(extractor, stacks):
    train = data.load("stacked_digits")
    figures = judged(train.images[:26_000], extractor, stacks.images)
    modes, divergence, uniform = figures.values()
    assert uniform.value == pytest.approx(999 / 52_000)
    for value, labels in (
        (divergence.value, train.labels[:26_000]),
        (divergence.floor, stacks.labels),
    ):
        truth = class_kl(np.bincount(labels, minlength=1000), np.ones(1000))
        assert 0.95 * uniform.value < truth < 1.2 * uniform.value
        assert value == pytest.approx(truth, abs=0.015)  # the classifier errs
    assert (modes.value, modes.floor) == (1000, 1000)
    assert modes.floor_measured_on == "digits-cnn/each of 3 channels,26000 test"
    assert divergence.unit == "nats"


def test_few_real_stacks_leave_out_the_modes_that_chance_leaves(extractor, stacks):
    figures = judged(stacks.images[:1000], extractor)
    expected = 1000 * (1 - (1 - 1 / 1000) ** 1000)  # 632, standard deviation 10
    assert figures["modes"].value == pytest.approx(expected, abs=50)
    assert figures["modes"].floor == figures["modes"].value  # of as many


def test_a_collapsed_generator_covers_one_mode(extractor, stacks):
    figures = judged(np.repeat(stacks.images[:1], 300, axis=0), extractor)
    assert figures["modes"].value == 1
    assert figures["mode_kl"].value == pytest.approx(np.log(1000))


def test_a_channel_that_stands_still_costs_nine_modes_of_ten(extractor, stacks):
    images = stacks.images[:5000].copy()
    images[..., 1] = images[:1, ..., 1]
    figures = judged(images, extractor)
    assert figures["modes"].value == 100
    assert figures["mode_kl"].value == pytest.approx(np.log(10), abs=0.05)


@pytest.mark.parametrize("count", [26_000, 25_600])
@pytest.mark.parametrize("shares", [np.full(10, 0.1), MNIST / MNIST.sum()])
def test_the_divergence_that_a_perfect_generator_has(count, shares):
    modes = np.einsum("a,b,c->abc", shares, shares, shares).ravel()
    drawn = np.random.default_rng(0).multinomial(count, modes / modes.sum(), size=40)
    divergence = np.mean([class_kl(counts, np.ones(1000)) for counts in drawn])
    uneven = 3 * class_kl(shares, np.ones(10))
    assert divergence == pytest.approx(class_kl_bias(1000, count) + uneven, rel=0.02)


def test_mistakes(classifier, extractor, stacks):
    colour = Classifier("colour-cnn", {}, 10, (8, 8, 3), 1.0)
    with pytest.raises(ValueError, match="colour-cnn must classify one channel by itself, not 3"):
        stacked_extractor(colour)
    with pytest.raises(ValueError, match=r"takes uint8 images \[N, 8, 8, 3\], not uint8"):
        extractor(stacks.images[..., :2])
