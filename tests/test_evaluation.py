import sys
from dataclasses import replace
from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, metrics
from gan_jax.errors import RunError, UsageError
from gan_jax.evaluation import (
    Evaluation,
    Request,
    add_evaluation,
    best_mode,
    choose_extractor,
    classifier_evaluation,
    draw_samples,
    read_evaluation,
    write_evaluation,
)
from gan_jax.metrics import METRICS, Conditions, Figure
from gan_jax.progress import progress_lines

LOAD = partial(data.load, "digits")


def copies(generator, batch, keys):
    """Pretend to be a perfect conditional generator: real training images of the asked labels."""
    train = LOAD(split="train")
    order = np.argsort(train.labels, kind="stable")
    first = jnp.searchsorted(train.labels[order], jnp.arange(10))
    count = jnp.asarray(np.bincount(train.labels))
    uniform = jax.vmap(jax.random.uniform)(keys)
    chosen = first[batch["label"]] + jnp.floor(uniform * count[batch["label"]]).astype(int)
    return data.normalize(jnp.asarray(train.images[order])[chosen])


def one_image(generator, batch, keys):
    """Pretend to be a collapsed generator."""
    image = data.normalize(jnp.asarray(LOAD(split="train").images[:1]))
    return jnp.broadcast_to(image, (len(keys), *image.shape[1:]))


def judged(sampler, *, conditional=True, split="test", **request):
    evaluate = classifier_evaluation(LOAD, sampler, conditional=conditional, seed=0)
    request = Request(**request)
    evaluation = evaluate(None, 7, split=split, request=request, report=lambda line: None)
    return {figure.metric: figure for figure in reversed(evaluation.figures)}, evaluation


def test_a_generator_of_real_images_is_as_good_as_real():
    figures, evaluation = judged(copies)
    assert [figure.name for figure in evaluation.figures] == [
        "frechet_distance[digits-cnn,1797 fake,360 test]",
        "frechet_distance[digits-cnn,1797 fake,1797 real]",
        "classes_covered[digits-cnn,1797 fake]",
        "class_kl[digits-cnn,1797 fake,1437 train]",
        "confident_fraction[digits-cnn,1797 fake]",
        "nearest_train_distance[pixels,1000 fake,1437 train]",
        "label_agreement[digits-cnn,1797 fake]",
        "classifier_accuracy[digits-cnn,360 test]",
    ]
    distance = figures["frechet_distance"]
    assert distance.value < 1.5 * distance.floor
    assert (distance.conditions.seeds, distance.conditions.weights) == ((0,), "raw")
    assert figures["classes_covered"].value == 10
    assert figures["label_agreement"].value > 0.97
    assert figures["nearest_train_distance"].value < 1e-3  # it copies, and that shows
    assert evaluation.step == 7
    assert len(evaluation.lines) == len(evaluation.figures) + 1


def test_a_collapsed_generator_is_found_out():
    scores, _ = judged(one_image, conditional=False)
    assert scores["classes_covered"].value == 1
    assert scores["frechet_distance"].value > 20 * scores["frechet_distance"].floor
    assert scores["class_kl"].value > 2
    assert "label_agreement" not in scores


@pytest.mark.parametrize("metric", ["frechet_distance", "recall"])
def test_a_quick_figure_is_measured_on_training_images_only(metric):
    figures, evaluation = judged(copies, split="train", count=300, metrics=(metric,))
    assert [figure.name for figure in evaluation.figures] == [
        f"{metric}[digits-cnn,300 fake,300 train]"
    ]
    assert figures[metric].floor is None
    assert np.isfinite(figures[metric].value)


