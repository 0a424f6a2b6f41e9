import io

import jax.numpy as jnp
import pytest

from gan_jax.loop.log import Log
from gan_jax.writers import JsonlWriter, Progress, read_jsonl


class Events:
    """A stand-in for the TensorBoard writer."""

    def __init__(self):
        self.written = []

    def scalars(self, step, values):
        self.written.append((step, dict(values)))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def scene(tmp_path):
    """Return a log of 8 images a step, its clock, and a function that reads what it wrote."""
    clock, events = Clock(), Events()
    rows = JsonlWriter(tmp_path / "metrics.jsonl")
    log = Log(8, rows, events, Progress(100, stream=io.StringIO()), clock=clock)

    def read():
        written = read_jsonl(tmp_path / "metrics.jsonl")
        kept = [{n: v for n, v in row.items() if n != "wall_time"} for row in written]
        assert kept == [{"step": step, **values} for step, values in events.written]
        return kept

    yield log, clock, read
    rows.close()


def window(log, clock, step, *, seconds, waited):
    clock.now += seconds
    log.waited(waited)
    log.window(step, {"loss": jnp.array([1.0, 2.0])})


def test_the_share_is_of_the_time_since_the_window_before(scene):
    log, clock, read = scene
    window(log, clock, 2, seconds=9.0, waited=5.0)
    window(log, clock, 4, seconds=4.0, waited=1.0)
    log.waited(0.5)
    window(log, clock, 6, seconds=2.0, waited=1.5)
    window(log, clock, 8, seconds=2.0, waited=0.0)
    assert read() == [
        {"step": 2, "loss": 1.5},
        {"step": 4, "loss": 1.5, "images_per_second": 4.0, "data_wait": 0.25},
        {"step": 6, "loss": 1.5, "images_per_second": 8.0, "data_wait": 1.0},
        {"step": 8, "loss": 1.5, "images_per_second": 8.0, "data_wait": 0.0},
    ]


def test_a_pause_is_in_neither_rate(scene):
    log, clock, read = scene
    window(log, clock, 2, seconds=1.0, waited=1.0)
    clock.now += 100.0  # pictures, a checkpoint
    log.pause()
    window(log, clock, 4, seconds=4.0, waited=3.0)
    clock.now += 100.0
    log.pause()
    window(log, clock, 6, seconds=2.0, waited=0.5)
    rates = [(row["images_per_second"], row["data_wait"]) for row in read()[1:]]
    assert rates == [(4.0, 0.75), (8.0, 0.25)]
