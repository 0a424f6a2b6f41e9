"""Inception v3 as used for FID: the network of the TensorFlow graph of 2015-12-05."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.metrics.extractors import BatchExtractor, Extracted
from gan_jax.metrics.inception_blocks import (
    InceptionA,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
    convolve,
)
from gan_jax.metrics.resize import Resize, tf1_bilinear

__all__ = ["INPUT_SIZE", "InceptionV3", "InceptionWeights", "inception_extractor"]

INPUT_SIZE = 299
"""The height and the width of what the network sees."""

_LAYERS = (64, 192, 768, 2048)
_BLOCKS = (
    ("Mixed_5b", partial(InceptionA, 32)),
    ("Mixed_5c", partial(InceptionA, 64)),
    ("Mixed_5d", partial(InceptionA, 64)),
    ("Mixed_6a", InceptionB),
    ("Mixed_6b", partial(InceptionC, 128)),
    ("Mixed_6c", partial(InceptionC, 160)),
    ("Mixed_6d", partial(InceptionC, 160)),
    ("Mixed_6e", partial(InceptionC, 192)),
    ("Mixed_7a", InceptionD),
    ("Mixed_7b", partial(InceptionE, pool_by_maximum=False)),
    ("Mixed_7c", partial(InceptionE, pool_by_maximum=True)),
)


class InceptionV3(nn.Module):
    """The network behind the published figures of FID, KID and the inception score.

    It is not the one of torchvision: its averages leave out the padding, its last block pools by
    the maximum, it has 1008 classes, and its weights are others.
    """

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[dict[int, jax.Array], jax.Array]:
        """Compute the features that metrics are taken of, and the logits.

        Args:
          images: values from 0 to 255, float32 [B, 299, 299, 3].

        Returns:
          The activations averaged over the pixels, [B, D], by their D: 64, 192, 768 and 2048; and
          the logits without their bias, [B, 1008].
        """
        features = {}

        def tap(x: jax.Array) -> None:
            features[x.shape[-1]] = x.mean(axis=(1, 2))

        x = (images - 128) / 128
        x = convolve(x, "Conv2d_1a_3x3", 32, (3, 3), strides=2, padding="VALID")
        x = convolve(x, "Conv2d_2a_3x3", 32, (3, 3), padding="VALID")
        x = convolve(x, "Conv2d_2b_3x3", 64, (3, 3))
        x = nn.max_pool(x, (3, 3), (2, 2))
        tap(x)
        x = convolve(x, "Conv2d_3b_1x1", 80)
        x = convolve(x, "Conv2d_4a_3x3", 192, (3, 3), padding="VALID")
        x = nn.max_pool(x, (3, 3), (2, 2))
        tap(x)
        for name, block in _BLOCKS:
            x = block(name=name)(x)
            if name in ("Mixed_6e", "Mixed_7c"):
                tap(x)
        return features, nn.Dense(1008, use_bias=False, name="fc")(features[2048])


@dataclass(frozen=True, eq=False)
class InceptionWeights:
    """The parameters of an `InceptionV3`, and what they are called.

    Attributes:
      name: must identify the parameters, as figures and features that are kept carry it: the first
        8 digits of the SHA-256 of the file they were published in.
      params: of the network, batch normalization folded in.
    """

    name: str
    params: Mapping[str, Any]


def inception_extractor(
    weights: InceptionWeights,
    *,
    resize: Resize = tf1_bilinear,
    layer: int = 2048,
    batch_size: int = 32,
) -> BatchExtractor:
    """Extract what FID and the inception score are computed of.

    uint8 RGB images of any size are resized to 299 x 299 and scaled by `(x - 128) / 128`. Grey
    ones are repeated to three channels, after which no figure compares with one of colours.

    Args:
      weights: from `inception_weights`.
      resize: `tf1_bilinear`, as FID was first computed, or `clean_bicubic`, as clean-FID does.
      layer: which features: the 2048 of the last pooling, or the 64, 192 or 768 of an earlier one.
      batch_size: how many images go through the network at a time.

    Returns:
      An extractor; it gives 1008 logits with layer 2048, and none with an earlier one. Its name
      carries the weights and the resize: `"inception-v3/6726825d/tf1-bilinear"`.

    Raises:
      ValueError: there is no such layer, or a batch of no images.

    Reference:
      Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016,
      https://arxiv.org/abs/1512.00567.
      Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
      Equilibrium, NeurIPS 2017, https://arxiv.org/abs/1706.08500.
    """
    if layer not in _LAYERS:
        raise ValueError(f"layer is {layer}: it must be one of {', '.join(map(str, _LAYERS))}")
    params = jax.device_put(weights.params)

    def extract(images: np.ndarray) -> Extracted:
        resized = resize(jnp.asarray(images), INPUT_SIZE)
        return Extracted(*_apply(layer, params, jnp.broadcast_to(resized, (*resized.shape[:3], 3))))

    return BatchExtractor(
        name="/".join(
            [f"inception-v3{'' if layer == 2048 else f'-{layer}'}", weights.name, resize.name]
        ),
        images="[N, H, W, 1 or 3]",
        accepts=lambda shape: shape[-1] in (1, 3),
        extract=extract,
        batch_size=batch_size,
    )


@partial(jax.jit, static_argnums=0)
def _apply(layer: int, params: Mapping[str, Any], images: jax.Array) -> Any:
    # Accelerators round the factors of products by default, which would move the features.
    with jax.default_matmul_precision("highest"):
        features, logits = InceptionV3().apply({"params": params}, images)
    return features[layer], logits if layer == 2048 else None
