"""Files of every kind that something happened to: what they say, or one line."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gan_jax.data import read_distribution
from gan_jax.errors import RunError, UsageError
from gan_jax.evaluation import read_evaluation
from gan_jax.metrics.figures import Conditions, Figure, as_json
from gan_jax.metrics.image_files import load_images
from gan_jax.metrics.torch_checkpoint import read_state_dict
from gan_jax.tuning import KeptResults, parse_axis, read_table, write_table
from tests.fuzz.documents import broken

MIXTURE = {"centres": [[0, 1], [2.5, 3]], "standard_deviation": 0.1, "weights": [1, 2]}
FIGURE = as_json(Figure("recall", 0.5, Conditions("pixels", 9, "test", 9), 0.7, "x", deviation=0.1))
EVALUATION = {"step": 100, "scores": [FIGURE, {"name": "recall[a,9 fake,8 test]", "value": 0.2}]}
CELLS = st.sampled_from(
    ("1", "-2.5", "nan", "inf", "1e400", "x", "", "é", "1,2", "\x00", "#", "1e-400", "٣", "\ufeff")
)
RAN = []


class Bomb:
    def __reduce__(self):
        return RAN.append, ("a pickle was run",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield tmp_path_factory.mktemp("files")
    assert not RAN


def one_line(error):
    assert str(error)
    assert len(str(error).splitlines()) == 1, error


def check_points(path):
    """Check that a file is refused, or has finite points."""
    try:
        distribution = read_distribution(path)
    except UsageError as error:
        one_line(error)
        return
    assert np.isfinite(distribution.extent)
    assert distribution.extent > 0
    if distribution.modes is not None:
        assert np.isclose(distribution.modes.weights.sum(), 1)
        assert (distribution.modes.weights > 0).all()


@given(content=broken(MIXTURE))
def test_mixtures(folder, content):
    path = folder / "mixture.json"
    path.write_bytes(content)
    check_points(path)


@given(
    rows=st.lists(st.lists(CELLS, max_size=3), max_size=4),
    separator=st.sampled_from((",", ";", "\t", " ", "|")),
    end=st.sampled_from(("\n", "\r\n", "\r", "\x0b", "\u2028")),
)
def test_tables_of_points(folder, rows, separator, end):
    path = folder / "points.csv"
    path.write_text(end.join(map(separator.join, rows)), encoding="utf-8")
    check_points(path)


@st.composite
def archives(draw, whole):
    """Draw a file of NumPy or pickle, whole, cut off or with a byte changed."""
    content = draw(st.sampled_from((*whole, pickle.dumps(Bomb()))))
    place = draw(st.integers(0, len(content) - 1))
    kind = draw(st.sampled_from(("whole", "cut", "changed")))
    if kind == "whole":
        return content
    if kind == "cut":
        return content[:place]
    return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


def saved(folder, save, *arrays, **named):
    path = folder / "saved"
    with open(path, "wb") as file:
        save(file, *arrays, **named)
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(folder):
    bomb = np.array([Bomb()], object)
    images = np.zeros((2, 3, 3, 1), np.uint8)
    return [
        *(
            saved(folder, np.save, a)
            for a in (np.ones((3, 2)), images, np.float32(3), np.array("x"))
        ),
        saved(folder, np.save, np.ones((3, 2), complex)),
        saved(folder, np.save, np.full((1, 2), np.nan)),
        saved(folder, np.save, bomb, allow_pickle=True),
        saved(folder, np.savez, images),
        saved(folder, np.savez, images=images, labels=np.ones(2)),
        saved(folder, np.savez, bomb),
        saved(folder, np.savez, np.arange(3), count=1),
    ]


@given(data=st.data())
def test_arrays_never_run_what_they_hold(folder, whole, data):
    content = data.draw(archives(whole))
    for name in ("points.npy", "images.npy", "images.npz", "kept.npz"):
        (folder / name).write_bytes(content)
    check_points(folder / "points.npy")
    for name in ("images.npy", "images.npz"):
        try:
            (images,) = load_images(folder / name)
        except UsageError as error:
            one_line(error)
        else:
            assert (images.dtype, images.ndim) == (np.uint8, 4)
    arrays = KeptResults(folder).get("kept")
    assert arrays is None or all(isinstance(array, np.ndarray) for array in arrays)
    with (
        open(folder / "points.npy", "rb") as file,
        pytest.raises(ValueError, match="state dict") as refusal,
    ):
        read_state_dict(file)
    one_line(refusal.value)


@given(content=broken(EVALUATION))
@example(json.dumps(EVALUATION).encode())
def test_evaluations(folder, content):
    (folder / "evaluation.json").write_bytes(content)
    evaluation = read_evaluation(folder)
    if evaluation is not None:
        assert type(evaluation.step) is int
        assert len(evaluation.lines) == (1 + len(evaluation.figures) if evaluation.figures else 0)
        assert len(evaluation.scores) == len(evaluation.figures)
        json.dumps([as_json(figure) for figure in evaluation.figures])
    assert evaluation is not None or content != json.dumps(EVALUATION).encode()


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=4),
    ending=st.sampled_from(("", "\n")),
)
def test_tables(folder, rows, ending):
    path = folder / "table.csv"
    path.write_text("\n".join(map(",".join, rows)) + ending, encoding="utf-8", newline="")
    try:
        table = read_table(path)
    except RunError as error:
        one_line(error)
        return
    write_table(table, path)
    again = read_table(path)
    assert json.dumps(again) == json.dumps(table)


@given(text=st.text("0123456789.,:-+eElognaif \n٣_", max_size=12), integer=st.booleans())
def test_axes(text, integer):
    try:
        axis = parse_axis(text, integer=integer)
    except UsageError as error:
        one_line(error)
        return
    grid = axis.grid(3)
    assert np.isfinite(grid).all()
    assert grid.dtype == np.int64 or not integer
    assert np.array_equal(parse_axis(str(axis), integer=integer).grid(3), grid)
    drawn = axis.draw(np.random.default_rng(0), 3)
    assert grid.min() <= drawn.min()
    assert drawn.max() <= grid.max()
