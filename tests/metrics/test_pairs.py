"""Measures of pairs of images: by hand, and against their formulas in PyTorch."""

import numpy as np
import pytest

from gan_jax import data
from gan_jax.metrics import clean_bicubic, l1_distance, ms_ssim, psnr, sharpness, ssim

PAIRED = {"l1_distance": l1_distance, "psnr": psnr, "ssim": ssim}
every_pair = pytest.mark.parametrize("measure", PAIRED.values(), ids=PAIRED.keys())
every_measure = pytest.mark.parametrize(
    "measure", [*PAIRED.values(), sharpness], ids=[*PAIRED, "sharpness"]
)


def given(measure, *images, **how):
    """Measure pairs, or each image alone."""
    return measure(*(images[:1] if measure is sharpness else images), **how)


def noise(seed, count=3, size=(24, 26), channels=2):
    return np.random.default_rng(seed).integers(0, 256, (count, *size, channels)).astype(np.uint8)


def smooth(seed, count=3, size=(28, 28)):
    """Return images that have structure: a few random pixels, enlarged."""
    return np.asarray(clean_bicubic(noise(seed, count, (7, 7), 1), size[0])).astype(np.uint8)


def torch_ssim(a, b, side=11, deviation=1.5):
    """Restate SSIM of bytes: a window in two dimensions, and moments around the means in it."""
    torch = pytest.importorskip("torch")
    places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    window = torch.exp(-(places[:, None] ** 2 + places**2) / (2 * deviation**2))
    window = (window / window.sum()).flatten()[None, :, None]

    def windows(images):
        maps = torch.tensor(images, dtype=torch.float64).permute(0, 3, 1, 2)
        count, channels = maps.shape[:2]
        cut = torch.nn.functional.unfold(maps.reshape(-1, 1, *maps.shape[2:]), side)
        return cut.reshape(count * channels, side**2, -1)

    x, y = windows(a), windows(b)
    mean_x, mean_y = ((window * each).sum(dim=1, keepdim=True) for each in (x, y))
    var_x, var_y, covariance = (
        (window * (p - mean_p) * (q - mean_q)).sum(dim=1, keepdim=True)
        for p, mean_p, q, mean_q in (
            (x, mean_x, x, mean_x),
            (y, mean_y, y, mean_y),
            (x, mean_x, y, mean_y),
        )
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    values = top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return values.reshape(len(a), -1).mean(dim=1).numpy()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (noise(0), noise(1)),
        (smooth(0), (0.7 * smooth(0) + 0.3 * noise(1, 3, (28, 28), 1)).astype(np.uint8)),
        (smooth(0, 70), smooth(1, 70)),
    ],
    ids=["noise", "grey", "many"],
)
def test_ssim_is_its_formula_in_torch(a, b):
    np.testing.assert_allclose(ssim(a, b), torch_ssim(a, b), rtol=1e-9)


def test_of_images_smaller_than_the_window_ssim_has_a_smaller_one():
    a, b = noise(0, 2, (8, 9), 1), noise(1, 2, (8, 9), 1)
    expected = torch_ssim(a, b, side=8, deviation=1.5 * 8 / 11)
    np.testing.assert_allclose(ssim(a, b), expected, rtol=1e-9)


def test_ssim_is_ms_ssim_of_one_scale_until_it_is_negative():
    a = smooth(0)
    b = (0.8 * a + 0.2 * smooth(1)).astype(np.uint8)
    np.testing.assert_allclose(ssim(a, b), ms_ssim(a, b, weights=(1.0,)), rtol=1e-9)
    assert (ssim(a, 255 - a) < 0).all()
    assert (ms_ssim(a, 255 - a, weights=(1.0,)) == 0).all()


