"""A generator with styles and one without, as experiments, and folders of their runs."""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gan_jax import checkpoint, commands, train
from gan_jax.command_line import Command, run
from gan_jax.data import Dataset
from gan_jax.experiment import Experiment
from gan_jax.exploration import Space
from tests import games

SIDE = 4


class Given(NamedTuple):
    """Styles to make images of."""

    styles: Any


class Asked(NamedTuple):
    """Latents of which the styles are wanted."""

    latents: Any


class Styled(nn.Module):
    """Makes the left half of images of the first layer's style, the right of the second's."""

    @nn.compact
    def __call__(self, latents, labels=None, *, train, axis_name=None):
        if isinstance(latents, Given):
            return self.images(latents.styles)
        inputs = latents.latents if isinstance(latents, Asked) else latents
        style = nn.Dense(3, name="mapping")(inputs)
        styles = jnp.broadcast_to(style[:, None], (len(style), 2, 3))
        return styles if isinstance(latents, Asked) else self.images(styles)

    @nn.nowrap
    def images(self, styles):
        halves = [
            nn.Dense(SIDE * SIDE // 2, name=name)(styles[:, layer]).reshape(-1, SIDE, SIDE // 2, 1)
            for layer, name in enumerate(("coarse", "fine"))
        ]
        return jnp.tanh(jnp.concatenate(halves, axis=2))


def styled(prior):
    """Return the space of `Styled`'s styles."""
    return Space(
        draw=train.make_sampler(lambda network, _, keys: network(Asked(jax.vmap(prior)(keys)))),
        render=train.make_sampler(lambda network, _, styles: network(Given(styles))),
        weights=lambda params: [params[name]["kernel"] for name in ("coarse", "fine")],
    )


def load(split="train", report=print):
    """Return bright and dark images of classes in turn."""
    images = np.random.default_rng(len(split)).integers(0, 256, (6, SIDE, SIDE, 1), np.uint8)
    return Dataset("tiny", split, images, np.arange(6, dtype=np.int32) % 3, 3, ("a", "b", "c"), "")


def build(settings):
    """Make the experiment of settings: `model` is styled, plain, labelled or odd."""
    model = settings["model"]
    prior, conditional = train.normal_prior(5), model == "labelled"
    create, _, _ = games.dense_game(conditional=conditional)
    extra = {"truncated": lambda threshold: train.truncated_normal_prior(5, threshold)}
    if model == "styled":
        extra = {"truncated": lambda share: lambda key: share * prior(key), "styles": styled(prior)}
        create = create_styled
    elif model == "odd":
        prior, extra = (lambda key: {"latents": jax.random.normal(key, (5,))}), {}
    return Experiment(
        name="tiny",
        title="a tiny one",
        config=settings,
        command="python -m tiny",
        create=create,
        train_step=None,
        load=load,
        prior=prior,
        wiring=train.conditional if conditional else train.unconditional,
        gaussian=model != "odd",
        num_classes=3,
        evaluate=None,
        steps=10,
        batch_size=4,
        seed=0,
        **extra,
    )


@jax.jit
def create_styled(key):
    """Put `Styled` at its start, playing with nobody of note."""
    keys = jax.random.split(key, 3)
    latents, sgd = jnp.zeros((1, 5)), optax.sgd(0.01)
    return train.create_state(
        keys[0],
        train.create_player(keys[1], Styled(), sgd, latents, ema=True),
        train.create_player(keys[2], games.Slope(), sgd, jnp.zeros((1, 1))),
    )


def main(*words):
    """Call the program."""
    named = {
        "interpolate": (commands.Interpolate, commands.interpolate),
        "truncation": (commands.Truncation, commands.truncation),
        "directions": (commands.Directions, commands.directions),
        "invert": (commands.Invert, commands.invert),
        "mix": (commands.Mix, commands.mix),
    }

    def command(options, function):
        return Command(options, lambda parsed: function(parsed, build))

    known = {name: command(*pair) for name, pair in named.items()}
    return run("tiny", known, list(map(str, words)))


def make_run(folder, model):
    """Write a run of one checkpoint into a new folder."""
    settings = {"model": model, "conditional": model == "labelled"}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"experiment": "tiny", "config": settings}))
    with checkpoint.Checkpoints(folder / "checkpoints") as checkpoints:
        checkpoints.save(10, build(settings).create(jax.random.key(1)))
    return folder


def generator_of(folder):
    """Return the experiment and the generator of a run."""
    experiment, generator, _ = commands.load_run(folder, build)
    return experiment, generator
