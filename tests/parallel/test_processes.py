"""What a single process sees of the functions for several; test_hosts.py has the others."""

import jax
import pytest

from gan_jax import parallel
from gan_jax.errors import PeerError, RunError, UsageError


def test_a_single_process_agrees_with_itself():
    assert parallel.is_first()
    assert parallel.largest(7) == 7
    assert parallel.first_says(7) == 7
    parallel.check_same("anything", "settings")


@pytest.mark.parametrize("kind", [UsageError, RunError, KeyError])
def test_a_failure_passes_through(kind):
    with pytest.raises(kind, match="broken"), parallel.together():
        raise kind("broken")


def test_errors_of_the_runtime_are_not_blamed_on_peers_there_are_none_of():
    error = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")
    with pytest.raises(jax.errors.JaxRuntimeError), parallel.peers_watched():
        raise error


def test_errors_of_the_runtime_are_the_peers_where_there_are_some(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with (
        pytest.raises(PeerError, match=r"another process of the run is gone \(INTERNAL: closed\)"),
        parallel.peers_watched(),
    ):
        raise jax.errors.JaxRuntimeError("INTERNAL: closed\nand much more")


@pytest.mark.parametrize("arguments", [(), ("127.0.0.1:1", 2, 0)])
def test_too_late_or_nothing_to_find_out_from(arguments):
    with pytest.raises(UsageError, match="--distributed: the processes can't meet"):
        parallel.join(*arguments)
