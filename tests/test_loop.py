import dataclasses
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import checkpoint, data, losses, train
from gan_jax.errors import RunError, UsageError
from gan_jax.evaluation import Evaluation
from gan_jax.experiment import Experiment
from gan_jax.loop import first_bad, fit
from gan_jax.metrics import Figure
from gan_jax.penalties import r1_penalty
from gan_jax.writers import Progress, read_jsonl
from tests import games


def small_dataset(**_):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (50, 4, 4, 1), dtype=np.uint8)
    labels = np.arange(50, dtype=np.int32) % 3
    return data.Dataset("noise", "train", images, labels, 3, ("a", "b", "c"), "made up")


def small_experiment(*, conditional=False, learning_rate=1e-2, optimizer=optax.adam, **changes):
    player = optimizer(learning_rate)
    create, fake, shown = games.dense_game(conditional=conditional, optimizer=player)
    loss = losses.relativistic
    experiment = Experiment(
        name="small",
        title="small",
        config={"learning_rate": learning_rate},
        command="python -m small",
        create=create,
        train_step=train.make_train_step(
            train.discriminator_step(loss, fake, shown=shown, penalties=(r1_penalty,)),
            train.generator_step(loss, fake, shown=shown),
            train.ema_step(0.9),
        ),
        load=small_dataset,
        prior=train.normal_prior(5),
        wiring=train.conditional if conditional else train.unconditional,
        gaussian=True,
        num_classes=3,
        evaluate=None,
        steps=40,
        batch_size=8,
        seed=0,
        log_every=5,
        sample_every=20,
        save_every=10,
    )
    return dataclasses.replace(experiment, **changes)


def run(experiment, workdir, devices=1, stream=None):
    chosen = jax.devices()[:devices]
    return fit(experiment, workdir, devices=chosen, stream=stream or io.StringIO())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Train without a stop: the folder and the final state."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    return workdir, run(small_experiment(), workdir).state


def test_a_run_leaves_all_it_promises(whole):
    workdir, state = whole
    assert int(state.step) == 40
    names = {path.name for path in workdir.iterdir()}
    assert names >= {"config.json", "metrics.jsonl", "tensorboard", "samples", "curves.png"}
    assert names >= {"training.gif", "report.html", "checkpoints"}
    samples = sorted(path.name for path in (workdir / "samples").iterdir())
    steps = (0, 5, 10, 20, 40)
    assert samples == [f"step_{step:08d}.png" for step in steps]
    rows = read_jsonl(workdir / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(5, 41, 5))
    assert {"discriminator_loss", "generator_loss", "r1_penalty", "real_accuracy"} <= rows[0].keys()
    assert all(0 <= row["data_wait"] <= 1 < row["images_per_second"] for row in rows[1:])
    config = json.loads((workdir / "config.json").read_text())
    assert config["config"] == {"learning_rate": 1e-2}
    assert "python -m small" in (workdir / "report.html").read_text()


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("devices", [1, 2])
def test_stopped_and_resumed_is_bit_identical_with_either_feed(tmp_path, scan, devices):
    experiment = small_experiment(scan=scan)
    straight = run(experiment, tmp_path / "straight", devices).state
    for resident in (True, False):
        fed = dataclasses.replace(experiment, resident=resident)
        workdir = tmp_path / f"halves_{resident}"
        run(dataclasses.replace(fed, steps=20), workdir, devices)
        assert (workdir / "samples" / "step_00000020.png").exists()
        resumed = run(fed, workdir, devices).state
        assert games.difference(resumed, straight) == 0
        assert rows_without_time(workdir) == rows_without_time(tmp_path / "straight")


def rows_without_time(workdir):
    timed = ("wall_time", "images_per_second", "data_wait")
    rows = read_jsonl(workdir / "metrics.jsonl")
    return [{name: row[name] for name in row if name not in timed} for row in rows]


def test_a_signal_saves_and_leaves_and_the_same_command_goes_on(whole, tmp_path):
    _, expected = whole
    sending = []

    class Stream(io.StringIO):
        def write(self, text):
            if "12%" in text and not sending:
                sending.append(signal.raise_signal(signal.SIGTERM))
            return super().write(text)

    stopped = run(small_experiment(), tmp_path / "run", stream=Stream())
    assert stopped.signal == signal.SIGTERM
    assert 0 < int(stopped.state.step) < 40
    assert checkpoint.restore_latest(tmp_path / "run" / "checkpoints", expected)[1] == int(
        stopped.state.step
    )
    resumed = run(small_experiment(), tmp_path / "run")
    assert resumed.signal is None
    assert games.difference(resumed.state, expected) == 0


