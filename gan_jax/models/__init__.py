"""Networks, one file per paper; each has a `Generator`, a `Discriminator` and presets."""

from gan_jax.models import dcgan, mlp

__all__ = ["dcgan", "mlp"]
