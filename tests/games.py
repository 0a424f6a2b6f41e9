"""Small games that the tests of training share."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gan_jax import layers, losses, penalties, train
from gan_jax.models import dcgan, mlp


class Point(nn.Module):
    """The Dirac-GAN's generator: all its samples are one point `theta`."""

    start: float = 1.0

    @nn.compact
    def __call__(self, latents, *, train, axis_name=None):
        theta = self.param("theta", nn.initializers.constant(self.start), ())
        return jnp.broadcast_to(theta, (latents.shape[0], 1))


class Slope(nn.Module):
    """The Dirac-GAN's discriminator: `D(x) = psi x`."""

    start: float = 0.5

    @nn.compact
    def __call__(self, sample, *, train, axis_name=None):
        psi = self.param("psi", nn.initializers.constant(self.start), ())
        return psi * sample[:, 0]


def dirac_state(key, *, learning_rate=0.1, ema=False):
    """Put the Dirac-GAN at theta = 1, psi = 1/2."""
    sgd = optax.sgd(learning_rate)
    return train.create_state(
        key,
        train.create_player(key, Point(), sgd, jnp.zeros((1, 1)), ema=ema),
        train.create_player(key, Slope(), sgd, jnp.zeros((1, 1))),
    )


def dirac_batch(size=4):
    """All reals are at 0."""
    return {"real": jnp.zeros((size, 1))}


dirac_fake = train.unconditional(train.normal_prior(1))


def image_game(*, conditional=False, batch_norm=True, optimizer=None):
    """Return `(create, wiring, shown)` of a small convolutional game on 8x8 images."""
    norm = layers.batch_norm if batch_norm else layers.no_norm
    classes = 3 if conditional else 0
    generator = dcgan.Generator(base=2, features=(8, 4), num_classes=classes, norm=norm)
    discriminator = dcgan.Discriminator(features=(4, 8), num_classes=classes, norm=norm)
    return _game(generator, discriminator, (8, 8, 1), conditional, optimizer)


def dense_game(*, conditional=False, optimizer=None):
    """Return `(create, wiring, shown)` of a small dense game on 4x4 images."""
    classes = 3 if conditional else 0
    generator = mlp.Generator((4, 4, 1), features=(8,), num_classes=classes)
    discriminator = mlp.Discriminator(features=(8,), num_classes=classes)
    return _game(generator, discriminator, (4, 4, 1), conditional, optimizer)


def _game(generator, discriminator, shape, conditional, optimizer):
    optimizer = optimizer or optax.sgd(0.01)
    labels = (jnp.zeros(1, jnp.int32),) if conditional else ()

    @jax.jit
    def create(key):
        keys = jax.random.split(key, 3)
        return train.create_state(
            keys[0],
            train.create_player(
                keys[1], generator, optimizer, jnp.zeros((1, 5)), *labels, ema=True
            ),
            train.create_player(keys[2], discriminator, optimizer, jnp.zeros((1, *shape)), *labels),
        )

    wiring = train.conditional if conditional else train.unconditional
    return create, wiring(train.normal_prior(5)), train.with_labels if conditional else train.alone


def image_batch(key, size=16, shape=(8, 8, 1)):
    """Return random images with labels."""
    image_key, label_key = jax.random.split(key)
    return {
        "real": jax.random.uniform(image_key, (size, *shape), minval=-1.0, maxval=1.0),
        "label": jax.random.randint(label_key, (size,), 0, 3),
    }


def rich_step(fake, shown, *, gradient_penalty=False):
    """Return a train step that uses every part: batch-wide loss, penalties, repeats, average."""
    loss = losses.relativistic_average
    terms = [penalties.weighted(0.1, penalties.r1_penalty), penalties.r2_penalty]
    if gradient_penalty:
        terms.append(penalties.weighted(0.1, penalties.gradient_penalty))
    return train.make_train_step(
        train.repeat(2, train.discriminator_step(loss, fake, shown=shown, penalties=terms)),
        train.last_slice(2, train.generator_step(loss, fake, shown=shown)),
        train.ema_step(0.9),
    )


def difference(a, b):
    """Return the largest difference between two trees of numbers."""

    def numbers(leaf):
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf, np.float64)

    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return max((float(np.max(np.abs(numbers(x) - numbers(y)))) for x, y in pairs), default=0.0)