def test_a_finished_run_is_left_as_it_is(whole):
    workdir, state = whole
    before = (workdir / "metrics.jsonl").read_bytes()
    again = run(small_experiment(), workdir).state
    assert games.difference(again, state) == 0
    assert (workdir / "metrics.jsonl").read_bytes() == before


def test_a_metric_that_is_not_finite_stops_the_run_before_it_is_saved(tmp_path):
    def breaks(state, batch, *, axis_name=None):
        state, metrics = healthy(state, batch, axis_name=axis_name)
        broken = jnp.where(state.step == 18, jnp.nan, metrics["generator_loss"])
        return state, {**metrics, "generator_loss": broken}

    healthy = small_experiment().train_step
    with pytest.raises(RunError, match=r"step 18: generator_loss is nan"):
        run(small_experiment(train_step=breaks), tmp_path)
    target = small_experiment().create(jax.random.key(0))
    assert checkpoint.restore_latest(tmp_path / "checkpoints", target)[1] == 10


def test_the_first_bad_value_is_the_earliest(tmp_path):
    good, late, early = np.ones(4), np.array([1, 1, 1, np.inf]), np.array([1, np.nan, 1, 1.0])
    assert first_bad(100, {"a": good}) is None
    assert first_bad(100, {"a": good, "b": late, "c": early})[:2] == (98, "c")


def test_a_damaged_checkpoint_is_passed_over_and_the_run_ends_the_same(whole, tmp_path):
    _, expected = whole
    run(small_experiment(steps=30), tmp_path)
    files = [path for path in (tmp_path / "checkpoints" / "30").rglob("*") if path.is_file()]
    largest = max(files, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    said = io.StringIO()
    state = run(small_experiment(), tmp_path, stream=said).state
    assert "checkpoint 30" in said.getvalue()
    assert "going on from step 20" in said.getvalue()
    assert games.difference(state, expected) == 0


def test_two_devices_train_as_one(tmp_path):
    sgd = small_experiment(learning_rate=1e-2, optimizer=optax.sgd, steps=5)
    one, two = (run(sgd, tmp_path / str(n), n).state for n in (1, 2))
    assert games.difference(one, two) < 1e-5


def test_any_device_will_do_and_resumes(whole, tmp_path):
    _, expected = whole
    for steps in (20, 40):
        chosen = jax.devices()[3:4]
        state = fit(
            small_experiment(steps=steps), tmp_path, devices=chosen, stream=io.StringIO()
        ).state
    assert state.step.devices() == set(chosen)
    assert games.difference(state, expected) == 0


def test_windows_of_one_size_are_compiled_once(tmp_path):
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: compiled.append(event)
    )
    try:
        # Steps of their own, which no other test has compiled.
        run(small_experiment(steps=15, log_every=5, sample_every=5, save_every=15), tmp_path / "a")
        few = sum("backend_compile" in event for event in compiled)
        compiled.clear()
        run(small_experiment(steps=40, log_every=5, sample_every=5, save_every=20), tmp_path / "b")
        many = sum("backend_compile" in event for event in compiled)
    finally:
        jax.monitoring.clear_event_listeners()
    assert few > 0
    assert many <= few


def test_a_signal_in_the_last_window_is_of_no_consequence(tmp_path):
    class Stream(io.StringIO):
        def write(self, text):
            if "87%" in text:
                signal.raise_signal(signal.SIGTERM)
            return super().write(text)

    class Every(Progress):
        def update(self, *arguments, **keywords):
            self._shown_at = float("-inf")
            super().update(*arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[fit.__module__], "Progress", Every)
        finished = run(small_experiment(), tmp_path, stream=Stream())
    assert int(finished.state.step) == 40
    assert finished.signal is None


def test_a_batch_that_does_not_divide_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="batch size 8 can't be split over 3 devices"):
        run(small_experiment(), tmp_path / "run", devices=3)
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    with pytest.raises(UsageError, match="51"):
        run(small_experiment(batch_size=51), tmp_path / "run")
    run(small_experiment(steps=5), tmp_path / "run")


