"""Orthogonality of kernels."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax.penalties import off_diagonal_orthogonal_penalty, orthogonal_penalty, weighted

PENALTIES = {
    orthogonal_penalty: lambda gram: np.sum((gram - np.eye(len(gram))) ** 2),
    off_diagonal_orthogonal_penalty: lambda gram: np.sum((gram - np.diag(np.diag(gram))) ** 2),
}
both = pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: penalty.__name__)


def _params(dtype=np.float64):
    random = np.random.default_rng(0)
    return {
        "conv": {"kernel": random.normal(size=(3, 3, 2, 4)).astype(dtype), "bias": np.ones(4)},
        "dense": [random.normal(size=(2, 5)).astype(dtype)],
        "shared": {"embedding": random.normal(size=(3, 2)).astype(dtype)},
    }


@both
def test_numpy_reference_and_gradients(penalty):
    params = _params()
    kernels = (params["conv"]["kernel"], params["dense"][0], params["shared"]["embedding"])
    matrices = [kernel.reshape(-1, kernel.shape[-1]) for kernel in kernels]
    expected = sum(PENALTIES[penalty](matrix.T @ matrix) for matrix in matrices)
    with jax.enable_x64(True):
        value = jax.jit(lambda params: penalty(params=params, critic=None))
        assert value(params).dtype == jnp.float64
        assert value(params).shape == ()
        np.testing.assert_allclose(value(params), expected, rtol=1e-12)
        check_grads(value, (params,), order=1, modes=["rev"], rtol=1e-6)
    params = _params(np.float32)
    np.testing.assert_allclose(penalty(params=params), expected, rtol=1e-5)
    rounded = penalty(params=jax.tree.map(lambda p: p.astype("bfloat16"), params))
    assert rounded.dtype == jnp.float32
    np.testing.assert_allclose(rounded, expected, rtol=2e-2)


def test_by_hand():
    """Columns (1, 1) and (0, 2): the products are [[2, 2], [2, 4]]."""
    params = {"kernel": jnp.array([[1.0, 0.0], [1.0, 2.0]])}
    assert orthogonal_penalty(params=params) == 1 + 4 + 4 + 9
    assert off_diagonal_orthogonal_penalty(params=params) == 4 + 4


@both
def test_orthogonal_kernels_cost_nothing(penalty):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 4)))[0].astype(np.float32)
    kernel = rotation.reshape(3, 2, 4)
    value, gradient = jax.value_and_grad(lambda kernel: penalty(params={"kernel": kernel}))(kernel)
    np.testing.assert_allclose(value, 0, atol=1e-11)
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_the_gradient_off_the_diagonal_is_four_times_the_kernel_times_the_products():
    kernel = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    gram = kernel.T @ kernel
    gradient = jax.grad(lambda k: off_diagonal_orthogonal_penalty(params=k))(kernel)
    np.testing.assert_allclose(gradient, 4 * kernel @ (gram - np.diag(np.diag(gram))), rtol=1e-4)


@both
def test_include_is_asked_about_every_kernel(penalty):
    asked = []

    def include(path):
        asked.append(path)
        return "shared" not in path

    some = partial(penalty, include=include)
    less = _params()
    del less["shared"]
    np.testing.assert_allclose(some(params=_params()), penalty(params=less), rtol=1e-6)
    assert asked == ["conv/kernel", "dense/0", "shared/embedding"]
    np.testing.assert_allclose(
        weighted(1e-4, some)(params=_params()), 1e-4 * penalty(params=less), rtol=1e-6
    )


@both
def test_vmap_over_networks_is_a_loop(penalty):
    kernels = np.random.default_rng(3).normal(size=(3, 4, 2)).astype(np.float32)
    looped = [penalty(params=[kernel]) for kernel in kernels]
    mapped = jax.vmap(lambda kernel: penalty(params=[kernel]))(kernels)
    np.testing.assert_allclose(mapped, looped, rtol=1e-5)


@both
def test_extreme_kernels_are_finite(penalty):
    value = jax.value_and_grad(lambda kernel: penalty(params=[kernel]))
    for kernel in (jnp.full((2, 2), 1e4), jnp.full((2, 2), -1e3, "bfloat16"), jnp.zeros((2, 2))):
        assert all(jnp.isfinite(part).all() for part in value(kernel))


@both
def test_no_kernel_is_an_error(penalty):
    message = rf"^{penalty.__name__} found no kernel .* included among \['bias'\]$"
    with pytest.raises(ValueError, match=message):
        penalty(params={"bias": jnp.ones(3)})
    with pytest.raises(ValueError, match="found no kernel"):
        penalty(params=_params(), include=lambda path: False)
