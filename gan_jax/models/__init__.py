"""Networks, one file per paper; each has a `Generator`, a `Discriminator` and presets."""

from gan_jax.models import (
    biggan,
    cyclegan,
    dcgan,
    maxout,
    mlp,
    pix2pix,
    r3gan,
    resnet,
    sagan,
    srgan,
    stylegan2,
)

__all__ = [
    "biggan",
    "cyclegan",
    "dcgan",
    "maxout",
    "mlp",
    "pix2pix",
    "r3gan",
    "resnet",
    "sagan",
    "srgan",
    "stylegan2",
]
