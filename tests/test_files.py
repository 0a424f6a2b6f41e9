import hashlib
import os
import stat
from pathlib import Path

import pytest

from gan_jax.files import atomic_write, cache_directory, sha256_of


def test_the_cache_follows_the_environment(monkeypatch):
    monkeypatch.setenv("GAN_JAX_CACHE", "/a")
    assert cache_directory("x", "y") == Path("/a/x/y")
    monkeypatch.delenv("GAN_JAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_directory("x") == Path("/b/gan_jax/x")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_directory() == Path("/c/.cache/gan_jax")


@pytest.mark.parametrize(("mode", "content"), [("wb", b"\x00new"), ("w", "neu: ü")])
def test_a_file_appears_whole(tmp_path, mode, content):
    path = tmp_path / "deep" / "file"
    with atomic_write(path, mode) as file:
        file.write(content)
        assert not path.exists()
    expected = content if mode == "wb" else content.encode()
    assert path.read_bytes() == expected
    assert os.listdir(path.parent) == ["file"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_half():
        with atomic_write(path, "w") as file:
            file.write("new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_files_have_the_permissions_that_open_would_give(tmp_path):
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"")
    (tmp_path / "plain").touch()
    ours, plain = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain"))
    assert ours == plain


def test_the_checksum_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"abc" * 100_000).hexdigest()