def test_seeds_and_truncation_are_in_the_id_and_change_the_samples():
    def noise(generator, batch, keys):
        return jax.vmap(lambda key: jax.random.normal(key, (8, 8, 1)))(keys)

    evaluate = classifier_evaluation(
        LOAD, noise, conditional=False, seed=3, truncated=lambda t: lambda *a: t * noise(*a)
    )
    quiet = partial(evaluate, None, 1, report=lambda line: None)
    pixels = dict(metrics=("ms_ssim", "frechet_distance"), extractor="pixels", count=200)
    by_seed = {
        seeds: quiet(request=Request(seeds=seeds, **pixels)).figures[0]
        for seeds in [(), (3,), (4,), (3, 4)]
    }
    assert by_seed[()] == by_seed[(3,)]
    assert by_seed[()].value != by_seed[(4,)].value
    both = by_seed[(3, 4)]
    assert both.value == pytest.approx((by_seed[(3,)].value + by_seed[(4,)].value) / 2)
    digest = metrics.Samples("test", LOAD(split="test").images, metrics.pixel_extractor()).digest
    assert both.id == f"ms_ssim[pixels,200 fake,data/{digest},pairs=1000,seeds 3 4,raw]"
    assert both.name == "ms_ssim[pixels,200 fake]"
    narrow = quiet(request=Request(truncation=0.1, **pixels)).figures[0]
    assert narrow.conditions.truncation == 0.1
    assert narrow.value > by_seed[()].value + 0.05


def test_what_cannot_be_asked_of_a_run_is_refused():
    for request, line in {
        ("truncation", 0.5): "--truncation was given and the latents of this run are not normal",
        ("extractor", "clip"): "extractor is 'clip': it must be one of classifier, pixels, incep",
        ("metrics", ("overfitting_gap",)): "overfitting_gap needs a discriminator of images",
        ("metrics", ("label_agreement",)): "label_agreement needs the labels",
    }.items():
        with pytest.raises(UsageError, match=line):
            judged(one_image, conditional=False, **dict([request]))


def test_the_discriminators_gap_is_of_training_and_test_images():
    train = metrics.Samples(
        "train", LOAD(split="train").images, metrics.pixel_extractor(), mixed=False
    ).first(360)
    known = jnp.asarray(train.images.reshape(360, -1))

    def remembers(discriminator, images, batch):
        flat = data.to_uint8(images).reshape(len(images), -1)
        return discriminator * (flat[:, None] == known[None]).all(axis=-1).any(axis=1)

    evaluate = classifier_evaluation(LOAD, one_image, conditional=False, seed=0, critic=remembers)
    request = Request(metrics=("overfitting_gap",))
    found = evaluate(None, 1, request=request, discriminator=jnp.float32(3), report=lambda x: None)
    assert [(figure.metric, figure.value) for figure in found.figures] == [
        ("overfitting_gap", 3.0), ("overfitting_gap_accuracy", 1.0),
    ]  # fmt: skip
    assert found.figures[0].conditions.settings == f"train=360/{train.digest}"
    found = evaluate(None, 1, request=request, discriminator=jnp.float32(-3), report=lambda x: None)
    assert [figure.metric for figure in found.figures] == ["overfitting_gap"]  # none is above 0


def test_few_samples_of_a_data_set_in_an_order_ask_for_all_its_classes(monkeypatch):
    def sorted_by_class(*, split, report=print):
        found = data.load("digits", split=split, report=report)
        order = np.argsort(found.labels, kind="stable")
        return replace(found, images=found.images[order], labels=found.labels[order])

    asked = []

    def notes(generator, batch, keys):
        jax.debug.callback(lambda labels: asked.extend(np.asarray(labels)), batch["label"])
        return one_image(generator, batch, keys)

    evaluate = classifier_evaluation(sorted_by_class, notes, conditional=False, seed=0)
    request = Request(metrics=("recall",), extractor="pixels", count=200)
    found = evaluate(None, 1, request=request, report=lambda line: None)
    jax.effects_barrier()
    assert len(asked) == 200
    assert np.bincount(asked, minlength=10).min() > 5
    assert found.figures[0].floor > 0.5  # of 200 train images of all classes


def test_a_score_that_depends_on_their_number_is_given_beside_as_many_reals():
    for count, size in [(200, "200 test"), (400, "400 train"), (None, "1797 real")]:
        figures, _ = judged(copies, metrics=("inception_score",), count=count)
        assert figures["inception_score"].floor_measured_on == f"digits-cnn,{size}"
    figures, _ = judged(copies, metrics=("inception_score",), count=2000)
    assert figures["inception_score"].floor is None


def test_a_resize_there_is_not_is_a_mistake():
    with pytest.raises(UsageError, match="resize is 'nearest': it must be one of tf1-bilinear"):
        judged(one_image, extractor="inception", resize="nearest")


