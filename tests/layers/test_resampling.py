"""FIR resampling of images against direct references, and its properties."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax.layers.resampling import blur, downsample, mean_pool, nearest_upsample, upsample

BINOMIAL = (1.0, 3.0, 3.0, 1.0)
LOPSIDED = [(4.0, -1.0, 2.0, 7.0), (1.0, 2.0, 3.0, 4.0, 5.0), (1.0, 5.0, 2.0)]
CASES = [(BINOMIAL, 1), *((taps, factor) for taps in (BINOMIAL, *LOPSIDED) for factor in (2, 3))]
FUNCTIONS = {
    "blur": partial(blur, taps=LOPSIDED[0], padding=(2, 1)),
    "upsample": upsample,
    "upsample_odd": partial(upsample, taps=(1, 2, 3, 2, 1), factor=3),
    "downsample": downsample,
    "downsample_odd": partial(downsample, taps=LOPSIDED[1], factor=3),
    "nearest_upsample": nearest_upsample,
    "mean_pool": mean_pool,
}
each_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
KINDS = ["blur", "upsample", "downsample_odd"]
each_kind = pytest.mark.parametrize("function", [FUNCTIONS[name] for name in KINDS], ids=KINDS)


def _images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape or (2, 6, 12, 3))


def _float64(function, *arguments):
    """Call a function jitted, in double precision."""
    with jax.enable_x64(True):
        return np.asarray(jax.jit(function)(*arguments))


def _padding(taps, up=1, down=1):
    """Return StyleGAN2's zeros before and after, of an upsampling or of a downsampling."""
    if up > 1:
        return (len(taps) + up - 1) // 2, (len(taps) - up) // 2
    return (len(taps) - down + 1) // 2, (len(taps) - down) // 2


def _pad_or_crop(line, low, high):
    line = np.pad(line, (max(low, 0), max(high, 0)))
    return line[max(-low, 0) : len(line) - max(-high, 0)]


def _direct(images, taps, *, up=1, down=1, padding):
    """Insert zeros, pad, convolve and decimate line by line."""
    taps = up * np.asarray(taps) / np.sum(taps)

    def resample(line):
        sparse = np.zeros(len(line) * up)
        sparse[::up] = line
        return np.convolve(_pad_or_crop(sparse, *padding), taps, mode="valid")[::down]

    return np.apply_along_axis(resample, 2, np.apply_along_axis(resample, 1, images))


def _torch_direct(torch, images, taps, *, up=1, down=1, padding):
    """Do the same in two dimensions at once, by PyTorch's grouped convolution."""
    batch, channels, height, width = images.shape
    sparse = images.new_zeros(batch, channels, height, up, width, up)
    sparse[:, :, :, 0, :, 0] = images
    sparse = sparse.reshape(batch, channels, height * up, width * up)
    taps = torch.tensor(taps, dtype=images.dtype)
    kernel = torch.outer(taps, taps)
    kernel = (up**2 * kernel / kernel.sum()).flip(0, 1).expand(channels, 1, -1, -1)
    padded = torch.nn.functional.pad(sparse, (*padding, *padding))
    return torch.nn.functional.conv2d(padded, kernel, stride=down, groups=channels)


