import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.memory import return_freed_memory, share_one_pool

BLOCK, COUNT = 32 * 1024, 4000


def resident():
    """Return the megabytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


@pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")),
    reason="only glibc keeps what was freed, and gives it back when asked",
)
def test_what_was_freed_below_something_that_is_used_is_given_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK) for _ in range(COUNT)]
    for block in blocks:
        ctypes.memset(block, 1, BLOCK)
    kept, freed = blocks[::40], set(blocks) - set(blocks[::40])
    for block in freed:
        libc.free(block)
    before = resident()
    return_freed_memory()
    after = resident()
    assert before - after > 0.5 * len(freed) * BLOCK / 1e6
    for block in kept:  # and nothing else
        assert ctypes.string_at(block, 4) == b"\1\1\1\1"
        libc.free(block)


def test_a_system_that_keeps_nothing_is_asked_for_nothing(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("asked"))
    return_freed_memory()
    share_one_pool()


POOLS = """
import ctypes, threading
from gan_jax.memory import share_one_pool

if {shared}:
    share_one_pool()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
places = []


def take():
    places.extend(libc.malloc(5000) for _ in range(20))
    together.wait()


together = threading.Barrier(4)
threads = [threading.Thread(target=take) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len({{place >> 26 for place in places}}))  # a pool of a thread has 64 MiB of addresses
"""


@pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt")),
    reason="only glibc has a pool for each thread",
)
def test_threads_take_memory_from_one_pool():
    found = [
        int(
            subprocess.run(
                [sys.executable, "-c", POOLS.format(shared=shared)],
                capture_output=True, text=True, check=True,
            ).stdout
        )
        for shared in (False, True)
    ]  # fmt: skip
    assert found[0] >= 4
    assert found[1] <= 2