def test_whoever_looks_is_given_the_samples():
    seen = []
    evaluate = classifier_evaluation(LOAD, one_image, conditional=False, seed=0)
    request = Request(metrics=("frechet_distance",), count=200)
    evaluate(None, 1, request=request, look=lambda *x: seen.extend(x), report=lambda line: None)
    assert [samples.size for samples in seen] == ["200 fake", "360 test", "1437 train"]


def test_the_best_is_the_smallest_or_the_largest():
    assert best_mode("kernel_distance") == "min"
    assert best_mode("coverage") == "max"
    for name in ("ms_ssim", "nothing"):
        with pytest.raises(UsageError, match=f"best_metric is '{name}': it must be one that tells"):
            best_mode(name)


def test_weights_that_are_not_where_they_were_said_to_be_are_a_mistake(tmp_path):
    request = Request(extractor="inception", inception_weights=tmp_path / "none.pth")
    with pytest.raises(UsageError, match=r"none\.pth cannot be used as Inception weights"):
        choose_extractor(request, LOAD(split="train"), LOAD(split="test"))


def test_samples_follow_their_labels_and_their_key():
    @jax.jit
    def draw_images(generator, batch, keys):
        noise = jax.vmap(jax.random.normal)(keys)[:, None, None, None]
        images = noise / 100 + batch["label"][:, None, None, None] / 10
        return data.to_uint8(jnp.broadcast_to(images, (len(keys), 2, 2, 1))), True

    labels = np.arange(2345, dtype=np.int32) % 10
    draw = partial(draw_samples, draw_images, None, labels)
    images, again, other = draw(jax.random.key(0)), draw(jax.random.key(0)), draw(jax.random.key(1))
    assert images.shape == (2345, 2, 2, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, again)
    assert (images != other).any()
    means = [images[labels == label].mean() for label in range(10)]
    assert np.all(np.diff(means) > 5)


def test_images_that_are_not_finite_have_no_figures():
    def nothing(generator, batch, keys):
        return jnp.full((len(keys), 8, 8, 1), jnp.nan)

    evaluate = classifier_evaluation(LOAD, nothing, conditional=False, seed=0)
    request = Request(metrics=("recall",), extractor="pixels")
    with pytest.raises(RunError, match="the generator draws NaN or infinity"):
        evaluate(None, 1, request=request, report=lambda line: None)


def test_long_drawing_is_reported(monkeypatch):
    progress = progress_lines
    clock = iter(range(0, 100, 10)).__next__
    monkeypatch.setattr(
        sys.modules[draw_samples.__module__], "progress_lines", partial(progress, clock=clock)
    )
    draw = lambda generator, batch, keys: (np.zeros((len(keys), 1, 1, 1), np.uint8), True)
    lines = []
    draw_samples(draw, None, np.zeros(2500, np.int32), jax.random.key(0), report=lines.append)
    assert lines == [
        "drawing samples: 1000 of 2500, 100 per second, about 15 s left",
        "drawing samples: 2000 of 2500, 100 per second, about 5 s left",
    ]


CONDITIONS = Conditions("digits-cnn/0123456789ab", 9, "test", 8, "89abcdef0123", seeds=(0,))
FIGURES = (
    Figure("frechet_distance", 1.5, CONDITIONS, 1.0, "digits-cnn,9 train,8 test"),
    Figure("recall", 0.25, CONDITIONS, deviation=0.5, deviation_of="seeds"),
)


def test_an_evaluation_survives_its_file(tmp_path):
    evaluation = Evaluation(3, FIGURES)
    write_evaluation(tmp_path, evaluation)
    assert read_evaluation(tmp_path) == evaluation
    assert [line.split("  ")[0] for line in evaluation.lines] == [
        "metric",
        "frechet_distance",
        "recall",
    ]
    assert evaluation.lines[1].endswith(
        f"1.5                    1          {CONDITIONS.full}  digits-cnn,9 train,8 test"
    )
    assert evaluation.lines[2].endswith(f"0.25 ± 0.5 over seeds             {CONDITIONS.full}")
    (first, second) = evaluation.scores
    assert first == (FIGURES[0].name, 1.5, 1.0, "digits-cnn/0123456789ab, 8 test/89abcdef0123, seed 0; real data: digits-cnn,9 train,8 test")  # fmt: skip
    assert second[1] == "0.25 ± 0.5"
    assert second[3].endswith("seed 0; ± over seeds")


