"""From a page in `experiments/` to a program: settings decided, the experiment made, commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gan_jax import commands
from gan_jax.command_line import run
from gan_jax.errors import UsageError
from gan_jax.image_game.game import Game
from gan_jax.image_game.standing import at_rest, make_standing
from gan_jax.settings import chosen, decided, fit_to_data, spell, usual

if TYPE_CHECKING:
    import jax

    from gan_jax.data import Dataset
    from gan_jax.evaluation import Benchmark
    from gan_jax.experiment import Experiment
    from gan_jax.train import GANState, Shown

__all__ = ["Page", "build", "experiment", "main", "settled"]


_BY_THE_DATA = ("dataset", "resolution", "channels", "classes")


class Page(NamedTuple):
    """What a page in `experiments/` gives to be run.

    Attributes:
      program: how it is called.
      options: a dataclass of `RunOptions` and the settings.
      settings: the dataclass of the settings alone, a subclass of `ImageSettings`.
      recipe: of options, what is left open becomes.
      game: of settled settings.
      benchmark: of settled settings, what there is to measure; the usual metrics if None.
    """

    program: str
    options: type
    settings: type[Any]
    recipe: Callable[[Any], Mapping[str, Any]]
    game: Callable[[Any], Game]
    benchmark: Callable[[Any], Benchmark] | None = None

    @property
    def name(self) -> str:
        """What the experiment is called."""
        return self.program.rpartition(".")[2]


def settled(page: Page, config: Any) -> tuple[dict[str, Any], list[str]]:
    """Decide the data set and the options left out.

    Args:
      page: the experiment.
      config: its options.

    Returns:
      All settings by name, and notes for people.

    Raises:
      UsageError: what was given does not go together, or there is no such data set.
      RunError: the data set can't be had.
    """
    from gan_jax import data

    if config.best_metric == "label_agreement" and not config.conditional:
        raise UsageError(
            "--best-metric is label_agreement, and no labels are asked for without --conditional"
        )
    settings, notes = chosen(page.settings, page.recipe, config)
    name, fitted = settings["dataset"], {key: settings[key] for key in ("resolution", "channels")}
    settings = fit_to_data(settings, data.load(name, split="train", **fitted))
    if settings["classes"] < 2:
        if config.conditional:
            raise UsageError(f"--conditional was given and {name} has no classes")
        notes = [*notes, f"{name} has no classes: no classifier can judge the samples"]
    return dict(sorted(settings.items())), notes


def main(page: Page, arguments: Sequence[str]) -> int:
    """Do what a command line says.

    Args:
      page: the experiment.
      arguments: the words after the program's name.

    Returns:
      The exit code.
    """
    known = commands.commands_of(page.options, partial(settled, page), partial(build, page))
    return run(page.program, known, arguments)


def build(page: Page, settings: Mapping[str, Any], notes: Sequence[str] = ()) -> Experiment:
    """Make the experiment of settled settings.

    Args:
      page: the experiment's page.
      settings: all settings by name, as `settled` returns them.
      notes: lines for the report.

    Returns:
      The experiment.

    Raises:
      UsageError: a setting is missing, unknown or out of range.
    """
    from gan_jax import data, train
    from gan_jax.evaluation import Benchmark, classifier_evaluation, make_critic
    from gan_jax.experiment import Experiment

    config = decided(page.settings, page.recipe, settings, _BY_THE_DATA)
    game = page.game(config)
    wiring = train.conditional if config.conditional else train.unconditional
    shown: Shown = train.with_labels if config.conditional else train.alone
    looked_at = shown if game.packs == 1 else _in_packs(game.packs, shown)
    sampled, truncated = game.sampled or game.prior, game.truncated and cache(game.truncated)
    standing = make_standing(config, game, wiring)
    load: Callable[..., Dataset] = partial(
        data.load, config.dataset, resolution=config.resolution, channels=config.channels
    )

    evaluate = classifier_evaluation(
        load,
        train.make_sampler(wiring(sampled)),
        conditional=config.conditional,
        seed=config.seed,
        truncated=truncated and (lambda limit: train.make_sampler(wiring(truncated(limit)))),
        standing=standing and at_rest(standing, sampled, truncated),
        critic=make_critic(looked_at),
        benchmark=page.benchmark(config) if page.benchmark else Benchmark(),
    )
    return Experiment(
        name=page.name,
        title=f"{game.name or page.name} on {_title(config.dataset)}"
        + ", conditional" * config.conditional,
        config=dict(settings),
        command=spell(page.program, settings, usual(page.settings, page.recipe, config)),
        create=partial(_initial_state, config, game),
        train_step=train.make_train_step(*game.steps(wiring(game.prior), shown)),
        load=load,
        prior=sampled,
        wiring=wiring,
        gaussian=game.gaussian,
        num_classes=config.classes,
        evaluate=evaluate if config.classes > 1 else None,
        best_metric=config.best_metric,
        shown=looked_at,
        steps=config.steps,
        batch_size=config.batch_size * game.batches,
        group=game.batches,
        evaluate_every=max(1000, config.steps // 5000 * 1000),
        seed=config.seed,
        log_every=game.log_every,
        truncated=truncated,
        styles=game.styles and game.styles(wiring(sampled)),
        standing=standing,
        notes=tuple(notes),
    )


def experiment(page: Page, config: Any) -> Experiment:
    """Make the experiment of options, some of them left open.

    Args:
      page: the experiment's page.
      config: its options.

    Returns:
      The experiment.

    Raises:
      UsageError: what was given does not go together, or there is no such data set.
      RunError: the data set can't be had.
    """
    return build(page, *settled(page, config))


def _in_packs(packs: int, shown: Shown) -> Shown:
    """Show a discriminator of packs single examples, as far as they fill packs."""
    from gan_jax import train

    def packed(discriminator: Any, sample: Any, batch: Any) -> jax.Array:
        whole = len(sample) - len(sample) % packs
        return shown(discriminator, train.pack(packs, sample[:whole]), batch)

    return packed


def _title(dataset: str) -> str:
    return os.path.basename(dataset) or dataset


def _initial_state(config: Any, game: Game, key: jax.Array) -> GANState:
    """Put both players at the start of the game."""
    import jax
    import jax.numpy as jnp

    from gan_jax import train

    generator_key, discriminator_key, state_key, latent_key = jax.random.split(key, 4)
    latents = jax.vmap(game.prior)(latent_key[None])
    channels = config.channels * game.packs
    images = jnp.zeros((1, config.resolution, config.resolution, channels))
    labels = (jnp.zeros(1, jnp.int32),) if config.conditional else ()
    of_generator, of_discriminator = game.optimizers
    return train.create_state(
        state_key,
        train.create_player(
            generator_key, game.generator, of_generator, latents, *labels, ema=game.ema
        ),
        train.create_player(
            discriminator_key, game.discriminator, of_discriminator, images, *labels
        ),
        moving=game.moving,
    )
