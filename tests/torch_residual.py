"""Residual networks restated in PyTorch, in the order of operations of the papers.

Parameters and statistics are trees of tensors in the layout of flax; images are NCHW inside.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.residual_networks import variables

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def check(module, restated, inputs, labels=None):
    """Compare a network with its restatement: outputs, and gradients of all that goes in."""
    labels = () if labels is None else (labels,)
    others = variables(module, inputs, *labels, dtype=np.float64)
    params = others.pop("params")
    with jax.enable_x64(True):

        def value(params, inputs):
            outputs, _ = module.apply(
                {"params": params, **others}, inputs, *labels, train=True, mutable=list(others)
            )
            return jnp.sum(jnp.sin(outputs)), outputs

        run = jax.jit(jax.value_and_grad(value, argnums=(0, 1), has_aux=True))
        (_, ours), gradients = jax.tree.map(np.asarray, run(params, inputs))

    theirs, their_inputs = (jax.tree.map(_tensor, tree) for tree in (params, inputs))
    statistics = jax.tree.map(_tensor, others.get("spectral_stats", {}))
    outputs = restated(theirs, statistics, their_inputs, *map(np.array, labels))
    torch.sin(outputs).sum().backward()
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, outputs.detach().numpy(), rtol=1e-9, atol=1e-12)
    largest = max(abs(leaf).max() for leaf in jax.tree.leaves(gradients))
    for (path, leaf), other in zip(
        jax.tree.leaves_with_path(gradients), jax.tree.leaves((theirs, their_inputs)), strict=True
    ):
        name = jax.tree_util.keystr(path)
        np.testing.assert_allclose(
            leaf, other.grad.numpy(), rtol=1e-8, atol=1e-11 * largest, err_msg=name
        )


def generator(params, statistics, latents, labels=None, *, attention_at=(), chunks=0):
    """Make images [B, H, W, C]; with chunks the latents are cut, and meet a shared embedding."""
    conditions = [labels] * len(params)
    if chunks:
        latents, *conditions = latents.chunk(chunks, dim=1)
    if chunks and labels is not None:
        shared = params["shared"]["embedding"][labels]
        conditions = [torch.cat([chunk, shared], dim=1) for chunk in conditions]
    flat = _dense(latents, params["dense"], statistics.get("dense"))
    width = params["GeneratorBlock_0"]["conv1"]["kernel"].shape[2]
    base = round((flat.shape[1] / width) ** 0.5)
    maps = flat.reshape(-1, base, base, width).permute(0, 3, 1, 2)
    for name in _blocks("GeneratorBlock", params):
        condition = conditions.pop(0)
        maps = _generator_block(maps, params[name], statistics.get(name, {}), condition)
        if maps.shape[2] in attention_at:
            maps = _attention(maps, params["SelfAttention_0"], statistics.get("SelfAttention_0"))
    maps = torch.relu(_batch_norm(maps, params["BatchNorm_0"]))
    return torch.tanh(_conv(maps, params["conv"], statistics.get("conv"))).permute(0, 2, 3, 1)


def discriminator(
    params, statistics, images, labels=None, *, halvings, pool=torch.sum, norm=None, attention_at=()
):
    """Make logits [B]; where a block's channels change is read off its kernels."""
    maps = images.permute(0, 3, 1, 2)
    for index, name in enumerate(_blocks("DiscriminatorBlock", params)):
        halve = index < halvings
        given = (maps, params[name], statistics.get(name, {}))
        maps = _discriminator_block(*given, halve, first=not index, norm=norm)
        if halve and maps.shape[2] in attention_at:
            maps = _attention(maps, params["SelfAttention_0"], statistics.get("SelfAttention_0"))
    features = pool(torch.relu(maps), dim=(2, 3))
    head, stats = params["ProjectionHead_0"], statistics.get("ProjectionHead_0", {})
    dense = next(name for name in head if "Dense" in name)
    logits = _dense(features, head[dense], stats.get(dense))[:, 0]
    if labels is not None:
        table = _weight(head["projection"], stats.get("projection"), "embedding")
        logits = logits + (table[labels] * features).sum(dim=1)
    return logits


