"""Pairs in folders: which image belongs to which, which are held out, and what is refused."""

import hashlib
import os

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax.data import Dataset, Pairs, batch_indices, gather, kept, load, load_pairs
from gan_jax.data.resizing import fit
from gan_jax.errors import UsageError

SIZE = (6, 4)


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "maps"


@pytest.fixture
def decodes(monkeypatch):
    """Count how often a data set is decoded."""
    calls, decode = [], kept.decode_rows
    monkeypatch.setattr(
        kept, "decode_rows", lambda *rest, **options: calls.append(1) or decode(*rest, **options)
    )
    return calls


def image(number, size=SIZE, channels=3):
    shape = (*size, channels)
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)


def pair(number, **options):
    """Return A and B of a pair, which have nothing to do with each other."""
    return image(number, **options), image(1000 + number, **options)


def halves(folder, numbers, **options):
    for number in numbers:
        save(folder / f"{number:03}.png", np.concatenate(pair(number, **options), axis=1))
    return folder


def sides(folder, first, second, numbers, **options):
    """Save the images of pairs in two folders, under names that say nothing of the contents."""
    for number in numbers:
        for place, pixels in zip((first, second), pair(number, **options), strict=True):
            save(folder / place / f"{number * 7 % 31:03}.png", pixels)
    return folder


def both(*folders, **options):
    return [load_pairs(*folders, split=split, **options) for split in ("train", "test")]


def rows(*parts):
    return [
        (source.tobytes(), image.tobytes())
        for part in parts
        for source, image in zip(part.sources, part.images, strict=True)
    ]


def wanted(numbers):
    return [tuple(side.tobytes() for side in pair(number)) for number in numbers]


def test_a_picture_is_two_images_side_by_side(folder):
    train, test = both(halves(folder, range(30)))
    assert isinstance(train, Dataset)
    assert (len(train.labels), len(test.labels)) == (27, 3)
    assert sorted(rows(train, test)) == sorted(wanted(range(30)))
    assert train.images.shape == train.sources.shape == (27, *SIZE, 3)
    assert {array.dtype for array in train.arrays.values()} == {np.dtype(np.uint8), np.dtype(np.int32)}  # fmt: skip
    assert (train.name, train.split, train.num_classes, train.class_names) == ("maps", "train", 1, ("all",))  # fmt: skip
    assert not train.labels.any()
    assert train.origin == f"pictures in {folder}, two images side by side in each"


def test_the_direction_says_which_is_the_source(folder):
    there, back = (
        load_pairs(halves(folder, range(12)), direction=each) for each in ("AtoB", "BtoA")
    )
    np.testing.assert_array_equal(there.sources, back.images)
    np.testing.assert_array_equal(there.images, back.sources)
    np.testing.assert_array_equal(there.reversed.sources, back.sources)
    assert rows(back.reversed) == rows(there)


