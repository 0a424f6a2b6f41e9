"""Folders of pictures: which classes and splits they are, and what is left out or refused."""

import os

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.folder import open_folder
from gan_jax.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "flowers"


def put(folder, *names, size=(4, 4)):
    """Save a picture under each name, each of a colour of its own."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (number, 7 * number, 99)).save(folder / name)


def found(folder, report=lambda line: None):
    """Return the class and split of each picture by its path below the folder."""
    pictures = open_folder(folder, report)
    examples = list(pictures.examples())
    assert len(examples) == pictures.count
    split = {False: "train", True: "test"} if pictures.is_split else {False: None}
    return {
        os.path.relpath(each.place, folder): (
            pictures.class_names[each.label],
            split[each.is_test],
        )
        for each in examples
    }


def test_sub_folders_are_classes_in_the_order_of_their_names(folder):
    put(folder, "rose/1.png", "rose/more/deep/2.png", "Tulip/3.png", "aster/4.png")
    assert found(folder) == {
        "rose/1.png": ("rose", None), "rose/more/deep/2.png": ("rose", None),
        "Tulip/3.png": ("Tulip", None), "aster/4.png": ("aster", None),
    }  # fmt: skip
    pictures = open_folder(folder)
    assert pictures.class_names == ("Tulip", "aster", "rose")
    assert (pictures.name, pictures.origin) == ("flowers", f"pictures in {folder}")
    assert [example.label for example in pictures.examples()] == [0, 1, 2, 2]


def test_without_sub_folders_there_is_one_class(folder):
    put(folder, "1.png", "2.JPG", "3.jpeg")
    assert found(folder) == dict.fromkeys(("1.png", "2.JPG", "3.jpeg"), ("all", None))
    assert open_folder(folder).class_names == ("all",)


@pytest.mark.parametrize("test", ["test", "val", "valid", "validation"])
def test_train_and_test_are_splits_if_both_are_there(folder, test):
    put(folder, "train/rose/1.png", "train/aster/2.png", f"{test}/rose/3.png")
    assert found(folder) == {
        "train/rose/1.png": ("rose", "train"), "train/aster/2.png": ("aster", "train"),
        f"{test}/rose/3.png": ("rose", "test"),
    }  # fmt: skip


def test_splits_may_be_without_classes(folder):
    put(folder, "train/1.png", "train/2.png", "test/3.png")
    assert {split for _, split in found(folder).values()} == {"train", "test"}
    assert open_folder(folder).class_names == ("all",)


def test_test_goes_before_val_and_the_rest_is_left_out(folder, lines):
    put(folder, "train/1.png", "test/2.png", "val/3.png", "4.png")
    assert sorted(found(folder, lines.append)) == ["test/2.png", "train/1.png"]
    assert lines == [f"{folder}: 2 left out, no pictures or of no split, such as 4.png"]


def test_one_of_the_two_is_a_class(folder):
    put(folder, "train/1.png", "bus/2.png")
    assert found(folder) == {"train/1.png": ("train", None), "bus/2.png": ("bus", None)}


def test_what_is_no_picture_is_left_out_and_what_is_hidden_is_passed_over(folder, lines):
    put(folder, "a/1.png", ".hidden/2.png", "a/.3.png")
    (folder / "a" / "notes.txt").write_text("")
    (folder / "labels.csv").write_text("")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "a" / "pipe.png")
    os.symlink("nowhere.png", folder / "a" / "broken.png")
    os.symlink("a", folder / "b")  # a folder twice
    os.symlink("loop.png", folder / "a" / "loop.png")
    assert found(folder, lines.append) == {"a/1.png": ("a", None)}
    assert lines == [f"{folder}: 6 left out, no pictures or of no split, such as a/broken.png"]


def test_links_may_lead_to_pictures_in_the_folder(folder, tmp_path):
    put(folder, "a/1.png")
    (folder / "b").mkdir()
    os.symlink("../a/1.png", folder / "b" / "2.png")
    os.symlink(folder, tmp_path / "link")
    assert found(tmp_path / "link") == {"a/1.png": ("a", None), "b/2.png": ("b", None)}


@pytest.mark.parametrize("link", ["a/secret.png", "a/notes.txt", "more", "train"])
def test_links_that_lead_out_are_refused(folder, tmp_path, link):
    put(folder, "a/1.png", "test/1.png")
    put(tmp_path / "outside", "x/secret.png")
    target = tmp_path / "outside" / ("x/secret.png" if "." in link else "x")
    os.symlink(target, folder / link)
    with pytest.raises(UsageError, match=f"{link} in it is a link to {target}, and what is read"):
        open_folder(folder)


def test_dots_that_lead_out_and_back_are_no_way_out(folder, tmp_path):
    put(folder, "a/1.png")
    put(tmp_path / "flowers2", "1.png")  # whose name begins alike
    os.symlink("../../flowers2/1.png", folder / "a" / "2.png")
    with pytest.raises(UsageError, match="is a link to"):
        open_folder(folder)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], "flowers holds no pictures: names that end in .bmp, .jpeg, .jpg"),
        (["a/1.png", "2.png"], r"both in sub-folders and beside them, such as 2\.png: each must"),
        (["train/a/1.png", "train/2.png", "test/a/1.png"], r"train holds .* such as 2\.png"),
        (["train/a/1.png", "test/b/1.png"], "test has the class b, and .*train has not"),
        (["train/a/1.png", "test/1.png"], "test has the class all, and .*train has not"),
        (["train/1.png", "test/b/1.png"], "test has the class b, and .*train has not"),
    ],
)
def test_folders_of_another_layout_are_one_line(folder, names, line):
    folder.mkdir()
    put(folder, *names)
    with pytest.raises(UsageError, match=line) as refusal:
        open_folder(folder)
    assert "\n" not in str(refusal.value)


def test_a_split_without_pictures_is_not_taken_for_a_class(folder):
    put(folder, "train/a/1.png")
    (folder / "test").mkdir()
    with pytest.raises(UsageError, match="test holds no pictures, and it is a split of"):
        open_folder(folder)


def test_a_folder_that_may_not_be_read_is_one_line(folder, monkeypatch):
    put(folder, "a/1.png")
    scan = os.scandir

    def refuse(path):
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"flowers/a can't be read: Permission denied$"):
        open_folder(folder)


def test_names_may_be_anything(folder):
    names = ["a b/\u732b.png", "two\nlines/1.png"]
    put(folder, *names)
    Image.new("L", (2, 2)).save(folder / "odd.png")
    os.mkdir(os.fsencode(folder) + b"/\xff")
    os.rename(folder / "odd.png", os.fsencode(folder) + b"/\xff/1.png")
    pictures = open_folder(folder)
    assert pictures.class_names == ("a b", "two\nlines", "\udcff")
    assert all(example.place.isprintable() for example in pictures.examples())
    assert [example.decode().shape for example in pictures.examples()] == [
        (4, 4, 3), (4, 4, 3), (2, 2, 1),
    ]  # fmt: skip


def test_the_signature_is_of_names_sizes_and_times(folder):
    put(folder, "a/1.png", "b/2.png")

    def signature():
        return open_folder(folder).signature

    first = signature()
    (folder / "notes.txt").write_text("no matter")
    assert signature() == first
    seen = {first}
    os.utime(folder / "a" / "1.png", (0, 0))
    seen.add(signature())
    (folder / "a" / "1.png").write_bytes(b"shorter")
    seen.add(signature())
    os.rename(folder / "a" / "1.png", folder / "a" / "3.png")
    seen.add(signature())
    os.rename(folder / "a", folder / "c")
    seen.add(signature())
    (folder / "b" / "2.png").unlink()
    seen.add(signature())
    assert len(seen) == 6


def test_the_pixels_are_those_of_the_file(folder):
    put(folder, "a/1.png", "a/2.png")
    for example, number in zip(open_folder(folder).examples(), range(2), strict=True):
        pixels = np.asarray(Image.open(folder / "a" / f"{number + 1}.png"))
        np.testing.assert_array_equal(example.decode(), pixels)
