"""Images are read as they are, or refused in a line."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from gan_jax.errors import UsageError
from gan_jax.metrics.image_files import load_images

GREY = np.arange(12, dtype=np.uint8).reshape(2, 2, 3, 1) * 20
COLOURS = np.arange(36, dtype=np.uint8).reshape(2, 2, 3, 3) * 7


def save(folder, images, *, start=0):
    folder.mkdir(exist_ok=True)
    for index, image in enumerate(images, start):
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(
            folder / f"{index:03}.png"
        )
    return folder


@pytest.mark.parametrize("images", [GREY, COLOURS], ids=["grey", "colours"])
def test_a_folder_and_an_array_give_the_same(tmp_path, images):
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "b.npz", images)
    np.savez(tmp_path / "c.npz", images=images, labels=np.zeros(2))
    save(tmp_path / "folder", images)
    for name in ("a.npy", "b.npz", "c.npz", "folder"):
        (found,) = load_images(tmp_path / name)
        np.testing.assert_array_equal(found, images)
        assert found.dtype == np.uint8


def test_pictures_of_several_sizes_come_apart(tmp_path):
    folder = save(tmp_path / "folder", GREY)
    save(folder, GREY[:, :1], start=2)
    save(folder, COLOURS, start=4)
    assert [chunk.shape for chunk in load_images(folder)] == [
        (2, 2, 3, 1), (2, 1, 3, 1), (2, 2, 3, 3),
    ]  # fmt: skip


def test_what_is_left_out_is_said(tmp_path):
    folder = save(tmp_path / "folder", GREY)
    lines = []
    assert len(load_images(folder, report=lines.append)[0]) == 2
    assert not lines
    (folder / "b.webp").write_bytes(b"")
    (folder / "a").mkdir()
    (folder / ".hidden").write_bytes(b"")
    assert len(load_images(folder, report=lines.append)[0]) == 2
    assert lines == [f"{folder}: not PNG or JPEG and left out: 2, such as a"]


def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    def iterdir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(tmp_path), "iterdir", iterdir)
    with pytest.raises(UsageError, match=r"can't be read: Permission denied$"):
        load_images(tmp_path)


def test_a_photograph_and_a_palette_are_colours(tmp_path):
    Image.new("RGB", (4, 4), (250, 0, 0)).save(tmp_path / "a.jpg", quality=95)
    Image.new("RGB", (4, 4), (250, 0, 0)).quantize().save(tmp_path / "b.png")
    (found,) = load_images(tmp_path)
    assert found.shape == (2, 4, 4, 3)
    assert np.abs(found.astype(int) - [250, 0, 0]).max() < 5


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (GREY / 255, r"holds float64 \[2, 2, 3, 1\]: images must be uint8 \[N, H, W, C\]"),
        (np.full((1, 2, 3, 1), np.nan), r"holds float64 \[1, 2, 3, 1\] with NaN"),
        (GREY[..., 0], r"holds uint8 \[2, 2, 3\]"),
        (GREY[:0], r"holds uint8 \[0, 2, 3, 1\]"),
        (GREY.astype(np.int64), "holds int64"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, array, line):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match=line):
        load_images(tmp_path / "a.npy")


def test_what_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    np.savez(tmp_path / "two.npz", a=GREY, b=GREY)
    np.save(tmp_path / "code.npy", np.array([{}]), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("a.png", b"no array")
    bad = save(tmp_path / "bad", GREY)
    (bad / "000.png").write_bytes(b"no picture")
    Image.new("RGBA", (2, 2)).save(save(tmp_path / "clear", GREY) / "009.png")
    Image.new("I;16", (2, 2)).save(save(tmp_path / "deep", GREY) / "009.png")
    for name, line in {
        "missing": "is not there", "empty": "holds no pictures", "cut.npz": "can't be read",
        "cut.npy": "can't be read", "two.npz": "holds a, b: one array must be `images`",
        "zip.npz": "holds a.png: one array must be `images`", "code.npy": "can't be read", "bad": "000.png can't be read", "clear": "009.png is RGBA",
        "deep": "009.png is I;16", "bad/000.png": "is no folder, .npy or .npz file",
    }.items():  # fmt: skip
        with pytest.raises(UsageError, match=line) as refusal:
            load_images(tmp_path / name)
        assert "\n" not in str(refusal.value)