def test_ssim_of_flat_images_by_hand():
    # Without variance the structure is 1, and what is left is the luminance.
    a, b = np.full((1, 12, 12, 1), 0.2), np.full((1, 12, 12, 1), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    np.testing.assert_allclose(ssim(a, b, value_range=(0, 1)), [expected], rtol=1e-9)


def test_a_constant_shift_has_a_known_ratio_and_distance():
    dark = noise(0) // 2
    bright = dark + np.uint8([5, 51, 102])[:, None, None, None]
    np.testing.assert_allclose(psnr(dark, bright), 20 * np.log10([51, 5, 2.5]), rtol=1e-12)
    np.testing.assert_allclose(l1_distance(bright, dark), [5 / 255, 0.2, 0.4], rtol=1e-12)


def test_the_ratio_is_of_the_mean_over_pixels_and_channels():
    a, b = np.zeros((2, 1, 2, 2, 2))
    b[0, 0, 0, 0] = 1
    assert psnr(a, b, value_range=(0, 1))[0] == pytest.approx(10 * np.log10(8))


def test_equal_images():
    images = noise(0)
    other = images.copy()
    other[1, 0, 0, 0] ^= 255
    assert psnr(images, images).tolist() == [np.inf] * 3
    assert np.isfinite(psnr(images, other)).tolist() == [False, True, False]
    assert l1_distance(images, images).tolist() == [0.0] * 3
    np.testing.assert_allclose(ssim(images, images), 1, rtol=1e-12)


@every_measure
def test_bytes_and_floats_of_the_same_images_have_the_same_figures(measure):
    pair = smooth(0), smooth(1)
    expected = given(measure, *pair)
    assert (expected.shape, expected.dtype) == ((3,), np.float64)
    exact = (images / 127.5 - 1 for images in pair)
    np.testing.assert_allclose(
        given(measure, *exact, value_range=(-1, 1)), expected, rtol=1e-9, atol=1e-12
    )
    trained = map(data.normalize, pair)
    np.testing.assert_allclose(
        given(measure, *trained, value_range=(-1, 1)), expected, rtol=1e-4, atol=1e-6
    )
    as_floats = (images.astype(np.float32) for images in pair)
    np.testing.assert_array_equal(given(measure, *as_floats, value_range=(0, 255)), expected)


@every_measure
def test_each_image_has_a_figure_of_its_own(measure):
    """More images than are looked at together have the figures that each has alone."""
    a, b = noise(0, 67, (11, 12), 1), noise(1, 67, (11, 12), 1)
    together = given(measure, a, b)
    alone = [given(measure, a[i : i + 1], b[i : i + 1])[0] for i in (0, 63, 64, 66)]
    np.testing.assert_allclose(together[[0, 63, 64, 66]], alone, rtol=1e-12)


@every_pair
def test_pairs_may_be_exchanged(measure):
    a, b = noise(0), noise(1)
    np.testing.assert_allclose(measure(a, b), measure(b, a), rtol=1e-12)


def test_measures_rank_how_much_was_lost():
    digits = smooth(0)
    small = clean_bicubic(digits, 9)
    blurred = np.asarray(clean_bicubic(small, 28))
    worse = np.asarray(clean_bicubic(clean_bicubic(digits, 4), 28))
    how = {"value_range": (0, 255)}
    for measure in (psnr, ssim, lambda a, b, **how: -l1_distance(a, b, **how)):
        assert (measure(digits, blurred, **how) > measure(digits, worse, **how)).all()
    assert (sharpness(digits) > sharpness(blurred, **how)).all()
    assert (sharpness(blurred, **how) > sharpness(worse, **how)).all()


def test_sharpness_by_hand():
    ramp = np.arange(5.0)[None, :, None, None] * np.ones((1, 5, 6, 2)) / 10
    np.testing.assert_allclose(sharpness(ramp, value_range=(0, 1)), [0.01], rtol=1e-12)
    both = ramp[:, :, :5] + 2 * ramp[:, :, :5].transpose(0, 2, 1, 3)
    np.testing.assert_allclose(sharpness(both, value_range=(0, 2)), [0.05 / 4], rtol=1e-12)
    # A vertical edge of height 1 in a picture 6 wide is seen, halved, from 2 of 4 places.
    edge = np.zeros((1, 4, 6, 1))
    edge[:, :, 3:] = 1
    np.testing.assert_allclose(sharpness(edge, value_range=(0, 1)), [0.125], rtol=1e-12)


def test_sharpness_is_sobels_in_torch():
    torch = pytest.importorskip("torch")
    images = noise(0)
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64) / 8
    maps = torch.tensor(images / 255).permute(0, 3, 1, 2).reshape(-1, 1, 24, 26)
    kernels = torch.stack([sobel, sobel.T])[:, None]
    squares = (torch.nn.functional.conv2d(maps, kernels) ** 2).sum(dim=1)
    expected = squares.reshape(3, -1).mean(dim=1)
    np.testing.assert_allclose(sharpness(images), expected.numpy(), rtol=1e-9)


