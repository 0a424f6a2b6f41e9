"""An experiment on images, from what tells one paper's game from another's.

A page in `experiments/` says which networks play and by which rules. What all such pages share is
here: the data set, the settings left open, labels, evaluation, and the commands. Nothing heavy is
imported before it is needed, so that `--help` is quick.
"""

from gan_jax.image_game.game import Game, taking_turns
from gan_jax.image_game.page import Page, build, experiment, main, settled
from gan_jax.image_game.settings import ImageSettings, pyramid, small_widths

__all__ = [
    "Game",
    "ImageSettings",
    "Page",
    "build",
    "experiment",
    "main",
    "pyramid",
    "settled",
    "small_widths",
    "taking_turns",
]