@pytest.mark.parametrize(("taps", "factor"), CASES)
def test_upsample_is_zero_insertion_and_convolution(taps, factor):
    expected = _direct(_images(), taps, up=factor, padding=_padding(taps, up=factor))
    assert expected.shape == (2, 6 * factor, 12 * factor, 3)
    value = _float64(partial(upsample, taps=taps, factor=factor), _images())
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("taps", "factor"), [*CASES, ((1.0,), 2), ((1.0,), 3), ((3.0, 1.0), 3)])
def test_downsample_is_convolution_and_decimation(taps, factor):
    expected = _direct(_images(), taps, down=factor, padding=_padding(taps, down=factor))
    assert expected.shape == (2, 6 // factor, 12 // factor, 3)
    value = _float64(partial(downsample, taps=taps, factor=factor), _images())
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("taps", "padding"),
    [((2.0,), (0, 0)), (BINOMIAL, (2, 1)), (LOPSIDED[1], (0, 0)), (LOPSIDED[2], (0, 3))],
)
def test_blur_is_convolution(taps, padding):
    expected = _direct(_images(), taps, padding=padding)
    value = _float64(partial(blur, taps=taps, padding=padding), _images())
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (partial(blur, padding=(2, 1)), {"padding": (2, 1)}),
        (partial(upsample, factor=2), {"up": 2, "padding": (2, 1)}),
        (partial(upsample, factor=3), {"up": 3, "padding": (3, 0)}),
        (partial(downsample, factor=2), {"down": 2, "padding": (1, 1)}),
        (partial(downsample, factor=3), {"down": 3, "padding": (1, 0)}),
    ],
)
def test_values_and_gradients_agree_with_pytorch(function, options):
    torch = pytest.importorskip("torch")
    taps, images = LOPSIDED[0], _images()
    theirs = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    their_value = _torch_direct(torch, theirs, taps, **options)
    (their_gradient,) = torch.autograd.grad(their_value.pow(3).sum(), theirs)

    value = _float64(partial(function, taps=taps), images)
    gradient = _float64(jax.grad(lambda x: jnp.sum(function(x, taps=taps) ** 3)), images)
    for ours, other in ((value, their_value.detach()), (gradient, their_gradient)):
        np.testing.assert_allclose(ours, other.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


def test_a_pixel_spreads_as_the_taps_say():
    pixel = jnp.zeros((1, 4, 4, 1)).at[0, 1, 2, 0].set(64.0)
    enlarged = jax.jit(upsample)(pixel)[0, :, :, 0]
    np.testing.assert_array_equal(enlarged[:, 4], [0, 12, 36, 36, 12, 0, 0, 0])
    np.testing.assert_array_equal(enlarged[3], [0, 0, 0, 12, 36, 36, 12, 0])
    np.testing.assert_array_equal(jax.jit(downsample)(pixel)[0, :, :, 0], [[3, 9], [1, 3]])
    blurred = jax.jit(partial(blur, taps=(1, 2, 5), padding=(0, 2)))(pixel)[0, :, :, 0]
    np.testing.assert_array_equal(blurred, np.outer([2, 5, 0, 0], [1, 2, 5, 0]))


def test_nearest_and_mean_are_repetition_and_means():
    images = _images().astype(np.float32)
    repeated = images.repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_array_equal(nearest_upsample(images, factor=3), repeated)
    means = images.reshape(2, 2, 3, 4, 3, 3).mean((2, 4))
    np.testing.assert_allclose(mean_pool(images, factor=3), means, atol=1e-6)
    np.testing.assert_allclose(mean_pool(repeated, factor=3), images, atol=1e-6)


@pytest.mark.parametrize("taps", [(1, 2, 1), BINOMIAL, (1, 4, -6, 4, 1), (1, -5, 9, 9, -5, 1)])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_downsample_is_the_adjoint_of_upsample_or_a_pixel_apart(taps, factor):
    apart = (len(taps) - factor) % 2
    small, large = _images(2, 5, 3, 2), _images(2, 5 * factor, 3 * factor, 2, seed=1)
    large[:, :apart] = large[:, :, :apart] = 0
    moved = np.roll(large, (-apart, -apart), axis=(1, 2))
    enlarged = _float64(partial(upsample, taps=taps, factor=factor), small)
    shrunk = _float64(partial(downsample, taps=taps, factor=factor), moved)
    expected = factor**2 * np.vdot(small, shrunk)
    np.testing.assert_allclose(np.vdot(enlarged, large), expected, rtol=1e-12)


@each_function
def test_constants_stay_away_from_the_border(function):
    value = _float64(function, np.full((1, 24, 24, 1), 0.7))[:, 3:-3, 3:-3]
    assert value.size
    np.testing.assert_allclose(value, 0.7, rtol=1e-14)


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [
        (partial(blur, taps=LOPSIDED[0], padding=(2, 1)), 2, 2),
        (partial(upsample, taps=LOPSIDED[0]), 1, 2),
        (partial(upsample, taps=LOPSIDED[1], factor=3), 1, 3),
        (partial(downsample, taps=LOPSIDED[0]), 2, 1),
        (partial(downsample, taps=LOPSIDED[1], factor=3), 3, 1),
    ],
)
def test_what_moves_in_moves_out(function, before, after):
    images = np.pad(_images(), ((0, 0), (6, 6), (6, 6), (0, 0)))
    moved = _float64(function, np.roll(images, (before, -before), axis=(1, 2)))
    expected = np.roll(_float64(function, images), (after, -after), axis=(1, 2))
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-14)


@each_kind
def test_gradients_of_first_and_second_order(function):
    with jax.enable_x64(True):
        images = jnp.asarray(_images(1, 3, 3, 1))
        curved = jax.jit(lambda x: function(jnp.sin(x)))
        check_grads(curved, (images,), order=2, modes=("fwd", "rev"))


@each_kind
def test_jit_is_eager_and_vmap_is_a_loop(function):
    images = jnp.asarray(_images(3, 2, 6, 6, 2), jnp.float32)
    compiled = jax.jit(function)
    np.testing.assert_allclose(compiled(images[0]), function(images[0]), rtol=1e-6, atol=1e-6)
    looped = jnp.stack([compiled(image) for image in images])
    np.testing.assert_allclose(jax.jit(jax.vmap(function))(images), looped, rtol=1e-6, atol=1e-6)


