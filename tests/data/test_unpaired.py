"""Two data sets without pairs: their batches, and the folders they come from."""

from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image

from gan_jax import parallel
from gan_jax.data import (
    Dataset,
    Unpaired,
    epoch_permutation,
    gather_unpaired,
    load,
    load_unpaired,
    unpaired_indices,
)
from gan_jax.errors import UsageError


def numbered(name, count, shape=(2, 3, 1)):
    """Return images whose every pixel is their number, and whose label is twice it."""
    numbers = np.arange(count)
    images = np.broadcast_to(numbers.astype(np.uint8)[:, None, None, None], (count, *shape))
    names = tuple(map(str, range(2 * count)))
    return Dataset(name, "train", images, (2 * numbers).astype(np.int32), 2 * count, names, f"{name} made up")  # fmt: skip


@pytest.fixture
def two():
    return Unpaired.of(numbered("photos", 12), numbered("paintings", 19, (4, 4, 3)))


def test_what_is_said_is_said_of_the_images(two):
    assert isinstance(two, Dataset)
    assert (two.name, two.num_classes, two.images.shape) == ("paintings", 38, (19, 4, 4, 3))
    assert two.source.name == "photos"
    assert {name: len(array) for name, array in two.arrays.items()} == {
        "image": 19, "label": 19, "source": 12, "source_label": 12,
    }  # fmt: skip


def test_there_and_back_is_the_same(two):
    back = two.reversed
    assert (back.name, back.source.name, len(back.labels)) == ("photos", "paintings", 12)
    for name, array in back.reversed.arrays.items():
        assert array is two.arrays[name]
    assert type(two.target) is Dataset


def test_each_side_has_epochs_of_its_own_length(key):
    draw = unpaired_indices(key, num_images=12, num_sources=7, batch_size=3)
    rows = draw(0, 8)
    assert {name: (each.shape, each.dtype) for name, each in rows.items()} == dict.fromkeys(
        ("image", "label", "source", "source_label"), ((8, 3), np.dtype(np.int32))
    )
    np.testing.assert_array_equal(rows["image"], rows["label"])
    np.testing.assert_array_equal(rows["source"], rows["source_label"])
    for epoch in rows["image"].reshape(2, 12):
        assert sorted(epoch) == list(range(12))
    for epoch in rows["source"].reshape(4, 6):
        assert len(set(epoch)) == 6
    image_key, source_key = jax.random.split(key)
    np.testing.assert_array_equal(rows["image"][4:].ravel(), epoch_permutation(image_key, 1, 12))
    np.testing.assert_array_equal(
        rows["source"][2:4].ravel(), epoch_permutation(source_key, 1, 7)[:6]
    )


def test_batches_are_the_same_however_they_are_asked_for(key):
    sizes = {"num_images": 23, "num_sources": 10, "batch_size": 4}
    whole = unpaired_indices(key, **sizes)(0, 40)
    for first, last in ((0, 1), (1, 5), (5, 29), (29, 40)):
        part = unpaired_indices(jax.random.key(0), **sizes)(first, last - first)
        for name, rows in part.items():
            np.testing.assert_array_equal(rows, whole[name][first:last])
    late = unpaired_indices(key, **sizes)(10**9, 1)
    assert late["source"].shape == (1, 4)


def test_sides_of_one_length_meet_in_pairs_that_change(key):
    epochs, count = 400, 6
    rows = unpaired_indices(key, num_images=count, num_sources=count, batch_size=count)(0, epochs)
    met = np.zeros((count, count))
    np.add.at(met, (rows["image"].ravel(), rows["source"].ravel()), 1)
    expected = epochs / count
    statistic = ((met - expected) ** 2 / expected).sum() * (count - 1) / count  # sums are given
    assert statistic < 60.1  # 25 degrees of freedom, p = 1e-4
    assert met.sum(axis=0).tolist() == met.sum(axis=1).tolist() == [epochs] * count


def test_gather_takes_each_side_by_its_own_rows(two, key):
    draw = unpaired_indices(key, num_images=19, num_sources=12, batch_size=5)
    arrays, rows = jax.device_put(two.arrays), draw(0, 6)

    @jax.jit
    def batches(arrays, rows):
        return jax.lax.scan(lambda _, row: (None, gather_unpaired(arrays, row)), None, rows)[1]

    found = batches(arrays, rows)
    for name, array in two.arrays.items():
        np.testing.assert_array_equal(found[name], array[rows[name]])
    assert (found["label"] == 2 * found["image"][:, :, 0, 0, 0]).all()
    assert (found["source_label"] == 2 * found["source"][:, :, 0, 0, 0]).all()


