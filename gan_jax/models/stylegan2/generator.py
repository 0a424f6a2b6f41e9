"""The generator of StyleGAN2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from flax import linen as nn
from jax import lax
from jax import numpy as jnp
from jax.nn.initializers import normal, zeros
from jax.typing import DTypeLike

from gan_jax.layers import ModulatedConv, upsample
from gan_jax.layers.conditioning import check_features, checked_labels
from gan_jax.models.stylegan2.common import leaky_relu, map_sides, map_width
from gan_jax.models.stylegan2.inputs import StyleInputs, Styles, StylesOf
from gan_jax.models.stylegan2.mapping import Mapping
from gan_jax.typing import Array

__all__ = [
    "Generator",
    "Generator28",
    "Generator32",
    "StyledConv",
    "ToImage",
]

STYLE_STATS = "style_stats"


class StyledConv(nn.Module):
    """Convolve with weights that a style scales, add noise and a bias, and rectify.

    Attributes:
      features: channels that go out.
      upsample_taps: taps of the filter of a convolution that doubles the size, None for another.
      dtype: what the convolution computes in; that of the operands if None.
    """

    features: int
    upsample_taps: Sequence[float] | None = None
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, styles: Array, noise_keys: Array | None) -> Array:
        """Return the next maps.

        Args:
          maps: [B, H, W, I].
          styles: [B, D].
          noise_keys: one key per example, [B], or None for no noise.

        Returns:
          [B, H, W, features], or twice as high and wide.
        """
        conv = ModulatedConv(
            self.features, upsample_taps=self.upsample_taps, dtype=self.dtype, name="conv"
        )
        maps = conv(maps, styles)
        bias = self.param("bias", zeros, (self.features,)).astype(maps.dtype)
        strength = self.param("noise_strength", zeros, ()).astype(maps.dtype)
        if noise_keys is not None:
            draw = jax.vmap(lambda key: jax.random.normal(key, (*maps.shape[1:3], 1), jnp.float32))
            maps = maps + strength * draw(noise_keys).astype(maps.dtype)
        return leaky_relu(maps + bias.reshape(1, 1, 1, -1))


class ToImage(nn.Module):
    """Read an image off maps, by a convolution of 1 x 1 that a style scales, undemodulated.

    Attributes:
      channels: channels C of the image.
      dtype: what the convolution computes in; that of the operands if None.
    """

    channels: int
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, styles: Array) -> Array:
        """Return the image.

        Args:
          maps: [B, H, W, I].
          styles: [B, D].

        Returns:
          [B, H, W, channels], float32 at least.
        """
        conv = ModulatedConv(self.channels, (1, 1), demodulate=False, dtype=self.dtype, name="conv")
        image = conv(maps, styles)
        bias = self.param("bias", zeros, (self.channels,)).reshape(1, 1, 1, -1)
        return image.astype(jnp.promote_types(image.dtype, jnp.float32)) + bias


class Generator(nn.Module):
    """Map latents to styles, and a constant to images by convolutions that styles scale.

    From one size of the maps to the next there are a convolution that doubles the size and one
    that keeps it; the maps of every size add to the image, which is enlarged from size to size.
    The defaults are the paper's configuration F. The moving mean of styles, in the collection
    `style_stats`, moves with each pass in training, by the styles of `latents` alone.

    Attributes:
      resolution: side of the images, `base * 2^k` with k at least 1.
      channels: channels C of the images.
      num_classes: number of classes, 0 for an unconditional generator.
      base: side of the first maps; 7 for images of 28 x 28.
      channel_base: maps of side S have `min(channel_base // S, channel_max)` channels.
      channel_max: the most channels of maps.
      style_features: length D of a style.
      mapping_layers: number of layers of the mapping network.
      decay: share of itself that the moving mean of styles keeps.
      taps: of the filter that smooths what is enlarged.
      dtype: what the convolutions compute in, e.g. bfloat16; that of the latents if None. Styles,
        demodulation and images are float32 at least.
    """

    resolution: int
    channels: int = 3
    num_classes: int = 0
    base: int = 4
    channel_base: int = 32768
    channel_max: int = 512
    style_features: int = 512
    mapping_layers: int = 8
    decay: float = 0.995
    taps: Sequence[float] = (1, 3, 3, 1)
    dtype: DTypeLike | None = None

    @property
    def layers(self) -> int:
        """Number L of layers with a style of their own; the images between share their layer's.

        Example:
          >>> Generator(1024).layers
          18
        """
        return 2 * len(map_sides(self.resolution, self.base))

    @nn.compact
    def __call__(
        self,
        latents: Array | StyleInputs | Styles | StylesOf,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array | Styles:
        """Generate images, or the styles they would be made of.

        Args:
          latents: [B, Z]; or what else `gan_jax.models.stylegan2.inputs` lists.
          labels: int32 [B] for a class-conditional generator; not looked at with `Styles`.
          train: move the mean of styles, where `style_stats` is mutable.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, H, W, C]. Nothing bounds them, as in the paper: trained, they are about in
          [-1, 1]. Of `StylesOf`, `Styles` with styles [B, L, D].

        Raises:
          ValueError: the inputs or labels are not as said; the resolution is none that can be made;
            or the network is initialised by other inputs than latents.
        """
        if isinstance(latents, Styles | StylesOf) and self.is_initializing():
            raise ValueError(
                "initialise a StyleGAN2 generator by latents: they lead through it all"
            )
        if isinstance(latents, Styles):
            return self._images(latents)
        inputs = latents.inputs if isinstance(latents, StylesOf) else latents
        inputs = inputs if isinstance(inputs, StyleInputs) else StyleInputs(inputs)
        styles = Styles(self._styles(inputs, labels, train, axis_name), inputs.noise_key)
        return styles if isinstance(latents, StylesOf) else self._images(styles)

    @nn.nowrap
    def _styles(
        self, inputs: StyleInputs, labels: Array | None, train: bool, axis_name: str | None
    ) -> Array:
        """Return styles [B, L, D]: mapped, then mixed, then truncated."""
        _check_inputs(inputs)
        labels = checked_labels("generator", self.num_classes, labels, inputs.latents.shape[0])
        mapping = Mapping(
            self.style_features, self.mapping_layers, self.num_classes, name="mapping"
        )
        styles = mapping(inputs.latents, labels)
        mean = self._moved_mean(styles, train, axis_name)
        layer = jnp.arange(self.layers).reshape(1, -1, 1)
        styles = self._per_layer(styles)
        if inputs.mixed is not None and inputs.crossover is not None:
            others = mapping(inputs.mixed, labels)[:, None, :]
            styles = jnp.where(layer < _at_each_layer(inputs.crossover), styles, others)
        if inputs.truncation is not None:
            share = _at_each_layer(inputs.truncation)
            if inputs.cutoff is not None:
                share = jnp.where(layer < _at_each_layer(inputs.cutoff), share, 1)
            mean = mean.reshape(1, 1, -1)
            styles = mean + share.astype(styles.dtype) * (styles - mean)
        return styles

    @nn.nowrap
    def _moved_mean(self, styles: Array, train: bool, axis_name: str | None) -> Array:
        """Return the moving mean of styles, after it moved if this is training."""
        kept = self.variable(STYLE_STATS, "mean", jnp.zeros, styles.shape[1:], styles.dtype)
        moves = train and self.is_mutable_collection(STYLE_STATS)
        if moves and not self.is_initializing():
            mean = lax.stop_gradient(jnp.mean(styles, axis=0))
            if axis_name is not None:
                mean = lax.pmean(mean, axis_name)
            moved = self.decay * kept.value + (1 - self.decay) * mean
            kept.value = moved.astype(kept.value.dtype)
        return kept.value

    @nn.nowrap
    def _images(self, inputs: Styles) -> Array:
        """Return the images of styles."""
        styles, keys = self._per_layer(inputs.styles), inputs.noise_key
        sides = map_sides(self.resolution, self.base)
        widths = [map_width(side, self.channel_base, self.channel_max) for side in sides]
        constant = self.param("constant", normal(1.0), (self.base, self.base, widths[0]))
        dtype = jnp.result_type(constant, styles) if self.dtype is None else self.dtype
        maps = jnp.broadcast_to(constant.astype(dtype), (styles.shape[0], *constant.shape))

        def at(layer: int) -> tuple[Array, Array | None]:
            fold = jax.vmap(jax.random.fold_in, (0, None))
            return styles[:, layer], None if keys is None else fold(keys, layer)

        conv = partial(StyledConv, dtype=self.dtype)
        image: Any = None
        for stage, (side, width) in enumerate(zip(sides, widths, strict=True)):
            if stage:
                enlarge = conv(width, upsample_taps=self.taps, name=f"up{side}")
                maps = enlarge(maps, *at(2 * stage - 1))
            maps = conv(width, name=f"conv{side}")(maps, *at(2 * stage))
            to_image = ToImage(self.channels, dtype=self.dtype, name=f"image{side}")
            added = to_image(maps, styles[:, 2 * stage + 1])
            image = added if image is None else upsample(image, self.taps) + added
        return image

    @nn.nowrap
    def _per_layer(self, styles: Array) -> Array:
        """Return styles [B, L, D] of such or of [B, D]."""
        shape, layers, features = styles.shape, self.layers, self.style_features
        fits = shape[1:] in ((features,), (layers, features))
        if not fits or not jnp.issubdtype(styles.dtype, jnp.floating):
            raise ValueError(
                f"styles must be floats [B, {features}] or [B, {layers}, {features}], got "
                f"{styles.dtype} {list(shape)}"
            )
        if styles.ndim == 3:
            return styles
        return jnp.broadcast_to(styles[:, None, :], (shape[0], layers, features))


def _at_each_layer(numbers: Array | float) -> Array:
    """Let numbers of examples, or one for all, meet styles [B, L, D]."""
    return jnp.reshape(jnp.asarray(numbers), (-1, 1, 1))


def _check_inputs(inputs: StyleInputs) -> None:
    check_features("latents", inputs.latents)
    if (inputs.mixed is None) != (inputs.crossover is None):
        raise ValueError("mixed latents and the crossover go together")
    if inputs.mixed is not None and inputs.mixed.shape != inputs.latents.shape:
        raise ValueError(
            f"mixed latents are {list(inputs.mixed.shape)}, latents {list(inputs.latents.shape)}: "
            "they must be alike"
        )
    if inputs.cutoff is not None and inputs.truncation is None:
        raise ValueError("a cutoff is that of a truncation, and there is none")


_small = partial(Generator, channel_max=128, style_features=128, mapping_layers=2)

Generator28 = partial(_small, resolution=28, channels=1, base=7, channel_base=896)
Generator32 = partial(_small, resolution=32, channel_base=1024)
