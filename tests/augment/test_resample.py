"""Moving pixels: exact where it can be, otherwise against PyTorch's sampler."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.augment import blit, warp

# The filter as published, and the place of its mass: pixel i is at 2 i + SHIFT when enlarged.
SYM6 = np.array(
    [0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
     0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
     -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148]
)  # fmt: skip
SHIFT = SYM6 @ np.arange(12) / SYM6.sum() - 5
SHAPES = ((28, 28, 1), (16, 24, 3), (7, 5, 3))


def _image(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def _matrix(angle=0.0, scale=(1.0, 1.0), shift=(0.0, 0.0)):
    """Return an inverse matrix: the output is shifted, then turned, then scaled to the input."""
    turning = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = np.diag(scale) @ turning
    matrix[:2, 2] = matrix[:2, :2] @ shift
    return matrix


def _shifted(image, down, right):
    """Shift by whole pixels, the mirror image following."""
    height, width, _ = image.shape
    wide = np.pad(image, ((40, 40), (40, 40), (0, 0)), mode="reflect")
    return wide[40 - down : 40 - down + height, 40 - right : 40 - right + width]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_blit_copies_pixels_bit_by_bit(shape, dtype):
    image = np.asarray(jnp.asarray(_image(shape), dtype))
    identity, mirror, upside_down = np.eye(3), np.diag([-1.0, 1, 1]), np.diag([1.0, -1, 1])
    for matrix, expected in [
        (identity, image),
        (mirror, image[:, ::-1]),
        (upside_down, image[::-1]),
        (_matrix(shift=(-3, 0)), _shifted(image, 0, 3)),
        (_matrix(shift=(2, -4)), _shifted(image, 4, -2)),
        (_matrix(shift=(-29, 31)), _shifted(image, -31, 29)),
        (mirror @ _matrix(shift=(-3, 0)), _shifted(image[:, ::-1], 0, 3)),
    ]:
        moved = blit(jnp.asarray(image), jnp.asarray(matrix, jnp.float32))
        assert moved.dtype == dtype
        np.testing.assert_array_equal(np.asarray(moved), expected)


def test_blit_turns_a_square_by_right_angles():
    image = _image((5, 5, 3)).astype(np.float32)
    clockwise = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]], np.float32)
    for turns in range(4):
        inverse = np.linalg.matrix_power(clockwise, turns)
        np.testing.assert_array_equal(
            blit(jnp.asarray(image), jnp.asarray(inverse)), np.rot90(image, -turns)
        )


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 3)], ids=str)
def test_the_smallest_images_have_mirror_images_too(shape):
    image = jnp.asarray(_image(shape), jnp.float32)
    np.testing.assert_array_equal(blit(image, jnp.eye(3)), image)
    np.testing.assert_allclose(warp(image, jnp.eye(3)), image, atol=1e-6)
    flat = 0.7 * jnp.ones(shape)
    inverse = jnp.asarray(_matrix(0.4, (1.2, 0.9), (0.3, 0.1)), jnp.float32)
    np.testing.assert_allclose(warp(flat, inverse), flat, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_warp_loses_nothing_of_the_identity_and_of_shifts_by_whole_pixels(shape):
    image = _image(shape)
    with jax.enable_x64(True):
        for down, right in ((0, 0), (3, -2), (-9, 31)):
            inverse = jnp.asarray(_matrix(shift=(-right, -down)))
            moved = warp(jnp.asarray(image), inverse)
            np.testing.assert_allclose(moved, _shifted(image, down, right), atol=1e-9)


def test_warp_takes_a_plane_to_a_plane():
    # A linear image is moved without any error, whatever the matrix: nothing is out of place.
    # Near the border the mirror image makes the plane bend, so only the middle is compared.
    height, width = 28, 34
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    slopes = np.array([[0.03, 0.0], [0.0, 0.05], [0.02, -0.04]])  # of three channels
    image = np.einsum("cd,dhw->hwc", slopes, np.stack([x, y])) + 0.1
    matrices = [
        _matrix(angle, scale, (0.4, -0.3))
        for angle in (0.0, 0.7, np.pi)
        for scale in ((1.0, 1.0), (0.8, 1.1))
    ]
    matrices.append(np.diag([-1.0, 1.0, 1.0]))
    with jax.enable_x64(True):
        for matrix in matrices:
            moved = np.asarray(warp(jnp.asarray(image), jnp.asarray(matrix)))
            source = (
                np.einsum("de,ehw->dhw", matrix[:2, :2], np.stack([x, y]))
                + matrix[:2, 2, None, None]
            )
            expected = np.einsum("cd,dhw->hwc", slopes, source) + 0.1
            inside = (abs(source[0]) < width / 2 - 9) & (abs(source[1]) < height / 2 - 9)
            inside &= (abs(x) < width / 2 - 9) & (abs(y) < height / 2 - 9)
            assert inside.sum() > 40
            np.testing.assert_allclose(moved[inside], expected[inside], rtol=0, atol=1e-9)


def test_warp_agrees_with_pytorch_and_its_sampler():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    height, width = 12, 16
    image = _image((height, width, 3))
    inverse = _matrix(angle=0.5, scale=(0.9, 1.0), shift=(1.3, -0.7))
    pad_y, pad_x = height - 1, width - 1
    taps = torch.tensor(np.outer(SYM6, SYM6))[None, None].repeat(3, 1, 1, 1)
    channels_first = torch.tensor(image).permute(2, 0, 1)[None]
    padded = functional.pad(channels_first, (pad_x, pad_x, pad_y, pad_y), mode="reflect")
    enlarged = functional.conv_transpose2d(padded, 2 * taps, stride=2, padding=5, groups=3)
    rows, columns = ((np.arange(-5, 2 * size + 5) - SHIFT) / 2 for size in (height, width))
    y, x = np.meshgrid(rows - (height - 1) / 2, columns - (width - 1) / 2, indexing="ij")
    x, y = (inverse[i, 0] * x + inverse[i, 1] * y + inverse[i, 2] for i in (0, 1))
    x = 2 * (x + (width - 1) / 2 + pad_x) + SHIFT
    y = 2 * (y + (height - 1) / 2 + pad_y) + SHIFT
    assert x.min() > 6
    assert y.min() > 6
    assert x.max() < enlarged.shape[3] - 7
    assert y.max() < enlarged.shape[2] - 7
    scale = np.array([enlarged.shape[3] - 1, enlarged.shape[2] - 1]) / 2
    grid = torch.tensor(np.stack([x, y], axis=-1) / scale - 1)[None]
    samples = functional.grid_sample(enlarged, grid, mode="bilinear", align_corners=True)
    expected = functional.conv2d(samples, taps / 2, stride=2, groups=3)[0].permute(1, 2, 0)
    with jax.enable_x64(True):
        moved = warp(jnp.asarray(image), jnp.asarray(inverse))
    np.testing.assert_allclose(moved, expected, atol=1e-10)


def test_a_smooth_image_is_moved_faithfully_and_a_move_can_be_undone():
    # Periods of 8 pixels and more, mirrored at the border as cosines are.
    size = 32
    place = np.arange(size) / (size - 1)
    image = np.outer(np.cos(8 * np.pi * place), np.cos(6 * np.pi * place))[..., None]
    for matrix in (
        _matrix(0.3),
        _matrix(np.pi / 4, (1.0, 1.0), (0.5, 0.2)),
        _matrix(scale=(0.8, 1.2)),
    ):
        y, x = np.mgrid[:size, :size] - (size - 1) / 2
        x, y = (m[0] * x + m[1] * y + m[2] for m in matrix[:2])
        place_y, place_x = (v / (size - 1) + 0.5 for v in (y, x))
        expected = (np.cos(8 * np.pi * place_y) * np.cos(6 * np.pi * place_x))[..., None]
        moved = warp(jnp.asarray(image, jnp.float32), jnp.asarray(matrix, jnp.float32))
        assert np.abs(moved - expected).max() < 0.1
        assert np.abs(moved - expected).mean() < 0.03


def test_warp_does_not_mind_where_the_border_of_the_period_is():
    # Two turns around the endless row of mirror images are the same as none.
    image = jnp.asarray(_image((6, 9, 1)))
    with jax.enable_x64(True):
        moved = [
            warp(jnp.asarray(image, float), jnp.asarray(_matrix(shift=(x, y))))
            for x, y in ((0.3, 0.6), (-31.7, 20.6))
        ]
    np.testing.assert_allclose(moved[0], moved[1], atol=1e-9)


@pytest.mark.parametrize("move", [blit, warp])
@pytest.mark.parametrize(
    "image", [jnp.zeros((4, 4)), jnp.zeros((2, 4, 4, 1)), jnp.zeros((4, 4, 1), jnp.int32)]
)
def test_what_is_no_image_is_refused(move, image):
    with pytest.raises(ValueError, match=r"image must be floats \[H, W, C\] of one example"):
        move(image, jnp.eye(3))
