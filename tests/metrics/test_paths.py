"""The path length of generators whose speed is known."""

import numpy as np
import pytest

from gan_jax.metrics import path_length
from gan_jax.report import lerp, slerp


def _square(a, b):
    return np.sum((a - b) ** 2, axis=tuple(range(1, np.ndim(a))))


def _latents(seed, count=50, dimensions=4):
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def _everything(generate, interpolate, **settings):
    starts, ends = _latents(0), _latents(1)
    fractions = np.random.default_rng(2).random(50)
    return starts, ends, path_length(
        generate, _square, starts, ends, fractions, interpolate=interpolate, **settings
    )  # fmt: skip


def test_a_linear_generator_on_straight_lines():
    matrix = np.random.default_rng(3).normal(size=(4, 6))
    starts, ends, found = _everything(lambda z: z @ matrix, lerp)
    speeds = np.sum(((ends - starts) @ matrix) ** 2, axis=1)
    np.testing.assert_allclose(found.lengths, speeds, rtol=1e-6)
    # Of 50 lengths the 1st percentile is the smallest and the 99th the largest: all are kept.
    assert found.mean == pytest.approx(speeds.mean(), rel=1e-6)
    assert found.standard_deviation == pytest.approx(speeds.std(), rel=1e-6)


def test_on_a_circle_the_speed_is_radius_times_angle():
    starts, ends = np.array([[2.0, 0.0]] * 3), np.array([[0.0, 2.0]] * 3)
    found = path_length(
        lambda z: z, _square, starts, ends, [0.0, 0.3, 0.9], interpolate=slerp, epsilon=1e-3
    )
    np.testing.assert_allclose(found.lengths, np.pi**2, rtol=1e-5)


def test_the_shortest_and_the_longest_do_not_count():
    starts = np.zeros((200, 1))
    ends = np.sqrt(np.arange(200.0))[:, None]
    found = path_length(lambda z: z, _square, starts, ends, np.zeros(200), interpolate=lerp)
    np.testing.assert_allclose(found.lengths, np.arange(200), rtol=1e-9, atol=1e-9)
    # Ranks 0.01 * 199 and 0.99 * 199, down and up: from 1 to 198.
    assert found.mean == pytest.approx(99.5)
    assert found.standard_deviation == pytest.approx(np.arange(1, 199).std())


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batches_change_nothing(batch_size):
    sizes = []

    def generate(z):
        sizes.append(len(z))
        return np.tanh(z)

    _, _, found = _everything(generate, lerp, batch_size=batch_size)
    _, _, whole = _everything(np.tanh, lerp, batch_size=50)
    np.testing.assert_array_equal(found.lengths, whole.lengths)
    assert max(sizes) == min(batch_size, 50)


def test_single_precision_latents_stay_so():
    seen = set()

    def generate(z):
        seen.add(z.dtype)
        return z.astype(np.float64)

    starts, ends = _latents(0).astype(np.float32), _latents(1).astype(np.float32)
    found = path_length(generate, _square, starts, ends, np.full(50, 0.5), interpolate=lerp)
    assert seen == {np.dtype(np.float32)}
    np.testing.assert_allclose(found.lengths, _square(starts, ends), rtol=0.05)


@pytest.mark.parametrize(
    ("starts", "ends", "fractions"),
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(2)),
        (np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)),
        (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)),
    ],
)
def test_pairs_that_are_none_are_refused(starts, ends, fractions):
    with pytest.raises(ValueError, match=r"must be \[N, \.\.\.\], \[N, \.\.\.\] and \[N\]"):
        path_length(np.tanh, _square, starts, ends, fractions, interpolate=lerp)


def test_lengths_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="distances of images hold NaN"):
        _everything(lambda z: z * np.nan, lerp)
