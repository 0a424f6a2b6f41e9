"""Arrays in an `.npz` file: read as they are, one image at a time, or refused in one line."""

import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan_jax.data.archive import open_archive
from gan_jax.errors import UsageError

IMAGES = np.arange(5 * 12, dtype=np.uint8).reshape(5, 3, 4)
LABELS = np.array([2, 0, 1, 2, 0])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shapes.npz"


def decoded(path):
    """Return images, labels and flags as they come."""
    examples = list(open_archive(path).examples())
    images = [example.decode() for example in examples]
    return images, [each.label for each in examples], [each.is_test for each in examples]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_and_labels(path, save):
    save(path, images=IMAGES, labels=LABELS)
    pictures = open_archive(path)
    assert (pictures.name, pictures.count, pictures.is_split) == ("shapes", 5, False)
    assert pictures.class_names == ("0", "1", "2")
    assert pictures.origin == f"images in {path}"
    images, labels, _ = decoded(path)
    np.testing.assert_array_equal(images, IMAGES[..., None])
    assert labels == LABELS.tolist()


def test_a_test_split(path):
    np.savez(path, images=IMAGES, labels=LABELS, test_images=IMAGES[:2], test_labels=[1, 1])
    pictures = open_archive(path)
    assert (pictures.count, pictures.is_split) == (7, True)
    images, labels, is_test = decoded(path)
    np.testing.assert_array_equal(images, np.concatenate([IMAGES, IMAGES[:2]])[..., None])
    assert labels == [*LABELS, 1, 1]
    assert is_test == [False] * 5 + [True] * 2


def test_without_labels_there_is_one_class(path):
    np.savez(path, images=IMAGES, test_images=IMAGES)
    assert open_archive(path).class_names == ("all",)
    assert set(decoded(path)[1]) == {0}


@given(
    arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3, st.sampled_from([1, 3]))),
    st.sampled_from(["<i8", ">i4", "u1", "<u2"]),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_any_images_come_back(tmp_path_factory, images, kind, packed):
    path = tmp_path_factory.mktemp("archive") / "a.npz"
    labels = (np.arange(len(images)) % 3).astype(kind)
    (np.savez_compressed if packed else np.savez)(path, images=images, labels=labels)
    found, found_labels, _ = decoded(path)
    np.testing.assert_array_equal(found, images)
    assert found_labels == labels.tolist()


@pytest.mark.parametrize(
    ("contents", "line"),
    [
        ({"x": IMAGES}, "it holds x, it must hold images"),
        ({"images": IMAGES / 255}, r"images is float64 \[5, 3, 4\], it must be uint8 \[N, H, W\]"),
        ({"images": IMAGES.astype(np.int64)}, "images is int64"),
        ({"images": IMAGES > 3}, "images is bool"),
        ({"images": IMAGES[0]}, r"images is uint8 \[3, 4\]"),
        ({"images": IMAGES[:0]}, r"images is uint8 \[0, 3, 4\]"),
        ({"images": IMAGES.reshape(5, 3, 2, 2)}, r"images is uint8 \[5, 3, 2, 2\], .* C 1 or 3"),
        ({"images": np.array([{}])}, "images holds objects, which are pickles and are refused"),
        ({"images": IMAGES, "labels": np.array([{}] * 5)}, "labels holds objects"),
        ({"images": np.asfortranarray(IMAGES)}, "images is in Fortran order: save numpy.ascont"),
        ({"images": IMAGES, "labels": LABELS[:4]}, r"labels is int64 \[4\], it must be .* \[5\]"),
        ({"images": IMAGES, "labels": LABELS[:, None]}, r"labels is int64 \[5, 1\]"),
        ({"images": IMAGES, "labels": LABELS / 1.0}, "labels is float64"),
        ({"images": IMAGES, "labels": LABELS - 1}, "labels reach from -1 to 1, they must be from"),
        ({"images": IMAGES, "labels": LABELS + 2**16}, "labels reach from 65536 to 65538"),
        ({"images": IMAGES, "labels": LABELS.astype(np.uint64) - 1}, "labels reach from 0 to 1844"),
        ({"images": IMAGES, "labels": LABELS, "test_images": IMAGES}, "labels and no test_labels"),
        ({"images": IMAGES, "test_labels": LABELS}, "holds test_labels and no labels"),
        ({"images": IMAGES, "labels": LABELS, "test_labels": LABELS}, "labels and no test_images"),
        (
            {"images": IMAGES, "labels": LABELS, "test_images": IMAGES, "test_labels": LABELS + 1},
            "test_labels reach 3, and labels only 2",
        ),
    ],
)  # fmt: skip
def test_arrays_of_another_kind_are_one_line(path, contents, line):
    np.savez(path, **contents)
    with pytest.raises(UsageError, match=line) as refusal:
        open_archive(path)
    assert str(refusal.value).startswith(f"{path} can't be used: ")
    assert "\n" not in str(refusal.value)


