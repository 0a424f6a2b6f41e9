"""Training: state, wiring, steps, and the combinators that make a recipe of them."""

from gan_jax.train.averaging import ema_step, half_life_decay
from gan_jax.train.batches import changing, drawing, mixing_reals
from gan_jax.train.combinators import (
    after,
    chain,
    every,
    last_slice,
    make_train_step,
    repeat,
    scan_steps,
)
from gan_jax.train.dynamics import extragradient, unroll
from gan_jax.train.gradients import average, gather, value_and_gradients
from gan_jax.train.joint import consensus_step, shared_forward_step, simultaneous_step
from gan_jax.train.network import Network
from gan_jax.train.optimizers import historical_averaging, lazy_adam
from gan_jax.train.packing import pack, packed_fakes, packed_step
from gan_jax.train.population import (
    Member,
    Spread,
    one_by_one,
    over_devices,
    population,
    seed_keys,
    usual_spread,
    vectorized,
)
from gan_jax.train.priors import (
    Prior,
    example_keys,
    join_priors,
    normal_prior,
    sign_prior,
    truncate,
    truncated_normal_prior,
    uniform_prior,
)
from gan_jax.train.regularization import clip_step, lazy_penalty_step, path_length_step
from gan_jax.train.replay import Pool, exchange, pooled_step, start_pool
from gan_jax.train.running import (
    running_average,
    running_balance,
    running_probability,
    state_dependent,
    with_running,
)
from gan_jax.train.sampling import make_sampler
from gan_jax.train.standing import standing_statistics
from gan_jax.train.state import GANState, TrainState, create_player, create_state
from gan_jax.train.steps import discriminator_step, generator_step
from gan_jax.train.wiring import (
    Fake,
    Shown,
    alone,
    beside_source,
    conditional,
    translating,
    unconditional,
    with_labels,
)

__all__ = [
    "Fake",
    "GANState",
    "Member",
    "Network",
    "Pool",
    "Prior",
    "Shown",
    "Spread",
    "TrainState",
    "after",
    "alone",
    "average",
    "beside_source",
    "chain",
    "changing",
    "clip_step",
    "conditional",
    "consensus_step",
    "create_player",
    "create_state",
    "discriminator_step",
    "drawing",
    "ema_step",
    "every",
    "example_keys",
    "exchange",
    "extragradient",
    "gather",
    "generator_step",
    "half_life_decay",
    "historical_averaging",
    "join_priors",
    "last_slice",
    "lazy_adam",
    "lazy_penalty_step",
    "make_sampler",
    "make_train_step",
    "mixing_reals",
    "normal_prior",
    "one_by_one",
    "over_devices",
    "pack",
    "packed_fakes",
    "packed_step",
    "path_length_step",
    "pooled_step",
    "population",
    "repeat",
    "running_average",
    "running_balance",
    "running_probability",
    "scan_steps",
    "seed_keys",
    "shared_forward_step",
    "sign_prior",
    "simultaneous_step",
    "standing_statistics",
    "start_pool",
    "state_dependent",
    "translating",
    "truncate",
    "truncated_normal_prior",
    "unconditional",
    "uniform_prior",
    "unroll",
    "usual_spread",
    "value_and_gradients",
    "vectorized",
    "with_labels",
    "with_running",
]
