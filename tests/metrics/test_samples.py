"""Features are extracted once and when needed, reference images' once per machine."""

import sys

import numpy as np
import pytest

from gan_jax.files import cache_directory
from gan_jax.metrics import Extracted, Samples, moments, pixel_extractor
from gan_jax.metrics.extractors import BatchExtractor

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 1), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path))


@pytest.fixture
def counted():
    """Return an extractor that knows how many images it saw, and any size of image."""

    def extract(images):
        extractor.seen.append(len(images))
        x = images.reshape(len(images), -1).astype(np.float32)
        features = np.stack([x.mean(axis=1), x.std(axis=1)], axis=1)
        return Extracted(features, np.concatenate([features, -features], axis=1))

    class Counted(BatchExtractor):
        seen: list = []  # noqa: RUF012

    extractor = Counted("counted", "[N, H, W, 1]", lambda shape: True, extract, 10)
    extractor.seen.clear()
    return extractor


def test_features_are_made_once_and_only_when_asked_for(counted):
    samples = Samples("fake", IMAGES, counted, labels=np.arange(40))
    assert (len(samples), samples.size, counted.seen) == (40, "40 fake", [])
    assert samples.features.shape == (40, 2)
    assert samples.histogram.sum() == 40
    np.testing.assert_allclose(samples.probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(samples.moments[1], moments(samples.features)[1])
    assert counted.seen == [10] * 4


def test_the_first_ones_are_extracted_alone(counted):
    samples = Samples("train", IMAGES, counted, labels=np.arange(40))
    first = samples.first(7)
    assert first.labels.tolist() == list(range(7))
    assert first.features.shape == (7, 2)
    assert counted.seen == [10]
    assert samples.first(7) is first
    assert samples.first(40) is samples
    assert first.digest != samples.digest


def test_the_first_ones_of_images_in_an_order_are_random_ones(counted):
    for images in (IMAGES, [IMAGES[:30], IMAGES[30:, :2]]):
        samples = Samples("train", images, counted, labels=np.arange(40), mixed=False)
        first = samples.first(20)
        assert np.all(np.diff(first.labels) > 0)
        assert first.labels[-1] > 30 > first.labels[0]
        again = Samples("train", images, counted, labels=np.arange(40), mixed=False)
        assert again.first(20).digest == first.digest
        np.testing.assert_array_equal(first.features, samples.features[first.labels])


def test_whether_there_are_logits_takes_one_image(counted):
    assert Samples("train", IMAGES, counted, cached=True).gives_logits
    assert counted.seen == [10]
    assert not cache_directory("references").exists()


def test_halves_share_what_was_extracted_and_are_always_the_same(counted):
    samples = Samples("real", IMAGES, counted, labels=np.arange(40))
    halves = samples.halves
    assert sorted(np.concatenate([half.labels for half in halves])) == list(range(40))
    for half in halves:
        assert len(half) == 20
        np.testing.assert_array_equal(half.images, IMAGES[half.labels])
        np.testing.assert_array_equal(half.features, samples.features[half.labels])
        np.testing.assert_array_equal(half.logits, samples.logits[half.labels])
        np.testing.assert_array_equal(half.moments[0], moments(half.features)[0])
    assert counted.seen == [10] * 4
    again = Samples("real", IMAGES, counted).halves
    np.testing.assert_array_equal(again[0].images, halves[0].images)


def test_images_of_several_sizes_have_features_and_no_pixels(counted):
    samples = Samples("real", [IMAGES[:5], IMAGES[5:, :2]], counted)
    assert samples.features.shape == (40, 2)
    with pytest.raises(ValueError, match=r"the real images are of several shapes, such as \[2, 4, 1\] and \[3, 4, 1\]"):  # fmt: skip
        _ = samples.images
    for half in samples.halves:
        again = Samples("real", half._chunks, counted)
        np.testing.assert_array_equal(half.features, again.features)
    assert samples.first(6).features.shape == (6, 2)


def test_an_extractor_without_classes_says_so():
    with pytest.raises(ValueError, match="pixels knows no classes"):
        _ = Samples("fake", IMAGES, pixel_extractor()).logits


def kept_files():
    return sorted(cache_directory("references").iterdir())


def test_features_of_reference_images_are_kept(counted):
    lines = []
    first = Samples("test", IMAGES, counted, cached=True, report=lines.append)
    before = (first.extracted, first.moments)
    assert lines[0].startswith("features of 40 test images ")
    assert lines[0].endswith(f"by counted: kept in {kept_files()[0]}")
    again = Samples("test", IMAGES, counted, cached=True, report=lines.append)
    for one, other in zip(
        (*before[0], *before[1]), (*again.extracted, *again.moments), strict=True
    ):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert counted.seen == [10] * 4
    assert lines[1:] == [lines[0].replace("kept in", "from")]


def test_other_images_or_another_extractor_are_not_taken_for_them(counted):
    _ = Samples("test", IMAGES, counted, cached=True).features
    changed = IMAGES.copy()
    changed[39, 0, 0, 0] ^= 1
    other = Samples("test", changed, counted, cached=True)
    assert (other.features[39] != Samples("test", IMAGES, counted).features[39]).all()
    pixels = Samples("test", IMAGES, pixel_extractor(), cached=True)
    assert pixels.features.shape == (40, 12)
    assert pixels.extracted.logits is None
    assert len(kept_files()) == 3


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_made_again(counted, damage):
    expected = Samples("test", IMAGES, counted, cached=True).features
    (path,) = kept_files()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flip":
        content[content.index(expected.tobytes()[:16])] ^= 1
    else:
        content = bytearray(b"" if damage == "empty" else b"no archive")
    path.write_bytes(content)
    lines = []
    again = Samples("test", IMAGES, counted, cached=True, report=lines.append)
    np.testing.assert_array_equal(again.features, expected)
    assert lines[0].startswith(f"{path} is damaged, so it is made again: ")
    np.testing.assert_array_equal(Samples("test", IMAGES, counted, cached=True).features, expected)
    assert len(counted.seen) == 8


def test_a_file_that_lacks_a_part_is_not_used(counted, monkeypatch):
    module = sys.modules[Samples.__module__]
    monkeypatch.setattr(module, "kept", lambda *_, **__: {"features": np.zeros((40, 2))})
    samples = Samples("test", IMAGES, counted, cached=True)
    np.testing.assert_array_equal(samples.moments[0], moments(samples.features)[0])
    assert samples.features.any()


def test_a_cache_that_cannot_be_written_is_a_line(counted, monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", "/dev/null")
    lines = []
    samples = Samples("test", IMAGES, counted, cached=True, report=lines.append)
    assert samples.features.shape == (40, 2)
    assert "are not kept in /dev/null" in lines[0]
