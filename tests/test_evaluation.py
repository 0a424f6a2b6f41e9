from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.evaluation import (
    Evaluation,
    classifier_evaluation,
    draw_samples,
    read_evaluation,
    write_evaluation,
)
from gan_jax.report import Score

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


def judged(sampler, *, conditional=True, **options):
    evaluate = classifier_evaluation(LOAD, sampler, conditional=conditional, seed=0)
    evaluation = evaluate(None, 7, report=lambda line: None, **options)
    return {score.name.split("[")[0]: score for score in reversed(evaluation.scores)}, evaluation


def test_a_generator_of_real_images_is_as_good_as_real():
    scores, evaluation = judged(copies)
    distance = scores["frechet_distance"]
    assert distance.name == "frechet_distance[digits-cnn,1797 fake,360 test]"
    assert distance.value < 1.5 * distance.floor
    assert scores["classes_covered"].value == 10
    assert scores["label_agreement"].value > 0.97
    assert scores["nearest_train_distance"].value < 1e-3  # it copies, and that shows
    assert evaluation.step == 7
    assert len(evaluation.lines) == len(evaluation.scores)


def test_a_collapsed_generator_is_found_out():
    scores, _ = judged(one_image, conditional=False)
    assert scores["classes_covered"].value == 1
    assert scores["frechet_distance"].value > 20 * scores["frechet_distance"].floor
    assert scores["class_kl"].value > 2
    assert "label_agreement" not in scores


def test_the_quick_figure_is_measured_on_training_images_only():
    scores, evaluation = judged(copies, split="train", count=500)
    assert [score.name for score in evaluation.scores] == [
        "frechet_distance[digits-cnn,500 fake,500 train]"
    ]
    assert scores["frechet_distance"].value < 10


def test_samples_follow_their_labels_and_their_key():
    @jax.jit
    def draw_images(generator, batch, keys):
        noise = jax.vmap(jax.random.normal)(keys)[:, None, None, None]
        images = noise / 100 + batch["label"][:, None, None, None] / 10
        return data.to_uint8(jnp.broadcast_to(images, (len(keys), 2, 2, 1)))

    labels = np.arange(2345, dtype=np.int32) % 10
    draw = partial(draw_samples, draw_images, None, labels)
    images, again, other = draw(jax.random.key(0)), draw(jax.random.key(0)), draw(jax.random.key(1))
    assert images.shape == (2345, 2, 2, 1)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, again)
    assert (images != other).any()
    means = [images[labels == label].mean() for label in range(10)]
    assert np.all(np.diff(means) > 5)


def test_an_evaluation_survives_its_file(tmp_path):
    evaluation = Evaluation(3, (Score("a", 1.5, 1.0, "on b"), Score("c", 2.0)))
    write_evaluation(tmp_path, evaluation)
    assert read_evaluation(tmp_path) == evaluation
    assert evaluation.lines == ["a: 1.5  (real data: 1)  [on b]", "c: 2"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"step": 1, "scores": [{"x": 1}]}'])
def test_a_damaged_evaluation_counts_as_none(tmp_path, content):
    (tmp_path / "evaluation.json").write_text(content)
    assert read_evaluation(tmp_path) is None


def test_no_evaluation_is_none(tmp_path):
    assert read_evaluation(tmp_path) is None
