import sys

import numpy as np
import pytest

from benchmarks import games, startup
from gan_jax import losses, train
from tests.games import dense_game


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Let a script stand for the process under test."""

    def stand_in(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return stand_in


def test_a_start_ends_with_the_first_step(program, tmp_path):
    program("sleep 0.3; echo first step; sleep 2; echo 512.5")
    started = startup.start(tmp_path)
    assert 0.3 <= started.seconds < 2.0
    assert started.megabytes == 512.5


def test_a_start_has_its_own_cache(program, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/elsewhere")
    program('echo "$GAN_JAX_CACHE$JAX_COMPILATION_CACHE_DIR $*" > "$0.seen"; echo first; echo 1')
    startup.start(tmp_path / "cache", steps=4)
    assert (tmp_path / "python.seen").read_text() == f"{tmp_path}/cache -m benchmarks.startup 4\n"


@pytest.mark.parametrize("script", ["exit 3", "echo first step; exit 1"])
def test_a_failed_start_is_no_figure(program, script, tmp_path):
    program(script)
    with pytest.raises(RuntimeError, match=r"benchmarks\.startup 1 ended with [13]"):
        startup.start(tmp_path)


def test_the_process_says_when_and_how_much(monkeypatch):
    create, fake, _ = dense_game()
    step = train.make_train_step(train.shared_forward_step(losses.non_saturating, fake))
    monkeypatch.setattr(games, "dcgan32", lambda: games.Game(create, step))
    monkeypatch.setattr(games, "uniform_images", lambda count: np.zeros((count, 4, 4, 1)))
    said = []
    startup._first_steps(2, said.append)
    first, megabytes = said
    assert first == "first step"
    assert 100 < megabytes < 20_000
