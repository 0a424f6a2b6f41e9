r"""Convolution as one trilinear form, whose three operations are each other's derivatives.

Everything a convolutional network computes, forward, backward and to any order, is a partial
derivative of `<y, conv(x, w)>` for images `x` [B, H, W, I], a kernel `w` [h, w, I, O] and maps `y`
[B, H', W', O]:

* `convolve(x, w)` gives maps,
* `spread(y, w)` gives images: the transposed convolution, and the gradient by `x`,
* `correlate(x, y)` gives a kernel: the gradient by `w`.

With groups the kernel is [h, w, I / groups, O], and each part of the channels stays by itself.

They are JAX primitives, bilinear, so `grad`, `jvp`, `vmap` and their compositions stay among the
three, and none is ever left to a general transposition. How each is computed is decided when a
program is lowered: on a CPU by `gan_jax.layers.cpu`, in the forms that XLA runs well there;
elsewhere as the operations XLA has of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax import lax
from jax import numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from gan_jax.layers import cpu
from gan_jax.layers.geometry import Geometry
from gan_jax.layers.grouped import by_groups
from gan_jax.typing import Array

__all__ = ["convolve", "correlate", "spread"]


def convolve(images: Array, kernel: Array, geometry: Geometry) -> Array:
    """Convolve images with a kernel, in the sense of neural networks (nothing is flipped).

    Args:
      images: [B, H, W, I].
      kernel: [h, w, I, O], of the same dtype.
      geometry: sizes, strides and padding.

    Returns:
      Maps [B, H', W', O].
    """
    return _convolve.bind(*_alike(images, kernel), geometry=geometry, members=0)


def spread(maps: Array, kernel: Array, geometry: Geometry) -> Array:
    """Spread maps over images: what `convolve` gathers into a place is given back from there.

    Args:
      maps: [B, H', W', O].
      kernel: [h, w, I, O], of the same dtype.
      geometry: sizes, strides and padding of the convolution this is the transpose of.

    Returns:
      Images [B, H, W, I].
    """
    return _spread.bind(*_alike(maps, kernel), geometry=geometry, members=0)


def correlate(images: Array, maps: Array, geometry: Geometry) -> Array:
    """Correlate images with maps: the gradient of `<maps, convolve(images, w)>` by `w`.

    Args:
      images: [B, H, W, I].
      maps: [B, H', W', O], of the same dtype.
      geometry: sizes, strides and padding.

    Returns:
      A kernel [h, w, I, O].
    """
    return _correlate.bind(*_alike(images, maps), geometry=geometry, members=0)


def _alike(left: Array, right: Array) -> tuple[Array, Array]:
    """Mark operands as varying over the same axes of devices, where `shard_map` keeps account.

    What is the same on all devices is marked as differing, so that its gradient is their sum.
    """
    first, second = (jax.typeof(operand).mat.varying for operand in (left, right))

    def marked(operand: Array, missing: frozenset) -> Array:
        return lax.pcast(operand, tuple(missing), to="varying") if missing else operand

    return marked(left, second - first), marked(right, first - second)


def _plain_convolve(images: Array, kernel: Array, geometry: Geometry) -> Array:
    return lax.conv_general_dilated(
        images,
        kernel,
        geometry.strides,
        geometry.padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=geometry.groups,
        precision=geometry.precision,
    )


def _plain_spread(maps: Array, kernel: Array, geometry: Geometry) -> Array:
    images = jax.ShapeDtypeStruct(
        (maps.shape[0], *geometry.image_size, kernel.shape[2] * geometry.groups), maps.dtype
    )
    transpose = jax.linear_transpose(lambda x: _plain_convolve(x, kernel, geometry), images)
    return transpose(maps)[0]


def _plain_correlate(images: Array, maps: Array, geometry: Geometry) -> Array:
    channels = images.shape[3] // geometry.groups
    kernel = jax.ShapeDtypeStruct((*geometry.kernel_size, channels, maps.shape[3]), maps.dtype)
    transpose = jax.linear_transpose(lambda w: _plain_convolve(images, w, geometry), kernel)
    return transpose(maps)[0]


class _Merge(NamedTuple):
    """How one operand's extra axis goes into an axis of the operand and comes out of the result."""

    operand: int
    result: int


