"""StyleGAN2: latents are mapped to styles, which scale the weights of every convolution.

The networks of the paper's configuration F, as NVIDIA's code defines them: a generator whose maps
of every size add to the image, and a residual discriminator. `Generator(1024)` and
`Discriminator()` have its sizes; those with a number in their name are small. What a generator may
be given is told in `gan_jax.models.stylegan2.inputs`.

```python
generator, discriminator = stylegan2.Generator32(), stylegan2.Discriminator32()
prior = stylegan2.mixing_prior(train.normal_prior(128), layers=generator.layers)
fake = train.unconditional(prior)
path = stylegan2.styles_path(fake)  # for train.path_length_step
```

Reference:
  Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
  https://arxiv.org/abs/1912.04958
"""

from gan_jax.models.stylegan2.discriminator import (
    Discriminator,
    Discriminator28,
    Discriminator32,
)
from gan_jax.models.stylegan2.generator import (
    Generator,
    Generator28,
    Generator32,
)
from gan_jax.models.stylegan2.inputs import (
    StyleInputs,
    Styles,
    StylesOf,
    mixing_prior,
    style_weights,
    styles_path,
    truncated_prior,
)
from gan_jax.models.stylegan2.mapping import Mapping

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "Generator",
    "Generator28",
    "Generator32",
    "Mapping",
    "StyleInputs",
    "Styles",
    "StylesOf",
    "mixing_prior",
    "style_weights",
    "styles_path",
    "truncated_prior",
]
