import gzip
import hashlib
import os
import socket
import threading
import time
import tracemalloc

import numpy as np
import pytest

from gan_jax.data import download as download_module
from gan_jax.data.dataset import DatasetUnavailable
from gan_jax.data.download import download, fetch, parse_idx


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    return header + array.tobytes()


@pytest.fixture
def short_patience(monkeypatch):
    monkeypatch.setattr(download_module, "FIRST_BYTE_SECONDS", 0.4)
    monkeypatch.setattr(download_module, "STALL_SECONDS", 0.4)


@pytest.fixture
def raw_server(monkeypatch):
    """Answer one connection with pieces of bytes, a tenth of a second apart, then be silent."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def start(pieces):
        def answer():
            connection, _ = listener.accept()
            with connection:
                for piece in pieces:
                    if over.wait(0.1):
                        return
                    connection.sendall(piece)
                over.wait()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/file"

    with listener:
        yield start
        over.set()


def expect_unavailable(url, message, *, size=1000, sha256="0" * 64):
    start = time.monotonic()
    with pytest.raises(DatasetUnavailable, match=message) as caught:
        fetch(url, size=size, sha256=sha256, report=lambda line: None)
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    return time.monotonic() - start


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 3), (5, 4, 3), (300, 2, 2)])
def test_parse_idx_gives_back_the_array(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    parsed = parse_idx(gzip.compress(idx(array)), shape=shape)
    assert parsed.dtype == np.uint8
    np.testing.assert_array_equal(parsed, array)


ARRAY = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header is  instead"),
        (b"not gzip at all", "not a gzip file"),
        (gzip.compress(idx(ARRAY))[:-1], "less than the 40 bytes"),
        (gzip.compress(idx(ARRAY))[:-9], "less than the 40 bytes"),
        (gzip.compress(idx(ARRAY))[:-8] + bytes(8), "not a gzip file .*check"),
        (gzip.compress(idx(ARRAY)[:-1]), "less than the 40 bytes"),
        (gzip.compress(idx(ARRAY) + b"\0"), "more than the 40 bytes"),
        (gzip.compress(idx(ARRAY.reshape(3, 4, 2))), "header is 0000080300000003"),
        (gzip.compress(idx(ARRAY.reshape(12, 2))), "header is 00000802"),
        (gzip.compress(b"\0\0\x0d" + idx(ARRAY)[3:]), "header is 00000d03"),
    ],
    # A gzip file holds the time: as names, its bytes would differ between pytest's processes.
    ids=lambda value: value if isinstance(value, str) else len(value),
)
def test_parse_idx_refuses_any_other_file(content, message):
    with pytest.raises(ValueError, match=message):
        parse_idx(content, shape=ARRAY.shape)


def test_parse_idx_does_not_unfold_a_bomb():
    bomb = gzip.compress(idx(ARRAY) + bytes(30_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than"):
            parse_idx(bomb, shape=ARRAY.shape)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_fetch_gives_the_bytes_and_says_so(serve, tmp_path, monkeypatch, lines):
    monkeypatch.setattr(download_module, "PROGRESS_SECONDS", 0)
    content = os.urandom(300_000)
    (tmp_path / "file").write_bytes(content)
    url = serve(tmp_path) + "file"
    sha256 = hashlib.sha256(content).hexdigest()
    assert fetch(url, size=len(content), sha256=sha256, report=lines.append) == content
    assert lines[0] == f"downloading {url} (300,000 bytes)"
    assert lines[-1] == f"downloading {url}: 300,000 of 300,000 bytes"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (1001, "sent 1,000 bytes instead of 1,001"),
        (999, "sent more than 999 bytes instead of 999"),
        (1000, f"has SHA-256 {hashlib.sha256(bytes(1000)).hexdigest()} instead of {'0' * 64}"),
    ],
)
def test_fetch_refuses_another_size_or_checksum(serve, tmp_path, size, message):
    (tmp_path / "file").write_bytes(bytes(1000))
    expect_unavailable(serve(tmp_path) + "file", message, size=size)


def test_fetch_names_an_http_error(serve, tmp_path):
    expect_unavailable(serve(tmp_path) + "file", "answered HTTP 404 File not found")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense/file", "cannot be read: unknown url type"),
        ("http://127.0.0.1:port/file", "cannot be read: nonnumeric port"),
        ("file:///no/such/folder/file", "cannot be read: .*No such file"),
    ],
)
def test_fetch_names_a_bad_address(url, message):
    expect_unavailable(url, message)


def test_fetch_names_a_refused_connection(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert expect_unavailable(f"http://127.0.0.1:{port}/file", "Connection refused") < 2


@pytest.mark.parametrize(
    "pieces",
    [[], [b"H"] * 100, [b"HTTP/1.0 200 OK\r\n\r\n"]],
    ids=["silence", "endless header", "no first byte"],
)
def test_fetch_gives_up_on_a_server_that_does_not_answer(raw_server, short_patience, pieces):
    waited = expect_unavailable(raw_server(pieces), "sent nothing for 0.4 s")
    assert 0.3 < waited < 3


def test_fetch_gives_up_on_a_server_that_stalls(raw_server, short_patience):
    url = raw_server([b"HTTP/1.0 200 OK\r\n\r\n", b"half"])
    assert expect_unavailable(url, r"sent nothing for 0.4 s|timed out") < 3


def test_fetch_names_a_server_that_breaks_the_protocol(raw_server):
    expect_unavailable(raw_server([b"220 this is a mail server\r\n\r\n"]), "cannot be read: 220")


def test_fetch_stops_reading_a_server_that_never_ends(raw_server):
    url = raw_server([b"HTTP/1.0 200 OK\r\n\r\n", bytes(2000), bytes(2000)])
    assert expect_unavailable(url, "sent more than 1,000 bytes") < 3


@pytest.mark.parametrize("split", ["train", "test"])
def test_download_gives_what_was_published(tiny, examples, serve, monkeypatch, split, lines):
    source, folder = tiny
    url = serve(folder)
    monkeypatch.setenv("GAN_JAX_MNIST_URL", url.rstrip("/"))
    dataset = download(source, split, lines.append)
    images, labels = examples[split]
    np.testing.assert_array_equal(dataset.images[..., 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)
    assert (dataset.labels.dtype, dataset.origin) == (np.int32, f"downloaded from {url}")
    assert [f"{split}-labels.gz" in lines[0], f"{split}-images.gz" in lines[1]] == [True, True]


def test_download_refuses_a_right_checksum_over_wrong_contents(publish, examples, lines):
    images, labels = examples["test"]
    source, _ = publish({"test": (images, labels + 200)})
    with pytest.raises(DatasetUnavailable, match="unusable archives: labels reach"):
        download(source, "test", lines.append)
    short = source.splits["test"][1]._replace(shape=(11,))
    source = source._replace(splits={"test": (source.splits["test"][0], short)})
    with pytest.raises(DatasetUnavailable, match="not the expected IDX archive: its header"):
        download(source, "test", lines.append)
