import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.loop import feed as feeds
from gan_jax.loop.dispatch import advance, make_run
from tests import games
from tests.test_loop import small_dataset, small_experiment


class Scene:
    """A device, a feed and a clock of its own: a dispatch takes `work`, a batch `prepare`."""

    def __init__(self, *, prepare, work, batch=None):
        self.prepare, self.work, self.batch = prepare, work, batch
        self.now = self.done_at = 0.0
        self.under_way = []

    def clock(self):
        return self.now

    def batches(self, *ends):
        for end in ends:
            self.now += self.prepare
            yield end, self.batch

    def run(self, state, batch):
        self.done_at = max(self.now, self.done_at) + self.work
        self.latest = {"loss": Result(self, self.done_at)}
        self.under_way.append((self.done_at - self.now) / self.work)
        return state + 1, self.latest


class Result:
    ndim = 0

    def __init__(self, scene, done_at):
        self.scene, self.done_at = scene, done_at

    def is_ready(self):
        return self.scene.now >= self.done_at

    def block_until_ready(self):
        self.scene.now = max(self.scene.now, self.done_at)
        return self

    def __jax_array__(self):
        return jnp.zeros(())


@pytest.mark.parametrize(
    ("prepare", "work", "expected"),
    [
        (5.0, 1.0, 5.0 * 4),  # each is waited for
        (1.0, 5.0, 1.0),  # the first alone: from then on there is work
        (1.0, 1.0, 1.0 * 4),  # the work is done just when the next batch comes
        (3.0, 2.0, 3.0 * 4),  # done on the way, which counts as all of it
    ],
)
def test_a_batch_is_waited_for_if_the_work_is_done_when_it_comes(prepare, work, expected):
    scene = Scene(prepare=prepare, work=work)
    done = advance(scene.run, scene.batches(1, 2, 3, 4), 0, 4, None, clock=scene.clock)
    assert (done.state, done.waited) == (4, expected)


def test_the_window_before_is_work_and_a_pause_is_no_waiting():
    scene = Scene(prepare=1.0, work=5.0)
    batches = scene.batches(5, 10, 15)
    assert advance(scene.run, batches, 0, 5, None, clock=scene.clock).waited == 1.0
    assert advance(scene.run, batches, 1, 10, scene.latest, clock=scene.clock).waited == 0.0
    scene.now += 100
    assert advance(scene.run, batches, 2, 15, None, clock=scene.clock).waited == 1.0


@pytest.mark.parametrize(("mebibytes", "expected"), [(1000, 3), (64, 3), (32, 5), (0, 20)])
def test_batches_under_way_are_bounded_in_bytes_and_the_device_stays_busy(mebibytes, expected):
    batch = {"image": np.broadcast_to(np.uint8(0), (mebibytes, 2**20))}
    scene = Scene(prepare=0.0, work=1.0, batch=batch)
    assert advance(scene.run, scene.batches(*range(1, 21)), 0, 20, None, clock=scene.clock)[2] == 0
    assert max(scene.under_way) == expected
    assert min(scene.under_way[1:]) > 1


@pytest.mark.parametrize("steps", [1, 5, 10])
def test_a_window_takes_its_batches_and_leaves_the_rest(steps):
    scene = Scene(prepare=1.0, work=1.0)
    batches = scene.batches(*range(steps, 21, steps))
    assert advance(scene.run, batches, 0, 10, None).state == 10 // steps
    assert next(batches)[0] == 10 + steps


def test_a_window_is_the_same_however_many_dispatches_it_takes(key, monkeypatch):
    """One loop, loops of three steps, or steps alone: state and metrics agree but for rounding."""
    results = []
    device = jax.devices()[0]
    for scan, size in ((True, 6), (True, 3), (False, 1)):
        monkeypatch.setattr(feeds, "_DISPATCH_BYTES", size * 8 * 20)
        often = dict.fromkeys(("log_every", "sample_every", "save_every", "evaluate_every"), 6)
        experiment = small_experiment(scan=scan, steps=6, **often)
        batches = list(feeds.make_feed(experiment, small_dataset(), key, [device])(0))
        assert len(batches) == 6 // size
        state = jax.device_put(experiment.create(key), device)
        results.append(advance(make_run(experiment, [device]), iter(batches), state, 6, None))
    for other in results[1:]:
        assert games.difference(results[0].state, other.state) < 1e-5
        assert games.difference(results[0].metrics, other.metrics) < 1e-5
    assert {value.shape for value in results[0].metrics.values()} == {(6,)}
    assert np.ptp(results[0].metrics["discriminator_loss"]) > 0