def test_nothing_else_in_it_is_read(path):
    np.savez(path, images=IMAGES, more=np.array([{}]))
    assert len(decoded(path)[0]) == 5


def header(shape, descr="|u1"):
    file = io.BytesIO()
    what = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, what)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (header((10**6, 1000, 1000)), "it is of another size than it says"),  # no 1 TB asked for
        (header((2, 2, 2)) + b"1234567", "it is of another size than it says"),
        (header((2, 2, 2)) + b"123456789", "it is of another size than it says"),
        (header((2**40, 1, 1)), "another size"),
        (header((-1, 2, 2)), "shape"),
        (b"\x93NUMPY\x03\x00", "version"),
        (b"\x93NUMPY\x01\x00\x04\x00{:(}", "."),
        (b"\x93NUMPY\x01\x00\x10\x00__import__('os')", "."),
        (b"", "."),
        (b"\x00" * 200, "magic string"),
    ],
)
def test_headers_that_lie_are_one_line(path, content, line):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content)
    with pytest.raises(UsageError, match=line) as refusal:
        list(open_archive(path).examples())
    assert "\n" not in str(refusal.value)


def test_bombs_are_known_by_what_they_say(path, monkeypatch):
    from gan_jax.data import archive

    np.savez_compressed(path, images=np.zeros((50, 100, 100), np.uint8))
    assert path.stat().st_size < 2000
    monkeypatch.setattr(archive, "_MOST_VALUES", 9_999)
    with pytest.raises(UsageError, match=r"images is \[50, 100, 100\]: more or larger images than"):
        open_archive(path)
    monkeypatch.setattr(archive, "_MOST_VALUES", 10_000)
    monkeypatch.setattr(archive, "_MOST_EXAMPLES", 49)
    with pytest.raises(UsageError, match="more or larger images than"):
        open_archive(path)


def test_damage_anywhere_is_one_line(path):
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    good, refused = path.read_bytes(), []
    places = np.random.default_rng(0).choice(8 * len(good), 150, replace=False)
    damaged = [good[: len(good) * part // 10] for part in range(10)]
    for place in places:
        content = bytearray(good)
        content[place // 8] ^= 1 << (place % 8)
        damaged.append(bytes(content))
    for content in damaged:
        path.write_bytes(content)
        try:
            images, _, _ = decoded(path)
        except (UsageError, ValueError) as error:
            refused.append(str(error))
        else:  # what was hit is of no account: times, flags, the directory
            np.testing.assert_array_equal(images, IMAGES[..., None])
    assert len(refused) > 90
    assert all(line.isprintable() for line in refused)


def test_what_is_no_archive_is_one_line(path):
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match="can't be used: File is not a zip file"):
        open_archive(path)
    np.save(path.with_suffix(".npy"), IMAGES)
    os.rename(path.with_suffix(".npy"), path)
    with pytest.raises(UsageError, match="not a zip file"):
        open_archive(path)
    path.unlink()
    with pytest.raises(UsageError, match="can't be used: No such file"):
        open_archive(path)


def test_the_signature_changes_with_the_file(path):
    np.savez(path, images=IMAGES)
    first = open_archive(path).signature
    assert open_archive(path).signature == first
    os.utime(path, (0, 0))
    assert open_archive(path).signature != first
