"""What is done to a run from inside its process, before it begins: see `Starter.start`."""

import dataclasses
import os
import signal
import sys
import time

import jax
import jax.numpy as jnp
import optax

from gan_jax.checkpoint import Checkpoints, saving
from gan_jax.writers import JsonlWriter
from tests import test_loop

_FILE_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir")


def die_at_operation(number, within):
    """Die at a file operation: the one of that number, of those whose path has `within` in it."""
    seen = []

    def count(event, arguments):
        if event in _FILE_EVENTS and within in str(arguments[0]):
            seen.append(event)
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def before_row(step, action):
    """Do something once, before the row of a step is written."""
    write = JsonlWriter.write

    def acting(self, now, metrics):
        if now == step:
            action()
        write(self, now, metrics)

    JsonlWriter.write = acting


def end_at_step(step, log_every):
    """Get SIGTERM while the window that ends with a step is trained, so that the run ends there."""
    before_row(step - log_every, lambda: signal.raise_signal(signal.SIGTERM))


def save_slowly(seconds):
    """Take time to seal each checkpoint, when all of it is written but not under its name yet."""
    seal = saving.seal

    def slow(folder, leaves):
        time.sleep(seconds)
        seal(folder, leaves)

    saving.seal = slow


def train_slowly(seconds):
    """Take time for each row."""
    write = JsonlWriter.write

    def slow(self, *arguments):
        time.sleep(seconds)
        write(self, *arguments)

    JsonlWriter.write = slow


def move_clock(step, seconds):
    """Set the clock, before the row of a step is written; what counts seconds goes on evenly."""
    now, now_ns = time.time, time.time_ns

    def move():
        time.time = lambda: now() + seconds
        time.time_ns = lambda: now_ns() + int(seconds * 1e9)

    before_row(step, move)


def fill_disk(folder, trigger):
    """Fill the disk of a folder, when a path with `trigger` in it is opened or made."""
    _once_at(trigger, lambda: fill(folder))


def fill_disk_at_row(folder, path):
    """Fill the disk of a folder, before a row for which its file needs more room than it has."""
    write = JsonlWriter.write

    def filling(self, step, metrics):
        if os.path.getsize(path) % 4096 > 4096 - 300 and not os.path.exists(f"{folder}/ballast"):
            fill(folder)
        write(self, step, metrics)

    JsonlWriter.write = filling


def fill(folder):
    """Write until nothing more fits."""
    with open(f"{folder}/ballast", "wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size >>= 1


def make_read_only(mount, step):
    """Make a mounted file system read-only, before the state of a step is saved in it."""
    save = Checkpoints.save

    def saving_there(self, now, *arguments):
        if now == step:
            self._wait()
            os.system(f"mount -o remount,ro '{mount}'")
        save(self, now, *arguments)

    Checkpoints.save = saving_there


def break_numbers(what, step):
    """Put a NaN into a part of the training, at a step."""
    whole = test_loop.small_experiment

    def broken(**changes):
        experiment = whole(**changes)
        return dataclasses.replace(experiment, train_step=_breaking(experiment, what, step))

    test_loop.small_experiment = broken


def _breaking(experiment, what, step):
    player, _, field = what.partition(".")

    def train_step(state, batch, *, axis_name=None):
        now = state.step == step - 1

        def poison(leaf):
            real = jnp.issubdtype(leaf.dtype, jnp.inexact)
            return jnp.where(now, jnp.nan, leaf) if real else leaf

        if what == "batch":
            batch = {**batch, "real": poison(batch["real"])}
        if field == "gradient":
            usual = getattr(state, player).tx
            broken = _with_gradients(usual, lambda gradients: jax.tree.map(poison, gradients))
            state = _changed(state, player, tx=broken)
        state, metrics = experiment.train_step(state, batch, axis_name=axis_name)
        if field == "gradient":
            state = _changed(state, player, tx=usual)
        elif field:
            broken = jax.tree.map(poison, getattr(getattr(state, player), field))
            state = _changed(state, player, **{field: broken})
        return state, metrics

    return train_step


def _with_gradients(optimizer, change):
    update = optimizer.update
    return optax.GradientTransformation(
        optimizer.init, lambda gradients, *rest: update(change(gradients), *rest)
    )


def _changed(state, player, **fields):
    return state.replace(**{player: getattr(state, player).replace(**fields)})


def _once_at(trigger, action):
    done = []

    def watch(event, arguments):
        if event in _FILE_EVENTS and trigger in str(arguments[0]) and not done:
            done.append(True)
            action()

    sys.addaudithook(watch)


def use_cache(folder):
    """Keep compiled programs and data in another folder."""
    os.environ["GAN_JAX_CACHE"] = folder
