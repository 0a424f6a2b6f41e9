"""Training: state, wiring, steps, and the combinators that make a recipe of them."""

from gan_jax.train.combinators import chain, every, last_slice, make_train_step, repeat, scan_steps
from gan_jax.train.gradients import average, gather, value_and_gradients
from gan_jax.train.joint import shared_forward_step, simultaneous_step
from gan_jax.train.network import Network
from gan_jax.train.priors import Prior, example_keys, normal_prior, uniform_prior
from gan_jax.train.sampling import make_sampler
from gan_jax.train.state import GANState, TrainState, create_player, create_state
from gan_jax.train.steps import discriminator_step, ema_step, generator_step
from gan_jax.train.wiring import Fake, Shown, alone, conditional, unconditional, with_labels

__all__ = [
    "Fake",
    "GANState",
    "Network",
    "Prior",
    "Shown",
    "TrainState",
    "alone",
    "average",
    "chain",
    "conditional",
    "create_player",
    "create_state",
    "discriminator_step",
    "ema_step",
    "every",
    "example_keys",
    "gather",
    "generator_step",
    "last_slice",
    "make_sampler",
    "make_train_step",
    "normal_prior",
    "repeat",
    "scan_steps",
    "shared_forward_step",
    "simultaneous_step",
    "unconditional",
    "uniform_prior",
    "value_and_gradients",
    "with_labels",
]