OLD = """{
  "step": 40000,
  "scores": [
    {"name": "frechet_distance[mnist-cnn,10000 fake,10000 test]", "value": 4.51, "floor": 1.81,
     "note": "mnist-cnn,10000 train,10000 test"},
    {"name": "classes_covered[mnist-cnn,10000 fake]", "value": 10, "floor": 10, "note": ""},
    {"name": "classifier_accuracy", "value": 0.992, "floor": null, "note": ""}
  ]
}"""


def test_an_evaluation_of_an_older_version_is_read(tmp_path):
    (tmp_path / "evaluation.json").write_text(OLD)
    evaluation = read_evaluation(tmp_path)
    assert evaluation.step == 40_000
    assert [score[:3] for score in evaluation.scores] == [
        ("frechet_distance[mnist-cnn,10000 fake,10000 test]", 4.51, 1.81),
        ("classes_covered[mnist-cnn,10000 fake]", 10, 10),
        ("classifier_accuracy", 0.992, None),
    ]
    assert evaluation.lines[1].split()[:3] == ["frechet_distance", "4.51", "1.81"]


def test_figures_are_kept_beside_the_standard_ones_of_their_step(tmp_path):
    distance, recall = FIGURES
    add = partial(add_evaluation, tmp_path)
    assert not add(Evaluation(3, (recall,)), standard=False)
    assert read_evaluation(tmp_path) is None
    assert add(Evaluation(3, (distance,)), standard=True)
    assert add(Evaluation(3, (recall,)), standard=False)
    assert not add(Evaluation(2, (recall,)), standard=False)
    assert read_evaluation(tmp_path) == Evaluation(3, FIGURES)
    again = replace(recall, value=0.75)
    assert add(Evaluation(3, (again,)), standard=False)
    assert add(Evaluation(3, (distance,)), standard=True)
    assert read_evaluation(tmp_path) == Evaluation(3, (distance, again))
    assert add(Evaluation(4, (distance,)), standard=True)
    assert read_evaluation(tmp_path) == Evaluation(4, (distance,))
    assert not add(Evaluation(3, (distance,)), standard=True)  # of an earlier checkpoint
    assert read_evaluation(tmp_path) == Evaluation(4, (distance,))


def test_figures_measured_again_stay_where_they_are(tmp_path):
    distance, recall = FIGURES
    add_evaluation(tmp_path, Evaluation(3, FIGURES), standard=True)
    again, other = replace(distance, value=2.0), replace(recall, metric="precision")
    add_evaluation(tmp_path, Evaluation(3, (other, again)), standard=False)
    assert read_evaluation(tmp_path).figures == (again, recall, other)


def test_standard_figures_take_the_place_of_an_older_versions(tmp_path):
    (tmp_path / "evaluation.json").write_text(OLD)
    conditions = Conditions("mnist-cnn/0123456789ab", 10_000, "test", 10_000, seeds=(0,))
    new = Figure("frechet_distance", 4.51, conditions)
    add_evaluation(tmp_path, Evaluation(40_000, (new,)), standard=True)
    names = [figure.metric for figure in read_evaluation(tmp_path).figures]
    assert names == ["frechet_distance", "classes_covered", "classifier_accuracy"]
    assert read_evaluation(tmp_path).figures[0] == new


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"step": 1, "scores": [{"x": 1}]}'])
def test_a_damaged_evaluation_counts_as_none(tmp_path, content):
    (tmp_path / "evaluation.json").write_text(content)
    assert read_evaluation(tmp_path) is None


def test_no_evaluation_is_none(tmp_path):
    assert read_evaluation(tmp_path) is None


def test_the_command_line_knows_the_metrics_there_are():
    from gan_jax import commands

    with_order = {name for name, metric in METRICS.items() if metric.better}
    assert set(get_args(commands.BestMetric)) == with_order
    assert set(get_args(commands.MetricName)) == {*METRICS, "all"}
