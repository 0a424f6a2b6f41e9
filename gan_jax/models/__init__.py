"""Networks, one file per paper; each has a `Generator`, a `Discriminator` and presets."""

from gan_jax.models import biggan, dcgan, maxout, mlp, r3gan, resnet, sagan, stylegan2

__all__ = ["biggan", "dcgan", "maxout", "mlp", "r3gan", "resnet", "sagan", "stylegan2"]
