"""Small generators to export, every weight of them telling."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import layers, train
from gan_jax.export import export_generator
from gan_jax.models import dcgan, mlp

LATENTS = 5
CLASSES = 3
# Each of model, conditional, averaged and what is computed in, with each two of the others.
NAMES = [
    "mlp", "mlp-conditional-averaged", "mlp-conditional-bfloat16", "mlp-averaged-bfloat16",
    "dcgan-averaged", "dcgan-conditional", "dcgan-bfloat16", "dcgan-conditional-averaged-bfloat16",
    "spectral",
]  # fmt: skip


class Case(NamedTuple):
    """A generator, and how the trainer draws of it."""

    generator: Any
    sampler: Any
    decoder: Any
    prior: Any
    num_classes: int

    def images(self, keys):
        """Draw as the trainer does."""
        return jax.jit(self.sampler)(self.generator, {"label": in_turn(keys)}, keys)

    def decoded(self, latents):
        """Decode as the trainer does."""
        return jax.jit(self.decoder)(self.generator, {"label": in_turn(latents)}, latents)

    def export(self, folder, **about):
        """Write the export."""
        export_generator(
            folder,
            self.generator,
            self.sampler,
            self.decoder,
            prior=self.prior,
            gaussian=True,
            num_classes=self.num_classes,
            about={"experiment": "test", **about},
        )


def in_turn(examples):
    """Return all classes in turn."""
    return jnp.arange(len(examples), dtype=jnp.int32) % CLASSES


def make(name):
    """Make the case of a name."""
    conditional = "conditional" in name
    common = dict(
        num_classes=CLASSES * conditional, dtype="bfloat16" if "bfloat16" in name else None
    )
    if name.startswith("mlp"):
        module = mlp.Generator((4, 4, 1), features=(8,), **common)
    elif name == "spectral":
        module = mlp.Generator((4, 4, 3), features=(8,), dense=layers.SpectralDense, **common)
    else:
        module = dcgan.Generator(base=2, features=(8, 4), **common)
    generator = _state(module, conditional, "averaged" in name)
    wiring = train.conditional if conditional else train.unconditional
    prior = train.normal_prior(LATENTS)
    samplers = (train.make_sampler(wiring(each)) for each in (prior, lambda latents: latents))
    return Case(generator, *samplers, prior, common["num_classes"])


def _state(module, conditional, averaged):
    """Make a player up: weights and averages of no start, which nothing has to be compiled for."""
    labels = (jnp.zeros(1, jnp.int32),) if conditional else ()

    def start(key):
        return train.create_player(
            key, module, optax.sgd(0.1), jnp.zeros((1, LATENTS)), *labels, ema=averaged
        )

    random = np.random.default_rng(0)

    def fill(tree, least=-1.0):
        return jax.tree.map(
            lambda leaf: jnp.asarray(random.uniform(least, 1.0, leaf.shape), leaf.dtype), tree
        )

    player = jax.eval_shape(start, jax.random.key(0))
    return player.replace(
        step=0,
        opt_state=(),
        params=fill(player.params),
        ema_params=fill(player.ema_params),
        model_state=fill(player.model_state, least=0.1),  # variances among them
    )
