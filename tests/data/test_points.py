import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data
from gan_jax.errors import UsageError

POINTS = np.array([[0.5, -1.25], [2.0, 3.0], [-4.0, 0.125]])


def drawn(distribution, count=300):
    return {tuple(point) for point in distribution.sample(jax.random.key(0), count).tolist()}


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_each_point_is_drawn_as_often():
    distribution = data.empirical(POINTS, name="three")
    points = np.asarray(distribution.sample(jax.random.key(0), 9000))
    which = (points[:, None] == POINTS).all(axis=-1)
    np.testing.assert_array_equal(which.sum(axis=1), 1)
    np.testing.assert_allclose(which.mean(axis=0), 1 / 3, atol=0.02)
    assert (distribution.name, distribution.extent) == ("three", 4.0)
    assert (distribution.log_density, distribution.modes) == (None, None)
    assert data.empirical([[0, 0]]).extent == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x,y\n0.5,-1.25\n2,3\n-4, 0.125\n"),
        ("a.csv", "\ufeff0.5;-1.25\r\n2;3\r\n\r\n-4;.125"),
        ("a.TSV", "x\ty\n0.5\t-1.25\n2e0\t3\n-4\t0.125\n"),
        ("a.txt", "# by numpy.savetxt\n 0.5  -1.25\n2 3\n# on\n-4 0.125\n"),
    ],
)
def test_texts_of_two_columns_are_points(name, content, tmp_path):
    distribution = data.read_distribution(write(tmp_path / name, content))
    assert drawn(distribution) == set(map(tuple, POINTS))
    assert distribution.name == "a"


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8])
def test_arrays_are_points(dtype, tmp_path):
    points = POINTS.astype(dtype)
    np.save(tmp_path / "a.npy", points)
    distribution = data.read_distribution(str(tmp_path / "a.npy"))
    assert drawn(distribution) == set(map(tuple, points.astype(float).tolist()))


def test_a_mixture_comes_back_as_it_was(tmp_path):
    content = {"centres": POINTS.tolist(), "standard_deviation": 0.5, "weights": [1, 1, 2]}
    found = data.read_distribution(write(tmp_path / "m.json", json.dumps(content)))
    expected = data.mixture(**content)
    np.testing.assert_array_equal(found.modes.centres, POINTS)
    assert found.modes.weights.tolist() == [0.25, 0.25, 0.5]
    assert (found.name, found.extent) == ("m", expected.extent)
    places = jnp.asarray(POINTS, jnp.float32)
    np.testing.assert_array_equal(found.log_density(places), expected.log_density(places))
    del content["weights"]
    equal = data.read_distribution(write(tmp_path / "m.json", json.dumps(content)))
    assert set(equal.modes.weights) == {1 / 3}


def npy(array):
    """Return an array as the bytes of a file."""
    import io

    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


OBJECTS = npy(np.array([[1, None]], object))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "1,2\n1,2,3\n", "line 2 has 3 columns, it must have 2: x and y"),
        ("a.csv", "x,y,label\n1,2,3\n", "line 2 has 3 columns"),
        ("a.csv", "1\n2\n", "line 1 has 1 columns"),
        ("a.csv", "1,,2\n", "line 1 has 3 columns"),
        ("a.csv", "1,2\nx,y\n", "line 2 has 'x', which is no number"),
        ("a.csv", "x,2\n", "line 1 has 'x', which is no number"),
        ("a.csv", "1,2\n\n3,nan\n", "line 3 must be finite, row 1 has nan"),
        ("a.csv", "1,1e39\n", r"line 1 must be finite, and at most 1e\+15, row 1 has 1e\+39"),
        ("a.txt", "", "it has no points, it must have a line of two numbers for each"),
        ("a.txt", "x y\n", "it has no points"),
        ("a.txt", b"\xff\xfe1", "can't be read: it is no text in UTF-8"),
        ("a.npy", npy(np.zeros((3, 3))), r"a: points must be numbers \[N, 2\].* not float64 \[3, 3\]"),
        ("a.npy", npy(np.zeros((0, 2))), r"N at least 1, not float64 \[0, 2\]"),
        ("a.npy", npy(np.full((2, 2), math.inf)), "must be finite, row 1 has inf"),
        ("a.npy", npy(np.zeros((2, 2), complex)), r"not complex128 \[2, 2\]"),
        ("a.npy", OBJECTS, r"in NumPy's format \(Object arrays cannot be loaded"),
        ("a.npy", npy(POINTS)[:-8], r"no array of points \[N, 2\] in NumPy's format"),
        ("a.npy", b"1,2", r"no array of points \[N, 2\] in NumPy's format"),
        ("a.npy", b"", r"no array of points \[N, 2\] in NumPy's format"),
        ("a.json", "{", "it is no JSON .* it must be an object of centres, standard_deviation and"),
        ("a.json", "[1]", "it is a list, it must be an object"),
        ("a.json", '{"centers": []}', "unknown key 'centers', .*; did you mean 'centres'[?]"),
        ("a.json", '{"centres": [[0, 0]]}', "it has no 'standard_deviation', it must be an object"),
        ("a.json", '{"standard_deviation": 1}', "it has no 'centres'"),
        ("a.json", '{"centres": [[0]], "standard_deviation": 1}', r"a: centres must .* int64 \[1, 1\]"),
        ("a.json", '{"centres": [[0, NaN]], "standard_deviation": 1}', "finite, row 1 has nan"),
        ("a.json", '{"centres": [[0, 0]], "standard_deviation": "1"}', "standard_deviation is '1'"),
        ("a.json", '{"centres": [[0, 0]], "standard_deviation": 1, "weights": 1}', r"weights .* int64 \[\]"),
        ("a.xlsx", "", "its ending must be one of .csv, .tsv, .txt, .npy, .json"),
        ("points", "1,2", "its ending must be one of"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_distribution_is_one_line(name, content, message, tmp_path):
    path = write(tmp_path / name, content)
    with pytest.raises(UsageError, match=message) as caught:
        data.read_distribution(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"none\.csv is not there"):
        data.read_distribution(tmp_path / "none.csv")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(UsageError, match=r"folder\.npy can't be read: Is a directory"):
        data.read_distribution(tmp_path / "folder.npy")