def _primitive(
    name: str,
    shape: Callable[..., tuple[int, ...]],
    plain: Callable[[Array, Array, Geometry], Array],
    fast: Callable[[Array, Array, Geometry], Array],
    merges: tuple[_Merge, _Merge],
) -> Primitive:
    """Make one of the three; `members` counts axes in front that both operands have."""
    primitive = Primitive(name)

    def lowering(form: Callable[..., Array], several: Callable[..., Any]) -> Callable[..., Any]:
        def run(left: Array, right: Array, *, geometry: Geometry, members: int) -> Array:
            if not members:
                return form(left, right, geometry)
            one = functools.partial(run, geometry=geometry, members=members - 1)
            return several(one, left, right)

        return mlir.lower_fun(run, multiple_results=False)

    @functools.cache
    def compiled(geometry: Geometry, members: int) -> Callable[[Array, Array], Array]:
        return jax.jit(functools.partial(primitive.bind, geometry=geometry, members=members))

    primitive.def_impl(lambda left, right, **how: compiled(**how)(left, right))
    primitive.def_abstract_eval(functools.partial(_abstract, shape))
    # A population runs its members in turn on a CPU, where grouped convolutions are slow.
    mlir.register_lowering(primitive, lowering(by_groups(fast), _in_turn), platform="cpu")
    mlir.register_lowering(primitive, lowering(plain, lambda one, *both: jax.vmap(one)(*both)))
    batching.primitive_batchers[primitive] = functools.partial(_batch, primitive, merges)
    return primitive


def _in_turn(one: Callable[[Array, Array], Array], left: Array, right: Array) -> Array:
    return lax.map(lambda both: one(*both), (left, right))


def _abstract(
    shape: Callable[..., tuple[int, ...]],
    left: Any,
    right: Any,
    *,
    geometry: Geometry,
    members: int,
) -> Any:
    if left.dtype != right.dtype:
        raise TypeError(f"a convolution of {left.dtype} and {right.dtype}: make them one type")
    result = shape(left.shape[members:], right.shape[members:], geometry)
    return left.update(shape=(*left.shape[:members], *result), weak_type=False)


def _batch(
    primitive: Primitive,
    merges: tuple[_Merge, _Merge],
    operands: tuple[Array, Array],
    axes: tuple[int | None, int | None],
    *,
    geometry: Geometry,
    members: int,
) -> tuple[Array, int]:
    """Map over one operand by merging its new axis with one it has, over both as members."""
    bind = functools.partial(primitive.bind, geometry=geometry)
    alone = [index for index in (0, 1) if axes[1 - index] is None]
    # Channels that are parted into groups can't take in an axis: it would be parted with them.
    if members or not alone or (geometry.groups > 1 and merges[alone[0]].operand):
        size = next(o.shape[a] for o, a in zip(operands, axes, strict=True) if a is not None)
        left, right = (
            jnp.broadcast_to(operand, (size, *operand.shape))
            if axis is None
            else jnp.moveaxis(operand, axis, 0)
            for operand, axis in zip(operands, axes, strict=True)
        )
        return bind(left, right, members=members + 1), 0
    (mapped,) = alone
    operand, axis, merge = operands[mapped], axes[mapped], merges[mapped]
    assert axis is not None
    size = operand.shape[axis]
    apart = jnp.moveaxis(operand, axis, merge.operand)
    before, after = apart.shape[: merge.operand], apart.shape[merge.operand + 2 :]
    joined = apart.reshape(*before, -1, *after)
    both = (joined, operands[1]) if mapped == 0 else (operands[0], joined)
    result = bind(*both, members=0)
    before, after = result.shape[: merge.result], result.shape[merge.result + 1 :]
    return result.reshape(*before, size, -1, *after), merge.result


_convolve = _primitive(
    "gan_jax_convolve",
    lambda images, kernel, geometry: (images[0], *geometry.map_size, kernel[3]),
    _plain_convolve,
    cpu.convolve,
    (_Merge(0, 0), _Merge(3, 3)),
)
_spread = _primitive(
    "gan_jax_spread",
    lambda maps, kernel, geometry: (maps[0], *geometry.image_size, kernel[2] * geometry.groups),
    _plain_spread,
    cpu.spread,
    (_Merge(0, 0), _Merge(2, 3)),
)
_correlate = _primitive(
    "gan_jax_correlate",
    lambda images, maps, geometry: (
        *geometry.kernel_size,
        images[3] // geometry.groups,
        maps[3],
    ),
    _plain_correlate,
    cpu.correlate,
    (_Merge(3, 2), _Merge(3, 3)),
)

ad.defbilinear(
    _convolve,
    lambda maps, images, kernel, **how: _spread.bind(maps, kernel, **how),
    lambda maps, images, kernel, **how: _correlate.bind(images, maps, **how),
)
ad.defbilinear(
    _spread,
    lambda images, maps, kernel, **how: _convolve.bind(images, kernel, **how),
    lambda images, maps, kernel, **how: _correlate.bind(images, maps, **how),
)
ad.defbilinear(
    _correlate,
    lambda kernel, images, maps, **how: _spread.bind(maps, kernel, **how),
    lambda kernel, images, maps, **how: _convolve.bind(images, kernel, **how),
)
