"""An experiment that makes images of others, from what tells one paper's game from another's.

As `gan_jax.image_game` is for images of latents: a page in `experiments/` says which networks play,
by which rules and on which task; data, settings left open, evaluation and commands are here.
Nothing heavy is imported before it is needed, so that `--help` is quick.
"""

from gan_jax.translation.cycle import (
    both_domains,
    both_ways,
    cycle_game,
    cycle_steps,
    one_way,
)
from gan_jax.translation.features import classifier_features
from gan_jax.translation.game import (
    Translation,
    decayed,
    one_by_one,
    per_example,
    unseen,
    untranslated,
)
from gan_jax.translation.jittering import check_jitter, jitter_apart, jitter_pairs
from gan_jax.translation.page import Page, build, experiment, main, settled
from gan_jax.translation.settings import CycleSettings, TranslationSettings, check_weights

__all__ = [
    "CycleSettings",
    "Page",
    "Translation",
    "TranslationSettings",
    "both_domains",
    "both_ways",
    "build",
    "check_jitter",
    "check_weights",
    "classifier_features",
    "cycle_game",
    "cycle_steps",
    "decayed",
    "experiment",
    "jitter_apart",
    "jitter_pairs",
    "main",
    "one_by_one",
    "one_way",
    "per_example",
    "settled",
    "unseen",
    "untranslated",
]
