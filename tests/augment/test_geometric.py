"""The matrices of the geometric operations: values, rates and distributions of what is drawn."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import (
    BLITTING,
    GEOMETRY,
    anisotropic_scaling,
    flip,
    fractional_translation,
    integer_translation,
    isotropic_scaling,
    quarter_turn,
    rotation,
)

OPERATIONS = tuple(dict.fromkeys((*BLITTING, *GEOMETRY)))
SQUARE = (24, 24)
MANY = 4000


def _draw(operation, size=SQUARE):
    keys = jax.random.split(jax.random.key(0), MANY)
    return np.asarray(jax.jit(jax.vmap(lambda key: operation(key, size)))(keys))


def test_the_groups_are_those_of_the_paper_in_its_order():
    assert (flip, quarter_turn, integer_translation) == BLITTING
    scalings = (isotropic_scaling, anisotropic_scaling)
    assert (scalings[0], rotation, scalings[1], rotation, fractional_translation) == GEOMETRY


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_draw_is_its_formula(operation):
    height, width = size = (20, 28)
    for key in jax.random.split(jax.random.key(3), 5):
        normal = float(jax.random.normal(key))
        angle = float(jax.random.uniform(key, minval=-np.pi, maxval=np.pi))
        x, y = np.asarray(jax.random.uniform(key, (2,), minval=-0.125, maxval=0.125))
        far_x, far_y = 0.125 * np.asarray(jax.random.normal(key, (2,)))
        mirrored = bool(jax.random.bernoulli(key))
        grown = 2 ** (0.2 * normal)
        turned = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        # Of the move itself; an operation gives the inverse.
        expected = {
            flip: np.diag([-1.0 if mirrored else 1.0, 1, 1]),
            quarter_turn: np.eye(3),  # not of an image that is not square
            integer_translation: [[1, 0, round(x * width)], [0, 1, round(y * height)], [0, 0, 1]],
            isotropic_scaling: np.diag([grown, grown, 1]),
            anisotropic_scaling: np.diag([grown, 1 / grown, 1]),
            rotation: np.linalg.inv(turned),
            fractional_translation: [[1, 0, far_x * width], [0, 1, far_y * height], [0, 0, 1]],
        }[operation]
        inverse = operation(key, size)
        np.testing.assert_allclose(inverse @ jnp.asarray(expected, float), np.eye(3), atol=1e-5)


@pytest.mark.parametrize(
    ("operation", "read", "distribution"),
    [
        (isotropic_scaling, lambda m: np.log2(m[:, 0, 0]), stats.norm(0, 0.2)),
        (anisotropic_scaling, lambda m: np.log2(m[:, 1, 1]), stats.norm(0, 0.2)),
        (fractional_translation, lambda m: m[:, 0, 2] / 40, stats.norm(0, 0.125)),
        (fractional_translation, lambda m: m[:, 1, 2] / 24, stats.norm(0, 0.125)),
        (rotation, lambda m: np.arctan2(m[:, 1, 0], m[:, 0, 0]), stats.uniform(-np.pi, 2 * np.pi)),
        (partial(rotation, limit=0.5), lambda m: np.arcsin(m[:, 1, 0]), stats.uniform(-0.5, 1)),
        (partial(isotropic_scaling, deviation=0.1), lambda m: np.log2(m[:, 1, 1]), stats.norm(0, 0.1)),
    ],
)  # fmt: skip
def test_draws_have_the_distribution_of_the_paper(operation, read, distribution):
    draws = read(_draw(operation, size=(24, 40)))
    assert stats.kstest(draws, distribution.cdf).pvalue > 0.01


def test_flips_turns_and_shifts_are_uniform():
    signs, counts = np.unique(_draw(flip)[:, 0, 0], return_counts=True)
    assert signs.tolist() == [-1, 1]
    assert stats.chisquare(counts).pvalue > 0.01
    turns, counts = np.unique(_draw(quarter_turn)[:, :2, 0], axis=0, return_counts=True)
    assert turns.tolist() == [[-1, 0], [0, -1], [0, 1], [1, 0]]
    assert stats.chisquare(counts).pvalue > 0.01
    # Up to 3 of 24 pixels; what rounds to the outermost comes from half an interval.
    for axis in (0, 1):
        shifts, counts = np.unique(_draw(integer_translation)[:, axis, 2], return_counts=True)
        assert shifts.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert stats.chisquare(counts, MANY / 12 * np.array([1, 2, 2, 2, 2, 2, 1])).pvalue > 0.01