@pytest.mark.parametrize("count", [2, 4])
def test_any_number_of_devices_gets_the_same(two, key, count):
    rows = unpaired_indices(key, num_images=19, num_sources=12, batch_size=8)(3, 2)
    devices = jax.devices()[:count]
    share = parallel.split(devices, 1)
    gather = jax.jit(gather_unpaired, out_shardings=share)
    found = gather(
        parallel.place(two.arrays, parallel.replicated(devices)), parallel.place(rows, share)
    )
    for name, array in two.arrays.items():
        assert found[name].sharding.is_equivalent_to(share, found[name].ndim)
        np.testing.assert_array_equal(found[name], array[rows[name]])


def test_mistakes_of_batches(two, key):
    with pytest.raises(UsageError, match="batch_size 13 must be from 1 to the data set's 12 exam"):
        unpaired_indices(key, num_images=19, num_sources=12, batch_size=13)
    with pytest.raises(UsageError, match="batch_size 0 must be"):
        unpaired_indices(key, num_images=19, num_sources=12, batch_size=0)
    rows = {"image": np.array([18]), "source": np.array([12])}
    with pytest.raises(ValueError, match="indices must be from 0 to 11, got 12 to 12"):
        gather_unpaired(two.arrays, rows)


def save(folder, count, *, shade, size=(4, 4)):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.full((*size, 3), (shade, number, 7), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def shades(dataset):
    return {(int(image[0, 0, 0]), int(image[0, 0, 1])) for image in dataset.images}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "horses"


def test_train_a_and_train_b_with_tests(folder):
    for name, count, shade in (
        ("trainA", 5, 1),
        ("trainB", 8, 2),
        ("testA", 3, 3),
        ("testB", 2, 4),
    ):
        save(folder / name, count, shade=shade)
    train, test = (load_unpaired(folder, split=split) for split in ("train", "test"))
    assert (shades(train.source), shades(train)) == (
        {(1, n) for n in range(5)},
        {(2, n) for n in range(8)},
    )
    assert (shades(test.source), shades(test)) == (
        {(3, n) for n in range(3)},
        {(4, n) for n in range(2)},
    )
    assert (train.source.name, train.name, train.split) == ("horses-A", "horses-B", "train")
    assert test.origin == f"pictures in {folder}/trainB and {folder}/testB"


def test_without_tests_either_side_holds_some_out(folder):
    save(folder / "A", 30, shade=1)
    save(folder / "B", 11, shade=2)
    train, test = (load_unpaired(folder, split=split, resolution=2) for split in ("train", "test"))
    assert (len(train.source.labels), len(train.labels)) == (27, 9)
    assert (len(test.source.labels), len(test.labels)) == (3, 2)
    for one, other in ((train, test), (train.source, test.source)):
        assert not shades(one) & shades(other)
    assert train.images.shape == (9, 2, 2, 3)


def test_two_data_sets_of_any_kind(folder):
    save(folder, 20, shade=9, size=(10, 12))
    two = load_unpaired("digits", folder, resolution=8, channels=1)
    digits = load("digits")
    np.testing.assert_array_equal(two.source.images, digits.images)
    np.testing.assert_array_equal(two.source.labels, digits.labels)
    assert (two.images.shape, two.num_classes, two.source.num_classes) == ((18, 8, 8, 1), 1, 10)


def refused(line, *arguments, **options):
    with pytest.raises(UsageError, match=line) as refusal:
        load_unpaired(*arguments, **options)
    assert "\n" not in str(refusal.value)


def test_mistakes_of_folders(folder, tmp_path):
    refused("horses is no folder that is there", folder)
    save(folder / "trainA", 4, shade=1)
    refused("horses has a folder trainA and none that is called trainB", folder)
    save(folder / "trainB", 4, shade=2, size=(4, 6))
    digits = "the 1,797 digits of 8x8 pixels that come with scikit-learn"
    a, b = folder / "trainA", folder / "trainB"
    line = rf"^the sources are 4x4, in colour \(pictures in {a}\) and the images 6x4, in colour \(pictures in {b}\): --resolution, and"
    refused(line, folder)
    refused(rf"are 8x8, grey \({digits}\) and the images 8x8, in colour", "digits", a, resolution=8)
    refused("split 'all' of two folders is not one of train, test", folder, split="all")
    refused("resolution is -1", folder, resolution=-1)
    (a / "0.png").write_bytes(b"nothing")
    refused("trainA/0.png can't be read: it is none of", folder)
    save(tmp_path / "cats", 4, shade=1)
    refused("cats is not two folders: it has no A and B, source and target, or", tmp_path / "cats")


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_the_order_is_the_keys_alone(impl):
    draw = partial(unpaired_indices, num_images=9, num_sources=9, batch_size=9)
    seen = {
        tuple(draw(jax.random.key(seed, impl=impl))(step, 1)[name][0])
        for seed in range(3)
        for step in range(3)
        for name in ("image", "source")
    }
    assert len(seen) == 18
