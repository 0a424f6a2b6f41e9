"""Agreement with torch-fidelity on features of many kinds, and with its subsets and splits."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fidelity
from gan_jax import metrics

torch = pytest.importorskip("torch")
if not fidelity.is_installed():
    pytest.skip("torch-fidelity is not installed", allow_module_level=True)

_MNIST = Path(__file__).parents[2].parent / "shared/data/mnist/t10k-images-idx3-ubyte.gz"
_GAUSSIANS = {
    # samples of either set, dimensions, rank
    "full_rank": (300, 260, 24, 24),
    "low_rank": (300, 260, 24, 5),
    "fewer_samples_than_dimensions": (60, 70, 96, 96),
    "fewer_and_low_rank": (60, 70, 96, 12),
}


def _gaussian(samples_a, samples_b, dimensions, rank):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(rank, dimensions)) / rank**0.5
    a = rng.normal(size=(samples_a, rank)) @ mixing + rng.normal(size=dimensions)
    b = 0.9 * rng.normal(size=(samples_b, rank)) @ mixing + rng.normal(size=dimensions)
    return a, b


def _mnist():
    if not _MNIST.is_file():
        pytest.skip(f"{_MNIST} is not there")
    with gzip.open(_MNIST) as file:
        pixels = np.frombuffer(file.read(16 + 240 * 784)[16:], np.uint8)
    return tuple((pixels.reshape(2, 120, 784) / 255).astype(np.float64))


def _random_images():
    rng = np.random.default_rng(0)
    fake = np.clip(rng.normal(140, 60, (110, 6 * 6 * 3)), 0, 255).astype(np.uint8)
    return rng.integers(0, 256, (100, 6 * 6 * 3)).astype(np.float64), fake.astype(np.float64)


@pytest.fixture(scope="module", params=[*_GAUSSIANS, "mnist", "random_images"])
def sets(request):
    """Return real and fake features, float64."""
    if request.param in _GAUSSIANS:
        return _gaussian(*_GAUSSIANS[request.param])
    return _mnist() if request.param == "mnist" else _random_images()


def _kid(a, b, **settings):
    settings = {
        "kid_kernel": "poly",
        "kid_kernel_poly_degree": 3,
        "kid_kernel_poly_gamma": None,
        "kid_kernel_poly_coef0": 1.0,
        "rng_seed": 7,
        "verbose": False,
    } | settings
    module = fidelity.module("metric_kid")
    found = module.kid_features_to_metric(torch.from_numpy(a), torch.from_numpy(b), **settings)
    return found[module.KEY_METRIC_KID_MEAN], found[module.KEY_METRIC_KID_STD]


def test_frechet_distance(sets):
    module = fidelity.module("metric_fid")
    of_a, of_b = (module.fid_features_to_statistics(torch.from_numpy(x)) for x in sets)
    expected = module.fid_statistics_to_metric(of_a, of_b, False)[module.KEY_METRIC_FID]
    assert metrics.frechet_feature_distance(*sets) == pytest.approx(expected, rel=1e-5)


def test_kernel_distance_over_the_same_subsets(sets):
    ours = metrics.kernel_distance(*sets, subsets=5, subset_size=50, seed=7)
    expected = _kid(*sets, kid_subsets=5, kid_subset_size=50)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_kernel_distance_of_other_kernels():
    sets = _gaussian(60, 60, 4, 4)
    ours = metrics.kernel_distance(
        *sets, subsets=2, subset_size=60, degree=2, gamma=0.3, coefficient=0.5
    )
    expected = _kid(
        *sets,
        kid_subsets=2,
        kid_subset_size=60,
        kid_kernel_poly_degree=2,
        kid_kernel_poly_gamma=0.3,
        kid_kernel_poly_coef0=0.5,
    )
    # Subsets of all samples: whatever their order.
    np.testing.assert_allclose(ours.mean, expected[0], rtol=1e-9)
    assert ours.standard_deviation == pytest.approx(0, abs=1e-12)


def test_single_precision_features_lose_no_more_than_the_sixth_digit():
    sets = [x.astype(np.float32) for x in _gaussian(300, 300, 96, 96)]
    ours = metrics.kernel_distance(*sets, subsets=3, subset_size=200, seed=7)
    doubles = [x.astype(np.float64) for x in sets]
    expected = _kid(*doubles, kid_subsets=3, kid_subset_size=200)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_precision_and_recall(sets, neighbours):
    module = fidelity.module("metric_prc")
    real, fake = sets
    expected = module.prc_features_to_metric(
        torch.from_numpy(fake),
        torch.from_numpy(real),
        prc_neighborhood=neighbours,
        prc_batch_size=64,
        save_cpu_ram=True,
        verbose=False,
    )
    ours = metrics.precision_recall(real, fake, neighbours=neighbours)
    # Of 32-bit means.
    np.testing.assert_allclose(
        ours, [expected[module.KEY_METRIC_PRECISION], expected[module.KEY_METRIC_RECALL]], rtol=1e-5
    )


@pytest.mark.parametrize("splits", [1, 3, 10])
def test_inception_score_over_the_same_splits(sets, splits):
    module = fidelity.module("metric_isc")
    logits = sets[0][:, :20]
    expected = module.isc_features_to_metric(torch.from_numpy(logits), splits, True, 7)
    ours = metrics.inception_score(logits, splits=splits, seed=7)
    np.testing.assert_allclose(
        ours,
        [expected[module.KEY_METRIC_ISC_MEAN], expected[module.KEY_METRIC_ISC_STD]],
        rtol=1e-5,
        atol=1e-12,
    )
