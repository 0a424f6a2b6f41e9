import contextlib
import gzip
import hashlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gan_jax.data.sources import Archive, Source

_TFDS_DATA_DIR = os.environ.get("TFDS_DATA_DIR")  # as it was before any test changed it


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    return header + array.tobytes()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Serve folders, or a handler of one's own, on 127.0.0.1; returns their address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with contextlib.ExitStack() as stack:

        def start(folder=None, handler=QuietHandler):
            if folder is not None:
                handler = partial(handler, directory=os.fspath(folder))
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            server.daemon_threads = True
            stack.callback(server.shutdown)
            threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True).start()
            return f"http://127.0.0.1:{server.server_port}/"

        yield start


@pytest.fixture
def publish(tmp_path):
    """Write (images, labels) as archives and return the source that describes them."""

    def write(splits, folder="archives"):
        folder = tmp_path / folder
        folder.mkdir()

        def archive(file, array):
            content = gzip.compress(idx(array))
            (folder / file).write_bytes(content)
            return Archive(file, len(content), hashlib.sha256(content).hexdigest(), array.shape)

        archives = {
            split: (archive(f"{split}-images.gz", images), archive(f"{split}-labels.gz", labels))
            for split, (images, labels) in splits.items()
        }
        url = folder.as_uri() + "/"
        return Source("mnist", "MNIST", url, tuple("0123456789"), archives), folder

    return write


@pytest.fixture
def examples():
    """Return a few random examples per split, as the archives hold them."""
    generator = np.random.default_rng(0)

    def draw(count):
        images = generator.integers(0, 256, (count, 4, 5), np.uint8)
        return images, generator.integers(0, 10, count, np.uint8)

    return {"train": draw(40), "test": draw(12)}


@pytest.fixture
def tiny(publish, examples):
    """Return a source of a few examples, and the folder of its archives."""
    return publish(examples)


@pytest.fixture
def lines():
    """Collect reported lines: pass `lines.append` as `report`."""
    return []


def _shared_folder(name):
    folder = Path(__file__).parents[2].parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"no {name} data beside the repository")
    return folder


@pytest.fixture
def mnist_archives():
    """Return the folder of the four published MNIST archives."""
    return _shared_folder("mnist")


@pytest.fixture
def tfds_folder():
    """Return a folder where TFDS has prepared MNIST."""
    folder = Path(_TFDS_DATA_DIR or _shared_folder("tfds"))
    if not (folder / "mnist").is_dir():
        pytest.skip(f"TFDS has not prepared MNIST in {folder}")
    return folder