def test_a_checkerboard_is_not_sharp():
    board = (np.indices((8, 8)).sum(axis=0) % 2)[None, :, :, None] / 4
    flat, ramp = np.full_like(board, 0.125), np.arange(8.0)[None, None, :, None] / 16
    of_range = {"value_range": (0, 1)}
    assert sharpness(board, **of_range).tolist() == [0.0] == sharpness(flat, **of_range).tolist()
    np.testing.assert_allclose(
        sharpness(board + ramp, **of_range), sharpness(flat + ramp, **of_range), rtol=1e-12
    )


def test_interpolation_is_a_baseline():
    digits = smooth(0)
    enlarged = np.asarray(clean_bicubic(clean_bicubic(digits, 7), 28))
    repeated = np.asarray(clean_bicubic(digits, 7)).repeat(4, axis=1).repeat(4, axis=2)
    ours, plain = (psnr(digits, x, value_range=(0, 255)) for x in (enlarged, repeated))
    assert (ours > plain).all()


FLOATS = np.zeros((2, 4, 4, 1))


@every_measure
@pytest.mark.parametrize(
    ("images", "how", "message"),
    [
        (FLOATS, {}, r"float64: give their value_range, such as \(-1, 1\)"),
        (FLOATS.astype(np.int32), {}, "int32: give their value_range"),
        (FLOATS + 1.5, {"value_range": (-1, 1)}, r"from 1.5 to 1.5, outside value_range \(-1, 1\)"),
        (FLOATS * np.nan, {"value_range": (0, 1)}, "NaN or infinity"),
        (FLOATS, {"value_range": (1, 1)}, r"value_range is \(1, 1\): it must be \(lowest, highe"),
        (FLOATS, {"value_range": (0, np.inf)}, "value_range is"),
        (FLOATS[:0], {"value_range": (0, 1)}, r"\[N, H, W, C\], none of them 0, not \[0, 4, 4, 1"),
        (FLOATS[0], {"value_range": (0, 1)}, r"\[N, H, W, C\], none of them 0, not \[4, 4, 1\]"),
        (FLOATS + 1j, {"value_range": (0, 1)}, "must be real numbers, not complex128"),
    ],
)
def test_bad_images(measure, images, how, message):
    with pytest.raises(ValueError, match=message):
        given(measure, images, images, **how)


@every_pair
def test_images_that_are_no_pairs(measure):
    with pytest.raises(ValueError, match=r"images \[3, 24, 26, 2\] and \[1, 24, 26, 2\] are no"):
        measure(noise(0), noise(0, 1))
    with pytest.raises(ValueError, match="images_b are float64: give their value_range"):
        measure(noise(0), noise(0) / 255)


@pytest.mark.parametrize("how", [{"window": 0}, {"k1": -1.0}, {"window_deviation": np.inf}])
def test_numbers_ssim_cannot_take(how):
    with pytest.raises(ValueError, match="window, window_deviation, k1 and k2 must be above 0"):
        ssim(noise(0), noise(1), **how)


def test_images_too_small_to_be_sharp():
    with pytest.raises(ValueError, match=r"at least 3 x 3, not \[3, 24, 2, 2\]"):
        sharpness(noise(0, 3, (24, 2)))
