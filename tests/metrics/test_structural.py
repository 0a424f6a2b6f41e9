"""Structural similarity against its definition written out, window by window."""

import numpy as np
import pytest

from gan_jax.metrics import ms_ssim, pairwise_ms_ssim


def _images(seed, count=3, size=(24, 26), channels=2):
    return np.random.default_rng(seed).integers(0, 256, (count, *size, channels)).astype(np.uint8)


def _by_definition(a, b, weights):
    """Return MS-SSIM of one channel, [H, W], by weighted moments in each window."""
    places = np.arange(11) - 5
    window = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    window /= window.sum()
    result = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            rows, columns = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
            a, b = (
                sum(x[i:rows:2, j:columns:2] for i in (0, 1) for j in (0, 1)) / 4 for x in (a, b)
            )
        luminances, structures = [], []
        for i, j in np.ndindex(a.shape[0] - 10, a.shape[1] - 10):
            p, q = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mean_p, mean_q = np.sum(window * p), np.sum(window * q)
            variances = np.sum(window * ((p - mean_p) ** 2 + (q - mean_q) ** 2))
            covariance = np.sum(window * (p - mean_p) * (q - mean_q))
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            luminances.append((2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1))
            structures.append((2 * covariance + c2) / (variances + c2))
        last = scale == len(weights) - 1
        values = np.multiply(luminances, structures) if last else structures
        result *= max(0.0, np.mean(values)) ** weight
    return result


def test_agrees_with_its_definition():
    a = _images(0)
    b = np.clip(0.7 * a + 0.3 * _images(1) + 10, 0, 255)
    weights = np.array([0.0448, 0.2856]) / (0.0448 + 0.2856)
    expected = [
        np.mean([_by_definition(x[..., c] + 0.0, y[..., c], weights) for c in (0, 1)])
        for x, y in zip(a, b, strict=True)
    ]
    assert 0.3 < expected[0] < 0.99
    np.testing.assert_allclose(ms_ssim(a, b), expected, rtol=1e-9)


@pytest.mark.parametrize("size", [(4, 4), (8, 8), (11, 13), (28, 28), (176, 177)])
def test_equal_images_have_1(size):
    images = _images(0, 2, size, 1)
    np.testing.assert_allclose(ms_ssim(images, images), 1)


@pytest.mark.parametrize(("side", "scales"), [(8, 1), (21, 1), (22, 2), (28, 2), (44, 3), (176, 5)])
def test_small_images_have_fewer_scales(side, scales):
    # Rows in turn black and white against grey: from the second scale on they are the same.
    striped = np.zeros((1, side, side, 1))
    striped[:, ::2] = 255
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333][:scales])
    structure = (0.03 * 255) ** 2 / (127.5**2 + (0.03 * 255) ** 2)
    expected = structure ** (weights[0] / weights.sum())
    assert ms_ssim(striped, np.full_like(striped, 127.5))[0] == pytest.approx(expected, rel=0.02)


def test_negatives_have_0_and_not_nan():
    image = _images(0, 1)
    assert ms_ssim(image, 255 - image).tolist() == [0.0]


def test_the_range_of_the_pixels_counts():
    a, b = _images(0) / 255.0, _images(1) / 255.0
    np.testing.assert_allclose(ms_ssim(a, b, maximum=1.0), ms_ssim(255 * a, 255 * b))


def test_pairs_of_equal_images_are_alike_and_of_others_less():
    rng = np.random.default_rng(0)
    one = _images(0, 1).astype(float)
    collapsed = np.repeat(one, 5, axis=0)
    narrow = one + rng.normal(0, 20, (20, *one.shape[1:]))
    assert pairwise_ms_ssim(collapsed, pairs=7) == pytest.approx(1)
    alike, unlike = pairwise_ms_ssim(narrow, pairs=70), pairwise_ms_ssim(_images(1, 20), pairs=70)
    assert 1 > alike > unlike + 0.3


def test_pairs_are_of_different_images():
    # Of two images there is but one pair.
    images = _images(0, 2)
    assert pairwise_ms_ssim(images, pairs=5) == pytest.approx(
        ms_ssim(images[:1], images[1:])[0], rel=1e-12
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ms_ssim(_images(0), _images(0, 2)), "are no pairs"),
        (lambda: ms_ssim(_images(0)[0], _images(0)[0]), r"\[N, H, W, C\], not \[24, 26, 2\]"),
        (lambda: ms_ssim(_images(0) * np.nan, _images(0)), "NaN"),
        (lambda: pairwise_ms_ssim(_images(0, 1)), "at least 2 images and 1 pair, not 1 and 100"),
        (lambda: pairwise_ms_ssim(_images(0), pairs=0), "not 3 and 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
