"""A figure carries its conditions, and what differs in them is named."""

import dataclasses
import json

import pytest

from gan_jax.metrics import Conditions, Figure, as_json, compare, from_json

CONDITIONS = Conditions(
    extractor="inception-v3/6726825d/tf1-bilinear",
    n_fake=10_000,
    reference="test",
    n_real=9000,
    real_digest="89abcdef0123",
    settings="subsets=100 subset_size=1000",
    seeds=(0, 3),
    weights="ema",
    truncation=0.7,
)
FIGURE = Figure("kernel_distance", 1.5, CONDITIONS, 1.0, "x,9 train,9 test", "nats", 0.25, "seeds")


def test_the_id_says_all_and_the_name_what_people_ask_first():
    assert FIGURE.id == (
        "kernel_distance[inception-v3/6726825d/tf1-bilinear,10000 fake,9000 test/89abcdef0123,"
        "subsets=100 subset_size=1000,seeds 0 3,ema,truncation 0.7]"
    )
    assert FIGURE.name == "kernel_distance[inception-v3/tf1-bilinear,10000 fake,9000 test]"
    assert FIGURE.floor_name == "kernel_distance_floor[x,9 train,9 test]"
    assert Figure("a", 1.0).name == "a"


@pytest.mark.parametrize(
    "figure",
    [FIGURE, Figure("class_kl", float("inf")), Figure("a", 2.0, Conditions("pixels", seeds=(1,)))],
)
def test_a_figure_survives_json(figure):
    assert from_json(json.loads(json.dumps(as_json(figure)))) == figure


CHANGES = {
    "extractor": "pixels", "n_fake": 9, "reference": "train", "n_real": 8, "real_digest": "0",
    "settings": "", "seeds": (1,), "weights": "raw", "truncation": None,
}  # fmt: skip


def test_every_condition_has_its_change():
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Conditions)}


@pytest.mark.parametrize("part", CHANGES)
def test_figures_of_different_conditions_are_refused_in_one_line_that_names_the_part(part):
    changed = dataclasses.replace(CONDITIONS, **{part: CHANGES[part]})
    other = dataclasses.replace(FIGURE, value=2.0, conditions=changed)
    with pytest.raises(ValueError, match=f"do not compare: {part} is .* in one and") as refusal:
        compare(FIGURE, other)
    assert "\n" not in str(refusal.value)
    assert compare(FIGURE, other, varying=[part]) == 0.5
    assert FIGURE.id != other.id


def test_the_id_tells_all_digits_of_a_truncation_and_the_data():
    close = dataclasses.replace(CONDITIONS, truncation=0.7000001)
    assert close.full.endswith("truncation 0.7000001")
    alone = dataclasses.replace(CONDITIONS, reference="", n_real=0)
    assert "10000 fake,data/89abcdef0123," in alone.full
    assert alone.brief == "inception-v3/tf1-bilinear,10000 fake"


def test_figures_of_one_id_compare_and_others_do_not():
    assert compare(FIGURE, dataclasses.replace(FIGURE, value=1.0)) == -0.5
    with pytest.raises(ValueError, match="metric is 'kernel_distance' in one and 'recall' in"):
        compare(FIGURE, dataclasses.replace(FIGURE, metric="recall"))
    with pytest.raises(ValueError, match="varying names 'seed': conditions are extractor, "):
        compare(FIGURE, FIGURE, varying=["seed"])


def test_what_older_versions_wrote_is_read_as_far_as_it_goes():
    old = {
        "name": "frechet_distance[mnist-cnn,10000 fake,9000 test]", "value": 4.5, "floor": 1.8,
        "note": "mnist-cnn,10000 train,9000 test",
    }  # fmt: skip
    figure = from_json(old)
    assert figure.name == old["name"]
    assert (figure.value, figure.floor, figure.floor_measured_on) == (4.5, 1.8, old["note"])
    assert figure.conditions == Conditions("mnist-cnn", 10_000, "test", 9000)
    with pytest.raises(ValueError, match="do not compare: real_digest is unknown of both"):
        compare(figure, figure)
    assert compare(figure, figure, varying=["real_digest"]) == 0
    with pytest.raises(ValueError, match="seeds"):
        compare(figure, dataclasses.replace(figure, conditions=Conditions("mnist-cnn", 10_000, "test", 9000, seeds=(0,))))  # fmt: skip
    accuracy = from_json({"name": "classifier_accuracy", "value": 0.99, "floor": None, "note": ""})
    assert accuracy == Figure("classifier_accuracy", 0.99)


@pytest.mark.parametrize("content", [{}, {"name": "a"}, {"name": "a", "metric": "a", "value": 1.0}])
def test_what_is_no_figure_is_refused(content):
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(content)
