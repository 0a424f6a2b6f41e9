"""Start the small training again and again, and look at what it left."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np

from gan_jax import checkpoint
from gan_jax.writers import read_jsonl
from tests.test_loop import small_experiment

ROOT = Path(__file__).parents[2]
_TIMED = ("wall_time", "images_per_second", "data_wait")


class Starter:
    """Starts runs in processes of their own, which find every module loaded already.

    A start costs the process's own work, a second or two, instead of twice that.
    """

    def __init__(self, cache, logs):
        self.cache = cache
        self._logs, self._started = logs, 0
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("JAX", "XLA"))
        } | {"JAX_PLATFORMS": "cpu", "GAN_JAX_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
        self._server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.program", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=ROOT,
        )

    def start(self, workdir, *arguments, harms=(), **streams):
        """Start a run.

        Args:
          workdir: its folder.
          *arguments: further arguments.
          harms: what is done in its process before it begins: names of functions of
            `tests.faults.harms`, each with its arguments.
          **streams: where `stdin`, `stdout` and `stderr` go: a path, "closed" or "broken pipe".

        Returns:
          The run.
        """
        self._started += 1
        said = {name: f"{self._logs}/{self._started}.{name}" for name in ("stdout", "stderr")}
        asked = {"stdin": "/dev/null", **said, **streams}
        asked["arguments"] = ["--workdir", str(workdir), *map(str, arguments)]
        asked["harms"] = harms
        return Run(self, self.ask(asked), said)

    def run(self, workdir, *arguments, **options):
        """Start a run and wait for its end; see `start`."""
        return self.start(workdir, *arguments, **options).wait()

    def ask(self, question):
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def close(self):
        self._server.communicate()


class Run:
    """A run in a process of its own.

    Attributes:
      pid: the process.
      code: its exit code once it was waited for, or minus the signal that ended it.
    """

    def __init__(self, starter, pid, said):
        self.pid, self.code = pid, None
        self._starter, self._said = starter, said

    def send(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def wait(self, seconds=120):
        self.code = self._starter.ask({"wait": self.pid, "seconds": seconds})
        return self

    @property
    def out(self):
        return Path(self._said["stdout"]).read_text()

    @property
    def said(self):
        """What it wrote to standard error, if that went to a file."""
        path = Path(self._said["stderr"])
        return path.read_text() if path.exists() else ""

    @property
    def errors(self):
        """Its error lines; anything that looks like a traceback or a warning is one too."""
        bad = ("error", "Traceback", "Warning", "File ", "Exception")
        return [line for line in self.said.splitlines() if any(word in line for word in bad)]


def wait_until(condition, *, seconds=60):
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.002)


class Undisturbed:
    """A training to compare others with.

    Attributes:
      workdir: its folder.
    """

    def __init__(self, workdir):
        self.workdir = workdir
        self._leaves, self._step = newest(workdir)
        self._rows = rows_of(workdir)
        self._files = files_of(workdir)

    def assert_same(self, workdir):
        """Check that another came to the same end, in every bit, row and kind of file."""
        leaves, step = newest(workdir)
        assert step == self._step
        assert {name for name in leaves if leaves[name] != self._leaves[name]} == set()
        assert leaves.keys() == self._leaves.keys()
        assert rows_of(workdir) == self._rows
        assert self._files - files_of(workdir) == set()


def saved(workdir, name="checkpoints"):
    """Return the steps that are saved under their final names."""
    names = os.listdir(workdir / name) if (workdir / name).exists() else []
    return sorted(int(name) for name in names if name.isdecimal())


def newest(workdir):
    """Return the newest saved state, every leaf as bytes by its path, and its step."""
    state, step = checkpoint.restore_latest(
        workdir / "checkpoints", target(), report=lambda _: None
    )
    return bits_of(state), step


@functools.cache
def target():
    """Return the shapes of a state of the training."""
    return jax.eval_shape(small_experiment().create, jax.random.key(0))


def bits_of(state):
    """Return every leaf of a state as bytes, by its path."""

    def bits(leaf):
        is_key = jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes()

    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {jax.tree_util.keystr(path): bits(leaf) for path, leaf in leaves}


def rows_of(workdir):
    """Return the metrics without what depends on the clock."""
    rows = read_jsonl(workdir / "metrics.jsonl")
    return [{name: row[name] for name in row if name not in _TIMED} for row in rows]


def files_of(workdir):
    """Return the names of what a run leaves for people, whole: each ends as its kind does."""
    ends = {".png": b"IEND\xaeB`\x82", ".gif": b";", ".html": b"</html>\n"}
    paths = [path for path in workdir.rglob("*") if path.suffix in ends]
    kept = [path for path in paths if "checkpoints" not in path.parts]
    torn = [path for path in kept if not path.read_bytes().endswith(ends[path.suffix])]
    assert not torn
    return {str(path.relative_to(workdir)) for path in kept}
