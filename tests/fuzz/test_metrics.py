"""Metrics of any arrays: a finite figure, or one line; never a figure of what is not finite."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax import diagnostics, metrics
from tests.fuzz.arrays import outcome, shapes

DTYPES = (
    "float32",
    "float32",
    "float64",
    "float16",
    "uint8",
    "int64",
    "bool",
    "complex64",
    "object",
    "str",
)
SPECIAL = (0.0, 0.0, 0.0, 1.0, -1.0, 1e4, float("nan"), float("inf"), -float("inf"))


@st.composite
def samples(draw, shape=None):
    """Draw an array of NumPy, sometimes with a number that is not finite."""
    shape = draw(shapes(1, 4)) if shape is None else shape
    values = np.random.RandomState(draw(st.integers(0, 9))).normal(size=shape)
    if values.size:
        values.flat[-1] = draw(st.sampled_from(SPECIAL))
    with np.errstate(invalid="ignore"):
        return values.astype(draw(st.sampled_from(DTYPES)))


def pair():
    """Draw two sets, of as many numbers each more often than not."""
    shape = st.tuples(st.integers(0, 9), st.integers(0, 3))
    same = st.tuples(shape, st.integers(0, 9)).flatmap(
        lambda drawn: st.tuples(samples(drawn[0]), samples((drawn[1], drawn[0][1])))
    )
    return same | same | st.tuples(samples(), samples())


def numbers(found):
    """Return all numbers of a result."""
    return np.concatenate(
        [
            np.ravel(np.asarray(part, np.float64))
            for part in (found if isinstance(found, tuple) else (found,))
        ]
    )


PAIRED = {
    "frechet_feature_distance": metrics.frechet_feature_distance,
    "kernel_distance": lambda a, b: metrics.kernel_distance(a, b, subsets=2, subset_size=2),
    "squared_mmd": metrics.squared_mmd,
    "precision_recall": lambda a, b: metrics.precision_recall(a, b, neighbours=1),
    "density_coverage": lambda a, b: metrics.density_coverage(a, b, neighbours=1),
    "sliced_wasserstein_distance": lambda a, b: metrics.sliced_wasserstein_distance(
        a, b, directions=4
    ),
    "nearest_neighbours": metrics.nearest_neighbours,
    "nearest_distances": metrics.nearest_distances,
    "mixture_coverage": lambda a, b: metrics.mixture_coverage(a, b, 0.5)[:3],
    "overfitting_gap": lambda a, b: metrics.overfitting_gap(a, b).logits,
}


def is_good(array):
    return (
        array.dtype.kind in "fiub"
        and array.size > 0
        and np.isfinite(array.astype(np.float64)).all()
    )


@pytest.mark.parametrize("name", PAIRED)
@given(sets=pair())
def test_pairs(name, sets):
    found = outcome(PAIRED[name], *sets)
    if not isinstance(found, str):
        assert all(map(is_good, sets))
        assert np.isfinite(numbers(found)).all()
    elif name == "sliced_wasserstein_distance":
        assert (
            not all(map(is_good, sets))
            or sets[0].ndim != 2
            or sets[0].shape[1:] != sets[1].shape[1:]
        )


@given(logits=samples(), splits=st.integers(-1, 3))
def test_scores(logits, splits):
    found = outcome(metrics.inception_score, logits, splits=splits)
    if not isinstance(found, str):
        assert logits.ndim == 2
        assert not np.isnan(logits.astype(np.float64)).any()
        assert 1 - 1e-9 <= found.mean <= logits.shape[1] + 1e-9
        assert np.isfinite(found.standard_deviation)


@given(mean=samples((2,)), covariance=samples((2, 2)), symmetric=st.booleans())
def test_gaussians(mean, covariance, symmetric):
    if symmetric and is_good(covariance):
        covariance = covariance.astype(np.float64)
        covariance = covariance @ covariance.T
    found = outcome(metrics.frechet_distance, mean, covariance, [0.0, 0.0], np.eye(2))
    if isinstance(found, str):
        assert (
            not (symmetric and is_good(covariance) and is_good(mean))
            or np.abs(covariance).max() > 1e7
        )
    else:
        assert is_good(mean)
        assert is_good(covariance)
        assert np.isfinite(found)
        assert found >= 0
        assert (
            np.linalg.eigvalsh(covariance.astype(np.float64)).min()
            >= -1e-3 * np.abs(covariance).max()
        )


@given(labels=samples(), others=samples(), classes=st.integers(-1, 4))
def test_classes(labels, others, classes):
    found = outcome(metrics.class_histogram, labels, classes)
    whole = labels.dtype.kind in "iu" or not labels.size
    if not isinstance(found, str):
        assert whole
        assert found.sum() == len(labels)
        assert not labels.size or 0 <= labels.min() <= labels.max() < classes
    found = outcome(metrics.class_kl, labels, others)
    assert isinstance(found, str) or (found >= 0 and not np.isnan(found))
    found = outcome(metrics.label_agreement, labels, others)
    assert isinstance(found, str) or 0 <= found <= 1
    found = outcome(metrics.stacked_modes, labels, num_classes=classes)
    assert isinstance(found, str) or np.isfinite(numbers(found)).all()


@given(
    a=samples(),
    b=samples(),
    same=st.booleans(),
    maximum=st.sampled_from((255.0, 1.0, 0.0, -1.0, float("nan"))),
)
def test_images(a, b, same, maximum):
    b = a if same else b
    found = outcome(metrics.ms_ssim, a, b, maximum=maximum)
    if not isinstance(found, str):
        assert found.shape == a.shape[:1]
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
    found = outcome(metrics.pairwise_ms_ssim, a, pairs=2, maximum=maximum)
    assert isinstance(found, str) or 0 <= found <= 1 + 1e-9
    found = outcome(
        metrics.laplacian_sliced_wasserstein,
        a,
        b,
        patches=2,
        patch_size=2,
        directions=2,
        smallest=2,
    )
    assert isinstance(found, str) or all(np.isfinite(list(found.values())))


@given(
    features=st.lists(samples(), max_size=3),
    epsilon=st.sampled_from((1e-4, 0.0, float("nan"))),
    kept=st.sampled_from(((1.0, 99.0), (99.0, 1.0), (0.0, 200.0))),
)
def test_moments_and_paths(features, epsilon, kept):
    running = metrics.no_moments(2)
    for batch in features:
        moved = outcome(metrics.update_moments, running, batch)
        if not isinstance(moved, str):
            assert batch.ndim == 2
            assert batch.shape[1] == 2
            running = moved
    found = outcome(metrics.finish_moments, running)
    assert isinstance(found, str) == (running.num_samples < 2)
    assert isinstance(found, str) or np.isfinite(found[1]).all()
    line = lambda a, b, t: a + t * (b - a)
    square = lambda a, b: np.sum((a - b) ** 2, axis=1)
    found = outcome(
        metrics.path_length, lambda z: z, square, np.zeros((3, 2)), np.ones((3, 2)), [0.0, 0.5, 0.9],
        interpolate=line, epsilon=epsilon, kept=kept,
    )  # fmt: skip
    assert isinstance(found, str) == (epsilon != 1e-4 or kept != (1.0, 99.0))


MEASURES = (
    diagnostics.diversity,
    diagnostics.reach,
    diagnostics.saturation,
    diagnostics.separation,
)


@pytest.mark.parametrize("measure", MEASURES)
@given(real=samples(), fake=samples(), same=st.booleans())
def test_measures(measure, real, fake, same):
    fake = real[::-1] if same else fake
    if real.dtype.kind in "OU" or fake.dtype.kind in "OU":
        return
    real, fake = (
        jnp.asarray(x.astype(np.float32) if x.dtype == np.float64 else x) for x in (real, fake)
    )
    found = outcome(measure, real, fake)
    if not isinstance(found, str):
        assert found.shape == ()
        assert np.isnan(found) or -1.01 <= found < 1e9
        assert np.isfinite(found) or not (np.isfinite(real).all() and np.isfinite(fake).all())


@given(
    row=st.dictionaries(
        st.sampled_from(("step", "reach", "separation", "generator_signal")),
        st.sampled_from((0, 1.5, float("nan"), float("inf"), None, "x", [], True)),
    )
)
def test_rows(row):
    """Rows come from files that anyone may have edited; a step that is no number is left to them."""
    row["step"] = 7
    watch = diagnostics.watch_rows([row] * 20)
    assert all(np.isfinite(values).all() for values in watch.recent.values())
