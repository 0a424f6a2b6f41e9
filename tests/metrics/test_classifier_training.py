"""Training: good in a short time, the same for the same key, and honest about mistakes."""

import jax
import numpy as np
import pytest

from gan_jax.metrics import classifier_training, classify, label_agreement, train_classifier


def _train(digits, *, seed: int = 0, steps: int = 3, report=print, **changes):
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arguments = {**dict(zip(names, digits, strict=True)), "num_classes": 10, **changes}
    return train_classifier(
        "digits-cnn", **arguments, key=jax.random.key(seed), steps=steps, report=report
    )


def test_it_learns_digits_it_has_not_seen(classifier, digits):
    _, _, test_images, test_labels = digits
    _, logits = classify(classifier, test_images)
    assert classifier.test_accuracy == label_agreement(logits.argmax(axis=1), test_labels)
    assert classifier.test_accuracy >= 0.96


def test_the_key_decides_the_parameters(digits):
    first, again, other = _train(digits), _train(digits), _train(digits, seed=1)
    assert first.digest == again.digest != other.digest
    assert first.test_accuracy == again.test_accuracy


def test_a_set_smaller_than_a_batch_is_enough(digits):
    few = tuple(array[:5] for array in digits)
    assert 0 <= _train(few).test_accuracy <= 1


@pytest.mark.parametrize(
    ("count", "steps"), [(1437, 1000), (60_000, 5 * 468), (128, 1000), (40, 1000)]
)
def test_it_trains_for_5_epochs_and_1000_steps_at_least(monkeypatch, count, steps):
    class StopHereError(Exception):
        pass

    def batches(key, images, size, asked_steps):
        assert (images, size) == (count, min(count, 128))
        raise StopHereError(asked_steps)

    monkeypatch.setattr(classifier_training, "_batches", batches)
    images, labels = np.zeros((count, 8, 8, 1), np.uint8), np.zeros(count, np.int32)
    with pytest.raises(StopHereError) as asked:
        train_classifier("name", images, labels, images, labels, 10, key=jax.random.key(0))
    assert asked.value.args == (steps,)


def test_every_epoch_shows_every_image_once_in_a_new_order(key):
    batches = list(classifier_training._batches(key, 12, 4, 6))
    epochs = np.concatenate(batches[:3]), np.concatenate(batches[3:])
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert list(epochs[0]) != list(epochs[1])


def test_images_are_shifted_by_at_most_a_pixel_each_on_its_own(key):
    image = np.zeros((5, 5, 1), np.uint8)
    image[2, 2] = 255
    shifted = np.asarray(classifier_training._shift(key, np.tile(image, (200, 1, 1, 1))))
    places = {tuple(place[1:3]) for place in np.argwhere(shifted)}
    assert places == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    assert (shifted.reshape(200, -1).sum(axis=1) == 255).all()


def test_progress_tells_the_time_left(monkeypatch):
    clock = iter([0.0, 1.0, 6.0, 8.0, 12.0])
    monkeypatch.setattr(classifier_training.time, "monotonic", lambda: next(clock))
    lines = []
    progress = classifier_training._progress("digits-cnn", 100, lines.append)
    for step in (10, 60, 80, 90):
        progress(step)
    assert lines == [
        "training digits-cnn: step 60 of 100, about 4 s left",
        "training digits-cnn: step 90 of 100, about 1 s left",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((1, 8, 8, 1))}, r"uint8 \[N, H, W, C\].* not float64"),
        ({"test_images": np.zeros((0, 8, 8, 1), np.uint8)}, "N at least 1"),
        ({"train_labels": np.zeros(3, int)}, "there are 1437 images and 3 labels"),
        ({"test_labels": np.full(360, 10)}, "label 10 is none of the classes 0 to 9"),
        ({"num_classes": 5}, "none of the classes 0 to 4"),
    ],
)
def test_data_that_do_not_fit_together_are_refused(digits, changes, message):
    with pytest.raises(ValueError, match=message):
        _train(digits, **changes)
