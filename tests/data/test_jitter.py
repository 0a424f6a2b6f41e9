"""Crops and mirror images: which there are, how often, and that both sides of a pair get the same."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax.data import jitter

SHAPE, ENLARGED = (4, 6, 3), (6, 9)
CORNERS = [(top, left) for top in range(3) for left in range(4)]
half_larger = partial(jitter, enlarge=1.5)


def many(function, keys, *trees):
    """Call a function for each key."""
    return jax.jit(jax.vmap(function))(keys, *trees)


def bilinear(size, larger):
    """Return the matrix [larger, size] of linear interpolation, from its formula."""
    position = np.clip((np.arange(larger) + 0.5) * size / larger - 0.5, 0, size - 1)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(size)))


def candidates(image):
    """Return all that an image can become, [12 corners * 2, ...], mirrored ones last."""
    height, width, _ = image.shape
    rows, columns = bilinear(height, ENLARGED[0]), bilinear(width, ENLARGED[1])
    large = np.einsum("ih,jw,hwc->ijc", rows, columns, image.astype(np.float64))
    cuts = np.stack([large[top : top + height, left : left + width] for top, left in CORNERS])
    return np.concatenate([cuts, cuts[:, :, ::-1]])


def nearest(images, image):
    """Return which of the candidates each image is, and how far from it."""
    apart = np.abs(images[:, None] - candidates(image)).max(axis=(2, 3, 4))
    return apart.argmin(axis=1), apart.min()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def jittered(image):
    """Jitter one image, and its negative, with many keys."""
    keys = jax.random.split(jax.random.key(1), 2400)
    one = jax.jit(lambda key: half_larger(key, {"source": image, "image": -image}))
    return keys, jax.vmap(one)(keys), one


def test_each_cut_and_its_mirror_image_is_as_likely(jittered, image):
    found, apart = nearest(np.asarray(jittered[1]["source"]), image)
    assert apart < 1e-5
    counts = np.bincount(found, minlength=24)
    assert ((counts - 100) ** 2 / 100).sum() < 58.6  # 23 degrees of freedom, p = 6e-5


def test_both_sides_of_a_pair_get_the_same(jittered):
    np.testing.assert_array_equal(jittered[1]["source"], -jittered[1]["image"])


def test_one_compiled_or_not_is_as_many(jittered, image):
    keys, found, one = jittered
    for index in range(4):
        np.testing.assert_allclose(one(keys[index])["source"], found["source"][index], atol=1e-6)
    plain = half_larger(keys[0], {"source": image})
    np.testing.assert_allclose(plain["source"], found["source"][0], atol=1e-6)


def test_nothing_leaves_the_range_of_the_values(jittered, image):
    low, high = image.min(), image.max()
    seen = np.asarray(jittered[1]["source"])
    assert low - 1e-6 <= seen.min()
    assert seen.max() <= high + 1e-6


def test_bytes_are_rounded_and_stay_bytes():
    image = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    keys = jax.random.split(jax.random.key(2), 50)
    both = {"a": image, "b": 255 - image, "c": image.astype(np.float32)}
    found = many(lambda key: half_larger(key, both), keys)
    assert [found[name].dtype for name in "abc"] == [jnp.uint8, jnp.uint8, jnp.float32]
    assert nearest(np.asarray(found["a"], np.float64), image)[1] <= 0.5 + 1e-4
    np.testing.assert_array_equal(found["a"], np.round(found["c"]).astype(np.uint8))
    negative = np.asarray(found["a"], int) + np.asarray(found["b"], int)
    assert set(np.unique(negative)) <= {254, 255, 256}  # of halves


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.bfloat16, jnp.float32])
def test_without_enlarging_an_image_or_its_mirror_image_comes_back_exactly(dtype):
    image = jnp.arange(24, dtype=dtype).reshape(2, 4, 3)
    keys = jax.random.split(jax.random.key(3), 60)
    found = np.asarray(many(lambda key: jitter(key, image, enlarge=1), keys))
    image = np.asarray(image)
    assert found.dtype == dtype
    mirrored = (found[:, 0, 0, 0] != image[0, 0, 0]).tolist()
    assert 15 < sum(mirrored) < 45
    for each, is_mirrored in zip(found, mirrored, strict=True):
        np.testing.assert_array_equal(each[:, ::-1] if is_mirrored else each, image)
    again = many(partial(jitter, enlarge=1), keys, found)
    np.testing.assert_array_equal(again, np.broadcast_to(image, again.shape))


def test_flips_can_be_left_out(image):
    keys = jax.random.split(jax.random.key(4), 40)
    found = many(lambda key: half_larger(key, image, flip=False), keys)
    which, apart = nearest(np.asarray(found), image)
    assert apart < 1e-5
    assert which.max() < 12


def test_sides_of_different_sizes_stay_aligned():
    """A picture that says where each pixel is, at 6 and at 18 pixels a side."""

    def places(size):
        steps = (np.arange(size, dtype=np.float32) + 0.5) / size
        return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1)

    keys = jax.random.split(jax.random.key(5), 40)
    pair = {"source": places(6), "image": places(18)}
    found = many(lambda key: half_larger(key, pair), keys)
    blocks = found["image"].reshape(40, 6, 3, 6, 3, 2).mean(axis=(2, 4))
    inner = (found["source"] > 1 / 6) & (found["source"] < 5 / 6)  # the rest is beyond a border
    assert inner.mean() > 0.6
    assert np.abs(blocks - found["source"])[inner].max() < 1e-5


def test_in_float64_it_is_the_formula_and_its_gradient(image):
    with jax.enable_x64(True):
        exact = jnp.asarray(image, jnp.float64)
        key = jax.random.key(7)
        found = half_larger(key, exact)
        assert found.dtype == jnp.float64
        assert nearest(np.asarray(found)[None], np.asarray(exact))[1] < 1e-12
        tree = {"source": exact, "image": exact**2}
        check_grads(jax.jit(lambda tree: half_larger(key, tree)), (tree,), order=1)


def test_the_gradient_goes_back_to_the_pixels_seen(image):
    """Weights of a cut sum to its number of values, and pixels that are outside of it get none."""
    keys = jax.random.split(jax.random.key(8), 30)

    @jax.jit
    @jax.vmap
    def slope(key):
        return jax.grad(lambda image: half_larger(key, image).sum())(image)

    slopes = slope(keys)
    np.testing.assert_allclose(slopes.sum(axis=(1, 2, 3)), np.full(30, image.size), rtol=1e-5)
    matrices = [bilinear(4, 6)[top : top + 4].sum(axis=0) for top in range(3)]
    rows = np.asarray(slopes[..., 0]).sum(axis=2) / 6
    apart = np.abs(rows[:, None] - np.stack(matrices)).max(axis=2).min(axis=1)
    assert apart.max() < 1e-5


def test_sizes_of_the_paper():
    pair = {name: jax.ShapeDtypeStruct((256, 256, 3), jnp.uint8) for name in ("source", "image")}
    assert jax.eval_shape(jitter, jax.random.key(0), pair) == pair


@pytest.mark.parametrize(
    ("images", "options", "line"),
    [
        ({}, {}, "there are no images"),
        (np.zeros((4, 4), np.float32), {}, r"images must be uint8 or floats \[H, W, C\] .* float32 \[4, 4\]"),
        (np.zeros((2, 4, 4, 1), np.uint8), {}, r"got uint8 \[2, 4, 4, 1\]"),
        (np.zeros((4, 4, 1), np.int32), {}, "got int32"),
        (np.zeros((4, 0, 1), np.uint8), {}, r"got uint8 \[4, 0, 1\]"),
        ([np.zeros((4, 4, 1), np.uint8), np.zeros((6, 6, 1), np.uint8)], {}, "an image of 6 x 6 is no whole number of times as large as one of 4 x 4"),
        ([np.zeros((4, 8, 1), np.uint8), np.zeros((8, 8, 1), np.uint8)], {}, "an image of 8 x 8"),
        (np.zeros((4, 4, 1), np.uint8), {"enlarge": 0.9}, r"enlarge is 0\.9, it must be a finite number from 1"),
        (np.zeros((4, 4, 1), np.uint8), {"enlarge": float("inf")}, "enlarge is inf"),
        (np.zeros((4, 4, 1), np.uint8), {"enlarge": True}, "enlarge is True"),
        (np.zeros((4, 4, 1), np.uint8), {"enlarge": "2"}, "enlarge is '2'"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(key, images, options, line):
    with pytest.raises(ValueError, match=line) as refusal:
        jitter(key, images, **options)
    assert "\n" not in str(refusal.value)
