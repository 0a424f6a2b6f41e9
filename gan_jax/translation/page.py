"""From a page in `experiments/` to a program: settings decided, the experiment made, commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from gan_jax import commands
from gan_jax.command_line import require, run
from gan_jax.settings import chosen, decided, fit_to_data, from_json, spell, usual
from gan_jax.translation.game import Translation

if TYPE_CHECKING:
    import jax
    import numpy as np

    from gan_jax.data import Dataset
    from gan_jax.experiment import Experiment
    from gan_jax.train import GANState, TrainState

__all__ = ["Page", "build", "experiment", "main", "settled"]

_BY_THE_DATA = ("dataset", "resolution", "channels", "classes", "best_metric")
_OF_PAIRS = get_args(commands.PairedName)
_EXAMPLES, _ACROSS = 32, 4


class Page(NamedTuple):
    """What a page in `experiments/` gives to be run.

    Attributes:
      program: how it is called.
      options: a dataclass of `RunOptions` and the settings.
      settings: the dataclass of the settings alone, a subclass of `TranslationSettings`.
      recipe: of options, what is left open becomes.
      load: `(config, split=, report=)` loads a split of the task, `data.Pairs` or `data.Unpaired`.
      game: of settled settings.
    """

    program: str
    options: type
    settings: type[Any]
    recipe: Callable[[Any], Mapping[str, Any]]
    load: Callable[..., Dataset]
    game: Callable[[Any], Translation]

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
    from gan_jax.evaluation import Held

    settings, notes = chosen(page.settings, page.recipe, config)
    images = page.load(from_json(page.settings, settings), split="train", report=print)
    settings = fit_to_data(settings, images)
    classes, pairs = settings["classes"], isinstance(images, data.Pairs)
    if settings["best_metric"] is None:
        settings["best_metric"] = "ssim" if pairs and classes < 2 else "frechet_distance"
    _check_best(settings["best_metric"], pairs, classes)
    if classes < 2:
        why = f"{settings['dataset']} has no classes: no classifier can judge the translations"
        notes = [*notes, why]
    settings["channels"] = max(settings["channels"], Held.of(images).sources.shape[3])
    return dict(sorted(settings.items())), notes


def _check_best(metric: str, pairs: bool, classes: int) -> None:
    """Refuse to choose by what can't be measured."""
    if metric in _OF_PAIRS:
        require(pairs, "best_metric", metric, "another one: this task has no pairs")
    elif classes < 2:
        accepted = "l1_distance, psnr or ssim" if pairs else "left out"
        left_out = not pairs and metric == "frechet_distance"  # as it is settled
        require(left_out, "best_metric", metric, f"{accepted}: the images have no classes")


def main(page: Page, arguments: Sequence[str]) -> int:
    """Do what a command line says.

    Args:
      page: the experiment.
      arguments: the words after the program's name.

    Returns:
      The exit code.
    """
    known = commands.translating_commands(
        page.options, partial(settled, page), partial(build, page)
    )
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
    from gan_jax import train
    from gan_jax.evaluation import translation_evaluation
    from gan_jax.experiment import Experiment

    config = decided(page.settings, page.recipe, settings, _BY_THE_DATA)
    game = page.game(config)
    load = partial(page.load, config, report=print)
    judged = config.classes > 1 or config.best_metric in _OF_PAIRS
    return Experiment(
        name=page.name,
        title=f"{page.name} on {os.path.basename(config.dataset) or config.dataset}",
        config=dict(settings),
        command=spell(page.program, settings, usual(page.settings, page.recipe, config)),
        create=partial(_initial_state, game),
        train_step=train.make_train_step(*game.steps),
        load=load,
        prior=lambda key: key,
        wiring=lambda prior: game.fake,
        gaussian=False,
        num_classes=config.classes,
        evaluate=translation_evaluation(
            load,
            game.translator.forward,
            backward=game.translator.backward,
            baseline=game.baseline,
            seed=config.seed,
        )
        if judged
        else None,
        best_metric=config.best_metric,
        shown=game.shown,
        prepare=game.prepare,
        translator=game.translator,
        picture=partial(_picture, load, game),
        steps=config.steps,
        batch_size=config.batch_size,
        evaluate_every=max(1000, config.steps // 5000 * 1000),
        seed=config.seed,
        log_every=game.log_every,
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


def _initial_state(game: Translation, key: jax.Array) -> GANState:
    """Put both players at the start of the game."""
    import jax

    from gan_jax import train

    generator_key, discriminator_key, state_key = jax.random.split(key, 3)
    of_generator, of_discriminator = game.optimizers
    sources, images = game.inputs
    return train.create_state(
        state_key,
        train.create_player(generator_key, game.generator, of_generator, *sources, ema=game.ema),
        train.create_player(discriminator_key, game.discriminator, of_discriminator, *images),
        moving=game.moving,
    )


def _picture(
    load: Callable[..., Dataset], game: Translation, key: jax.Array
) -> Callable[[TrainState], np.ndarray]:
    """Make the function that shows held-out sources, what they become, and what they should be."""
    import jax

    from gan_jax import report
    from gan_jax.evaluation import Held, bytes_to_bytes, translate_images

    held = Held.of(load(split="test", report=lambda line: None)).first(_EXAMPLES)
    sources, translator = held.sources, game.translator
    there = bytes_to_bytes(translator.forward)
    back = None if translator.backward is None else bytes_to_bytes(translator.backward)
    keys = jax.random.split(key)

    def draw(generator: TrainState) -> np.ndarray:
        columns = [sources, translate_images(there, generator, sources, keys[0])]
        if held.targets is not None:
            columns.append(held.targets)
        elif back is not None:
            columns.append(translate_images(back, generator, columns[-1], keys[1]))
        return report.draw_beside(*columns, times=_ACROSS)

    return draw
