"""What TFDS has prepared: which of its features and splits are taken, and what is refused."""

import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_jax.data import DatasetUnavailable, load
from gan_jax.data.prepared_images import open_prepared
from gan_jax.errors import UsageError

tfds = pytest.importorskip("tensorflow_datasets")

FEATURES = tfds.features
GREY = FEATURES.Image(shape=(4, 5, 1))
CLASSES = FEATURES.ClassLabel(names=["cat", "dog", "cow"])


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))


def png(image):
    file = io.BytesIO()
    Image.fromarray(image.squeeze()).save(file, "PNG")
    return file.getvalue()


def images_of(count, shape=(4, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def prepare(folder, features, splits, *, supervised=None, written="array_record"):
    """Write a data set as TFDS would: features, and the values of each example of each split."""
    from array_record.python import array_record_module
    from tensorflow_datasets.proto import tf_example_pb2

    folder.mkdir(parents=True)
    features = FEATURES.FeaturesDict(features)
    features.save_config(folder)
    features.save_metadata(folder)
    entries = []
    for name, examples in splits.items():
        path = folder / f"made-{name}.array_record-00000-of-00001"
        writer = array_record_module.ArrayRecordWriter(os.fspath(path), "group_size:1")
        for values in examples:
            example = tf_example_pb2.Example()
            for key, value in values.items():
                feature = example.features.feature[key]
                if isinstance(value, bytes):
                    feature.bytes_list.value.append(value)
                else:
                    feature.int64_list.value.append(value)
            writer.write(example.SerializeToString())
        writer.close()
        template = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
        entries.append(
            {"name": name, "shardLengths": [str(len(examples))], "filepathTemplate": template}
        )
    info = {"name": "made", "version": "1.0.0", "fileFormat": written, "splits": entries}
    if supervised:
        info["supervisedKeys"] = {"tuple": {"items": [{"featureKey": key} for key in supervised]}}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder


def labelled(count, seed=0):
    return [
        {"image": png(image), "label": number % 3}
        for number, image in enumerate(images_of(count, seed=seed))
    ]


def decoded(folder, split):
    """Return the pictures, with their images and labels."""
    pictures = open_prepared("made", folder, split)
    examples = list(pictures.examples())
    assert len(examples) == pictures.count
    assert all(example.is_test == (split == "test") for example in examples)
    return pictures, [each.decode() for each in examples], [each.label for each in examples]


@pytest.mark.parametrize("test", ["test", "validation"])
def test_splits_are_tfds_own(tmp_path, test):
    splits = {"train": labelled(130), test: labelled(4, seed=1)}
    folder = prepare(tmp_path / "made" / "1.0.0", {"image": GREY, "label": CLASSES}, splits)
    for split, count, seed in (("train", 130, 0), ("test", 4, 1)):
        pictures, images, labels = decoded(folder, split)
        np.testing.assert_array_equal(images, images_of(count, seed=seed)[..., None])
        assert labels == [number % 3 for number in range(count)]
        assert pictures.is_split
        assert pictures.class_names == ("cat", "dog", "cow")
    named = ", its validation" * (test == "validation")
    assert pictures.origin == f"prepared by TFDS in {folder}{named}"
    assert "tensorflow" not in sys.modules
    found = load("made", split="test", data_dir=tmp_path)
    assert sorted(map(bytes, found.images)) == sorted(map(bytes, images_of(4, seed=1)))
    assert (found.name, found.num_classes) == ("made", 3)


def test_test_goes_before_validation(tmp_path):
    splits = {name: labelled(2, seed=seed) for seed, name in enumerate(["validation", "test"])}
    folder = prepare(tmp_path / "1.0.0", {"image": GREY, "label": CLASSES}, splits)
    np.testing.assert_array_equal(decoded(folder, "test")[1], images_of(2, seed=1)[..., None])
    with pytest.raises(UsageError, match="no split 'train': TFDS has validation, test"):
        open_prepared("made", folder, "train")


def test_where_there_is_neither_a_share_of_train_is_held_out(tmp_path):
    prepare(tmp_path / "made" / "1.0.0", {"image": GREY, "label": CLASSES}, {"train": labelled(40)})
    train, test = (load("made", split=split, data_dir=tmp_path) for split in ("train", "test"))
    assert (len(train.labels), len(test.labels)) == (36, 4)
    found = sorted(bytes(image) for part in (train, test) for image in part.images)
    assert found == sorted(map(bytes, images_of(40)))
    assert len(list((tmp_path / "cache" / "datasets").iterdir())) == 2


def test_features_beside_the_image_and_its_label_are_not_looked_at(tmp_path):
    features = {
        "picture": GREY,
        "kind": CLASSES,
        "label": FEATURES.ClassLabel(num_classes=9),
        "mask": FEATURES.LabeledImage(shape=(4, 5, 1), labels=2),
        "objects": FEATURES.Sequence({"box": FEATURES.BBoxFeature()}),
        "text": FEATURES.Text(),
    }
    example = {"picture": png(images_of(1)[0]), "kind": 2, "label": 7, "mask": b"no picture"}
    folder = prepare(
        tmp_path / "1.0.0", features, {"train": [example]}, supervised=("picture", "kind")
    )
    pictures, images, labels = decoded(folder, "train")
    np.testing.assert_array_equal(images, images_of(1)[..., None])
    assert (labels, pictures.class_names) == ([2], ("cat", "dog", "cow"))


def test_of_several_images_the_one_called_image_is_taken(tmp_path):
    features = {"image": GREY, "left": GREY}
    example = {"image": png(images_of(1)[0]), "left": b"no picture"}
    pictures, images, labels = decoded(prepare(tmp_path / "1", features, {"train": [example]}), "train")  # fmt: skip
    np.testing.assert_array_equal(images, images_of(1)[..., None])
    assert (labels, pictures.class_names) == ([0], ("all",))


@pytest.mark.parametrize(
    ("features", "line"),
    [
        ({"left": GREY, "right": GREY}, "has several images: its features are left, right"),
        ({"label": CLASSES, "text": FEATURES.Text()}, "has no images: its features are label, text"),
        ({"image": FEATURES.Image(shape=(4, 5, 1), dtype=np.uint16)}, "has images of uint16, they"),
        ({"image": FEATURES.Image(shape=(4, 5, 1), dtype=np.float32)}, "has images of float32"),
    ],
)  # fmt: skip
def test_features_that_leave_no_choice_are_one_line(tmp_path, features, line):
    folder = prepare(tmp_path / "1.0.0", features, {"train": []})
    with pytest.raises(UsageError, match=line):
        open_prepared("made", folder, "train")


@pytest.mark.parametrize(("channels", "shapes"), [(3, {3}), (1, {1}), (None, {1, 3})])
def test_pictures_have_the_channels_that_tfds_says(tmp_path, channels, shapes):
    features = {"image": FEATURES.Image(shape=(None, None, channels))}
    examples = [{"image": png(images_of(1, shape)[0])} for shape in ((4, 5), (4, 5, 3))]
    folder = prepare(tmp_path / "1.0.0", features, {"train": examples})
    assert {image.shape[2] for image in decoded(folder, "train")[1]} == shapes


def test_a_split_without_examples_is_one_line(tmp_path):
    folder = prepare(tmp_path / "1.0.0", {"image": GREY}, {"train": []})
    with pytest.raises(DatasetUnavailable, match=r"\(its train is empty\)"):
        open_prepared("made", folder, "train")


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_that_are_hidden_are_one_line(tmp_path, label):
    example = {"image": png(images_of(1)[0]), "label": label}
    folder = prepare(tmp_path / "1.0.0", {"image": GREY, "label": CLASSES}, {"test": [example]})
    with pytest.raises(DatasetUnavailable, match=rf"\(the label of test 0 is {label}\)"):
        decoded(folder, "test")


def test_a_damaged_picture_is_named(tmp_path):
    examples = [*labelled(2), {"image": b"no picture", "label": 0}]
    prepare(tmp_path / "made" / "1.0.0", {"image": GREY, "label": CLASSES}, {"train": examples})
    with pytest.raises(UsageError, match=r"^made train 2 can't be read: it is none of"):
        load("made", data_dir=tmp_path)


def missing(folder):
    next(folder.glob("*array_record*")).unlink()


def cut(folder):
    path = next(folder.glob("*array_record*"))
    path.write_bytes(path.read_bytes()[:-200])


def describe(content, name="dataset_info.json"):
    return lambda folder: (folder / name).write_text(content)


@pytest.mark.parametrize(
    "damage",
    [missing, cut, describe("{"), describe("[]"), describe("{}", "features.json"),
     lambda folder: (folder / "features.json").unlink()],
)  # fmt: skip
def test_damaged_files_are_one_line(tmp_path, damage):
    splits = {"train": labelled(50)}
    folder = prepare(tmp_path / "made" / "1.0.0", {"image": GREY, "label": CLASSES}, splits)
    damage(folder)
    with pytest.raises(DatasetUnavailable, match="TFDS cannot read its made in ") as refusal:
        load("made", data_dir=tmp_path)
    assert "\n" not in str(refusal.value)


def test_another_format_is_one_line(tmp_path):
    folder = prepare(tmp_path / "1.0.0", {"image": GREY}, {"train": []}, written="tfrecord")
    with pytest.raises(DatasetUnavailable, match=r"in the tfrecord format, .*=.array_record"):
        open_prepared("made", folder, "train")


def test_says_that_tfds_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DatasetUnavailable, match="TFDS cannot be used"):
        open_prepared("made", tmp_path, "train")


@pytest.fixture
def cifar10(tmp_path):
    """Return a folder where TFDS has prepared CIFAR-10's test images."""
    beside = Path(__file__).parents[2].parent / "shared" / "data" / "tfds"
    folder = Path(os.environ.get("TFDS_DATA_DIR") or beside)
    if not (folder / "cifar10").is_dir():
        pytest.skip(f"TFDS has not prepared cifar10 in {folder}")
    return folder


def test_cifar10(cifar10, lines, tmp_path):
    test = load("cifar10", split="test", data_dir=cifar10, report=lines.append)
    assert test.images.shape == (10_000, 32, 32, 3)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert test.class_names[:3] == ("airplane", "automobile", "bird")
    assert test.origin.startswith("prepared by TFDS in ")
    small = load("cifar10", split="test", data_dir=cifar10, resolution=8, report=lines.append)
    np.testing.assert_array_equal(small.labels, test.labels)
    # To within what the filter's ringing and rounding do, a mean over 4x4 pixels.
    means = test.images[:500].reshape(500, 8, 4, 8, 4, 3).mean(axis=(2, 4))
    assert np.abs(small.images[:500] - means).mean() < 6


def test_the_same_images_in_another_order_are_the_same_data_set(tmp_path):
    features = {"image": GREY, "label": CLASSES}
    seen = []
    for name in ("a", "b"):
        examples = labelled(30)[:: 1 if name == "a" else -1]
        prepare(tmp_path / name / "made" / "1.0.0", features, {"test": examples})
        dataset = load("made", split="test", data_dir=tmp_path / name)
        seen.append((dataset.images.tobytes(), dataset.labels.tolist()))
    assert seen[0] == seen[1]
    shutil.rmtree(tmp_path / "a" / "made")
    with pytest.raises((UsageError, DatasetUnavailable)):
        load("made", split="test", data_dir=tmp_path / "a")