LAYOUTS = {
    "plain": ("A", "B", None),
    "named": ("source", "target", None),
    "inner": ("A/{}", "B/{}", "val"),
    "joined": ("{}A", "{}B", "test"),
    "outer": ("{}/A", "{}/B", "valid"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_folders_in_one(folder, layout):
    first, second, test = LAYOUTS[layout]
    for split, numbers in (("train", range(20)), (test or "train", range(20, 25))):
        sides(folder, first.format(split), second.format(split), numbers)
    train, held_out = both(folder)
    if test:
        assert sorted(rows(train)) == sorted(wanted(range(20)))
        assert sorted(rows(held_out)) == sorted(wanted(range(20, 25)))
    else:
        assert (len(train.labels), len(held_out.labels)) == (22, 3)
        assert sorted(rows(train, held_out)) == sorted(wanted(range(25)))
    assert train.name == "maps"


def test_two_folders_of_their_own(tmp_path):
    sides(tmp_path, "photos", "maps of them", range(20))
    parts = both(tmp_path / "photos", tmp_path / "maps of them")
    assert sorted(rows(*parts)) == sorted(wanted(range(20)))
    assert parts[0].name == "photos-maps-of-them"
    first, second = tmp_path / "photos", tmp_path / "maps of them"
    assert parts[0].origin == f"pictures in {first} beside pictures in {second}"


def test_the_contents_alone_decide_on_order_and_share(folder, tmp_path):
    one = both(halves(folder, range(30)))
    two = both(sides(tmp_path / "other", "A", "B", range(30)))
    assert [rows(part) for part in one] == [rows(part) for part in two]


def test_endings_may_differ(folder):
    first, second = pair(1)
    for number in range(3):
        save(folder / "A" / f"{number}.png", first + np.uint8(number))
        save(folder / "B" / f"{number}.bmp", second + np.uint8(number))
    assert len(load_pairs(folder).labels) == 2


@pytest.mark.parametrize("layout", ["halves", "sides"])
def test_sub_folders_are_classes(folder, layout):
    for number, name in enumerate(["rose", "aster", "rose", "aster", "aster"]):
        left, right = pair(number)
        if layout == "halves":
            save(folder / name / f"{number}.png", np.concatenate([left, right], axis=1))
        else:
            save(folder / "A" / name / f"{number}.png", left)
            save(folder / "B" / name / f"{number}.png", right)
    parts = both(folder)
    assert parts[0].class_names == ("aster", "rose")
    assert sum(part.labels.sum() for part in parts) == 2
    for part in parts:
        for row, label in zip(rows(part), part.labels, strict=True):
            assert label == (row in wanted([0, 2]))


def test_the_resolution_changes_neither_order_nor_share(folder):
    whole = both(halves(folder, range(20)))
    small = both(folder, resolution=3, channels=1)
    for part, fitted in zip(whole, small, strict=True):
        for name in ("sources", "images"):
            expected = [fit(each, resolution=3, channels=1) for each in getattr(part, name)]
            np.testing.assert_array_equal(getattr(fitted, name), expected)
        assert fitted.origin == f"{part.origin}, each cut and resized to 3x3"


def test_a_pair_is_in_one_split_with_its_copies(folder):
    for number in range(10):
        for copy in range(4):
            save(folder / f"{number}-{copy}.png", np.concatenate(pair(number), axis=1))
    train, test = both(folder)
    assert len(train.labels) + len(test.labels) == 40
    assert not set(rows(train)) & set(rows(test))
    assert len(rows(test)) == 4


def test_pairs_are_decoded_once_for_both_splits_and_directions(folder, decodes):
    halves(folder, range(12))
    first = both(folder)
    again = both(folder, direction="BtoA")
    assert decodes == [1]
    assert rows(*first) == [(left, right) for right, left in rows(*again)]
    assert not first[0].images.flags.writeable
    load(folder)
    assert load_pairs(folder).images.shape[1:] == (*SIZE, 3)
    assert len(decodes) == 2
    save(folder / "000.png", np.concatenate(pair(77), axis=1))
    os.utime(folder / "000.png", (0, 0))
    assert set(rows(*both(folder))) == set(wanted([77, *range(1, 12)]))


def test_batches_keep_the_pairs(folder, key):
    pairs = load_pairs(halves(folder, range(20)))
    indices = batch_indices(key, 0, 8, num_examples=len(pairs.labels), batch_size=4)
    batches = jax.jit(gather)(jax.device_put(pairs.arrays), indices)
    assert set(batches) == {"image", "label", "source"}
    known = set(wanted(range(20)))
    for source, target in zip(batches["source"][0], batches["image"][0], strict=True):
        assert (np.asarray(source).tobytes(), np.asarray(target).tobytes()) in known
    np.testing.assert_array_equal(batches["source"], pairs.sources[indices])


def test_sources_may_be_of_another_size_but_not_of_another_number():
    facts = ("made", "train", np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, np.int32), 1, ("all",), "here")  # fmt: skip
    assert Pairs(*facts, np.zeros((4, 2, 2, 1), np.uint8)).arrays["source"].shape == (4, 2, 2, 1)
    with pytest.raises(ValueError, match="5 sources are no pairs with 4 images"):
        Pairs(*facts, np.zeros((5, 2, 2, 1), np.uint8))


def test_grey_and_colour_are_made_alike_if_that_is_asked(folder):
    for number in range(5):
        save(folder / "A" / f"{number}.png", image(number, channels=1))
        save(folder / "B" / f"{number}.png", image(1000 + number))
    with pytest.raises(UsageError) as refusal:
        load_pairs(folder)
    line = f"{folder}/A/0.png beside {folder}/B/0.png can't be read: they are grey and in colour: --channels 1, or 3, makes them alike"
    assert str(refusal.value) == line
    grey, coloured = (load_pairs(folder, channels=channels) for channels in (1, 3))
    assert grey.images.shape[3] == grey.sources.shape[3] == 1
    np.testing.assert_array_equal(coloured.sources, np.repeat(grey.sources, 3, axis=3))
    assert {each.tobytes() for each in grey.sources} <= {image(n, channels=1).tobytes() for n in range(5)}  # fmt: skip


def refused(line, *arguments, **options):
    with pytest.raises(UsageError, match=line) as refusal:
        load_pairs(*arguments, **options)
    assert "\n" not in str(refusal.value)


def test_the_first_without_a_partner_is_named(folder):
    sides(folder, "A", "B", range(3))
    save(folder / "A" / "4.png", image(9))
    save(folder / "A" / "3.png", image(8))
    refused(f"^{folder}/A/3.png has no partner: none of the 3 pictures in {folder}/B has its name$", folder)  # fmt: skip
    for name in ("3", "4", "5"):
        save(folder / "B" / f"{name}.png", image(9))
    refused(f"^{folder}/B/5.png has no partner: none of the 5 pictures in {folder}/A", folder)
    save(folder / "A" / "5.bmp", image(7))
    save(folder / "A" / "5.jpg", image(7))
    refused(f"{folder}/A/5.bmp and {folder}/A/5.jpg are of one name but for its ending", folder)


def test_sides_of_a_pair_are_of_one_size(folder):
    save(folder / "A" / "1.png", image(1))
    save(folder / "B" / "1.png", image(2, size=(4, 4)))
    refused(r"A/1.png beside .*B/1.png can't be read: they are 4x6 and 4x4, and must be of one size$", folder, resolution=4)  # fmt: skip


def test_pairs_of_several_sizes_need_a_resolution(folder):
    halves(folder, range(3))
    halves(folder, range(3, 6), size=(5, 5))
    refused(r"003.png is 10x5, and .*000.png is 8x6: --resolution 6 makes all alike", folder)
    halves(folder, range(6, 9), size=(6, 4), channels=1)
    refused("006.png is grey, and .*000.png is in colour: --channels 1", folder, resolution=4)
    assert load_pairs(folder, resolution=4, channels=1).images.shape == (8, 4, 4, 1)


def test_a_picture_of_odd_width_is_named(folder):
    halves(folder, range(3))
    save(folder / "odd.png", image(1, size=(4, 7)))
    refused(f"^{folder}/odd.png can't be read: its width, 7, is odd: it is not two images", folder)


def test_a_damaged_picture_is_named(folder):
    sides(folder, "A", "B", range(1))
    (folder / "B" / "000.png").write_bytes(b"nothing")
    refused(f"^{folder}/A/000.png beside .* can't be read: {folder}/B/000.png: it is none of", folder)  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "line"),
    [
        (("A", "B"), "maps/A holds no pictures: names that end in"),
        (("trainA",), "maps has a folder trainA and none that is called trainB"),
        (("trainB",), "maps has a folder trainB and none that is called trainA"),
        (("trainA", "trainB", "testB"), "maps has a folder testB and none that is called testA"),
        (("train/A", "train/B", "val/A"), "maps has a folder val/A and none that is called val/B"),
        ((), "maps holds no pictures"),
    ],
)
def test_folders_that_are_missing_or_empty_are_named(folder, folders, line):
    folder.mkdir()
    for each in folders:
        (folder / each).mkdir(parents=True)
    refused(line, folder)


