"""What a StyleGAN2 generator may be given, and the priors that draw it.

| `generator(...)` of | returns |
|---|---|
| latents, floats [B, Z] | images of one style each, without noise |
| `StyleInputs(latents, ...)` | images, with mixed styles, noise or truncation |
| `StylesOf(latents or StyleInputs)` | the `Styles` those images would be made of |
| `Styles(styles, noise_key)` | images of styles that are given |

So `generator(generator(StylesOf(inputs)))` is `generator(inputs)`: in between, styles can be mixed,
walked through, optimised to show a given image, or differentiated by. Priors are functions of one
example's key; over a batch they are mapped, `jax.vmap(prior)(keys)`, and fields get their axis B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import numpy as jnp

from gan_jax.typing import Array, Batch, PRNGKey, PyTree

__all__ = [
    "StyleInputs",
    "Styles",
    "StylesOf",
    "mixing_prior",
    "style_weights",
    "styles_path",
    "truncated_prior",
]

Prior = Callable[[PRNGKey], Array]


class StyleInputs(NamedTuple):
    """Latents, and what is to be done with their styles.

    Attributes:
      latents: [B, Z].
      mixed: [B, Z], latents of the styles from the crossover on; None to mix nothing.
      crossover: int32 [B], the first layer with the other style; goes with `mixed`.
      noise_key: one key per example, [B]; None for images without noise.
      truncation: [B] or a number, the paper's psi, by which styles are pulled to their tracked
        mean: 1 leaves them, 0 makes all of them the mean; None is 1.
      cutoff: int32 [B] or a number, how many of the first layers are truncated; None for all.
    """

    latents: Array
    mixed: Array | None = None
    crossover: Array | None = None
    noise_key: Array | None = None
    truncation: Array | float | None = None
    cutoff: Array | int | None = None


class Styles(NamedTuple):
    """Styles themselves.

    Attributes:
      styles: [B, D], or [B, L, D] with a style for each of the generator's L layers.
      noise_key: one key per example, [B]; None for images without noise.
    """

    styles: Array
    noise_key: Array | None = None


class StylesOf(NamedTuple):
    """Ask for the styles of inputs instead of images.

    Attributes:
      inputs: latents [B, Z] or `StyleInputs`.
    """

    inputs: Array | StyleInputs


def mixing_prior(
    prior: Prior, *, layers: int, probability: float = 0.9
) -> Callable[[PRNGKey], StyleInputs]:
    """Draw what a generator is trained on: latents, other ones to mix with them, and noise.

    With the given probability the layers from a crossover on, uniform from 1 to `layers - 1`, get
    the style of other latents. Every example has its own; NVIDIA's code draws one for a batch.

    Args:
      prior: draws one example's latents.
      layers: how many layers have a style, `generator.layers`.
      probability: of mixing; with 0 no other latents are drawn.

    Returns:
      A function from one key to `StyleInputs`.

    Raises:
      ValueError: the probability is not in [0, 1], or there are fewer than two layers.

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1812.04948, section 3.1.
    """
    if not 0 <= probability <= 1 or layers < 2:
        raise ValueError(
            f"mixing_prior: probability {probability} must be in [0, 1] and layers {layers} at "
            "least 2"
        )

    def draw(key: PRNGKey) -> StyleInputs:
        latent_key, mixed_key, choice_key, crossover_key, noise_key = jax.random.split(key, 5)
        inputs = StyleInputs(prior(latent_key), noise_key=noise_key)
        if not probability:
            return inputs
        crossover = jax.random.randint(crossover_key, (), 1, layers)
        mixes = jax.random.bernoulli(choice_key, probability)
        return inputs._replace(
            mixed=prior(mixed_key), crossover=jnp.where(mixes, crossover, layers)
        )

    return draw


def truncated_prior(
    prior: Prior, truncation: float | Array, *, cutoff: int | Array | None = None
) -> Callable[[PRNGKey], StyleInputs]:
    """Draw latents and noise for samples whose styles are pulled to their mean.

    Args:
      prior: draws one example's latents.
      truncation: the paper's psi: less variety for more fidelity, the smaller it is.
      cutoff: how many of the first layers are truncated; None for all.

    Returns:
      A function from one key to `StyleInputs`.

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1812.04948, appendix B.
    """

    def draw(key: PRNGKey) -> StyleInputs:
        latent_key, noise_key = jax.random.split(key)
        return StyleInputs(
            prior(latent_key), noise_key=noise_key, truncation=truncation, cutoff=cutoff
        )

    return draw


def style_weights(params: PyTree) -> list[Array]:
    """Return the weights that each layer's style is multiplied by first.

    Args:
      params: of a `Generator`.

    Returns:
      One matrix [D, F] for each of the L layers. The last one is that of the last image; those of
      smaller sizes take the style of the layer after them, whose matrix stands for both.
    """
    sides = sorted(int(name.removeprefix("conv")) for name in params if name.startswith("conv"))
    names = [name for side in sides for name in (f"up{side}", f"conv{side}")][1:]
    names.append(f"image{sides[-1]}")
    return [params[name]["conv"]["affine"]["kernel"] for name in names]


def styles_path(
    fake: Callable[[Callable[..., Any], Batch, Array], Any],
) -> Callable[[Callable[..., Any], Batch, Array], tuple[Callable[[Array], Array], Array]]:
    """Make the path along which path lengths are measured: from styles to images.

    Args:
      fake: how a fake is made, `(generator, batch, keys) -> images`, as in training.

    Returns:
      A function `(generator, batch, keys) -> (styles -> images, styles)` with styles [B, L, D],
      which `train.path_length_step` takes.

    Reference:
      Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2019,
      https://arxiv.org/abs/1912.04958, section 3.2.
    """

    def path(
        generator: Callable[..., Any], batch: Batch, keys: Array
    ) -> tuple[Callable[[Array], Array], Array]:
        def mapped(inputs: Any, *labels: Array) -> Styles:
            return generator(StylesOf(inputs), *labels)

        styles, noise_key = fake(mapped, batch, keys)
        return lambda styles: generator(Styles(styles, noise_key)), styles

    return path
