import contextlib
import subprocess
import sys
import threading
import time
import traceback

import pytest

from gan_jax.data import prefetch

PATIENCE = 30  # seconds, for what takes none unless it is broken


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def until(condition):
    """Wait until a condition holds; whether it does."""
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


@pytest.mark.parametrize("ahead", [1, 2, 50])
@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_all_come_in_order_from_one_other_thread(ahead, count):
    made_by = set()

    def make(request):
        made_by.add(threading.current_thread())
        time.sleep(0.002 * (request % 2))
        return request**2

    assert list(prefetch(make, range(count), ahead=ahead)) == [n**2 for n in range(count)]
    assert len(made_by) == min(count, 1)
    assert threading.current_thread() not in made_by
    assert not threads()


def test_it_builds_so_many_ahead_and_no_more():
    made, drawn = [], []

    def requests():
        for request in range(20):
            drawn.append(request)
            yield request

    with contextlib.closing(prefetch(made.append, requests(), ahead=3)) as batches:
        assert not drawn
        for taken in range(1, 6):
            next(batches)
            assert until(lambda taken=taken: len(made) == taken + 3)
            assert len(drawn) == taken + 3
        time.sleep(0.02)
        assert len(made) == len(drawn) == 8


def test_the_next_batch_is_built_while_one_is_worked_on():
    building, worked = threading.Event(), threading.Event()

    def make(request):
        if request == 1:
            building.set()
            assert worked.wait(PATIENCE)
        return request

    with contextlib.closing(prefetch(make, range(3))) as batches:
        assert next(batches) == 0
        assert building.wait(PATIENCE)
        worked.set()
        assert list(batches) == [1, 2]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_comes_in_its_place_and_says_where_it_was_made(kind):
    def breaks(request):
        raise kind(f"no batch {request}")

    batches = prefetch(lambda request: breaks(request) if request == 2 else request, range(9))
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(kind, match="no batch 2") as caught:
        next(batches)
    assert "breaks" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert list(batches) == []
    assert not threads()


def test_an_error_in_the_requests_ends_it():
    def requests():
        yield 0
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(prefetch(abs, requests()))
    assert not threads()


def close(batches):
    batches.close()


def drop(batches):
    pass


def fail(batches):
    with pytest.raises(RuntimeError, match="mine"), contextlib.closing(batches):
        raise RuntimeError("mine")


@pytest.mark.parametrize("leave", [close, drop, fail])
@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_it_ends_the_thread_and_builds_nothing_more(leave, taken):
    made = []
    batches = prefetch(made.append, iter(int, 1), ahead=2)
    for _ in range(taken):
        next(batches)
    leave(batches)
    del batches
    assert not threads()
    before = len(made)
    assert taken <= before <= taken + 2 * (taken > 0)
    time.sleep(0.01)
    assert len(made) == before


def test_leaving_it_while_it_builds_waits_for_that_batch_alone():
    building, go_on, made = threading.Event(), threading.Event(), []

    def make(request):
        if request == 1:
            building.set()
            assert go_on.wait(PATIENCE)
        made.append(request)

    batches = prefetch(make, range(100), ahead=10)
    next(batches)
    assert building.wait(PATIENCE)
    timer = threading.Timer(0.05, go_on.set)
    timer.start()
    batches.close()
    timer.join()
    assert made == [0, 1]
    assert not threads()


def test_the_interpreter_ends_with_one_left_open():
    code = """
from gan_jax.data import prefetch
batches = prefetch(bytearray, iter(lambda: 1000, 0))
next(batches)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=2 * PATIENCE, capture_output=True)
    assert done.returncode == 3


def test_nothing_ahead_is_refused():
    with pytest.raises(ValueError, match="ahead is 0, it must be at least 1"):
        next(prefetch(abs, [1], ahead=0))
