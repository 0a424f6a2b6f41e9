"""The laws that every augmentation obeys, and the package's independence."""

import os
import shutil
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import augment
from gan_jax.augment import (
    adaptive_augment,
    diff_augment,
    instance_noise,
    random_brightness,
    random_contrast,
    random_cutout,
    random_saturation,
    random_translation,
)

CASES = {
    "brightness": random_brightness,
    "saturation": random_saturation,
    "contrast": random_contrast,
    "translation": random_translation,
    "cutout": random_cutout,
    "diff_augment": diff_augment,
    "blitting": adaptive_augment(0.9, geometry=(), color=()),
    "geometry": adaptive_augment(0.7, blitting=(), color=()),
    "colour": adaptive_augment(0.7, blitting=(), geometry=()),
    "noise": instance_noise(0.1),
}
SHAPES = ((28, 28, 1), (32, 32, 3), (16, 24, 3))
every_case = pytest.mark.parametrize("name", CASES)


def _images(number, shape=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (number, *shape))


def _keys(number):
    return jax.random.split(jax.random.key(4), number)


@every_case
def test_an_augmentation_is_affine_in_the_image_and_its_gradient_is_the_transpose(name):
    images = _images(12).reshape(4, 3, 8, 8, 3)

    @jax.jit
    @jax.vmap
    def values(key, x, y, weights):
        apply = partial(CASES[name], key)
        output, transpose = jax.vjp(apply, x)
        return output, apply(y), apply(x + y), apply(jnp.zeros_like(x)), transpose(weights)[0]

    with jax.enable_x64(True):
        x, y, weights = (jnp.asarray(images[:, i]) for i in range(3))
        of_x, of_y, of_sum, of_zero, gradient = values(_keys(4), x, y, weights)
        np.testing.assert_allclose(of_sum - of_y, of_x - of_zero, atol=1e-12)
        slopes = np.sum((of_x - of_zero) * weights, axis=(1, 2, 3))
        np.testing.assert_allclose(np.sum(x * gradient, axis=(1, 2, 3)), slopes, atol=1e-10)
        assert (np.sum(np.asarray(gradient) != 0, axis=(1, 2, 3)) > 20).all()


@pytest.mark.parametrize("name", ["diff_augment", "noise"])
def test_gradients_agree_with_differences(name, key):
    with jax.enable_x64(True):
        image = jnp.asarray(_images(1)[0])
        check_grads(jax.jit(partial(CASES[name], key)), (image,), order=1)


@cache
def _compiled(name):
    return jax.jit(jax.vmap(CASES[name]))


@every_case
def test_compiled_and_vectorised_is_the_same_as_one_by_one(name):
    images, keys = jnp.asarray(_images(3), jnp.float32), _keys(3)
    outputs = _compiled(name)(keys, images)
    for key, image, output in zip(keys, images, outputs, strict=True):
        np.testing.assert_allclose(CASES[name](key, image), output, rtol=1e-5, atol=1e-5)


@every_case
def test_large_values_stay_finite(name):
    images, keys = jnp.sign(jnp.asarray(_images(3), jnp.float32)), _keys(3)
    assert np.isfinite(_compiled(name)(keys, images * 1e4)).all()
    half = CASES[name](keys[0], (images[0] * 1e3).astype(jnp.bfloat16))
    assert np.isfinite(np.asarray(half, np.float32)).all()


@every_case
def test_the_key_alone_decides_and_no_two_decide_alike(name):
    image = jnp.asarray(_images(1)[0], jnp.float32)
    outputs = _compiled(name)(_keys(2)[jnp.array([0, 1, 0])], jnp.stack([image] * 3))
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert (outputs[0] != outputs[1]).any()


@every_case
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shape_and_dtype_are_kept(name, shape, key):
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        output = jax.eval_shape(CASES[name], key, jax.ShapeDtypeStruct(shape, dtype))
        assert (output.shape, output.dtype) == (shape, dtype)
    with jax.enable_x64(True):
        for dtype in (jnp.float32, jnp.float64):
            output = jax.eval_shape(CASES[name], key, jax.ShapeDtypeStruct(shape, dtype))
            assert (output.shape, output.dtype) == (shape, dtype)


@pytest.mark.parametrize("name", [name for name in CASES if name != "noise"])
@pytest.mark.parametrize(
    "image",
    [jnp.zeros((4, 4)), jnp.zeros((2, 4, 4, 3)), jnp.zeros((4, 4, 3), jnp.uint8)],
    ids=["no channels", "a batch", "whole numbers"],
)
def test_what_is_no_image_is_refused(name, image, key):
    with pytest.raises(
        ValueError, match=r"image must be floats \[H, W, C\] .* got (float32|uint8) \["
    ):
        CASES[name](key, image)


def test_works_alone_under_another_name(tmp_path):
    shutil.copytree(Path(augment.__file__).parent, tmp_path / "borrowed")
    code = (
        "import sys, jax, borrowed\n"
        "image = jax.numpy.ones((4, 4, 3))\n"
        "augment = borrowed.compose(borrowed.diff_augment, borrowed.adaptive_augment(0.5))\n"
        "augmented = jax.eval_shape(augment, jax.random.key(0), image)\n"
        "assert augmented.shape == image.shape\n"
        "assert not any(name.split('.')[0] in ('gan_jax', 'flax', 'scipy') for name in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
