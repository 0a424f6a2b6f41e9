import numpy as np
import pytest

from gan_jax.report import draw_scatter, principal_components


@pytest.fixture
def features():
    """Return 60 points in 5 dimensions, of which two vary most."""
    stream = np.random.default_rng(0)
    return stream.normal(size=(60, 5)) * [0.1, 3.0, 0.2, 7.0, 0.1] + [5, -5, 0, 2, 9]


def test_components_are_the_eigenvectors_of_the_covariance(features):
    found = principal_components(features, count=3)
    values, vectors = np.linalg.eigh(np.cov(features.T))
    expected = vectors.T[::-1][:3]
    np.testing.assert_allclose(np.abs(np.sum(found.axes * expected, axis=1)), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.shares, values[::-1][:3] / values.sum(), rtol=1e-10)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(3), atol=1e-12)
    assert (found.axes[np.arange(3), np.abs(found.axes).argmax(axis=1)] > 0).all()


def test_projections_are_centred_and_vary_as_the_components_say(features):
    found = principal_components(features)
    points = found.project(features)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(
        points.var(axis=0) / features.var(axis=0).sum(), found.shares, rtol=1e-10
    )


def test_equal_features_have_components_of_no_share():
    found = principal_components(np.ones((4, 3)))
    np.testing.assert_array_equal(found.shares, 0)
    np.testing.assert_array_equal(found.project(np.ones((4, 3))), 0)


def scattered(axes):
    """Return the points of each kind by its name in the legend."""
    return {c.get_label(): np.asarray(c.get_offsets()) for c in axes.collections}


def test_each_panel_marks_what_is_outside(tmp_path, figures, features):
    fake = features[:10] + 1
    inside = np.arange(10) < 7
    draw_scatter(
        features, fake, tmp_path / "scatter.png",
        real_inside=np.arange(60) >= 15, fake_inside=inside,
    )  # fmt: skip
    precision, recall = figures[0].axes
    assert precision.get_title(loc="left") == "Precision 0.70 of 10 fakes and 60 reals"
    assert recall.get_title(loc="left") == "Recall 0.75 of 10 fakes and 60 reals"
    points = principal_components(features).project(fake)
    clouds = scattered(precision)
    np.testing.assert_allclose(clouds["fake, among the reals"], points[inside])
    np.testing.assert_allclose(clouds["fake, outside (30%)"], points[~inside])
    assert len(clouds["real"]) == 60
    assert {name: len(cloud) for name, cloud in scattered(recall).items()} == {
        "fake": 10, "real, among the fakes": 45, "real, outside (25%)": 15,
    }  # fmt: skip
    assert precision.get_xlim() == recall.get_xlim()
    assert (tmp_path / "scatter.png").stat().st_size > 10_000


def test_many_points_are_thinned_and_the_figures_are_of_all(tmp_path, figures, features):
    draw_scatter(
        features, features, tmp_path / "scatter.png",
        real_inside=np.arange(60) < 6, fake_inside=np.ones(60), most=10,
    )  # fmt: skip
    precision, recall = figures[0].axes
    assert sum(map(len, scattered(precision).values())) == 20
    assert recall.get_title(loc="left") == "Recall 0.10 of 60 fakes and 60 reals"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real": np.zeros((1, 5))}, r"2 principal components take .* not \[1, 5\]"),
        ({"real": np.zeros((60, 1))}, r"both at least 2, not \[60, 1\]"),
        ({"fake": np.zeros((10, 4))}, r"fake features must be \[N, 5\].* not \[10, 4\]"),
        ({"fake": np.zeros((0, 5))}, r"N at least 1, not \[0, 5\]"),
        ({"fake_inside": np.ones(9)}, r"fake_inside must be \[10\], one for each, not \[9\]"),
        ({"real_inside": np.ones(10)}, r"real_inside must be \[60\]"),
    ],
)
def test_says_what_does_not_fit(change, message, features, tmp_path):
    given = {
        "real": features, "fake": features[:10], "real_inside": np.ones(60), "fake_inside": np.ones(10),
    } | change  # fmt: skip
    with pytest.raises(ValueError, match=message):
        draw_scatter(path=tmp_path / "scatter.png", **given)
