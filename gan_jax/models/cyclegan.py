"""CycleGAN: two translators between two domains of images, and two critics.

The domains are called `a` and `b`, and images of them are given as `{"a": images, "b": images}`.

| call | returns |
|---|---|
| `translators({"a": x, "b": y})` | `{"b": G(x), "a": F(y)}`, G being `forward` and F `backward` |
| `translators({"a": x})` | `{"b": G(x)}`, one direction alone |
| `translators(translators({"a": x, "b": y}))` | `{"a": F(G(x)), "b": G(F(y))}`, the cycle |
| `translators({"a": y, "b": x})` | `{"b": G(y), "a": F(x)}`, what should be left as it was |
| `critics({"a": x, "b": y})` | logits [B, P + Q] of the P patches of each x and the Q of each y |

So `batch["real"]` and the fakes are such dictionaries, and steps, penalties and pools of fakes take
them as they take images.

Reference:
  Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017,
  https://arxiv.org/abs/1703.10593; the generator is that of Johnson et al., Perceptual Losses for
  Real-Time Style Transfer and Super-Resolution, 2016, https://arxiv.org/abs/1603.08155
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import normal
from jax.typing import DTypeLike

from gan_jax.layers import Conv, ConvTranspose, Normalization, instance_norm, reflection_pad
from gan_jax.models import pix2pix
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = [
    "Critics",
    "Discriminator",
    "Discriminator70",
    "Generator",
    "Generator128",
    "Generator256",
    "ResidualBlock",
    "Translators",
    "pair",
]

_init = normal(0.02)


class ResidualBlock(nn.Module):
    """Add to maps what two 3x3 convolutions make of them, with nothing rectified after the sum.

    `x + norm(conv2(pad(relu(norm(conv1(pad(x)))))))`

    Attributes:
      norm: `(train, axis_name, dtype) -> layer`.
      conv: the convolutions, called as `flax.linen.Conv`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.

    Reference:
      Johnson et al., Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016,
      https://arxiv.org/abs/1603.08155
    """

    norm: Normalization = instance_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Refine maps.

        Args:
          maps: [B, H, W, C].
          train: normalise by the batch (True) or by running statistics (False), if the norm does.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, H, W, C].
        """
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(_mirrored, partial(self.conv, kernel_init=_init, dtype=self.dtype), 3)
        hidden = nn.relu(norm()(conv(maps.shape[-1], maps)))
        return maps + norm()(conv(maps.shape[-1], hidden))


class Generator(nn.Module):
    """Halve the image twice, refine the maps by residual blocks, and double them twice.

    All convolutions have biases, as the authors' code has them with instance normalisation, which
    cancels all but the last.

    Attributes:
      blocks: how many residual blocks there are.
      width: channels of the first and the last map; the smallest maps have four times as many.
      channels: channels C' of the images that come out.
      norm: `(train, axis_name, dtype) -> layer`, put after all but the last convolution.
      conv: the convolutions, called as `flax.linen.Conv`.
      conv_transpose: the transposed convolutions, called as `flax.linen.ConvTranspose`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    blocks: int
    width: int = 64
    channels: int = 3
    norm: Normalization = instance_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    conv_transpose: Callable[..., Callable[[Array], Array]] = ConvTranspose
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, source: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Translate images.

        Args:
          source: images [B, H, W, C], H and W multiples of 4 from 8 on.
          train: normalise by the batch (True) or by running statistics (False), if the norm does.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, H, W, C'] in (-1, 1).

        Raises:
          ValueError: the source is not floats of such a size.
        """
        _check_size(source)
        mode: dict[str, Any] = dict(train=train, axis_name=axis_name)
        norm = partial(self.norm, **mode, dtype=self.dtype)
        conv = partial(self.conv, kernel_init=_init, dtype=self.dtype)
        half = partial(conv, kernel_size=(3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        double = partial(
            self.conv_transpose,
            kernel_size=(3, 3),
            strides=(2, 2),
            # One more zero after than before makes the size exactly double.
            padding=((1, 2), (1, 2)),
            kernel_init=_init,
            dtype=self.dtype,
        )
        maps = nn.relu(norm()(_mirrored(conv, 7, self.width, source)))
        for times in (2, 4):
            maps = nn.relu(norm()(half(times * self.width)(maps)))
        for _ in range(self.blocks):
            maps = ResidualBlock(self.norm, self.conv, self.dtype)(maps, **mode)
        for times in (2, 1):
            maps = nn.relu(norm()(double(times * self.width)(maps)))
        pixels = _mirrored(conv, 7, self.channels, maps)
        return jnp.tanh(pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32)))


