"""Translations are measured against their targets, and beside what was not translated."""

import dataclasses
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import commands, data, metrics
from gan_jax.data import styles
from gan_jax.data import translation as tasks
from gan_jax.errors import RunError, UsageError
from gan_jax.evaluation import (
    PAIRED,
    Baseline,
    Request,
    bytes_to_bytes,
    translate_images,
    translation_evaluation,
)
from gan_jax.train import TrainState

PLAYER = TrainState(
    step=0, apply_fn=None, params={}, tx=None, opt_state=(), model_state={}, ema_params=None
)
PIXELS = Request(extractor="pixels")
UNTRANSLATED = Baseline("source", lambda sources: sources)


def load_pairs(split="train", report=print):
    return tasks.aligned(data.load("digits", split=split), styles.thin, styles.bold)


def load_apart(split="train", report=print):
    return tasks.unaligned(data.load("digits", split=split), styles.thin, styles.bold)


def invert(generator, sources, keys):
    return -sources


def figures(load, forward, request=PIXELS, **options):
    evaluate = translation_evaluation(load, forward, seed=3, **options)
    found = evaluate(PLAYER, 10, request=request, report=len).figures
    return {figure.metric: figure for figure in found}


def test_pairs_are_compared_pixel_by_pixel():
    found = figures(load_pairs, invert, baseline=UNTRANSLATED)
    test = load_pairs("test")
    made = 255 - test.sources
    for name in ("l1_distance", "psnr", "ssim"):
        measure = getattr(metrics, name)
        assert found[name].value == pytest.approx(measure(made, test.images).mean())
        plain = measure(test.sources, test.images)
        assert found[f"source_{name}"].value == pytest.approx(plain[np.isfinite(plain)].mean())
    assert found["sharpness"].value == pytest.approx(metrics.sharpness(made).mean())
    assert found["sharpness"].floor == pytest.approx(metrics.sharpness(test.images).mean())
    assert found["psnr"].unit == "dB"
    conditions = found["ssim"].conditions
    assert (conditions.n_fake, conditions.reference, conditions.seeds) == (360, "test", (3,))
    assert found["source_ssim"].conditions.seeds == ()


def test_a_perfect_translation_has_no_distance():
    sources = load_pairs("test").sources
    targets = jnp.asarray(data.normalize(jnp.asarray(load_pairs("test").images)))
    lookup = jnp.asarray(data.normalize(jnp.asarray(sources)))

    def perfect(generator, given, keys):
        same = (given[:, None] == lookup[None]).all(axis=(2, 3, 4))
        return targets[jnp.argmax(same, axis=1)]

    request = dataclasses.replace(PIXELS, metrics=("l1_distance", "psnr", "ssim"), count=200)
    found = figures(load_pairs, perfect, request)
    assert found["l1_distance"].value == 0
    assert found["psnr"].value == float("inf")
    assert found["ssim"].value == pytest.approx(1)


def test_all_together_are_compared_by_features():
    request = dataclasses.replace(PIXELS, metrics=("frechet_distance",))
    found = figures(load_apart, invert, request, baseline=UNTRANSLATED)
    assert set(found) == {"frechet_distance", "source_frechet_distance"}
    assert found["frechet_distance"].floor < found["source_frechet_distance"].value
    assert found["source_frechet_distance"].value < found["frechet_distance"].value


def test_the_way_there_and_back_is_measured_where_there_is_one():
    def dim(generator, images, keys):
        return images - 0.2

    request = dataclasses.replace(PIXELS, metrics=("cycle_error",))
    found = figures(load_apart, invert, request, backward=invert)
    assert found["cycle_error"].value == pytest.approx(0, abs=1e-9)
    found = figures(load_apart, invert, request, backward=dim)
    test = load_apart("test").source.images
    expected = np.abs(np.clip(255 - test - 0.1 * 255, 0, 255) - test).mean() / 255
    assert found["cycle_error"].value == pytest.approx(expected, abs=2e-3)
    with pytest.raises(UsageError, match="'cycle_error' of this run is not one of"):
        figures(load_pairs, invert, request)


def test_classes_are_those_of_the_sources():
    def keep(generator, sources, keys):
        return sources

    request = Request(metrics=("label_agreement",))
    found = figures(load_apart, keep, request, baseline=UNTRANSLATED)
    assert found["label_agreement"].value == found["source_label_agreement"].value
    assert found["label_agreement"].floor > 0.9


def test_seeds_are_averaged():
    def noisy(generator, sources, keys):
        shift = jax.vmap(jax.random.uniform)(keys)
        return sources * shift[:, None, None, None]

    request = dataclasses.replace(PIXELS, metrics=("l1_distance",), seeds=(0, 1, 2))
    found = figures(load_pairs, noisy, request)["l1_distance"]
    singles = [
        figures(load_pairs, noisy, dataclasses.replace(request, seeds=(seed,)))["l1_distance"].value
        for seed in (0, 1, 2)
    ]
    assert found.value == pytest.approx(np.mean(singles))
    assert found.deviation == pytest.approx(np.std(singles, ddof=1))


def test_the_best_is_chosen_on_training_images():
    evaluate = translation_evaluation(load_pairs, invert, seed=0)
    request = dataclasses.replace(PIXELS, metrics=("ssim",), count=100)
    (found,) = evaluate(PLAYER, 1, split="train", request=request, report=len).figures
    train = load_pairs("train")
    expected = metrics.ssim(255 - train.sources[:100], train.images[:100]).mean()
    assert found.value == pytest.approx(expected)
    assert found.conditions.reference == "train"


def test_without_classes_there_are_no_features_unless_asked():
    def load(split="train", report=print):
        return dataclasses.replace(load_pairs(split), num_classes=1)

    found = figures(load, invert, Request())
    assert set(found) == {"l1_distance", "psnr", "ssim", "sharpness"}
    with pytest.raises(UsageError, match="no classes for a classifier"):
        figures(load, invert, Request(metrics=("frechet_distance",)))
    request = dataclasses.replace(PIXELS, metrics=("frechet_distance",))
    assert set(figures(load, invert, request)) == {"frechet_distance"}


def test_names_are_those_that_commands_know():
    assert set(get_args(commands.PairedName)) == set(PAIRED)


def test_what_is_not_of_translations_is_refused():
    with pytest.raises(UsageError, match="--count is 361: there are 360 sources"):
        figures(load_pairs, invert, dataclasses.replace(PIXELS, count=361))
    with pytest.raises(UsageError, match="--truncation was given"):
        figures(load_pairs, invert, dataclasses.replace(PIXELS, truncation=1.0))


def test_images_are_translated_in_parts_of_one_size():
    sizes = []

    def spy(generator, sources, keys):
        sizes.append(len(sources))
        return sources

    images = np.random.default_rng(0).integers(0, 256, (1203, 2, 2, 1), np.uint8)
    made = translate_images(bytes_to_bytes(spy), PLAYER, images, jax.random.key(0))
    np.testing.assert_array_equal(made, images)
    assert sizes == [500]  # compiled once


def test_images_that_are_no_numbers_are_named():
    broken = bytes_to_bytes(lambda generator, sources, keys: sources * jnp.nan)
    with pytest.raises(RunError, match="NaN or infinity"):
        translate_images(broken, PLAYER, np.zeros((3, 2, 2, 1), np.uint8), jax.random.key(0))
