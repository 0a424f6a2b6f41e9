"""Hosts: several processes of one run, which talk to each other."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.checkpoint import restore_latest
from tests.parallel.worker import LAYOUTS, ON, STEPS, leaves, make_experiment

ROOT = Path(__file__).parents[2]


def environment(**more):
    own = {
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
        # A dozen processes compile the same few steps: the machine code need not be the fastest.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    return {**os.environ, **own, **more}


def start(folder, *, launcher=(), arguments=(), **variables):
    """Start the worker under a launcher."""
    worker = [sys.executable, "-m", "tests.parallel.worker", "--workdir", str(folder), *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "gan_jax.launch", *launcher, "--", *worker],
        cwd=ROOT, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def start_hosts(folder, *, restarts=0):
    """Start two launchers that know nothing of each other, as two hosts have them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    meeting = ["--distributed", "--coordinator", address, "--num-processes", "2", "--process-id"]
    return [
        start(
            folder,
            launcher=["--max-restarts", str(restarts)],
            arguments=["--job", "survive", "--local-devices", "2", *meeting, str(host)],
        )
        for host in range(2)
    ]


def finish(process):
    with process:
        said, _ = process.communicate(timeout=280)
    return process.returncode, said


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """Train on every layout at once, each process waiting for what the others save."""
    folder = tmp_path_factory.mktemp("layouts")
    runs = {
        name: start(
            folder,
            launcher=["--processes", str(n)],
            arguments=["--job", "compare", "--layout", name, "--local-devices", str(devices)],
        )
        for name, (n, devices) in LAYOUTS.items()
    }
    ended = {name: finish(process) for name, process in runs.items()}
    assert {name: code for name, (code, _) in ended.items()} == dict.fromkeys(LAYOUTS, 0), ended
    return folder


def difference(a, b):
    first, second = np.load(a), np.load(b)
    assert sorted(first.files) == sorted(second.files)
    return max(np.abs(first[name].astype(float) - second[name]).max() for name in first.files)


def test_hosts_and_devices_give_what_one_device_gives(layouts):
    for layout in LAYOUTS:
        assert difference(layouts / f"{layout}.npz", layouts / "1x1.npz") < 1e-5


def test_every_layout_goes_on_from_what_another_saved(layouts):
    # That all four restored all four checkpoints, bit for bit, they have checked themselves.
    for layout in LAYOUTS:
        assert int(np.load(layouts / f"{layout}-on.npz")[".step"]) == ON
        assert difference(layouts / f"{layout}-on.npz", layouts / "1x1-on.npz") < 1e-5


def test_hosts_that_die_or_are_told_to_stop(layouts, outcome, tmp_path, key):
    """One of two hosts is killed, then the other one, and one is told to stop."""
    for note, sort in {"1-2": "SIGKILL", "0-4": "SIGKILL", "1-5": "SIGTERM"}.items():
        (tmp_path / f"kill-{note}").write_text(sort)
    ended = [finish(host) for host in start_hosts(tmp_path / "run", restarts=3)]
    # One host was told to stop: both save the same step.
    assert [code for code, _ in ended] == [143, 143], ended
    assert not list(tmp_path.glob("kill-*"))
    assert "killed by SIGKILL; starting again" in ended[0][1]
    assert "killed by SIGKILL; starting again" in ended[1][1]
    ended = [finish(host) for host in start_hosts(tmp_path / "run")]
    assert [code for code, _ in ended] == [0, 0], ended
    assert "going on from step 5 in" in ended[0][1]
    state, _ = restore_latest(tmp_path / "run" / "checkpoints", make_experiment(STEPS).create(key))
    undisturbed = np.load(layouts / "2x2.npz")
    for name, numbers in leaves(state).items():
        np.testing.assert_array_equal(numbers, undisturbed[name], err_msg=name)
    outcome(
        "both were started again; told to stop, both saved and ended with 143, and then went on",
        "the same bits",
    )


def start_tasks(folder):
    """Start two tasks that are to find each other by what SLURM tells them."""
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost"}
    for task in range(2):
        place = {"SLURM_PROCID": str(task), "SLURM_LOCALID": str(task), "SLURM_NTASKS": "2"}
        yield start(folder, arguments=["--job", "refuse", "--distributed"], **job, **place)


def test_what_fails_in_one_process_fails_in_all_and_a_lost_one_is_named(tmp_path):
    codes, said = zip(*map(finish, list(start_tasks(tmp_path))), strict=True)
    told = [json.loads((tmp_path / f"told-{host}.json").read_text()) for host in range(2)]
    settings = "UsageError: process 1 has other settings than process 0"
    folder = (
        f"--workdir {tmp_path}/other is not empty and holds no run (it has thesis.txt): "
        "name a new folder"
    )
    assert told == [
        {
            "settings": settings,
            "data": "RunError: process 1: no such data here \u00e9",
            "folder": f"UsageError: {folder}",
        },
        {
            "settings": settings,
            "data": "RunError: no such data here \u00e9",
            "folder": f"UsageError: process 0: {folder}",
        },
    ]
    assert codes[1] == 128 + signal.SIGKILL
    # Which of the two comes first is JAX's affair; both mean: start again.
    assert codes[0] in {75, 128 + signal.SIGABRT}, said
    if codes[0] == 75:
        assert "error: another process of the run is gone" in said[0]
    assert not (tmp_path / "settings" / "config.json").exists()