def layer_norm(maps, params):
    """Normalise each example over channels and pixels, with a gain and a bias per channel."""
    normalized = functional.layer_norm(maps, maps.shape[1:], eps=1e-6)
    return normalized * params["scale"][:, None, None] + params["bias"][:, None, None]


def _tensor(leaf):
    return torch.tensor(np.asarray(leaf), dtype=torch.float64, requires_grad=True)


def _blocks(kind, params):
    return [f"{kind}_{index}" for index in range(sum(kind in name for name in params))]


def _generator_block(maps, params, statistics, condition):
    enlarge = partial(functional.interpolate, scale_factor=2, mode="nearest")

    def norm(maps, index):
        if condition is None:
            return _batch_norm(maps, params[f"BatchNorm_{index}"])
        name = f"ConditionalBatchNorm_{index}"
        return _conditional_norm(maps, params[name], statistics.get(name, {}), condition)

    hidden = enlarge(torch.relu(norm(maps, 0)))
    hidden = torch.relu(norm(_conv(hidden, params["conv1"], statistics.get("conv1")), 1))
    hidden = _conv(hidden, params["conv2"], statistics.get("conv2"))
    return hidden + _conv(enlarge(maps), params["shortcut"], statistics.get("shortcut"))


def _discriminator_block(maps, params, statistics, halve, *, first, norm):
    def pool(maps):
        return functional.avg_pool2d(maps, 2) if halve else maps

    def activate(maps, index):
        normalized = norm(maps, params[f"LayerNorm_{index}"]) if norm and not first else maps
        return torch.relu(normalized)

    hidden = maps if first else activate(maps, 0)
    hidden = activate(_conv(hidden, params["conv1"], statistics.get("conv1")), 1)
    hidden = pool(_conv(hidden, params["conv2"], statistics.get("conv2")))
    if "shortcut" not in params:
        return hidden + maps
    if first:
        return hidden + _conv(pool(maps), params["shortcut"], statistics.get("shortcut"))
    return hidden + pool(_conv(maps, params["shortcut"], statistics.get("shortcut")))


def _attention(maps, params, statistics):
    batch, channels, height, width = maps.shape
    conv = {
        name: partial(_conv, params=params[name], statistics=statistics[name])
        for name in ("query", "key", "value", "output")
    }
    query = conv["query"](maps).flatten(2)
    key, value = (functional.max_pool2d(conv[n](maps), 2).flatten(2) for n in ("key", "value"))
    weights = torch.softmax(query.transpose(1, 2) @ key, dim=2)
    seen = (value @ weights.transpose(1, 2)).reshape(batch, channels // 2, height, width)
    return maps + params["gamma"] * conv["output"](seen)


def _batch_norm(maps, params):
    scale, bias = (params[name][:, None, None] for name in ("scale", "bias"))
    return functional.batch_norm(maps, None, None, training=True) * scale + bias


def _conditional_norm(maps, params, statistics, condition):
    def made(name):
        if "embedding" in params[name]:
            rows = params[name]["embedding"][condition]
        else:
            rows = _dense(condition, params[name], statistics.get(name))
        return rows[:, :, None, None]

    normalized = functional.batch_norm(maps, None, None, training=True)
    return (1 + made("gain")) * normalized + made("bias")


def _conv(maps, params, statistics):
    kernel = _weight(params, statistics).permute(3, 2, 0, 1)
    return functional.conv2d(maps, kernel, params.get("bias"), padding=kernel.shape[2] // 2)


def _dense(features, params, statistics):
    outputs = features @ _weight(params, statistics)
    return outputs + params["bias"] if "bias" in params else outputs


def _weight(params, statistics, name="kernel"):
    """Divide a weight by its largest singular value, if it keeps a vector for that."""
    weight = params[name]
    if not statistics:
        return weight
    matrix = weight.reshape(-1, weight.shape[-1])
    with torch.no_grad():
        v = functional.normalize(matrix @ statistics["u"], dim=0)
        u = functional.normalize(matrix.T @ v, dim=0)
    return weight / (v @ matrix @ u)
