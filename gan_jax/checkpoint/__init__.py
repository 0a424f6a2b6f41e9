"""Checkpoints that can be trusted: saved while training goes on, verified, restored bit for bit.

A saved step is a folder named after it, in which orbax keeps the arrays below `state/` and the
metrics below `metrics/`. Two files are added before orbax commits the folder by renaming it, so a
step is either there as a whole, with both of them, or not at all:

* `leaves.json`: the format's version, and the name, dtype and shape of every leaf of the state;
* `integrity.json`: the size and SHA-256 of every file, without which no step is believed.
"""

from gan_jax.checkpoint.restoring import restore_latest, restore_part
from gan_jax.checkpoint.saving import Checkpoints, best_step

__all__ = ["Checkpoints", "best_step", "restore_latest", "restore_part"]
