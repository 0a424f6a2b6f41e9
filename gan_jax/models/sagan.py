"""SAGAN: residual networks with self-attention, spectral normalisation in both players.

They are the networks of `gan_jax.models.resnet`, as the authors' code builds them: the
discriminator widens at the first convolution of a block, and no initializer is larger than
Glorot's. `attention_at` says which maps pass the attention.

Reference:
  Zhang et al., Self-Attention Generative Adversarial Networks, 2018,
  https://arxiv.org/abs/1805.08318
"""

from __future__ import annotations

from functools import partial

from gan_jax.layers import ProjectionHead, SpectralConv, SpectralDense, SpectralEmbed
from gan_jax.models import resnet
from gan_jax.models.residual import glorot_init

__all__ = [
    "Discriminator",
    "Discriminator32",
    "Discriminator64",
    "Discriminator128",
    "Generator",
    "Generator32",
    "Generator64",
    "Generator128",
]

Generator = partial(
    resnet.Generator, conv=SpectralConv, dense=SpectralDense, kernel_init=glorot_init
)
Discriminator = partial(
    resnet.Discriminator,
    wide=True,
    conv=SpectralConv,
    head=partial(ProjectionHead, dense=SpectralDense, embed=SpectralEmbed),
    kernel_init=glorot_init,
)

# The paper's are for 128; the smaller ones are SNGAN's with its additions.
Generator32 = partial(Generator, base=4, features=(256,) * 4, attention_at=(16,))
Generator64 = partial(Generator, base=4, features=(1024, 512, 256, 128, 64), attention_at=(32,))
Generator128 = partial(
    Generator, base=4, features=(1024, 1024, 512, 256, 128, 64), attention_at=(32,)
)
Discriminator32 = partial(Discriminator, features=(128,) * 4, halvings=2, attention_at=(16,))
Discriminator64 = partial(
    Discriminator, features=(64, 128, 256, 512, 1024), halvings=5, attention_at=(32,)
)
Discriminator128 = partial(
    Discriminator, features=(64, 128, 256, 512, 1024, 1024), halvings=5, attention_at=(32,)
)
