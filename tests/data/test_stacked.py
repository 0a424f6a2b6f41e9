import os
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gan_jax.data import Dataset, load
from gan_jax.data.stacked import STACKED, stack
from gan_jax.errors import UsageError
from gan_jax.metrics import class_kl, class_kl_bias, stacked_modes

TFDS = Path(
    os.environ.get("TFDS_DATA_DIR") or Path(__file__).parents[3] / "shared" / "data" / "tfds"
)


def plain_digits(count, classes, side=2):
    """Return images that are all of one grey, which says which one they are."""
    greys = np.arange(count, dtype=np.uint8)
    images = np.broadcast_to(greys[:, None, None, None], (count, side, side, 1))
    labels = (greys % classes).astype(np.int32)
    return Dataset("plain", "train", images, labels, classes, tuple("abcdefghij"[:classes]), "here")


def test_channels_are_the_digits_that_the_label_says():
    stacked = stack("x", plain_digits(7, 4), 5000, seed=3)
    assert stacked.images.shape == (5000, 2, 2, 3)
    assert (np.ptp(stacked.images, axis=(1, 2)) == 0).all()
    digits = stacked.images[:, 0, 0] % 4
    np.testing.assert_array_equal(stacked.labels, digits @ [16, 4, 1])
    assert stacked.num_classes == len(stacked.class_names) == 64
    assert stacked.class_names[16 * 2 + 4 * 0 + 3] == "cad"
    assert stacked.labels.dtype == np.int32
    assert stacked.images.flags.c_contiguous


def test_every_digit_is_as_likely_in_every_channel():
    drawn = stack("x", plain_digits(5, 5), 30_000, seed=0).images[:, 0, 0].astype(int)
    for channel in drawn.T:
        np.testing.assert_allclose(np.bincount(channel) / 30_000, 0.2, atol=0.01)
    assert abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]).max() < 0.02
    assert stacked_modes(drawn, num_classes=5).modes == 125


def test_a_seed_draws_the_same_for_ever():
    draw = partial(stack, "x", plain_digits(200, 10), 4)
    again = draw(seed=0).images[:, 0, 0].tolist()
    assert again == [[137, 125, 196], [109, 142, 63], [37, 91, 147], [28, 182, 169]]
    assert again != draw(seed=1).images[:, 0, 0].tolist()


def test_no_second_copy_is_made():
    digits = plain_digits(100, 10, side=28)
    tracemalloc.start()
    try:
        stacked = stack("x", digits, 40_000, seed=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * stacked.images.nbytes


@pytest.mark.parametrize(("split", "count", "seed"), [("train", 128_000, 0), ("test", 26_000, 1)])
def test_splits_are_of_the_digits_own(split, count, seed):
    stacked, digits = (load(name, split=split) for name in ("stacked_digits", "digits"))
    assert stacked.images.shape == (count, 8, 8, 3)
    assert (stacked.name, stacked.split, stacked.num_classes) == ("stacked_digits", split, 1000)
    assert stacked.class_names[42] == "042"
    assert f"{count:,} triples drawn with seed {seed} of the {len(digits.labels):,}" in (
        stacked.origin
    )
    known = {
        image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)
    }
    few = stacked.images[-50:]
    labels = [[known[image[..., i].tobytes()] for i in range(3)] for image in few]
    np.testing.assert_array_equal(stacked.labels[-50:], np.array(labels) @ [100, 10, 1])


def test_digits_are_resized_before_they_are_stacked():
    stacked, digits = (load(n, split="test", resolution=4) for n in ("stacked_digits", "digits"))
    assert stacked.images.shape == (26_000, 4, 4, 3)
    known = {image.tobytes() for image in digits.images}
    assert all(image[..., 1].tobytes() in known for image in stacked.images[:50])
    same = load("stacked_digits", split="test", resolution=8, channels=3)
    np.testing.assert_array_equal(same.images, load("stacked_digits", split="test").images)


def test_mistakes():
    with pytest.raises(UsageError, match="channels is 1: stacked_digits has 3, a digit in each"):
        load("stacked_digits", channels=1)
    with pytest.raises(UsageError, match="split 'all' of stacked_digits is not one of train, test"):
        load("stacked_digits", split="all")
    colour = stack("colour", plain_digits(4, 2), 8, seed=0)
    with pytest.raises(ValueError, match="colour must have one channel, not 3"):
        stack("x", colour, 8, seed=0)
    assert set(STACKED.values()) == {"digits", "mnist"}


def test_mnist_has_a_thousand_modes_and_little_more_than_the_divergence_of_chance():
    if not (TFDS / "mnist").is_dir():
        pytest.skip(f"mnist is not in {TFDS}")
    pytest.importorskip("tensorflow_datasets")
    said = partial(load, split="test", data_dir=TFDS, report=lambda line: None)
    stacked, digits = said("stacked_mnist"), said("mnist")
    assert stacked.images.shape == (26_000, 28, 28, 3)
    found = stacked_modes(np.stack(np.unravel_index(stacked.labels, (10,) * 3), axis=1))
    uneven = 3 * class_kl(np.bincount(digits.labels), np.ones(10))
    assert uneven == pytest.approx(0.0052, abs=1e-4)
    assert found.modes == 1000
    assert found.kl == pytest.approx(class_kl_bias(1000, 26_000) + uneven, rel=0.05)
