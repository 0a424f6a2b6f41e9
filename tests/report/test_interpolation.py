import numpy as np
import pytest

from gan_jax.report import interpolation_path, lerp, slerp


@pytest.fixture
def latents():
    return np.random.default_rng(0).normal(size=(2, 5, 64))


@pytest.mark.parametrize("interpolate", [lerp, slerp])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends_at_its_ends_and_keeps_the_type(latents, interpolate, dtype):
    a, b = latents.astype(dtype)
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(interpolate(a, b, 0.0), a, atol=tolerance)
    np.testing.assert_allclose(interpolate(a, b, 1.0), b, atol=tolerance)
    assert interpolate(a, b, 0.3).dtype == dtype


@pytest.mark.parametrize("interpolate", [lerp, slerp])
def test_several_times_are_one_after_the_other(latents, interpolate):
    times = np.array([0.2, 0.7, 0.9])
    together = interpolate(*latents, times)
    np.testing.assert_allclose(together, [interpolate(*latents, t) for t in times])


def test_slerp_stays_on_the_sphere_and_moves_evenly(latents):
    a, b = latents / np.linalg.norm(latents, axis=-1, keepdims=True)
    path = slerp(a, b, np.linspace(0.0, 1.0, 11))
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1.0)
    between = np.arccos(np.sum(path[1:] * path[:-1], axis=-1))
    np.testing.assert_allclose(between, np.broadcast_to(between[:1], between.shape))


def test_lerp_of_gaussian_latents_leaves_the_sphere_where_slerp_does_not(latents):
    norm = np.linalg.norm(latents, axis=-1).mean()
    assert np.linalg.norm(lerp(*latents, 0.5), axis=-1).mean() < 0.8 * norm
    assert np.linalg.norm(slerp(*latents, 0.5), axis=-1).mean() > 0.9 * norm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("factor", [1.0, 3.0, -1.0, -0.2, 1 + 1e-7])
def test_slerp_of_vectors_on_one_line_is_lerp(latents, factor, dtype):
    a = latents[0].astype(dtype)
    b = (a * factor).astype(dtype)
    np.testing.assert_allclose(slerp(a, b, 0.25), lerp(a, b, 0.25), atol=1e-5)


def test_slerp_with_a_zero_vector_is_finite(latents):
    assert np.isfinite(slerp(np.zeros_like(latents[0]), latents[1], 0.5)).all()


def test_open_path_visits_every_anchor(latents):
    anchors = latents[0]
    path = interpolation_path(anchors, 6)
    assert path.shape == (4 * 6 + 1, 64)
    np.testing.assert_allclose(path[::6], anchors)
    np.testing.assert_allclose(path[8], slerp(anchors[1], anchors[2], 2 / 6))


def test_closed_path_returns_without_repeating_its_first_frame(latents):
    anchors = latents[0]
    path = interpolation_path(anchors, 6, closed=True)
    assert path.shape == (5 * 6, 64)
    np.testing.assert_allclose(path[::6], anchors)
    np.testing.assert_allclose(path[-1], slerp(anchors[-1], anchors[0], 5 / 6))


@pytest.mark.parametrize(("anchors", "frames"), [(1, 5), (0, 5), (3, 0)])
def test_needs_two_anchors_and_a_frame(anchors, frames):
    with pytest.raises(ValueError, match=f"got {anchors} and {frames}"):
        interpolation_path(np.ones((anchors, 4)), frames)
