"""Residual networks in tests: random variables, and numbers of parameters by the papers' tables."""

import itertools
from functools import partial

import jax
import numpy as np


def variables(module, *inputs, dtype=np.float32):
    """Return random numbers where initial ones would take a compilation; statistics are 1."""
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(partial(module.init, train=False), jax.random.key(0), *inputs)

    def filled(path, leaf):
        ones = path[0].key == "batch_stats"
        return np.ones(leaf.shape, dtype) if ones else draw(leaf.shape)

    def draw(shape):
        return (random.normal(size=shape) / 3).astype(dtype)

    return jax.tree.map_with_path(filled, shapes)


def counted(tree):
    """Count what there is."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def conv(side, channels, features):
    """Count the weights and biases of a convolution."""
    return side**2 * channels * features + features


def attention(channels):
    """Queries and keys of an eighth of the channels, values of a half, and back; and gamma."""
    return 2 * channels * (channels // 8) + 2 * channels * (channels // 2) + 1


def blocks(widths, conditions, *, spare=(), wide=True):
    """Count the parameters of residual blocks from one width to the next.

    `conditions` is how many numbers make each gain and each bias: 1 in a plain normalisation, the
    number of classes in a table, the length of a vector in a linear map, 0 without normalisations.
    Blocks of `spare` have no convolution in the shortcut. Those that are not `wide` change their
    width at the second convolution, but for the first block.
    """
    total = 0
    for index, (channels, features) in enumerate(itertools.pairwise(widths)):
        hidden = features if wide or not index else channels
        total += conv(3, channels, hidden) + conv(3, hidden, features)
        total += 0 if index in spare else conv(1, channels, features)
        total += 2 * conditions * (channels + hidden)
    return total


def generator(base, widths, *, latents=128, conditions=1, channels=3):
    """Count a dense layer, blocks, a normalisation, and the convolution that makes pixels."""
    first, last = base**2 * widths[0], widths[-1]
    dense = latents * first + first
    return dense + blocks(widths, conditions) + 2 * last + conv(3, last, channels)


def discriminator(widths, *, spare=(), classes=0, wide=True):
    """Count blocks, a dense layer, and a table of classes. The widths begin with the image's."""
    last = widths[-1]
    return blocks(widths, 0, spare=spare, wide=wide) + last + 1 + classes * last
