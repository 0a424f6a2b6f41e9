"""The launcher, with programs of a few lines."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gan_jax.launch import Launch, launch, main

# Counts its lives in a file, and ends each as told; the last one goes on for ever.
PROGRAM = """
import os, sys
lives = sys.argv[1]
with open(lives, "a") as file: file.write("x")
end = sys.argv[2].split(",")[os.path.getsize(lives) - 1]
if end.startswith("SIG"):
    import signal, time
    os.kill(os.getpid(), getattr(signal, end))
    time.sleep(60)
sys.exit(int(end))
"""


def program(tmp_path, ends):
    return [sys.executable, "-c", PROGRAM, str(tmp_path / "lives"), ends]


def lives(tmp_path):
    return len((tmp_path / "lives").read_text())


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr("gan_jax.launch._PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("ends", "restarts", "code", "count"),
    [
        ("0", 3, 0, 1),
        ("SIGKILL,SIGABRT,75,0", 3, 0, 4),
        ("SIGKILL,SIGKILL,0", 1, 128 + signal.SIGKILL, 2),
        ("75,75", 1, 75, 2),
        ("1,0", 3, 1, 1),
        ("2,0", 3, 2, 1),
        ("SIGSEGV,143", 3, 143, 2),
    ],
)
def test_only_what_was_killed_is_started_again(tmp_path, capfd, ends, restarts, code, count):
    assert launch(Launch(max_restarts=restarts), program(tmp_path, ends)) == code
    assert lives(tmp_path) == count
    said = capfd.readouterr().err.splitlines()
    assert len(said) == count - (code in {0, 1, 2, 143})
    assert all(line.startswith("launch: ") for line in said)


TOGETHER = """
import os, sys, time
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
index, folder = options["--process-id"], sys.argv[1]
assert options["--num-processes"] == "3" and ":" in options["--coordinator"], options
with open(os.path.join(folder, index), "a") as file: file.write("x")
if os.path.getsize(os.path.join(folder, index)) == 1:
    if index == "1":
        while len(os.listdir(folder)) < 3: time.sleep(0.01)
        os.abort()
    time.sleep(60)
"""


def test_processes_die_and_live_together(tmp_path):
    started = time.monotonic()
    command = [sys.executable, "-c", TOGETHER, str(tmp_path)]
    # zip above pairs options with values; --distributed has none.
    command = [*command, "--padding"]
    assert launch(Launch(max_restarts=1, processes=3), command) == 0
    assert [(tmp_path / str(i)).read_text() for i in range(3)] == ["xx"] * 3
    assert time.monotonic() - started < 50


def test_an_answer_tells_more_than_how_the_others_died(tmp_path):
    script = "import os, sys, time; i = sys.argv[-1]\nsys.exit(1) if i == '0' else time.sleep(0.3) or sys.exit(75)"
    assert launch(Launch(max_restarts=5, processes=2), [sys.executable, "-c", script]) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_goes_to_the_program_and_ends_the_restarts(tmp_path, number):
    script = (
        "import signal, sys, time\n"
        "def save(number, frame): print('saved', flush=True); sys.exit(128 + number)\n"
        "signal.signal(signal.SIGINT, save); signal.signal(signal.SIGTERM, save)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    # What runs the tests may ignore SIGINT, and its children then do.
    usual = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    launched = ["-m", "gan_jax.launch", "--max-restarts", "9", "--", sys.executable, "-c", script]
    with subprocess.Popen(
        [sys.executable, "-c", usual, *launched], stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout.readline() == "ready\n"
        launcher.send_signal(number)
        assert launcher.stdout.read() == "saved\n"
    assert launcher.returncode == 128 + number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "error: no command: give it after --"),
        (["--max-restarts", "1", "--"], "error: no command"),
        (["--max-restarts", "-1", "--", "true"], "error: --max-restarts is -1: it must be at least 0"),
        (["--processes", "0", "--", "true"], "error: --processes is 0"),
        (["--procesess", "2", "--", "true"], "error: unknown option --procesess: did you mean"),
        (["--", "no-such-program"], "error: no-such-program can't be started: No such file"),
        (["--", os.devnull], f"error: {os.devnull} can't be started: Permission denied"),
    ],
)  # fmt: skip
def test_mistakes_get_one_line(capsys, arguments, message):
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