def test_a_disk_that_fills_up_is_one_line_and_loses_nothing(whole, tmp_path):
    _, expected = whole
    run(small_experiment(steps=20), tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gan_jax.report.save_png", full_disk)
        with pytest.raises(RunError, match="No space left on device; what was saved before"):
            run(small_experiment(), tmp_path)
    assert games.difference(run(small_experiment(), tmp_path).state, expected) == 0


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("metric", "kept"), [("frechet_distance", {20, 30, 40}), ("recall", {10, 30, 40})]
)
def test_the_best_checkpoint_by_a_metric_is_kept(tmp_path, metric, kept):
    asked = []

    def evaluate(generator, step, *, split="test", request=None, look=None, report=print):
        asked.append((split, request and request.metrics))
        return Evaluation(step, (Figure(metric, {10: 3.0, 20: 1.0}.get(step, 2.0)),))

    run(small_experiment(evaluate=evaluate, evaluate_every=10, best_metric=metric), tmp_path)
    steps = {int(path.name) for path in (tmp_path / "checkpoints").iterdir() if path.name.isdigit()}
    assert steps == kept
    assert asked == [("train", (metric,))] * 4 + [("test", None)]
    assert read_jsonl(tmp_path / "metrics.jsonl")[-1][metric] == 2.0
    assert json.loads((tmp_path / "evaluation.json").read_text())["step"] == 40


def test_a_metric_that_cannot_tell_the_best_is_refused():
    with pytest.raises(UsageError, match="best_metric is 'ms_ssim'"):
        small_experiment(best_metric="ms_ssim")


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize(("slow", "low", "high"), [("data", 0.5, 1.0), ("steps", 0.0, 0.5)])
def test_the_share_of_waiting_tells_slow_data_from_slow_steps(
    tmp_path, monkeypatch, resident, slow, low, high
):
    def draw(*arguments, **keywords):
        time.sleep(0.1 if slow == "data" else 0)
        return batch_indices(*arguments, **keywords)

    def wait(step):
        time.sleep(0.02 if slow == "steps" else 0)
        return step

    def train_step(state, batch, *, axis_name=None):
        waited = jax.pure_callback(wait, state.step, state.step)
        return state.replace(step=waited + 1), {"mean": jnp.mean(batch["real"])}

    batch_indices = data.batch_indices
    monkeypatch.setattr("gan_jax.data.dataset.batch_indices", draw)
    monkeypatch.setattr(sys.modules[fit.__module__], "worth_a_look", lambda *_: False)
    monkeypatch.setattr(sys.modules[fit.__module__], "draw_report", lambda *_: tmp_path)
    run(small_experiment(train_step=train_step, resident=resident, save_every=40), tmp_path)
    shares = [row["data_wait"] for row in read_jsonl(tmp_path / "metrics.jsonl")[1:]]
    assert low <= np.median(shares) <= high


CHILD = """
import sys
sys.path.insert(0, {root!r})
import jax
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_compilation_cache_dir", {cache!r})
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
from tests.test_loop import run, small_experiment
run(small_experiment(steps=400, save_every=10), {workdir!r})
"""


def test_killed_at_any_moment_it_ends_the_same(tmp_path):
    experiment = small_experiment(steps=400, save_every=10)
    expected = run(experiment, tmp_path / "straight").state
    root = str(Path(__file__).parents[1])
    code = CHILD.format(
        root=root, cache=jax.config.jax_compilation_cache_dir, workdir=str(tmp_path / "killed")
    )
    seen = []
    for wait in (0.05, 0.35, 0.8):
        child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
        folder = tmp_path / "killed" / "checkpoints"
        known = set(os.listdir(folder)) if folder.exists() else set()
        until = time.monotonic() + 120
        while child.poll() is None and time.monotonic() < until:
            if folder.exists() and set(os.listdir(folder)) - known:
                break
            time.sleep(0.01)
        time.sleep(wait)
        child.kill()
        child.communicate()
        seen.append(child.returncode)
    assert -signal.SIGKILL in seen
    resumed = run(experiment, tmp_path / "killed").state
    assert games.difference(resumed, expected) == 0
