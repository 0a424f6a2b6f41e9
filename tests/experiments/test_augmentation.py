import dataclasses
import json

import jax
import numpy as np
import pytest

from experiments import augmentation
from gan_jax import data

SMALL = [
    *("--per-class", "8", "--fakes", "8", "--seeds", "1"),
    *("--steps", "3", "--classifier-steps", "3"),
]


def test_a_run_compares_what_was_trained_on_and_draws_it(tmp_path, capsys):
    assert augmentation.main([*SMALL, "--workdir", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["config"]["seeds"] == 1
    accuracies = results["accuracies"]
    assert list(accuracies) == list(augmentation.SOURCES)
    assert all(list(rows) == ["8", "all"] for rows in accuracies.values())
    assert all(len(row) == 1 for rows in accuracies.values() for row in rows.values())
    assert augmentation.table(accuracies) in capsys.readouterr().out
    assert (tmp_path / "errors.png").stat().st_size > 1000
    # Another question does not overwrite the answer.
    assert augmentation.main([*SMALL, "--whole-split", "--workdir", str(tmp_path)]) == 2
    assert "whole_split (there False, now True)" in capsys.readouterr().err


def test_few_are_as_many_of_each_class_and_others_with_each_seed():
    train = data.load("digits")
    chosen = [augmentation.few(train, 20, seed) for seed in (0, 0, 1)]
    for reals in chosen:
        np.testing.assert_array_equal(np.bincount(reals.labels), np.full(10, 20))
    first, again, other = (reals.images.tobytes() for reals in chosen)
    assert first == again != other
    assert augmentation.few(train, None, 0) is train
    known = {
        image.tobytes(): label for image, label in zip(train.images, train.labels, strict=True)
    }
    assert [known[image.tobytes()] for image in chosen[2].images] == chosen[2].labels.tolist()


@pytest.mark.parametrize(("whole", "sizes"), [(False, [80, 1437]), (True, [1437, 1437])])
def test_the_generator_sees_what_is_said(whole, sizes, monkeypatch):
    train, test = (data.load("digits", split=split) for split in ("train", "test"))
    seen, trained_on = [], []

    def make_generator(config, shape, num_classes):
        def generate(reals, key):
            seen.append(len(reals.labels))
            return np.zeros((100, *shape), np.uint8), np.full(100, 7, np.int32)

        return generate

    def train_classifier(source, images, labels, *rest, key, steps, report):
        trained_on.append((source, len(labels), float(np.mean(images == 0))))
        return type("Judge", (), {"test_accuracy": 0.5})

    monkeypatch.setattr(augmentation, "make_generator", make_generator)
    monkeypatch.setattr("gan_jax.metrics.train_classifier", train_classifier)
    config = augmentation.Config(per_class=(8,), seeds=1, whole_split=whole)
    augmentation.compare(config, train, test)
    assert seen == sizes
    assert [row[:2] for row in trained_on] == [
        ("reals", 80), ("fakes", 100), ("reals + fakes", 200),
        ("reals", 1437), ("fakes", 100), ("reals + fakes", 2874),
    ]  # fmt: skip
    assert trained_on[0][2] < trained_on[2][2] < trained_on[1][2] == 1


def test_the_table_by_hand():
    accuracies = {
        "reals": {"20": [0.5, 0.7]},
        "fakes": {"20": [0.4, 0.4]},
        "reals + fakes": {"20": [0.6, 0.9]},
    }
    last = augmentation.table(accuracies).splitlines()[-1]
    # Two values d apart deviate by d / sqrt(2).
    assert last == "| 20 | 60.0 ± 14.1 | 40.0 ± 0.0 | 75.0 ± 21.2 | +15.0 ± 7.1 |"
    one = {source: {"20": rows["20"][:1]} for source, rows in accuracies.items()}
    assert augmentation.table(one).splitlines()[-1] == "| 20 | 50.0 | 40.0 | 60.0 | +10.0 |"


def test_a_generator_learns_the_classes_it_is_asked_for():
    train = data.load("digits")
    chosen = np.isin(train.labels, [0, 1])
    two = dataclasses.replace(train, images=train.images[chosen], labels=train.labels[chosen])
    config = augmentation.Config(steps=300, fakes=30)
    images, labels = augmentation.make_generator(config, (8, 8, 1), 2)(two, jax.random.key(0))
    assert images.dtype == np.uint8
    assert images.shape == (60, 8, 8, 1)
    means = [two.images[two.labels == c].mean(axis=0) for c in (0, 1)]
    distances = [np.sum((images - mean) ** 2, axis=(1, 2, 3)) for mean in means]
    assert np.mean(np.argmin(distances, axis=0) == labels) > 0.8


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--per-class", "4"], "--per-class is (4,): it must be different numbers of at least 8"),
        (["--per-class", "8", "8"], "--per-class is (8, 8): it must be different numbers"),
        (["--per-class", "8", "140"], "(8, 140): it must be numbers up to 139"),
        (["--seeds", "0"], "--seeds is 0: it must be from 1 to 1000000"),
        (["--dataset", "birds"], "invalid choice 'birds' for argument '--dataset'"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(arguments, line, capsys):
    assert augmentation.main(arguments) == 2
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1
