"""One process of a small run that may have several: `python -m tests.parallel.worker --help`."""

import dataclasses
import importlib
import os
import shutil
import signal
import sys
import time

import jax
import numpy as np
import optax

from gan_jax import checkpoint, commands, losses, parallel, penalties, train
from gan_jax.command_line import Command, run
from gan_jax.data import Dataset
from gan_jax.errors import RunError, UsageError
from gan_jax.experiment import Experiment
from gan_jax.files import atomic_write
from gan_jax.loop import dispatch, fit
from gan_jax.workdir import write_json
from tests import games

fit_module = importlib.import_module("gan_jax.loop.fit")

LAYOUTS = {"2x2": (2, 2), "1x4": (1, 4), "4x1": (4, 1), "1x1": (1, 1)}
STEPS, ON = 6, 8


def small_dataset(split, report=print):
    numbers = np.random.default_rng(0)
    images = numbers.integers(0, 256, (40, 8, 8, 1), np.uint8)
    labels = numbers.integers(0, 3, 40).astype(np.int32)
    return Dataset("small", split, images, labels, 3, ("a", "b", "c"), "made up")


def make_experiment(steps):
    """Batch norm, R1, relativistic averages, labels, and SGD, which hides no wrong gradient."""
    create, fake, shown = games.image_game(conditional=True, optimizer=optax.sgd(0.01))
    loss, penalty = losses.relativistic_average, penalties.weighted(0.1, penalties.r1_penalty)
    step = train.make_train_step(
        train.discriminator_step(loss, fake, shown=shown, penalties=(penalty,)),
        train.generator_step(loss, fake, shown=shown),
        train.ema_step(0.9),
    )
    return Experiment(
        name="small", title="small", config={"game": "small"}, command="", create=create,
        train_step=step, load=small_dataset, prior=train.normal_prior(5),
        wiring=train.conditional, gaussian=True, num_classes=3, evaluate=None, steps=steps,
        batch_size=8, seed=0, log_every=1, sample_every=3, save_every=3, shown=shown,
    )  # fmt: skip


def leaves(state):
    """Return a state's numbers, by their path."""
    paths = jax.tree_util.tree_leaves_with_path(parallel.local(state))

    def numbers(leaf):
        is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return {jax.tree_util.keystr(path): numbers(leaf) for path, leaf in paths}


def write(path, state):
    if parallel.is_first():
        with atomic_write(path) as file:
            np.savez(file, **leaves(state))


def wait_for(path, seconds=240):
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(path)
        time.sleep(0.1)


def compare(folder, layout):
    """Train, restore what every layout has saved, and go on from what another has saved."""
    fit_module.draw_report = lambda *_: None
    experiment = make_experiment(STEPS)
    write(folder / f"{layout}.npz", fit(experiment, folder / layout).state)
    whole = parallel.replicated(jax.devices())
    for other in LAYOUTS:
        wait_for(folder / f"{other}.npz")
        target = jax.eval_shape(experiment.create, jax.random.key(0))
        restored, step = checkpoint.restore_latest(
            folder / other / "checkpoints", target, sharding=whole
        )
        assert step == STEPS
        expected = np.load(folder / f"{other}.npz")
        for name, numbers in leaves(restored).items():
            np.testing.assert_array_equal(numbers, expected[name], err_msg=f"{other} {name}")
    names = list(LAYOUTS)
    other = names[names.index(layout) - 1]
    on = folder / f"{layout}-after-{other}"
    with parallel.together():
        if parallel.is_first():
            shutil.copytree(folder / other, on)
    write(folder / f"{layout}-on.npz", fit(make_experiment(ON), on).state)


def survive(options):
    """Train as an experiment does, but die where the folder has a note that says so."""
    folder = options.workdir

    def advance(run, batches, state, end, *rest):
        note = folder.with_name(f"kill-{jax.process_index()}-{end}")
        if note.exists():
            sort = getattr(signal, note.read_text())
            note.unlink()
            os.kill(os.getpid(), sort)
        return dispatch.advance(run, batches, state, end, *rest)

    fit_module.advance = advance
    return commands.train(
        options, lambda options: ({"game": "small"}, []), lambda *settled: make_experiment(STEPS)
    )


def refuse(folder):
    """Fail in one process, and see it fail in both; then lose the other process."""
    first = parallel.is_first()
    index = jax.process_index()
    assert parallel.largest(10 + index) == 11
    assert parallel.first_says(10 + index) == 10
    usual = make_experiment(1)

    def absent(split, report=print):
        if not first:
            raise RunError("no such data here \u00e9")
        return small_dataset(split)

    other = folder / "other"
    with parallel.together():
        if first:
            other.mkdir()
            (other / "thesis.txt").write_text("mine")
    failures = {
        "settings": (dataclasses.replace(usual, config={"index": index}), folder / "settings"),
        "data": (dataclasses.replace(usual, load=absent), folder / "data"),
        "folder": (usual, other),
    }
    told = {}
    for name, (experiment, workdir) in failures.items():
        try:
            fit(experiment, workdir)
        except (RunError, UsageError) as error:
            told[name] = f"{type(error).__name__}: {error}"
    write_json(folder / f"told-{index}.json", told)
    if not first:
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        parallel.largest(0)


def main(options):
    # TensorBoard's writer would load it where it is installed, which takes seconds.
    sys.modules["torch"] = None
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", options.local_devices)
    if options.job == "survive":
        return survive(options)
    with parallel.peers_watched():
        if options.distributed:
            parallel.join(
                options.coordinator, options.num_processes, options.process_id,
                heartbeat_seconds=options.heartbeat_seconds,
            )  # fmt: skip
        job = {"compare": compare, "refuse": refuse}[options.job]
        return job(options.workdir, *([options.layout] if options.layout else [])) or 0


@dataclasses.dataclass(frozen=True)
class Worker(commands.RunOptions):
    """One process."""

    job: str = ""
    layout: str = ""
    local_devices: int = 1
    heartbeat_seconds: int = 10


if __name__ == "__main__":
    sys.exit(run("worker", {"worker": Command(Worker, main)}, sys.argv[1:]))
