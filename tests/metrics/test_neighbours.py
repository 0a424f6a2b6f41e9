"""Nearest neighbours: exact for copies, and whatever the chunks."""

import numpy as np
import pytest

from gan_jax.metrics import nearest_distances


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
