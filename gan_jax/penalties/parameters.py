"""Penalties on the parameters of a network, which take no samples.

They are terms like any other: a step calls them with `params`, the parameters it trains, and adds
the scalar they return. `functools.partial` gives them an `include`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import as_float

__all__ = ["off_diagonal_orthogonal_penalty", "orthogonal_penalty"]


def _everything(path: str) -> bool:
    return True


def orthogonal_penalty(
    *, params: Any, include: Callable[[str], bool] = _everything, **_: Any
) -> jax.Array:
    """Pull the kernels of a network towards orthogonality.

    `Σ_W ||Wᵀ W - I||²`, squared Frobenius norms over all leaves of two or more axes, each as a
    matrix `W` whose columns are its output features. This is the form BigGAN's authors give the
    penalty; the original sums absolute values. Their weight is 1e-4.

    Args:
        params: Parameters, a pytree; kernels have their output features last, as in Flax.
        include: Says of a path such as `"Conv_0/kernel"` whether the penalty is to count it.

    Returns:
        Penalty of all kernels, `[]`.

    Raises:
        ValueError: If no kernel is left, or one is not of floats.

    >>> print(orthogonal_penalty(params={"kernel": 2 * jnp.eye(3), "bias": jnp.ones(3)}))
    27.0

    Reference:
        Brock et al., 2016, "Neural Photo Editing with Introspective Adversarial Networks",
        https://arxiv.org/abs/1609.07093
    """

    def distance(products: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(products - jnp.eye(len(products), dtype=products.dtype)))

    return _sum_over_kernels("orthogonal_penalty", params, include, distance)


def off_diagonal_orthogonal_penalty(
    *, params: Any, include: Callable[[str], bool] = _everything, **_: Any
) -> jax.Array:
    """Pull the output features of a network's kernels apart, whatever their norms.

    `Σ_W ||Wᵀ W ⊙ (1 - I)||²`, over all leaves of two or more axes, each as a matrix `W` whose
    columns are its output features. The paper's weight is 1e-4; BigGAN-PyTorch adds half of this
    penalty's gradient for it. Leave out the embedding that all layers share.

    Args:
        params: Parameters, a pytree; kernels have their output features last, as in Flax.
        include: Says of a path such as `"Conv_0/kernel"` whether the penalty is to count it.

    Returns:
        Penalty of all kernels, `[]`.

    Raises:
        ValueError: If no kernel is left, or one is not of floats.

    >>> params = {"dense": {"kernel": jnp.ones((5, 2))}, "shared": {"embedding": jnp.ones((7, 3))}}
    >>> print(off_diagonal_orthogonal_penalty(params=params, include=lambda p: "shared" not in p))
    50.0

    Reference:
        Brock et al., 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis",
        https://arxiv.org/abs/1809.11096
    """

    def overlap(products: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(products * (1 - jnp.eye(len(products), dtype=products.dtype))))

    return _sum_over_kernels("off_diagonal_orthogonal_penalty", params, include, overlap)


def _sum_over_kernels(
    penalty: str,
    params: Any,
    include: Callable[[str], bool],
    measure: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """Add up a measure of `Wᵀ W` over the kernels."""
    leaves = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    ]
    kernels = [leaf for path, leaf in leaves if jnp.ndim(leaf) >= 2 and include(path)]
    if not kernels:
        raise ValueError(
            f"{penalty} found no kernel of two or more axes that is included among "
            f"{[path for path, _ in leaves]}"
        )
    matrices = [
        as_float(kernel, "a kernel").reshape(math.prod(kernel.shape[:-1]), kernel.shape[-1])
        for kernel in kernels
    ]
    # Some accelerators would round the factors of a float32 product.
    products = [jnp.matmul(matrix.T, matrix, precision="highest") for matrix in matrices]
    return jax.tree.reduce(jnp.add, [measure(product) for product in products])
