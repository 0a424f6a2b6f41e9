"""Directions against numpy's singular vectors, and what the finder of weights takes for first."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import layers, train
from gan_jax.exploration import closed_form_directions, first_weights, moved
from gan_jax.models import dcgan, mlp


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("dimension", "features"), [(4, 9), (4, 4), (5, 2)])
def test_the_directions_of_a_linear_generator_are_its_right_singular_vectors(dimension, features):
    a = random(features, dimension)  # images are A z
    with jax.enable_x64(True):
        found = closed_form_directions(jnp.asarray(a.T))
    assert found.directions.dtype == np.float64
    found = found._make(map(np.asarray, found))
    _, singular, rows = np.linalg.svd(a)
    count = min(dimension, features)
    np.testing.assert_allclose(found.strengths[:count], singular, atol=1e-12)
    np.testing.assert_array_equal(found.strengths[count:], 0)
    for row, known in zip(found.directions, rows[:count], strict=False):
        np.testing.assert_allclose(abs(row @ known), 1, atol=1e-12)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(dimension), atol=1e-12)
    left_out = found.directions[count:]
    np.testing.assert_allclose(a @ left_out.T, 0, atol=1e-12)


def test_strengths_are_how_far_a_unit_step_moves_and_nothing_moves_further():
    weights = random(6, 20).astype(np.float32)
    found = closed_form_directions(jnp.asarray(weights))
    steps = np.linalg.norm(np.asarray(found.directions) @ weights, axis=1)
    np.testing.assert_allclose(steps, found.strengths, rtol=1e-5)
    assert (np.diff(found.strengths) <= 0).all()
    others = random(1000, 6, seed=1)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    assert np.linalg.norm(others @ weights, axis=1).max() <= found.strengths[0] + 1e-5


def test_signs_do_not_depend_on_those_of_the_features():
    weights = jnp.asarray(random(5, 8))
    signs = jnp.asarray(np.sign(random(1, 8, seed=3)))
    one, other = closed_form_directions(weights), closed_form_directions(weights * signs)
    np.testing.assert_allclose(one.directions, other.directions, atol=1e-4)
    largest = np.abs(one.directions).argmax(axis=1)
    assert (np.asarray(one.directions)[np.arange(5), largest] > 0).all()


def test_several_weights_count_as_one_on_top_of_the_other():
    first, second = jnp.asarray(random(4, 3)), jnp.asarray(random(4, 6, seed=1))
    together = closed_form_directions(jnp.concatenate([first, second], axis=1))
    apart = jax.jit(closed_form_directions)(first, second)
    np.testing.assert_allclose(apart.directions, together.directions, atol=1e-5)
    # Added up, the eigenvalue problems of both are that of the whole.
    energy = np.asarray(first @ first.T + second @ second.T)
    values = np.linalg.eigvalsh(energy)[::-1]
    np.testing.assert_allclose(np.square(apart.strengths), values, rtol=1e-4)


def test_half_precision_is_widened():
    found = closed_form_directions(jnp.asarray(random(3, 4), jnp.bfloat16))
    assert found.directions.dtype == found.strengths.dtype == jnp.float32


@pytest.mark.parametrize("shapes", [[], [(3,)], [(3, 0)], [(3, 2), (4, 2)]])
def test_weights_that_are_none_are_refused(shapes):
    with pytest.raises(ValueError, match=r"must be one or more \[D, F\] of one D"):
        closed_form_directions(*map(jnp.zeros, shapes))


def test_vectors_move_along_each_direction():
    vectors, directions, amounts = random(2, 3), random(4, 3, seed=1), random(4, 5, seed=2)
    result = moved(*map(jnp.asarray, (vectors, directions, amounts)))
    assert result.shape == (4, 2, 5, 3)
    expected = vectors[1] + amounts[3, 2] * directions[3]
    np.testing.assert_allclose(result[3, 1, 2], expected, rtol=1e-5)


def test_only_the_chosen_layers_move():
    vectors, directions = jnp.asarray(random(2, 3, 4)), jnp.eye(4)[:1]
    result = moved(vectors, directions, jnp.ones((1, 1)), layers=(0, 2))[0, :, 0]
    step = np.zeros((3, 4))
    step[[0, 2], 0] = 1
    np.testing.assert_allclose(result - vectors, np.broadcast_to(step, (2, 3, 4)), atol=1e-6)
    everywhere = moved(vectors, directions, jnp.ones((1, 1)))[0, :, 0]
    assert (everywhere[:, 1] != vectors[:, 1]).any()


@pytest.mark.parametrize(
    ("shapes", "layers", "message"),
    [
        ([(3,), (1, 3), (1, 1)], None, r"vectors must be \[S, D\]"),
        ([(2, 3), (1, 2), (1, 1)], None, r"vectors must be \[S, D\]"),
        ([(2, 3), (1, 3), (2, 1)], None, r"vectors must be \[S, D\]"),
        ([(2, 3), (1, 3), (1, 1)], (0,), "have none"),
        ([(2, 2, 3), (1, 3), (1, 1)], (2,), "layers has 2: they must be from 0 to 1"),
    ],
)
def test_moves_that_do_not_fit_are_refused(shapes, layers, message):
    with pytest.raises(ValueError, match=message):
        moved(*map(jnp.zeros, shapes), layers=layers)


class Convolved(nn.Module):
    """Takes latents through a convolution, as maps."""

    @nn.compact
    def __call__(self, latents, labels=None, *, train, axis_name=None):
        maps = nn.Conv(3, (1, 1))(latents[:, None, None, :])
        return nn.Dense(4)(maps.reshape(len(latents), -1))


class LabelsFirst(nn.Module):
    """Has a dense layer that sees no latents before the one that does."""

    @nn.compact
    def __call__(self, latents, labels, *, train, axis_name=None):
        embedding = nn.Dense(6, name="of_labels")(jax.nn.one_hot(labels, 8))
        return nn.Dense(4, name="of_latents")(jnp.concatenate([latents, embedding], axis=1))


def found_in(module, *labels, dimension=5):
    """Return the weights that are found, and all parameters."""
    latents = jnp.asarray(random(1, dimension), jnp.float32)

    def start(key):
        return train.create_player(key, module, optax.sgd(0.1), latents, *labels)

    player = jax.jit(start)(jax.random.key(0))
    network = train.Network(player, train=False)
    return first_weights(lambda given: network(given, *labels), latents), player.params


LABELS = (jnp.zeros(1, jnp.int32),)


@pytest.mark.parametrize(
    ("module", "labels", "name"),
    [
        (mlp.Generator((2, 2, 1), features=(6, 6)), (), "Dense_0"),
        (mlp.Generator((2, 2, 1), features=(6, 6), num_classes=3), LABELS, "Dense_0"),
        (mlp.Generator((2, 2, 1), features=(6,), dtype="bfloat16"), (), "Dense_0"),
        (dcgan.Generator(base=2, features=(4, 4), num_classes=3), LABELS, "Dense_0"),
        (LabelsFirst(), LABELS, "of_latents"),
    ],
    ids=["mlp", "mlp with labels", "mlp in bfloat16", "dcgan with labels", "labels first"],
)
def test_the_first_weights_are_those_of_the_latents(module, labels, name):
    weights, params = found_in(module, *labels)
    np.testing.assert_array_equal(weights, params[name]["kernel"][:5])


def test_the_first_weights_may_be_of_a_spectral_layer():
    weights, params = found_in(mlp.Generator((2, 2, 1), features=(6,), dense=layers.SpectralDense))
    kernels = [leaf for leaf in jax.tree.leaves(params) if leaf.shape == (5, 6)]
    np.testing.assert_array_equal(weights, kernels[0])


def test_latents_that_no_dense_layer_takes_have_no_first_weights():
    assert found_in(Convolved())[0] is None
