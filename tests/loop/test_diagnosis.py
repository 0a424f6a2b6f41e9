import dataclasses
import io

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, train
from gan_jax.diagnostics import ALARMS
from gan_jax.evaluation import Evaluation
from gan_jax.loop import fit, summary
from gan_jax.loop.diagnosis import make_look
from gan_jax.metrics import Figure
from gan_jax.writers import read_jsonl
from tests import games
from tests.test_loop import rows_without_time, run, small_dataset, small_experiment

OFTEN = {"log_every": 5, "diagnose_every": 5, "sample_every": 20, "save_every": 10}
NAMES = {"generator_signal", "reach", "diversity", "saturation", "separation"}


def judge(generator, step, *, split="test", request=None, look=None, report=print):
    return Evaluation(step, (Figure("frechet_distance", 1.0),))


def failing_experiment(**changes):
    """Return a run whose saturating loss meets a discriminator 100 times faster."""
    fast, slow = optax.adam(0.3), optax.adam(1e-4)
    create, fake, _ = games.dense_game(optimizer=slow)

    def start(key):
        state = create(key)
        player = state.discriminator
        opt_state = fast.init(player.params)
        return state.replace(discriminator=player.replace(tx=fast, opt_state=opt_state))

    step = train.make_train_step(
        train.discriminator_step(losses.minimax, fake), train.generator_step(losses.minimax, fake)
    )
    return small_experiment(create=start, train_step=step, steps=60, **{**OFTEN, **changes})


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Train into a vanishing gradient: the folder, what was said, and the final state."""
    workdir, said = tmp_path_factory.mktemp("runs") / "failed", io.StringIO()
    finished = run(failing_experiment(), workdir, stream=said)
    return workdir, said.getvalue(), finished


def test_an_alarm_is_said_once_and_written_down(failed):
    workdir, said, finished = failed
    alarm = next(a for a in ALARMS if a.name == "vanishing gradient")
    rows = read_jsonl(workdir / "metrics.jsonl")
    flags = [row[alarm.key] for row in rows]
    assert flags[:9] == [0] * 9
    first = next(row["step"] for row in rows if row[alarm.key])
    assert set(flags[first // 5 :]) == {1}
    assert said.count(f"step {first}: {alarm}\n") == said.count("vanishing gradient") == 1
    assert finished.alarm is None
    assert int(finished.state.step) == 60


def test_the_report_has_a_diagnosis(failed):
    workdir, _, _ = failed
    page = (workdir / "report.html").read_text(encoding="utf-8")
    alarm = next(a for a in ALARMS if a.name == "vanishing gradient")
    assert "Diagnosis" in page
    assert "vanishing gradient" in page
    assert alarm.remedy in page
    assert " to the end" in page
    assert "alarm vanishing gradient" not in page  # flags are no figures


def test_no_alarm_is_said_too_and_nothing_where_nobody_looked(tmp_path):
    run(small_experiment(steps=10, **OFTEN), tmp_path / "healthy")
    page = (tmp_path / "healthy" / "report.html").read_text(encoding="utf-8")
    assert "No alarm." in page
    run(small_experiment(steps=10, **{**OFTEN, "diagnose_every": 0}), tmp_path / "blind")
    assert "Diagnosis" not in (tmp_path / "blind" / "report.html").read_text(encoding="utf-8")


def test_looking_changes_no_bit_of_the_training(failed, tmp_path):
    _, _, finished = failed
    blind = run(failing_experiment(diagnose_every=0), tmp_path)
    assert games.difference(blind.state, finished.state) == 0
    assert NAMES.isdisjoint(read_jsonl(tmp_path / "metrics.jsonl")[0])


@pytest.mark.parametrize("stop", [10, 40])
def test_resumed_it_has_the_same_rows_and_alarms(failed, tmp_path, stop):
    workdir, _, finished = failed
    again = io.StringIO()
    half = dataclasses.replace(failing_experiment(), steps=stop)
    run(half, tmp_path, stream=again)
    resumed = run(failing_experiment(), tmp_path, stream=again)
    assert games.difference(resumed.state, finished.state) == 0
    assert rows_without_time(tmp_path) == rows_without_time(workdir)
    assert again.getvalue().count("vanishing gradient") == 1
    report = [folder / "report.html" for folder in (tmp_path, workdir)]
    diagnoses = [page.read_text(encoding="utf-8").split("Diagnosis")[1][:900] for page in report]
    assert diagnoses[0] == diagnoses[1]


def test_it_can_stop_the_run_which_then_goes_on(failed, tmp_path):
    workdir, _, finished = failed
    chosen = jax.devices()[:1]
    stopped = fit(
        failing_experiment(), tmp_path, devices=chosen, stop_on_alarm=True, stream=io.StringIO()
    )
    first = next(
        row["step"]
        for row in read_jsonl(workdir / "metrics.jsonl")
        if row["alarm_vanishing_gradient"]
    )
    assert first <= int(stopped.state.step) <= first + 5
    assert stopped.signal is None
    lines = summary(stopped)
    assert lines[0].startswith(f"stopped and saved at step {int(stopped.state.step)} by an alarm, ")
    assert str(stopped.alarm) in lines[0]
    resumed = fit(
        failing_experiment(), tmp_path, devices=chosen, stop_on_alarm=True, stream=io.StringIO()
    )
    assert resumed.alarm is None or resumed.alarm.name != "vanishing gradient"
    final = run(failing_experiment(), tmp_path)
    assert games.difference(final.state, finished.state) == 0


def test_held_out_data_is_looked_at_where_it_is_loaded(tmp_path):
    asked = []

    def load(*, split, report):
        asked.append(split)
        return small_dataset()

    run(small_experiment(evaluate=judge, load=load, steps=10, **OFTEN), tmp_path / "with")
    assert sorted(asked) == ["test", "train"]
    assert "overfitting" in read_jsonl(tmp_path / "with" / "metrics.jsonl")[0]
    run(small_experiment(load=load, steps=10, **OFTEN), tmp_path / "without")
    assert "overfitting" not in read_jsonl(tmp_path / "without" / "metrics.jsonl")[0]


@pytest.mark.parametrize("scan", [True, False])
def test_several_devices_look_on_one_share(tmp_path, scan):
    run(small_experiment(steps=10, batch_size=16, scan=scan, **OFTEN), tmp_path, devices=2)
    rows = read_jsonl(tmp_path / "metrics.jsonl")
    assert all(np.isfinite(row[name]) for row in rows for name in NAMES)


def test_a_look_is_a_function_of_the_state_the_key_and_the_step(key):
    experiment = small_experiment(conditional=True, shown=train.with_labels, **OFTEN)
    look = make_look(experiment, small_dataset(), small_dataset(), key, count=8)
    state = experiment.create(key)
    assert look(state, 7) is None
    first, again, later = (look(state, step) for step in (5, 5, 10))
    other = make_look(experiment, small_dataset(), None, jax.random.key(1), count=8)(state, 5)
    assert {name: float(v) for name, v in first.items()} == {n: float(v) for n, v in again.items()}
    assert first["separation"] != later["separation"]
    assert first["separation"] != other["separation"]
    assert isinstance(first["reach"], jnp.ndarray)


@pytest.mark.parametrize(
    ("log_every", "diagnose_every", "expected"),
    [(100, None, 100), (20, None, 100), (30, None, 120), (250, None, 250), (5, 15, 15), (5, 0, 0)],
)
def test_how_often_it_looks(log_every, diagnose_every, expected):
    every = dict.fromkeys(("log_every", "sample_every", "save_every", "evaluate_every"), log_every)
    experiment = small_experiment(**every, diagnose_every=diagnose_every)
    assert experiment.steps_per_look == expected


def test_a_look_between_two_windows_is_refused():
    with pytest.raises(ValueError, match="diagnose_every is 7, it must be a multiple of log_every"):
        small_experiment(diagnose_every=7)
