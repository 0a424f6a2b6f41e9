"""The published weights: where they are looked for, and which files are refused."""

import functools
import hashlib
import http.server
import io
import re
import socket
import threading

import numpy as np
import pytest

from gan_jax.errors import RunError, UsageError
from gan_jax.files import cache_directory
from gan_jax.metrics import inception_weights, save_inception_weights
from gan_jax.metrics.inception_weights import (
    PUBLISHED_SHA256,
    PUBLISHED_URL,
    WeightsUnavailable,
    inception_params,
    state_dict_shapes,
)

FILE = "pt_inception-2015-12-05-6726825d.pth"


def constant(value=0.5):
    """Return a state dict with one value everywhere, which takes no room."""
    return {
        name: np.broadcast_to(np.float32(value), shape)
        for name, shape in state_dict_shapes().items()
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a small file in the published format, its checksum, and one that is not it."""
    torch = pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("published")
    tensors = {
        name: torch.tensor([0.5]).expand(shape) for name, shape in state_dict_shapes().items()
    }
    tensors["Conv2d_1a_3x3.bn.num_batches_tracked"] = torch.tensor(0)
    torch.save(tensors, folder / FILE, _use_new_zipfile_serialization=False)
    return folder / FILE, hashlib.sha256((folder / FILE).read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def _nothing_at_hand(monkeypatch, tmp_path):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GAN_JAX_INCEPTION", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def serve():
    """Serve a folder on 127.0.0.1 until the test is over; return the address of a file."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    servers = []

    def start(path):
        handler = functools.partial(Quiet, directory=str(path.parent))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/{path.name}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nowhere():
    """Return an address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/{FILE}"


def kept():
    return cache_directory("weights") / FILE


def check(weights, sha256):
    assert weights.name == sha256[:8]
    check_params(weights)


def check_params(weights):
    scale = 0.5 / np.sqrt(0.5 + 1e-3)
    layer = weights.params["Mixed_7c"]["branch3x3_2a"]
    assert layer["kernel"].shape == (1, 3, 384, 384)
    assert layer["kernel"].dtype == layer["bias"].dtype == np.float32
    np.testing.assert_allclose(layer["kernel"], 0.5 * scale, rtol=1e-6)
    np.testing.assert_allclose(layer["bias"], 0.5 - 0.5 * scale, rtol=1e-6)
    np.testing.assert_array_equal(weights.params["fc"]["kernel"], np.full((2048, 1008), 0.5))
    assert list(weights.params["fc"]) == ["kernel"]


def test_the_published_file_is_named_after_its_checksum():
    assert PUBLISHED_URL.endswith("/" + FILE)
    assert FILE.endswith(f"-{PUBLISHED_SHA256[:8]}.pth")
    assert len(bytes.fromhex(PUBLISHED_SHA256)) == 32


def test_normalization_is_folded_into_the_convolution():
    state = constant()
    layer = "Conv2d_1a_3x3"
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(32, 3, 3, 3))
    gamma, beta, mean, variance = generator.uniform(0.5, 2, (4, 32))
    state |= {f"{layer}.conv.weight": kernel, f"{layer}.bn.weight": gamma, f"{layer}.bn.bias": beta}
    state |= {f"{layer}.bn.running_mean": mean, f"{layer}.bn.running_var": variance}
    folded = inception_params(state)[layer]
    pixels = generator.normal(size=(3, 3, 3))  # C, H, W: one position of the window
    convolved = np.einsum("ochw,chw->o", kernel, pixels)
    expected = (convolved - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    found = np.einsum("hwco,chw->o", folded["kernel"], pixels) + folded["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("digits", [64, 8])
def test_a_path_is_read(published, digits):
    path, sha256 = published
    check(inception_weights(path, sha256=sha256[:digits], report=pytest.fail), sha256)


def test_the_variable_leads_to_the_file(published, monkeypatch):
    path, sha256 = published
    monkeypatch.setenv("GAN_JAX_INCEPTION", str(path))
    check(inception_weights(sha256=sha256, report=pytest.fail), sha256)


def test_a_download_is_kept_and_not_repeated(published, serve, nowhere):
    path, sha256 = published
    lines = []
    url = serve(path)
    check(inception_weights(url=url, sha256=sha256, report=lines.append), sha256)
    assert lines == [f"downloading {url}"]
    assert kept().read_bytes() == path.read_bytes()
    check(inception_weights(url=nowhere, sha256=sha256, report=pytest.fail), sha256)


def test_a_damaged_copy_is_downloaded_again(published, serve):
    path, sha256 = published
    kept().parent.mkdir(parents=True)
    kept().write_bytes(path.read_bytes()[:-1])
    lines = []
    check(inception_weights(url=serve(path), sha256=sha256, report=lines.append), sha256)
    assert lines[0].startswith(f"{kept()} cannot be used and is downloaded again: its SHA-256 is ")
    assert kept().read_bytes() == path.read_bytes()


def test_a_folder_that_can_not_be_written_is_reported(published, serve):
    path, sha256 = published
    kept().parent.parent.mkdir(parents=True)
    kept().parent.write_text("a file where the folder should be")
    lines = []
    check(inception_weights(url=serve(path), sha256=sha256, report=lines.append), sha256)
    assert lines[-1].startswith(f"Inception weights are not kept in {kept()}: ")


def expect_unavailable(url, reason):
    with pytest.raises(WeightsUnavailable, match=reason) as caught:
        inception_weights(url=url, report=lambda line: None)
    message = str(caught.value)
    assert "\n" not in message
    for part in (url, str(kept()), "GAN_JAX_INCEPTION"):
        assert part in message
    assert message.endswith("; pixels, and a classifier trained on the data set, need no download")
    assert not kept().exists()


def test_without_a_network_one_line_says_what_to_do(nowhere):
    assert issubclass(WeightsUnavailable, RunError)
    expect_unavailable(nowhere, "Inception weights cannot be had: .*Connection refused")


def test_what_can_be_done_instead_is_the_callers_to_say(nowhere):
    with pytest.raises(WeightsUnavailable, match=r"to where it is; buy a disk$"):
        inception_weights(url=nowhere, alternative="buy a disk", report=lambda line: None)


def test_a_server_without_the_file_is_named(published, serve):
    expect_unavailable(serve(published[0]) + "s", "it answered HTTP 404 File not found")


def test_another_file_is_not_kept(published, serve):
    path, sha256 = published
    expect_unavailable(serve(path), f"its SHA-256 is {sha256}, not {PUBLISHED_SHA256}")


def expect_usage_error(path, reason, **options):
    with pytest.raises(UsageError) as caught:
        inception_weights(path, report=pytest.fail, **options)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be used as Inception weights: {reason}")
    assert "\n" not in message


def test_a_wrong_path_is_a_usage_error(published, tmp_path):
    path, sha256 = published
    expect_usage_error(path, f"its SHA-256 is {sha256}, not {PUBLISHED_SHA256}")
    expect_usage_error(tmp_path / "none.pth", "No such file or directory")
    expect_usage_error(tmp_path, "Is a directory")


def test_a_right_checksum_over_wrong_contents_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"something else")
    sha256 = hashlib.sha256(b"something else").hexdigest()
    expect_usage_error(path, "it is not a PyTorch state dict: ", sha256=sha256)


def test_a_missing_tensor_is_named():
    state = constant()
    del state["Mixed_6b.branch7x7_2.bn.running_var"]
    with pytest.raises(
        ValueError, match=r"there is no Mixed_6b.branch7x7_2.bn.running_var \[128\]"
    ):
        inception_params(state)


def test_a_tensor_of_another_shape_is_named():
    # torchvision's network has 1000 classes.
    state = {**constant(), "fc.weight": np.zeros((1000, 2048), np.float32)}
    with pytest.raises(ValueError, match=r"its fc.weight is \[1000, 2048\], not \[1008, 2048\]"):
        inception_params(state)


@pytest.fixture(scope="module")
def weights(published):
    path, sha256 = published
    return inception_weights(path, sha256=sha256)


def rewritten(path, **changed):
    with np.load(path) as archive:
        arrays = {**archive, **changed}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def test_our_own_archive_gives_the_same_weights(weights, tmp_path):
    path = tmp_path / "inception.npz"
    save_inception_weights(path, weights)
    read = inception_weights(path, report=pytest.fail)
    check_params(read)
    save_inception_weights(path, read)
    again = inception_weights(path, report=pytest.fail)
    assert re.fullmatch(weights.name + "-[0-9a-f]{8}", again.name)
    assert again.name == read.name

    rewritten(path, name=np.asarray("another"))
    expect_usage_error(path, "its checksum is wrong")
    rewritten(path, checksum=None)
    expect_usage_error(path, "it is no archive of such weights: ")
    path.write_bytes(path.read_bytes()[:1000])
    expect_usage_error(path, "it is no archive of such weights: ")


def test_other_parameters_of_the_same_name_are_told_apart(weights, tmp_path):
    names = set()
    for index, bias in enumerate((0.0, 1.0)):
        layer = weights.params["Conv2d_1a_3x3"]
        changed = {**layer, "bias": np.full_like(layer["bias"], bias)}
        params = {**weights.params, "Conv2d_1a_3x3": changed}
        path = tmp_path / f"{index}.npz"
        save_inception_weights(path, type(weights)("mine", params))
        names.add(inception_weights(path, report=pytest.fail).name)
    assert len(names) == 2


def test_our_own_archive_must_have_every_array(weights, tmp_path):
    path = tmp_path / "inception.npz"
    partial = {name: layer for name, layer in weights.params.items() if name == "fc"}
    save_inception_weights(path, type(weights)(weights.name, partial))
    expect_usage_error(path, "there is no Conv2d_1a_3x3/bias [32] in it")


def test_our_own_archive_must_be_called_npz(weights, tmp_path):
    with pytest.raises(ValueError, match=r"inception.pth must end in .npz"):
        save_inception_weights(tmp_path / "inception.pth", weights)


def test_an_archive_of_pickled_objects_is_refused(tmp_path):
    file = io.BytesIO()
    np.savez(file, checksum=np.asarray([{}], dtype=object))
    (tmp_path / "inception.npz").write_bytes(file.getvalue())
    expect_usage_error(
        tmp_path / "inception.npz", "it is no archive of such weights: Object arrays"
    )
