"""StyleGAN2's formulas said again in PyTorch: weights per example, zeros put in, nothing shared.

Parameters are a tree like that of the networks, with tensors for leaves: kernels [h, w, I, O] or
[I, O]. Images are [B, C, H, W].
"""

import math

import numpy as np
import torch
from torch.nn import functional

TAPS = (1, 3, 3, 1)


def tensors(tree):
    """Return the same tree with tensors that take gradients."""
    if isinstance(tree, dict):
        return {name: tensors(branch) for name, branch in tree.items()}
    return torch.tensor(np.asarray(tree), dtype=torch.float64, requires_grad=True)


def leaves(tree):
    """Yield (path, tensor)."""
    if isinstance(tree, dict):
        for name, branch in sorted(tree.items()):
            yield from ((f"{name}/{path}", leaf) for path, leaf in leaves(branch))
    else:
        yield "", tree


def activate(x):
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


def dense(params, x, multiplier=1.0):
    kernel = params["kernel"] * multiplier / math.sqrt(x.shape[1])
    return x @ kernel + params["bias"] * multiplier


def conv(params, x, stride=1, padding=0):
    height, width, inputs, _ = params["kernel"].shape
    kernel = params["kernel"].permute(3, 2, 0, 1) / math.sqrt(height * width * inputs)
    return functional.conv2d(x, kernel, params.get("bias"), stride=stride, padding=padding)


def filtered(x, taps, low, high, gain=1.0):
    """Convolve every channel with the two-dimensional filter after putting zeros around."""
    taps = torch.tensor(taps, dtype=x.dtype)
    kernel = gain * torch.outer(taps, taps) / taps.sum() ** 2
    kernel = kernel.flip(0, 1).expand(x.shape[1], 1, -1, -1)
    return functional.conv2d(functional.pad(x, (low, high, low, high)), kernel, groups=x.shape[1])


def spaced(x):
    """Put a zero between any two pixels."""
    batch, channels, height, width = x.shape
    sparse = x.new_zeros(batch, channels, 2 * height - 1, 2 * width - 1)
    sparse[:, :, ::2, ::2] = x
    return sparse


def upsampled(x, taps=TAPS):
    """Put a zero after every pixel and filter; a row of zeros at the end is part of the image."""
    return filtered(spaced(x), taps, 2, 2, gain=4.0)


def downsampled(x, taps=TAPS):
    return filtered(x, taps, 1, 1)[:, :, ::2, ::2]


def modulated(x, kernel, scales, demodulate=True, taps=None):
    """Make each example's weights, and convolve with groups for examples."""
    batch, inputs, size = x.shape[0], x.shape[1], kernel.shape[0]
    weights = kernel.permute(3, 2, 0, 1)[None] * scales[:, None, :, None, None]
    if demodulate:
        weights = weights / torch.sqrt((weights**2).sum((2, 3, 4), keepdim=True) + 1e-8)
    outputs = weights.shape[1]
    weights = weights.reshape(batch * outputs, inputs, size, size)
    if taps is not None:
        x = spaced(x)
    x = x.reshape(1, batch * inputs, *x.shape[2:])
    around = size // 2 if taps is None else size - 1
    x = functional.conv2d(x, weights, padding=around, groups=batch)
    x = x.reshape(batch, outputs, *x.shape[2:])
    if taps is None:
        return x
    # As many zeros as bring the size to the double, the odd one first.
    room = len(taps) + 1 - size
    return filtered(x, taps, (room + 1) // 2, room // 2, gain=4.0)


def styled(params, x, style, **how):
    kernel = params["kernel"]
    kernel = kernel / math.sqrt(kernel.shape[0] * kernel.shape[1] * kernel.shape[2])
    return modulated(x, kernel, dense(params["affine"], style), **how)


def normalized(x):
    return x / torch.sqrt((x**2).mean(1, keepdim=True) + 1e-8)


def mapping(params, latents, labels):
    parts = [] if latents is None else [normalized(latents)]
    if labels is not None:
        parts.append(normalized(params["embedding"]["embedding"][labels]))
    x = torch.cat(parts, 1)
    for index in range(len([name for name in params if name.startswith("dense")])):
        x = activate(dense(params[f"dense{index}"], x, 0.01))
    return x


def synthesis(params, styles, noise, sides):
    """Make images of styles [B, L, D]; `noise(layer, side)` is [B, 1, side, side]."""

    def layer(name, x, index, side, **how):
        x = styled(params[name]["conv"], x, styles[:, index], **how)
        x = x + params[name]["noise_strength"] * noise(index, side)
        return activate(x + params[name]["bias"][:, None, None])

    x = params["constant"].permute(2, 0, 1).expand(len(styles), -1, -1, -1)
    image = None
    for stage, side in enumerate(sides):
        if stage:
            x = layer(f"up{side}", x, 2 * stage - 1, side, taps=TAPS)
        x = layer(f"conv{side}", x, 2 * stage, side)
        to_image = params[f"image{side}"]
        seen = styled(to_image["conv"], x, styles[:, 2 * stage + 1], demodulate=False)
        seen = seen + to_image["bias"][:, None, None]
        image = seen if image is None else upsampled(image) + seen
    return image


def discriminator(params, images, labels, *, sides, residual, group):
    """Judge; `sides` are those of the maps after each block, the largest first."""
    x = activate(conv(params["from_image"], images))
    for side in sides:
        block = params[f"down{side}"]
        hidden = activate(conv(block["conv"], x, padding=1))
        hidden = activate(conv(block["down"], filtered(hidden, TAPS, 2, 2), stride=2))
        if residual:
            hidden = (hidden + conv(block["skip"], downsampled(x))) / math.sqrt(2)
        x = hidden
    groups = x.reshape(-1, group, *x.shape[1:])
    deviation = torch.sqrt(groups.var(1, unbiased=False) + 1e-8).mean((1, 2, 3))
    deviation = deviation.repeat_interleave(group)[:, None, None, None]
    x = torch.cat([x, deviation.expand(-1, 1, *x.shape[2:])], 1)
    x = activate(conv(params["conv"], x, padding=1))
    # Rows of the dense kernel count channels last.
    x = activate(dense(params["dense"], x.permute(0, 2, 3, 1).flatten(1)))
    x = dense(params["output"], x)
    if labels is None:
        return x[:, 0]
    return (x * mapping(params["mapping"], None, labels)).sum(1) / math.sqrt(x.shape[1])