def test_test_has_no_classes_of_its_own(folder):
    for split, name in (("train", "rose"), ("test", "aster")):
        sides(folder, f"{split}A/{name}", f"{split}B/{name}", range(3))
    refused("testA has the class aster, and .*trainA has not", folder)


def test_other_mistakes_are_one_line(folder, tmp_path):
    halves(folder, range(3))
    refused("no folder that is there", tmp_path / "nowhere")
    refused("no folder that is there", folder, tmp_path / "nowhere")
    refused("folder 3 is no path", 3)
    refused("split 'val' of pairs is not one of train, test", folder, split="val")
    refused("direction 'left' of pairs is not one of AtoB, BtoA", folder, direction="left")
    refused("resolution is 0", folder, resolution=0)
    refused("channels is 2", folder, channels=2)
    refused("too few that differ to hold some out", halves(tmp_path / "one", [1]))


def test_names_may_be_anything(folder):
    for side, pixels in zip("AB", pair(0), strict=True):
        for name in ("two\nlines.png", "\u732b.png", "'quoted\t'.png"):
            save(folder / side / name, pixels)
            pixels = pixels ^ np.uint8(255 if name[0] == "t" else 7)
    assert len(rows(*both(folder))) == 3
    (folder / "B" / "two\nlines.png").unlink()
    refused(r"two\\nlines.png' has no partner", folder)


def test_the_order_stays_the_same_from_version_to_version(folder):
    train = load_pairs(halves(folder, range(6)))
    words = [
        hashlib.sha256(np.concatenate(pair(number), axis=1).tobytes()).digest()[:8]
        for number in range(6)
    ]
    order = sorted(range(6), key=words.__getitem__)[1:]  # the smallest word is held out
    assert rows(train) == wanted(order)
