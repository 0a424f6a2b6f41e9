"""What compiled steps may not hold: forms of convolution that run slowly on a CPU."""

import re

import jax
import jax.numpy as jnp
import optax
import pytest
from flax import linen as nn

from gan_jax import layers, losses, penalties, train
from gan_jax.models import biggan, dcgan, mlp, r3gan, stylegan2

CANONICAL = "b01f_01io->b01f"
BATCH = 8

GAMES = {
    "dcgan28": (dcgan.Generator28(), dcgan.Discriminator28(), (28, 28, 1)),
    "dcgan32": (dcgan.Generator32(), dcgan.Discriminator32(), (32, 32, 1)),
    "dcgan64": (dcgan.Generator64(), dcgan.Discriminator64(), (64, 64, 3)),
    "mlp": (mlp.Generator((28, 28, 1)), mlp.Discriminator(), (28, 28, 1)),
    "r3gan28": (r3gan.Generator28(blocks=1), r3gan.Discriminator28(blocks=1), (28, 28, 1)),
    "stylegan2": (
        stylegan2.Generator(
            8, channels=1, channel_base=128, channel_max=16, style_features=8, mapping_layers=1
        ),
        stylegan2.Discriminator(channel_base=128, channel_max=16),
        (8, 8, 1),
    ),
}


def slow_patterns(compiled_text):
    """Return the convolutions of a compiled program that XLA has no fast code for on a CPU."""
    lines = [line for line in compiled_text.splitlines() if " convolution(" in line]
    return [
        line
        for line in lines
        if "rhs_reversal" in line
        or re.search(r"(feature|batch)_group_count=", line)
        or f"dim_labels={CANONICAL}" not in line
    ]


def compiled(generator, discriminator, shape, make, *, scan):
    """Compile a training step, or a loop of three, for sizes alone: nothing is computed."""
    fake = train.unconditional(train.normal_prior(16))

    def create(key):
        players = (
            train.create_player(key, generator, optax.adam(1e-4), jnp.zeros((1, 16)), ema=True),
            train.create_player(key, discriminator, optax.adam(1e-4), jnp.zeros((1, *shape))),
        )
        return train.create_state(key, *players)

    step = train.make_train_step(*make(fake))
    leading = (3, BATCH) if scan else (BATCH,)
    state = jax.eval_shape(create, jax.random.key(0))
    batch = {"real": jax.ShapeDtypeStruct((*leading, *shape), jnp.float32)}
    run = train.scan_steps(step) if scan else step
    return jax.jit(run).lower(state, batch).compile().as_text()


def plain(fake):
    loss = losses.non_saturating
    return train.discriminator_step(loss, fake), train.generator_step(loss, fake)


def penalized(fake):
    """Use every derivative there is: gradients of gradients of both players' networks."""
    both = (penalties.r1_penalty, penalties.gradient_penalty)
    step = train.shared_forward_step(losses.relativistic, fake, penalties=both)
    return step, train.ema_step(0.99)


@pytest.mark.parametrize("scan", [False, True], ids=["step", "scan"])
@pytest.mark.parametrize("name", GAMES)
def test_steps_hold_no_slow_convolution(name, scan):
    text = compiled(*GAMES[name], plain, scan=scan)
    assert name == "mlp" or " convolution(" in text
    assert slow_patterns(text) == []


@pytest.mark.parametrize("scan", [False, True], ids=["step", "scan"])
def test_double_backpropagation_holds_no_slow_convolution(scan):
    discriminator = dcgan.Discriminator32(norm=layers.no_norm)
    text = compiled(dcgan.Generator32(), discriminator, (32, 32, 1), penalized, scan=scan)
    assert slow_patterns(text) == []


def test_residual_blocks_and_attention_hold_none():
    generator = biggan.Generator(8, (32, 16), attention_at=(16,))
    discriminator = biggan.Discriminator((16, 32), 1, attention_at=(8,))
    text = compiled(generator, discriminator, (16, 16, 3), penalized, scan=True)
    assert " convolution(" in text
    assert slow_patterns(text) == []


def test_a_population_holds_no_slow_convolution():
    layer = layers.Conv(8, (4, 4), strides=(2, 2))
    images = jnp.zeros((3, 8, 16, 16, 8))
    params = jax.vmap(lambda key: layer.init(key, images[0]))(
        jax.random.split(jax.random.key(0), 3)
    )
    gradient = jax.grad(lambda p, x: jnp.sum(layer.apply(p, x) ** 2), argnums=(0, 1))
    text = jax.jit(jax.vmap(gradient)).lower(params, images).compile().as_text()
    assert " convolution(" in text
    assert slow_patterns(text) == []


def test_the_layers_of_flax_hold_some():
    generator = dcgan.Generator28(conv_transpose=nn.ConvTranspose)
    discriminator = dcgan.Discriminator28(conv=nn.Conv)
    assert slow_patterns(compiled(generator, discriminator, (28, 28, 1), plain, scan=False))
