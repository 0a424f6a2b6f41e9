"""What only a process of its own shows: bytes that are no text, a reader that is gone, Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*words, cwd, stdout=subprocess.PIPE, **environment):
    command = [sys.executable, "-m", *words]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GAN_JAX_CACHE": str(cwd / "cache"),
        **environment,
    }
    return subprocess.run(
        command, cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, env=environment, timeout=120
    )


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_that_are_no_text_are_refused(locale, tmp_path):
    done = run("experiments.mnist", "--workdir", b"\xff\xfe", cwd=tmp_path, LC_ALL=locale)
    assert done.returncode == 2
    assert done.stderr == b"error: '\\udcff\\udcfe' is no text in UTF-8\n"
    assert not any(tmp_path.iterdir())


def test_mistakes_can_be_told_in_any_encoding(tmp_path):
    done = run("experiments.mixtures", "--target", "數", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: --target is \\u6578: it must be a file, or one of grid")


def test_a_reader_that_is_gone_is_no_traceback(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = run("experiments.mnist", "--help", cwd=tmp_path, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