class Translators(nn.Module):
    """Two generators in one network: from domain `a` to `b`, and back.

    Attributes:
      forward: makes images of `b` from images of `a`, called `(source, train=, axis_name=)`.
      backward: makes images of `a` from images of `b`; another module, that may be like the first.
    """

    forward: Callable[..., Array]
    backward: Callable[..., Array]

    def __call__(
        self, sources: Mapping[str, Array], *, train: bool, axis_name: str | None = None
    ) -> dict[str, Array]:
        """Translate images of one domain or both, each to the other.

        Args:
          sources: `{"a": [B, H, W, C], "b": [B, H, W, C]}` or one of the two.
          train: normalise by the batch (True) or by running statistics (False), where that is done.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          `{"b": images, "a": images}`: those of `b` are made from `sources["a"]`. They can be
          translated back just as they are.

        Raises:
          ValueError: the sources are of other domains, the network is initialised without both, or
            one module is to go both ways.
        """
        _check_pair(self, self.forward, self.backward, sources)
        ways = {"a": ("b", self.forward), "b": ("a", self.backward)}
        made = {}
        for domain in sorted(sources):
            other, generator = ways[domain]
            made[other] = generator(sources[domain], train=train, axis_name=axis_name)
        return made


class Critics(nn.Module):
    """Two discriminators in one network, one for each domain.

    Attributes:
      a: judges images of `a`, called `(images, train=, axis_name=)`; its logits are [B] or a map.
      b: judges images of `b`; another module, that may be like the first.
    """

    a: Callable[..., Array]
    b: Callable[..., Array]

    def __call__(
        self, images: Mapping[str, Array], *, train: bool, axis_name: str | None = None
    ) -> Array:
        """Judge images of one domain or both.

        Args:
          images: `{"a": [B, H, W, C], "b": [B, H, W, C]}` or one of the two.
          train: normalise by the batch (True) or by running statistics (False), where that is done.
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Logits [B, P + Q]: of the P patches of images of `a`, then the Q of those of `b`. With
          images of one size, their mean is the mean of both critics' means.

        Raises:
          ValueError: the images are of other domains, the network is initialised without both, or
            one module is to judge both.
        """
        _check_pair(self, self.a, self.b, images)
        judged = [
            getattr(self, domain)(images[domain], train=train, axis_name=axis_name)
            for domain in sorted(images)
        ]
        return jnp.concatenate([logits.reshape(logits.shape[0], -1) for logits in judged], axis=1)


def pair(
    *,
    blocks: int,
    features: int,
    channels: int,
    widths: Sequence[int],
    halvings: int,
    dtype: DTypeLike | None = None,
) -> tuple[Translators, Critics]:
    """Make two translators and two critics that are alike.

    Args:
      blocks: residual blocks of a translator.
      features: channels of its largest maps.
      channels: channels of the images of both domains.
      widths: channels of a critic's maps, see `pix2pix.Discriminator`.
      halvings: how many of those are half as large as what they are made of.
      dtype: what the layers compute in; that of the parameters if None.

    Returns:
      The networks of both players.
    """
    there, back = (Generator(blocks, features, channels, dtype=dtype) for _ in range(2))
    a, b = (Discriminator(widths, halvings, dtype=dtype) for _ in range(2))
    return Translators(there, back), Critics(a, b)


def _mirrored(
    conv: Callable[..., Callable[[Array], Array]], side: int, features: int, maps: Array
) -> Array:
    """Convolve with an odd kernel, beyond the edges with what is mirrored there."""
    # One row more is made than needed, of a row of zeros: without any zeros around the maps, XLA
    # goes another way on a CPU, which takes up to 30 times as long where few channels come out.
    convolve = conv(features, (side, side), padding=((1, 0), (0, 0)))
    return convolve(reflection_pad(maps, side // 2))[:, 1:]


def _check_size(source: Array) -> None:
    check_images(source, axes=4)
    height, width = source.shape[1:3]
    if height % 4 or width % 4 or min(height, width) < 8:
        raise ValueError(
            f"images of {height} x {width} can't be halved twice and mirrored at the edges: height "
            "and width must be multiples of 4 from 8 on"
        )


def _check_pair(network: nn.Module, first: Any, second: Any, images: Mapping[str, Array]) -> None:
    name = type(network).__name__
    domains = sorted(images) if isinstance(images, Mapping) else type(images).__name__
    if domains not in (["a"], ["b"], ["a", "b"]):
        raise ValueError(f'{name} takes {{"a": images, "b": images}} or one of them, got {domains}')
    if first is second:
        raise ValueError(f"{name} takes two modules, and was given one twice: make another")
    if network.is_initializing() and len(domains) == 1:
        raise ValueError(f"initialise {name} by images of both domains, got {domains}")


Generator256 = partial(Generator, blocks=9)
Generator128 = partial(Generator, blocks=6)
Discriminator = partial(pix2pix.Discriminator, norm=instance_norm, use_bias=True)
Discriminator70 = partial(pix2pix.Discriminator70, norm=instance_norm, use_bias=True)
