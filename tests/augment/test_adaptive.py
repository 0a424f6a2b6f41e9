"""Adaptive augmentation: exact where nothing happens, one warp, and what it can and cannot leak."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import (
    BLITTING,
    COLOR,
    GEOMETRY,
    adapt_probability,
    adaptive_augment,
    contrast,
    flip,
    integer_translation,
    luma_flip,
    quarter_turn,
    recolor,
    warp,
)
from gan_jax.augment.common import product

LATTICE = dict(geometry=(), color=())
COLOURS = dict(blitting=(), geometry=())


def _image(shape=(8, 8, 3), dtype=np.float32):
    image = np.random.default_rng(0).uniform(-1, 1, shape).astype(dtype)
    image[0, 0] = -0.0
    return jnp.asarray(image)


def _many(augment, image, number, seed=0):
    keys = jax.random.split(jax.random.key(seed), number)
    return np.asarray(jax.jit(jax.vmap(augment, in_axes=(0, None)))(keys, image))


@jax.jit
def _adaptive(probability, image):
    """Augment an image with 64 keys, compiled once for all tests."""
    keys = jax.random.split(jax.random.key(0), 64)
    return jax.vmap(adaptive_augment(probability), in_axes=(0, None))(keys, image)


def test_at_probability_0_the_image_comes_back_bit_by_bit():
    image, grey = _image(), _image((6, 10, 1)).astype(jnp.bfloat16)
    for output in _adaptive(0.0, image):
        assert output.tobytes() == np.asarray(image).tobytes()
    output = adaptive_augment(0)(jax.random.key(0), grey)
    assert np.asarray(output).tobytes() == np.asarray(grey).tobytes()


def test_an_image_for_which_nothing_was_executed_comes_back_bit_by_bit():
    image = _image()
    same = (np.asarray(_adaptive(0.1, image)) == np.asarray(image)).all(axis=(1, 2, 3))
    # The chance is 0.9^9 0.95^2 0.925 = 0.32 and more, as some shifts are by no pixel.
    assert 12 < same.sum() < 32


def test_blitting_copies_pixels():
    shape = (8, 12, 3)
    image = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    outputs = _many(adaptive_augment(1.0, **LATTICE), image, 50)
    pixels = {tuple(pixel) for pixel in np.asarray(image).reshape(-1, shape[2])}
    assert {tuple(pixel) for pixel in outputs.reshape(-1, shape[2])} <= pixels
    distinct = {output.tobytes() for output in outputs}
    assert len(distinct) > 10


def test_blits_alone_are_exact_among_all_groups():
    # No draw of the geometry is executed, so the warp must not touch the image.
    never = (lambda key, size: jnp.eye(3),) * 2
    image = _image()
    with_warp = _many(adaptive_augment(0.7, geometry=never, color=()), image, 20)
    without = _many(adaptive_augment(0.7, **LATTICE), image, 20)
    np.testing.assert_array_equal(with_warp, without)


def test_the_moves_are_made_in_order_in_one_warp_and_then_the_colours():
    image = _image()

    @jax.jit
    @jax.vmap
    def by_hand(key):
        blit_key, warp_key, color_key = jax.random.split(key, 3)
        blits = product(BLITTING, blit_key, 0.9, (8, 8))
        moves = product(GEOMETRY, warp_key, 0.9, (8, 8))
        colours = product(COLOR[::-1], color_key, 0.9)
        return recolor(warp(image, blits @ moves), colours)

    expected = by_hand(jax.random.split(jax.random.key(0), 64))
    np.testing.assert_allclose(_adaptive(0.9, image), expected, atol=1e-4)


def test_the_first_blit_is_the_first_to_be_made(key):
    # A flip of the shifted image would shift the other way.
    def shift(key, size):
        return jnp.array([[1.0, 0, -2], [0, 1, 0], [0, 0, 1]])

    def mirror(key, size):
        return jnp.diag(jnp.array([-1.0, 1, 1]))

    image = _image((4, 12, 1))
    output = adaptive_augment(1.0, blitting=(mirror, shift), geometry=(), color=())(key, image)
    np.testing.assert_array_equal(output[:, 2:], image[:, ::-1][:, :-2])


def test_the_first_colour_is_the_first_to_change(key):
    def add(key):
        return jnp.eye(4).at[:3, 3].set(1.0)

    def double(key):
        return jnp.diag(jnp.array([2.0, 2, 2, 1]))

    image = _image((2, 2, 3))
    output = adaptive_augment(1.0, blitting=(), geometry=(), color=(add, double))(key, image)
    np.testing.assert_allclose(output, 2 * (image + 1), rtol=1e-6)


def test_other_constants_are_partials_of_the_operations():
    image = jnp.ones((4, 4, 1))
    tame = adaptive_augment(
        1.0, blitting=(), geometry=(), color=(partial(contrast, deviation=0.01),)
    )
    outputs = _many(tame, image, 20)
    assert 0 < np.abs(outputs - 1).max() < 0.05


def test_all_groups_left_out_leave_the_image(key):
    image = _image()
    assert adaptive_augment(1.0, blitting=(), geometry=(), color=())(key, image) is image


def test_examples_are_augmented_independently_but_alike_for_any_image():
    reals, fakes = _image((6, 8, 8, 3)), -_image((6, 8, 8, 3))
    keys = jax.random.split(jax.random.key(1), 6)
    augment = jax.jit(jax.vmap(adaptive_augment(0.8, blitting=(), geometry=())))
    of_reals, of_fakes = augment(keys, reals), augment(keys, fakes)
    # Affine with the same matrix: the mean of both is the image of the mean, which is zero.
    np.testing.assert_allclose((of_reals + of_fakes) / 2, augment(keys, 0 * reals), atol=1e-6)
    changes = np.asarray(of_reals - reals).reshape(6, -1)
    assert len({change.tobytes() for change in changes}) == 6


def _operators(operation, number=4000):
    """Return what the implementation does to each of the four images with one pixel, by key."""
    basis = jnp.eye(4).reshape(4, 2, 2, 1)
    keys = jax.random.split(jax.random.key(2), number)

    @jax.jit
    def operators(probability):
        augment = adaptive_augment(probability, blitting=(operation,), geometry=(), color=())
        return jax.vmap(jax.vmap(augment, (None, 0)), (0, None))(keys, basis)

    return lambda probability: np.asarray(operators(probability)).reshape(number, 4, 4)


@pytest.mark.parametrize("operation", [flip, quarter_turn])
def test_a_group_of_moves_leaks_nothing_as_long_as_the_probability_is_below_1(operation):
    # The distribution of augmented images is T = (1 - p) I + p (mean over the group) of that of
    # the images. Its eigenvalues are 1 on what the group leaves alone and 1 - p on all else, so
    # images and augmented images determine each other for p < 1, and no more at p = 1.
    operators = _operators(operation)
    outcomes, counts = np.unique(operators(1.0), axis=0, return_counts=True)
    order = {flip: 2, quarter_turn: 4}[operation]
    assert len(outcomes) == order
    mean = outcomes.mean(axis=0)
    np.testing.assert_allclose(mean @ mean, mean, atol=1e-12)  # a group: the mean projects
    assert np.abs(counts / 4000 - 1 / order).max() < 4 * np.sqrt(0.25 / 4000)
    lost = {flip: 2, quarter_turn: 3}[operation]
    for probability in (0.3, 0.8):
        exact = (1 - probability) * np.eye(4) + probability * mean
        np.testing.assert_allclose(np.linalg.det(exact), (1 - probability) ** lost, atol=1e-9)
        sampled = operators(probability).mean(axis=0)
        np.testing.assert_allclose(sampled, exact, atol=4 * np.sqrt(0.25 / 4000))
        assert np.linalg.svd(sampled)[1].min() > 0.8 * (1 - probability)
    singular_values = np.linalg.svd(mean)[1]
    np.testing.assert_allclose(singular_values, [1] * (4 - lost) + [0] * lost, atol=1e-9)


def test_luma_flips_leak_nothing_below_1_and_the_sign_of_the_luma_at_1():
    image = jnp.ones((1, 1, 1))
    for probability, mean in ((0.5, 0.5), (1.0, 0.0)):
        augment = adaptive_augment(probability, blitting=(), geometry=(), color=(luma_flip,))
        outputs = _many(augment, image, 4000)
        assert abs(outputs.mean() - mean) < 4 / np.sqrt(4000)


def test_probability_moves_by_the_published_step_and_stays_one():
    rule = partial(adapt_probability, batch_size=64)
    step = 64 * 4 / 500_000
    assert float(rule(0.2, 0.9)) == pytest.approx(0.2 + step)
    assert float(rule(0.2, -1.0)) == pytest.approx(0.2 - step)
    assert float(rule(0.2, 0.5, target=0.4)) == pytest.approx(0.2 + step)
    assert float(rule(0.2, 0.5, target=0.5)) == pytest.approx(0.2)
    assert float(rule(0.2, 0.9, interval=1, images=640)) == pytest.approx(0.3)
    assert float(rule(0.0, 0.1)) == 0
    assert float(rule(1.0, 0.9)) == 1
    assert float(rule(0.9999, 0.9)) == 1


def test_the_probability_is_adapted_and_used_while_traced():
    image = _image()

    def body(probability, key):
        probability = adapt_probability(probability, 1.0, batch_size=64, images=512)
        return probability, (probability, adaptive_augment(probability, **COLOURS)(key, image))

    keys = jax.random.split(jax.random.key(0), 3)
    last, (probabilities, outputs) = jax.lax.scan(body, jnp.array(0.0), keys)
    np.testing.assert_allclose(probabilities, [0.5, 1.0, 1.0])
    assert float(last) == 1
    for probability, key, output in zip(probabilities, keys, outputs, strict=True):
        expected = adaptive_augment(float(probability), **COLOURS)(key, image)
        np.testing.assert_allclose(output, expected, atol=1e-6)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), np.float32(2)])
def test_what_is_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], got"):
        adaptive_augment(probability)
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], got"):
        adapt_probability(probability, 0.5, batch_size=8)


@pytest.mark.parametrize("name", ["batch_size", "interval", "images"])
def test_counts_that_are_not_positive_are_refused(name):
    with pytest.raises(ValueError, match=f"adapt_probability: {name} must be positive, got 0"):
        adapt_probability(0.5, 0.5, **{"batch_size": 8, name: 0})


def test_colours_need_one_or_three_channels_and_moves_do_not(key):
    image = jnp.zeros((4, 4, 2))
    with pytest.raises(ValueError, match="1 or 3 channels, got 2"):
        adaptive_augment(0.5, **COLOURS)(key, image)
    moves = adaptive_augment(0.5, blitting=(integer_translation,), geometry=(), color=())
    assert moves(key, image).shape == image.shape
