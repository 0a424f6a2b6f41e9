"""Inception's features and logits are torch-fidelity's, given the same weights and images."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from gan_jax.metrics import (
    InceptionWeights,
    clean_bicubic,
    inception_extractor,
    inception_weights,
    tf1_bilinear,
)
from gan_jax.metrics.inception_weights import state_dict_shapes
from tests.metrics.reference import torch_fidelity

LAYERS = ["64", "192", "768", "2048", "logits_unbiased"]


def random_tensor(generator, name, shape):
    """Draw what keeps the variance of activations, with statistics that are not trivial."""
    if name.endswith(("running_var", "bn.weight")):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.1
    return generator.standard_normal(shape, np.float32) * np.float32(spread)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    tensors = {
        name: torch.from_numpy(random_tensor(generator, name, shape))
        for name, shape in state_dict_shapes().items()
    }
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def weights(weights_file):
    with open(weights_file, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return inception_weights(weights_file, sha256=sha256)


@pytest.fixture(scope="module")
def reference(weights_file):
    """Return torch-fidelity's network as a function of uint8 [N, H, W, 3]."""
    torch = pytest.importorskip("torch")
    network = torch_fidelity("feature_extractor_inceptionv3").FeatureExtractorInceptionV3(
        "reference", LAYERS, str(weights_file)
    )

    def features(images):
        outputs = network(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))))
        return {layer: output.numpy() for layer, output in zip(LAYERS, outputs, strict=True)}

    return features


@pytest.fixture
def resized_by_pillow(monkeypatch):
    """Have torch-fidelity see images as clean-FID resizes them."""
    torch = pytest.importorskip("torch")
    feature_extractor_inceptionv3 = torch_fidelity("feature_extractor_inceptionv3")

    def resize(images, size, align_corners):
        planes = images.numpy().reshape(-1, *images.shape[2:])
        planes = [Image.fromarray(p).resize(size, Image.Resampling.BICUBIC) for p in planes]
        stacked = torch.from_numpy(np.stack([np.asarray(plane) for plane in planes]))
        return stacked.reshape(*images.shape[:2], *size).clip(0, 255)

    name = "interpolate_bilinear_2d_like_tensorflow1x"
    monkeypatch.setattr(feature_extractor_inceptionv3, name, resize)


def images(height, width, channels=3, count=2):
    """Return noise of many colours and strengths, so that images are not alike."""
    generator = np.random.default_rng(height)
    low, high = np.sort(generator.uniform(0, 256, (2, count, 1, 1, channels)), axis=0)
    return np.uint8(generator.uniform(low, high, (count, height, width, channels)))


def check(extracted, expected):
    features, logits = expected["2048"], expected["logits_unbiased"]
    assert (extracted.features.dtype, extracted.logits.dtype) == (np.float32, np.float32)
    # Else the comparison would be one of zeros.
    assert np.std(features) > 0.05
    assert np.std(logits) > 0.05
    assert not np.allclose(features[0], features[1], atol=1e-2)
    np.testing.assert_allclose(extracted.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(extracted.logits, logits, rtol=1e-4, atol=1e-4)


SHAPES = [(32, 32), (64, 64), (299, 299), (37, 53)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_torch_fidelitys(weights, reference, shape):
    batch = images(*shape)
    check(inception_extractor(weights, batch_size=2)(batch), reference(batch))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_torch_fidelitys_on_cleanly_resized_images(
    weights, reference, resized_by_pillow, shape
):
    batch = images(*shape)
    extractor = inception_extractor(weights, resize=clean_bicubic, batch_size=2)
    check(extractor(batch), reference(batch))


@pytest.mark.parametrize("layer", [64, 192, 768])
def test_earlier_layers_are_torch_fidelitys(weights, reference, layer):
    batch = images(32, 32)
    features, logits = inception_extractor(weights, layer=layer, batch_size=2)(batch)
    assert logits is None
    np.testing.assert_allclose(features, reference(batch)[str(layer)], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("resize", [tf1_bilinear, clean_bicubic], ids=lambda resize: resize.name)
def test_grey_images_are_repeated_to_three_channels(weights, resize):
    extractor = inception_extractor(weights, resize=resize, batch_size=2)
    grey = images(32, 32, channels=1)
    for found, expected in zip(
        extractor(grey), extractor(np.repeat(grey, 3, axis=-1)), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_resize_changes_the_features(weights):
    batch = images(32, 32)
    one = inception_extractor(weights, batch_size=2)(batch).features
    other = inception_extractor(weights, resize=clean_bicubic, batch_size=2)(batch).features
    assert np.abs(one - other).max() > 1e-3


NOTHING = InceptionWeights("6726825d", {})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "inception-v3/6726825d/tf1-bilinear"),
        ({"resize": clean_bicubic}, "inception-v3/6726825d/clean-bicubic"),
        ({"layer": 768}, "inception-v3-768/6726825d/tf1-bilinear"),
    ],
)
def test_the_name_says_all_that_features_depend_on(options, name):
    assert inception_extractor(NOTHING, **options).name == name


@pytest.mark.parametrize(
    ("batch", "seen"),
    [
        (np.zeros((2, 8, 8, 4), np.uint8), r"uint8 \[2, 8, 8, 4\]"),
        (np.zeros((2, 8, 8, 2), np.uint8), r"uint8 \[2, 8, 8, 2\]"),
        (np.zeros((2, 8, 8, 3), np.float32), r"float32 \[2, 8, 8, 3\]"),
        (np.zeros((2, 8, 8), np.uint8), r"uint8 \[2, 8, 8\]"),
        (np.zeros((2, 0, 8, 3), np.uint8), r"uint8 \[2, 0, 8, 3\]"),
    ],
    ids=["RGBA", "two channels", "floats", "no channels", "no rows"],
)
def test_other_images_are_refused(batch, seen):
    message = r"^inception-v3/6726825d/tf1-bilinear takes uint8 images \[N, H, W, 1 or 3\], not "
    with pytest.raises(ValueError, match=message + seen):
        inception_extractor(NOTHING)(batch)


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="layer is 1008: it must be one of 64, 192, 768, 2048"):
        inception_extractor(NOTHING, layer=1008)
