"""Decoded pictures are kept, found again, and made anew where they have changed or are damaged."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax import metrics
from gan_jax.data import gather, kept, load
from gan_jax.data.cache import read_checked
from gan_jax.data.folder import open_folder
from gan_jax.errors import RunError, UsageError


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "pictures")


def fill(folder, count=30, *, shift=0, shape=(6, 8, 3)):
    """Save pictures of two classes under names that say nothing of their contents."""
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    for number, image in enumerate(images):
        path = folder / f"class {number % 2}" / f"{(number * 7 + shift) % count:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


@pytest.fixture
def decodes(monkeypatch):
    """Count how often a data set is decoded."""
    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        return decode(*arguments, **options)

    decode = kept.decode_rows
    monkeypatch.setattr(kept, "decode_rows", counted)
    return calls


def rows(*parts):
    return [
        image.tobytes() + bytes([label])
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    ]


def both(source, **options):
    return load(source, **options), load(source, split="test", **options)


def files(tmp_path):
    return sorted((tmp_path / "cache" / "datasets").iterdir())


def test_all_are_shared_out_between_train_and_test(folder):
    train, test = both(folder)
    assert (len(train.labels), len(test.labels)) == (27, 3)
    images = [Image.open(path) for path in sorted(folder.rglob("*.png"))]
    wanted = [np.asarray(image).tobytes() + bytes([int(image.filename[-9])]) for image in images]
    assert sorted(rows(train, test)) == sorted(wanted)
    assert train.class_names == ("class 0", "class 1")
    assert (train.num_classes, train.name, train.split) == (2, "pictures", "train")
    assert (train.images.dtype, train.labels.dtype) == (np.uint8, np.int32)
    assert train.origin == f"pictures in {folder}"


def test_images_are_mapped_and_can_not_be_written_to(folder):
    (train, test) = both(folder)
    for part in (train, test):
        assert type(part.images) is np.ndarray
        assert not part.images.flags.writeable
        assert not part.images.flags.owndata
        base = part.images
        while not isinstance(base, np.memmap):
            base = base.base


def test_a_second_start_decodes_nothing(folder, decodes, tmp_path, lines):
    first = both(folder, report=lines.append)
    second = both(folder, report=lines.append)
    assert rows(*first) == rows(*second)
    assert decodes == [1]
    assert lines == []
    assert [path.suffix for path in files(tmp_path)] == [".cache", ".npy"]
    np.testing.assert_array_equal(
        np.load(files(tmp_path)[1], allow_pickle=False)[:3], first[1].images
    )


def test_the_order_and_the_share_depend_on_the_contents_alone(folder, tmp_path):
    named_otherwise = fill(tmp_path / "copy", shift=5)
    assert rows(*both(folder)) == rows(*both(named_otherwise))
    small = both(folder, resolution=4)
    for part, resized in zip(both(folder), small, strict=True):
        np.testing.assert_array_equal(part.labels, resized.labels)
        assert resized.images.shape == (len(part.labels), 4, 4, 3)
        assert resized.origin == f"pictures in {folder}, cut and resized to 4x4"


def test_an_archive_and_a_folder_of_the_same_give_the_same(folder, tmp_path):
    train, test = both(folder)
    order = np.random.default_rng(1).permutation(30)
    images, labels = (
        np.concatenate([getattr(part, name) for part in (train, test)])[order]
        for name in ("images", "labels")
    )
    np.savez(tmp_path / "a.npz", images=images, labels=labels)
    assert rows(*both(tmp_path / "a.npz")) == rows(train, test)
    known = {"test_images": test.images, "test_labels": test.labels}
    np.savez(tmp_path / "b.npz", images=train.images, labels=train.labels, **known)
    assert rows(*both(tmp_path / "b.npz")) == rows(train, test)


def test_each_setting_is_kept_for_itself(folder, decodes, tmp_path):
    for options in ({}, {"resolution": 4}, {"channels": 1}, {"resolution": 4, "channels": 1}):
        assert load(folder, **options).images.shape[3] == options.get("channels", 3)
    assert len(decodes) == 4
    assert len(files(tmp_path)) == 8
    assert load(folder, resolution=4).images.shape == (27, 4, 4, 3)
    assert len(decodes) == 4


def test_what_has_changed_is_made_anew_in_its_place(folder, decodes, tmp_path, lines):
    before = load(folder)
    Image.new("RGB", (8, 6), (1, 2, 3)).save(folder / "class 1" / "new.png")
    after = load(folder, report=lines.append)
    assert len(decodes) == 2
    assert lines == [f"{files(tmp_path)[1]} is of other contents, and is made anew"]
    assert len(after.labels) + len(load(folder, split="test").labels) == 31
    assert len(files(tmp_path)) == 2
    assert len(rows(before)) == 27  # what is mapped is still what it was


def cut(content):
    return content[:-1]


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("harm", [cut, flip, lambda _: b"", lambda c: os.urandom(len(c))])
def test_what_is_damaged_is_made_anew(folder, decodes, tmp_path, lines, which, harm):
    good = rows(*both(folder))
    path = files(tmp_path)[which]
    content = path.read_bytes()
    path.write_bytes(harm(content))
    assert rows(*both(folder, report=lines.append)) == good
    assert len(decodes) == 2
    assert lines == [f"{files(tmp_path)[1]} cannot be used and is made anew: its checksum is wrong"]
    assert [path.read_bytes() for path in files(tmp_path)][which][-500:] == content[-500:]


def test_half_of_what_is_kept_is_made_anew(folder, decodes, tmp_path):
    good = rows(*both(folder))
    for which in (0, 1):
        files(tmp_path)[which].unlink()
        assert rows(*both(folder)) == good
    assert len(decodes) == 3


def test_a_checksum_that_is_right_is_not_enough(folder, decodes, tmp_path, lines):
    load(folder)
    labels, images = files(tmp_path)
    np.save(images, np.zeros((30, 6, 8), np.uint8))
    facts = read_checked(labels)
    facts["sha256"] = np.asarray(hashlib.sha256(images.read_bytes()).hexdigest())
    kept.write_checked(labels, **facts)
    load(folder, report=lines.append)
    assert lines == [f"{images} cannot be used and is made anew: it holds uint8 [30, 6, 8]"]


def test_a_cache_that_can_not_be_written_does_not_stop_the_load(folder, tmp_path, lines):
    good = rows(*both(folder))
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("in the way")
    before = set(os.listdir(tempfile.gettempdir()))
    assert rows(*both(folder, report=lines.append)) == good
    assert len(lines) == 2
    assert lines[0].startswith(f"pictures is not kept in {tmp_path / 'cache' / 'datasets'}: ")
    assert {name for name in set(os.listdir(tempfile.gettempdir())) - before if "images" in name} == set()  # fmt: skip


@pytest.mark.parametrize("stage", ["decode_rows", "_write_array", "write_checked"])
def test_a_full_disk_is_one_line_and_leaves_nothing(folder, tmp_path, monkeypatch, stage):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, stage, full)
    with pytest.raises(RunError, match="failed: No space left on device; GAN_JAX_CACHE can name"):
        load(folder)
    left = [path.name for path in files(tmp_path) if path.suffix != ".npy"]
    assert left == []
    monkeypatch.undo()
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    assert len(load(folder).labels) == 27


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_damaged_picture_of_either_split_is_found_at_once(tmp_path, split):
    fill(tmp_path / "p" / "train", 4)
    fill(tmp_path / "p" / "test", 4)
    path = tmp_path / "p" / "test" / "class 0" / "000.png"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UsageError, match=rf"^{path} can't be read: .*\w") as refusal:
        load(tmp_path / "p", split=split)
    assert "\n" not in str(refusal.value)
    assert files(tmp_path) == []


def test_splits_of_different_sizes_are_found_at_once(tmp_path):
    fill(tmp_path / "p" / "train", 4)
    fill(tmp_path / "p" / "test", 4, shape=(6, 6, 3))
    with pytest.raises(UsageError, match=r"train.* is 8x6, and .*test.* is 6x6: --resolution 6"):
        load(tmp_path / "p")
    assert load(tmp_path / "p", resolution=6).images.shape == (4, 6, 6, 3)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_to_hold_some_out_is_one_line(tmp_path, count):
    for number in range(count):
        (tmp_path / "p").mkdir(exist_ok=True)
        Image.new("L", (2, 2)).save(tmp_path / "p" / f"{number}.png")
    with pytest.raises(UsageError, match=r"pictures in .*: too few that differ to hold some out"):
        load(tmp_path / "p")


def test_the_ids_of_figures_are_those_of_the_same_in_memory(folder):
    train, test = both(folder)
    extractor = metrics.pixel_extractor()
    for part in (train, test):
        mapped = metrics.Samples("test", part.images, extractor, labels=part.labels)
        copied = metrics.Samples("test", np.array(part.images), extractor)
        assert mapped.digest == copied.digest
    assert mapped.first(2).digest == metrics.Samples("test", test.images[:2], extractor).digest


def test_a_device_takes_what_is_mapped(folder):
    train = load(folder)
    indices = np.array([3, 0, 26], np.int32)
    batch = jax.jit(gather)(jax.device_put(train.arrays), indices)
    np.testing.assert_array_equal(batch["image"], train.images[indices])
    np.testing.assert_array_equal(batch["label"], train.labels[indices])


WRITER = """
import sys
from gan_jax.data import load
for _ in range(3):
    dataset = load(sys.argv[1], report=sys.exit)
    assert len(dataset.labels) == 27
print(dataset.images.sum())
"""


def test_processes_that_race_leave_one_whole_copy(folder, tmp_path, decodes):
    command = [sys.executable, "-c", WRITER, str(folder)]
    racing = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate()[0] for each in racing]
    assert [each.returncode for each in racing] == [0, 0]
    assert said == [f"{load(folder).images.sum()}\n"] * 2
    assert decodes == []
    assert len(files(tmp_path)) == 2


def test_one_file_for_each_folder_whatever_its_name(tmp_path):
    paths = {
        kept.kept_path(open_folder(fill(tmp_path / name / "same", 2)), None, None)
        for name in ("a", "b")
    }
    assert len(paths) == 2
    assert all(path.name.startswith("same-") for path in paths)
    os.mkdir(tmp_path / "x")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff/etc"))
    assert kept.kept_path(open_folder(fill(odd, 2)), 8, 3).parent == tmp_path / "cache" / "datasets"
