"""Train an experiment in a folder: resumable to the bit, watched, and drawn."""

from gan_jax.loop.fit import Finished, fit, summary
from gan_jax.loop.log import first_bad
from gan_jax.loop.view import sample_grid

__all__ = ["Finished", "first_bad", "fit", "sample_grid", "summary"]
