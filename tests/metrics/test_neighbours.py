"""Nearest neighbours: exact for copies, and whatever the chunks."""

import numpy as np
import pytest

from gan_jax.metrics import nearest_distances, nearest_neighbours, products


def _images(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


@pytest.mark.parametrize("chunk", [1, 7, 8, 100])
def test_agrees_with_all_pairs_whatever_the_chunk(chunk):
    images, references = _images(0, 20), _images(1, 23)
    differences = images[:, None].astype(np.float64) - references[None].astype(np.float64)
    expected = np.sqrt(np.sum((differences / 255) ** 2, axis=(2, 3, 4))).min(axis=1)
    distances = nearest_distances(images, references, chunk=chunk)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


def test_a_copy_is_at_distance_0():
    references = _images(0, 30)
    assert not nearest_distances(references[[3, 29, 0]], references, chunk=8).any()


def test_black_and_white_are_as_far_apart_as_the_root_of_the_pixels():
    black, white = np.zeros((1, 4, 4, 1), np.uint8), np.full((1, 4, 4, 1), 255, np.uint8)
    assert nearest_distances(black, white).tolist() == [4.0]


@pytest.mark.parametrize("references", [np.zeros((3, 5, 5, 1), np.uint8), _images(0, 0)])
def test_references_without_neighbours_are_refused(references):
    with pytest.raises(ValueError, match="have no neighbours in references"):
        nearest_distances(_images(0, 2), references)


def _by_definition(queries, references, count, *, exclude_self=False):
    queries, references = (x.reshape(len(x), -1).astype(np.float64) for x in (queries, references))
    distances = np.linalg.norm(queries[:, None] - references[None], axis=2)
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(distances, order, axis=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("count", [1, 5, 23])
def test_neighbours_are_the_nearest_in_order(dtype, count):
    queries, references = np.random.default_rng(0).normal(size=(2, 23, 6)).astype(dtype)
    for chunk in (4, 100):
        found = nearest_neighbours(queries, references, neighbours=count, chunk=chunk)
        indices, distances = _by_definition(queries, references, count)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_neighbours_within_a_set_are_others(chunk):
    points = np.random.default_rng(0).normal(size=(17, 3))
    points[5] = points[9]
    found = nearest_neighbours(points, points, neighbours=2, exclude_self=True, chunk=chunk)
    np.testing.assert_array_equal(
        found.indices, _by_definition(points, points, 2, exclude_self=True)[0]
    )
    assert found.indices[5, 0] == 9
    assert found.distances[5, 0] == 0


@pytest.mark.parametrize("in_jax", [False, True])
def test_neighbours_are_right_where_single_precision_is_at_a_loss(in_jax, monkeypatch):
    monkeypatch.setattr(products, "_LARGE", 0 if in_jax else 2**60)
    rng = np.random.default_rng(0)
    offsets = np.where(np.arange(60)[:, None] % 2, 1e6, -1e6)
    queries, references = (offsets + rng.normal(size=(60, 2)) for _ in range(2))
    found = nearest_neighbours(queries, references, neighbours=3)
    indices, distances = _by_definition(queries, references, 3)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)


def test_nearly_equal_copies_are_told_apart():
    references = np.full((50, 1000), 200, np.uint8)
    references[np.arange(50), np.arange(50)] = 201
    found = nearest_neighbours(references[::-1], references, neighbours=2)
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(50)[::-1])
    np.testing.assert_allclose(found.distances, [[0, 2**0.5]] * 50)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbours": 6}, r"\[5, 2\]: there must be at least 6"),
        ({"neighbours": 5, "exclude_self": True}, "at least 6"),
        ({"neighbours": 0}, "neighbours is 0"),
    ],
)
def test_too_few_references_are_refused(settings, message):
    points = np.zeros((5, 2))
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(points, points, **settings)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="references hold NaN"):
        nearest_neighbours(np.zeros((2, 2)), np.full((2, 2), np.nan))
