"""Pix2Pix in play: noise that is an input, and steps that take logits of patches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import layers, losses, penalties, train
from gan_jax.models import pix2pix
from tests import residual_networks
from tests.models.test_compiled import slow_patterns

KEYS = jax.random.split(jax.random.key(5), 4)


def ones(scale, features):
    """Return a convolution's stand-in, that resizes maps and makes ones of them."""

    def run(maps):
        batch, height, width, _ = maps.shape
        return jnp.ones((batch, int(scale * height), int(scale * width), features))

    return run


@jax.jit
def dropped(noise):
    """Return the maps of the second half of a U-Net whose convolutions make ones of all numbers."""
    seen = []

    def up(features, **how):
        def run(maps):
            seen.append(maps[..., 8:])  # without the map of the first half, which comes first
            return ones(2, features)(maps)

        return run

    generator = pix2pix.Generator(
        (8,) * 5,
        norm=layers.no_norm,
        conv=lambda features, **how: ones(1 / 2, features),
        conv_transpose=up,
    )
    source = jnp.ones((4 if noise is None else len(noise), 128, 128, 1))
    generator.apply({}, source, noise, train=True)
    return seen[1:]


def agree(first, second):
    """Tell whether two masks agree as coins do."""
    return 0.4 < np.mean(first == second) < 0.6


def test_dropout_keeps_half_and_doubles_it_in_the_three_innermost_blocks():
    *inner, outer = map(np.asarray, dropped(KEYS))
    assert [maps.shape[1] for maps in (*inner, outer)] == [8, 16, 32, 64]
    for maps in inner:
        assert set(np.unique(maps)) == {0, 2}
        assert abs(float(maps.mean()) - 1) < 0.1
        # Independent by example, by row, by column and by channel.
        for axis in range(4):
            assert agree(*np.split(maps, 2, axis))
    assert agree(*(maps[0].ravel()[:512] for maps in inner[:2]))
    np.testing.assert_array_equal(outer, 1)
    assert all((maps == 1).all() for maps in dropped(None))


def test_an_example_has_noise_of_its_own_whatever_the_batch():
    masks = dropped(KEYS)
    parts = jax.vmap(dropped)(KEYS.reshape(2, 2))
    for again, turned, split, here in zip(
        dropped(KEYS), dropped(KEYS[::-1]), parts, masks, strict=True
    ):
        np.testing.assert_array_equal(again, here)
        np.testing.assert_array_equal(turned[::-1], here)
        np.testing.assert_array_equal(split.reshape(here.shape), here)


def test_noise_makes_different_images_of_one_source():
    generator = pix2pix.Generator((4, 4), norm=layers.no_norm)
    source = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).repeat(4, axis=0).astype("f4")
    variables = residual_networks.variables(generator, source)
    run = jax.jit(partial(generator.apply, train=False))
    images = run(variables, source, KEYS)
    assert not np.allclose(images[0], images[1], atol=1e-3)
    plain = run(variables, source)
    np.testing.assert_allclose(plain[0], plain[1], atol=1e-6)


def test_masks_are_the_same_in_every_precision():
    run = lambda dtype: pix2pix._dropout(jnp.ones((4, 3, 3, 2), dtype), KEYS)
    single, half = run(jnp.float32), jax.eval_shape(partial(run, jnp.bfloat16))
    with jax.enable_x64(True):
        double = run(jnp.float64)
    assert (single.dtype, half.dtype, double.dtype) == (jnp.float32, jnp.bfloat16, jnp.float64)
    np.testing.assert_array_equal(single, double)


def translated(generator, batch, keys):
    return generator(batch["source"], keys)


def beside_the_source(discriminator, sample, batch):
    return discriminator(jnp.concatenate([batch["source"], sample], axis=-1))


def distance(*, real, fake, **_):
    return jnp.mean(jnp.abs(real - fake), axis=(1, 2, 3))


def game(loss, *terms):
    """Return a training step, how a state is made, and a batch of the paper's game, small."""
    generator = pix2pix.Generator((4, 4), channels=2)
    discriminator = pix2pix.Discriminator((16,), 1, norm=layers.instance_norm)
    step = train.make_train_step(
        train.discriminator_step(loss, translated, shown=beside_the_source, penalties=terms),
        train.generator_step(loss, translated, shown=beside_the_source, terms=(distance,)),
    )
    random = np.random.default_rng(1)
    source, real = (random.normal(size=(4, 16, 24, count)).astype("f4") for count in (3, 2))

    def create():
        started = (
            (generator, source[:1]),
            (discriminator, np.concatenate([source, real], axis=-1)[:1]),
        )
        key, sgd = jax.random.key(0, impl="rbg"), optax.sgd(0.1)
        players = (train.create_player(key, network, sgd, inputs) for network, inputs in started)
        return train.create_state(jax.random.key(1), *players)

    return step, create, {"source": source, "real": real}


def test_a_step_is_the_same_on_two_devices_and_holds_no_slow_convolution():
    _, create, batch = game(losses.non_saturating)
    state = jax.jit(create)()
    learn = train.generator_step(
        losses.non_saturating, translated, shown=beside_the_source, terms=(distance,)
    )
    step = train.make_train_step(learn)
    run = jax.jit(step).lower(state, batch).compile()
    assert slow_patterns(run.as_text()) == []
    alone, metrics = run(state, batch)
    assert set(metrics) == {"distance", "generator_loss", "generator_gradient_norm"}

    halves = jax.tree.map(lambda leaf: leaf.reshape(2, 2, *leaf.shape[1:]), batch)
    many = jax.vmap(partial(step, axis_name="batch"), axis_name="batch", in_axes=(None, 0))
    together, others = jax.jit(many)(state, halves)
    for name, value in metrics.items():
        np.testing.assert_allclose(others[name], value, rtol=1e-4, err_msg=name)
    for tree in ("params", "model_state"):
        leaves = (getattr(s.generator, tree) for s in (state, alone, together))
        for before, one, two in zip(*map(jax.tree.leaves, leaves), strict=True):
            assert not np.array_equal(before, one)
            np.testing.assert_allclose(two[0], one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", [losses.relativistic, losses.relativistic_average, losses.hinge])
def test_losses_and_penalties_take_logits_of_patches(loss):
    step, create, batch = game(loss, penalties.gradient_penalty, penalties.r1_penalty)
    metrics = jax.eval_shape(step, jax.eval_shape(create), batch)[1]
    assert {value.shape for value in metrics.values()} == {()}