def _convolutions(function):
    """Return how many convolutions a function compiles to."""
    program = jax.jit(function).lower(jnp.ones((2, 6, 6, 4))).compile().as_text()
    return program.count(" convolution(")


def _gradients(function):
    """Return the value, its gradient, and the gradient of a penalty on that gradient."""

    def loss(images):
        return jnp.sum(function(images) ** 3)

    def penalty(images):
        return jnp.sum(jax.grad(loss)(images) ** 2)

    return lambda images: (function(images), jax.grad(loss)(images), jax.grad(penalty)(images))


@each_function
def test_nothing_compiles_to_a_convolution(function):
    assert _convolutions(_gradients(function)) == 0


def test_a_convolution_would_have_been_seen():
    convolve = partial(
        jax.lax.conv_general_dilated,
        rhs=jnp.ones((3, 3, 1, 4)),
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=4,
    )
    assert _convolutions(_gradients(convolve)) >= 3


@each_function
def test_dtype_is_kept(function):
    images = jnp.asarray(_images(1, 6, 6, 1), jnp.float32)
    for dtype in (jnp.float16, jnp.float32):
        assert jax.eval_shape(function, images.astype(dtype)).dtype == dtype
    value = jax.jit(function)(images.astype(jnp.bfloat16))
    assert value.dtype == jnp.bfloat16
    np.testing.assert_allclose(value.astype(jnp.float32), jax.jit(function)(images), atol=0.05)


def test_taps_may_be_numpy_numbers_and_of_any_scale():
    images = jnp.asarray(_images(1, 6, 6, 1), jnp.bfloat16)
    value = jax.jit(partial(upsample, taps=np.asarray(BINOMIAL) * 8))(images)
    assert value.dtype == jnp.bfloat16
    np.testing.assert_array_equal(value, jax.jit(upsample)(images))


def test_one_pixel_is_enough():
    pixel = np.full((1, 1, 1, 1), 64.0)
    for taps in (BINOMIAL, *LOPSIDED):
        expected = _direct(pixel, taps, up=3, padding=_padding(taps, up=3))
        value = _float64(partial(upsample, taps=taps, factor=3), pixel)
        np.testing.assert_allclose(value, expected, atol=1e-12)


@pytest.mark.parametrize("function", [upsample, downsample, nearest_upsample, mean_pool])
@pytest.mark.parametrize("factor", [0, 2.0])
def test_factors_that_are_none(function, factor):
    with pytest.raises(ValueError, match=f"factor must be .* 1 or more, got {factor}"):
        function(jnp.ones((1, 4, 4, 1)), factor=factor)


@pytest.mark.parametrize("function", [partial(blur, padding=(1, 1)), upsample, downsample])
@pytest.mark.parametrize("taps", [(), (0, 0), (0.1, 0.2, -0.3), (1, np.nan), (1, np.inf)])
def test_taps_that_cannot_be_normalised(function, taps):
    with pytest.raises(ValueError, match="taps must be one or more finite numbers"):
        function(jnp.ones((1, 4, 4, 1)), taps=taps)


@each_function
@pytest.mark.parametrize(
    ("images", "got"),
    [(np.ones((4, 4, 1)), r"float64 \[4, 4, 1\]"), (np.ones((1, 6, 6, 1), np.uint8), "uint8")],
)
def test_images_of_another_kind(function, images, got):
    with pytest.raises(ValueError, match=rf"images must be floats \[B, H, W, C\], got {got}"):
        function(images)


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (downsample, (1, 7, 6, 1), r"7 x 6 .* must be multiples of 2"),
        (partial(mean_pool, factor=3), (1, 6, 7, 1), r"6 x 7 .* must be multiples of 3"),
        (partial(upsample, taps=(1, 1), factor=3), (1, 4, 4, 1), r"at least 3 taps, .* got 2"),
        (
            partial(blur, taps=BINOMIAL, padding=(1, 0)),
            (1, 5, 2, 1),
            r"4 taps .* 5 x 2 .* \(1, 0\)",
        ),
        (partial(blur, taps=BINOMIAL, padding=(-1, 2)), (1, 4, 4, 1), r"padding .* got \(-1, 2\)"),
        (partial(blur, taps=BINOMIAL, padding=(1,)), (1, 4, 4, 1), r"padding .* got \(1,\)"),
    ],
)
def test_sizes_that_do_not_fit(function, shape, message):
    with pytest.raises(ValueError, match=message):
        function(jnp.ones(shape))
