"""Games that fail on purpose, each in its own way, and games that do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from benchmarks import recipes
from gan_jax import data, losses, train
from gan_jax.models import mlp
from gan_jax.typing import Array, Batch, PRNGKey, TrainStep

__all__ = ["FAILING", "HEALTHY", "Game"]

BATCH = 128


class Game(NamedTuple):
    """A game, and what it is played on.

    Attributes:
      create: makes the state of a key.
      train_step: the step.
      fake: how a fake is made.
      reals: draws the examples of a step from a key.
      held_out: draws reals that are not trained on.
      steps: how many steps are played.
    """

    create: Callable[[PRNGKey], train.GANState]
    train_step: TrainStep
    fake: train.Fake
    reals: Callable[[PRNGKey], Batch]
    held_out: Callable[[PRNGKey], Batch]
    steps: int


def grid(recipe: recipes.Recipe, *, steps: int = 4000, learning_rate: float = 2e-3) -> Game:
    """Play a recipe on the grid of 25 Gaussians."""

    def reals(key: PRNGKey) -> Batch:
        return {"real": recipes.grid_points(key, BATCH * recipe.batches)}

    create, train_step = recipes.make(recipe, steps, learning_rate=learning_rate)
    fake = train.unconditional(train.normal_prior(recipes.LATENTS))
    return Game(create, train_step, fake, reals, reals, steps)


def over_trained(updates: int = 5, *, steps: int = 1000) -> Game:
    """Update the discriminator several times a step, towards logits of 0 and 1."""
    fake, loss = train.unconditional(train.normal_prior(recipes.LATENTS)), losses.least_squares
    learn = train.repeat(updates, train.discriminator_step(loss, fake))
    generate = train.last_slice(updates, train.generator_step(loss, fake))
    recipe = recipes.Recipe(lambda total: (learn, generate), batches=updates, updates=(1, updates))
    return grid(recipe, steps=steps)


def tiny_generator(*, steps: int = 2000) -> Game:
    """Let a generator of one hidden unit meet a sharp discriminator."""
    game = grid(recipes.RECIPES["non-saturating"], steps=steps)
    adam = optax.adam(optax.cosine_decay_schedule(2e-3, steps), b1=0.0, b2=0.99)
    tiny = mlp.Generator((2,), features=(1,))

    def create(key: PRNGKey) -> train.GANState:
        state, latents = game.create(key), jnp.zeros((1, recipes.LATENTS))
        return state.replace(generator=train.create_player(key, tiny, adam, latents))

    return game._replace(create=create)


def restless(*, steps: int = 2000) -> Game:
    """Play on a ring of 8 points for a critic's mean, with momentum and nothing to hold it.

    The field of that game turns: the Dirac-GAN of this loss has imaginary eigenvalues alone.
    """
    fake = train.unconditional(train.normal_prior(recipes.LATENTS))
    networks = mlp.Generator((2,), features=(64, 64)), mlp.Discriminator(features=(64, 64))
    step = alternating(losses.wasserstein, fake)
    inputs = jnp.zeros((1, recipes.LATENTS)), jnp.zeros((1, 2))
    create = partial(_players, networks, (optax.adam(1e-3, b1=0.9),) * 2, inputs)
    return Game(create, step, fake, _ring, _ring, steps)


def _ring(key: PRNGKey) -> Batch:
    place_key, noise_key = jax.random.split(key)
    angles = jax.random.randint(place_key, (BATCH,), 0, 8) * (jnp.pi / 4)
    places = 0.6 * jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1)
    return {"real": places + 0.01 * jax.random.normal(noise_key, (BATCH, 2))}


def alternating(loss: losses.AdversarialLoss, fake: train.Fake) -> TrainStep:
    """Make the step of the plain game."""
    return train.make_train_step(
        train.discriminator_step(loss, fake), train.generator_step(loss, fake)
    )


def _players(networks: Any, optimizers: Any, inputs: Any, key: PRNGKey) -> train.GANState:
    """Put two players at the start of their game."""
    state_key, *keys = jax.random.split(key, 3)
    return train.create_state(
        state_key, *map(train.create_player, keys, networks, optimizers, inputs)
    )


def digits(*, images: int | None = None, faster: float = 1.0, steps: int = 2000) -> Game:
    """Play on the 8x8 digits, or on so many of them, without a penalty.

    The generator's rate is `faster` times the discriminator's.
    """
    fake, shape = train.unconditional(train.normal_prior(32)), (8, 8, 1)
    networks = (
        mlp.Generator(shape, features=(128,) * 3),
        mlp.Discriminator(features=(128,) * 2),
    )
    adams = [optax.adam(1e-3 * factor, b1=0.0, b2=0.99) for factor in (faster, 1.0)]
    create = partial(_players, networks, adams, (jnp.zeros((1, 32)), jnp.zeros((1, *shape))))
    draws = _drawing("train", images), _drawing("test", None)
    return Game(create, alternating(losses.non_saturating, fake), fake, *draws, steps)


def recommended(steps: int = 20_000) -> Game:
    """Play on the digits what `experiments.mnist` does."""
    from experiments import mnist
    from gan_jax import image_game

    config = mnist.Config(dataset="digits", steps=steps)
    experiment = image_game.experiment(mnist.PAGE, config)
    fake = experiment.wiring(experiment.prior)
    draws = (_drawing("train", None), _drawing("test", None))
    return Game(experiment.create, experiment.train_step, fake, *draws, steps)


def _drawing(split: str, images: int | None) -> Callable[[PRNGKey], Batch]:
    """Make the function that draws 64 digits of a split, or of its first ones in a mixed order."""
    digits = data.load("digits", split=split, report=lambda line: None)
    order = jax.random.permutation(jax.random.key(0), len(digits.labels))
    chosen = data.normalize(jnp.asarray(digits.images)[order[:images]])

    def draw(key: PRNGKey) -> Batch:
        rows: Array = jax.random.randint(key, (64,), 0, len(chosen))
        return {"real": chosen[rows]}

    return draw


def _grid(name: str) -> Callable[[], Game]:
    return lambda: grid(recipes.RECIPES[name])


_HEALTHY = (
    "Wasserstein + gradient penalty",
    "hinge + spectral norm",
    "relativistic + R1 + R2, annealed",
)
FAILING: dict[str, Callable[[], Game]] = {
    "vanishing gradient": _grid("minimax, discriminator 5 times faster"),
    "discriminator wins": over_trained,
    "mode collapse": tiny_generator,
    "cycling": restless,
    "overfitting discriminator": partial(digits, images=100, steps=4000),
    "saturated outputs": partial(digits, faster=100.0),
}
HEALTHY: dict[str, Callable[[], Game]] = {
    **{name: _grid(name) for name in _HEALTHY},
    "experiments.mnist on the digits": recommended,
}
