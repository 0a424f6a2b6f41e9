"""Train one family on one data set with several seeds, and measure what each came to.

    python -m benchmarks.family dcgan mnist 0 1 2

Every run is the one of the family's page in `experiments/` with its default settings, without the
folder, pictures and checkpoints. All seeds share one compiled program. A process of its own, so
that its memory is the family's. Every line of output is a seed's row.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments import (
    biggan,
    dcgan,
    lsgan,
    mnist,
    r3gan,
    sagan,
    sngan,
    stylegan2,
    vanilla,
    wgan,
)
from gan_jax import image_game, report
from gan_jax.compilation import use_compilation_cache
from gan_jax.evaluation import Request
from gan_jax.loop.dispatch import Run, make_run
from gan_jax.loop.feed import make_feed

if TYPE_CHECKING:
    from gan_jax.data import Dataset
    from gan_jax.experiment import Experiment
    from gan_jax.train import GANState, TrainState
    from gan_jax.typing import Metrics

__all__ = ["FAMILIES", "IMAGES", "METRICS", "Family", "measure", "played", "started"]

IMAGES = 12_800
METRICS = ("frechet_distance", "precision", "recall", "class_kl", "classes_covered")
DRAWN = 48


class Family(NamedTuple):
    """A family that is compared.

    Attributes:
      page: its page in `experiments/`.
      options: of the page that are not its defaults.
    """

    page: ModuleType
    options: Mapping[str, Any] = MappingProxyType({})


FAMILIES = {
    "mlp": Family(mnist, {"steps": 8000}),  # fewer than its own, to take as long as the others
    "vanilla": Family(vanilla),
    "dcgan": Family(dcgan),
    "lsgan": Family(lsgan),
    "wgan, clipping": Family(wgan, {"bound": "clipping"}),
    "wgan, penalty": Family(wgan),
    "sngan": Family(sngan),
    "sagan": Family(sagan),
    "biggan": Family(biggan),
    "stylegan2": Family(stylegan2),
    "r3gan": Family(r3gan, {"steps": 800}),  # as few for the same reason
}


class Played(NamedTuple):
    """What a stretch of training came to.

    Attributes:
      state: at its end.
      seconds: it took, by the clock.
    """

    state: GANState
    seconds: float


def started(create: Callable[[Any], GANState], seed: int) -> GANState:
    """Make the state that a run starts with.

    Args:
      create: of a key, as an experiment has it.
      seed: of the run.

    Returns:
      The state.
    """
    create_key, *_ = jax.random.split(jax.random.key(seed), 3)
    return create(create_key)


def played(
    experiment: Experiment, run: Run, dataset: Dataset, state: GANState, *, seed: int, until: int
) -> Played:
    """Train up to a step, as the experiment's own command does.

    Args:
      experiment: what is trained.
      run: what `make_run` made of it.
      dataset: the training data.
      state: where to go on from; donated.
      seed: of the data's order.
      until: the step to stop at.

    Returns:
      The state, and how long it took.

    Raises:
      FloatingPointError: a metric is not finite.
    """
    _, data_key, _ = jax.random.split(jax.random.key(seed), 3)
    feed = make_feed(dataclasses.replace(experiment, steps=until), dataset, data_key, _devices())
    metrics: Metrics = {}
    began = time.perf_counter()
    with closing(feed(int(state.step))) as batches:
        for _, batch in batches:
            state, metrics = run(state, batch)
            jax.block_until_ready(metrics)
    seconds = time.perf_counter() - began
    if not all(np.isfinite(values).all() for values in metrics.values()):
        raise FloatingPointError(f"{experiment.title}, seed {seed}: not finite by step {until}")
    return Played(state, seconds)


def measure(
    name: str,
    dataset: str,
    seeds: Sequence[int],
    *,
    pictures: Path | None = None,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Train a family with several seeds, and measure each.

    Args:
      name: of the family.
      dataset: what it is trained on.
      seeds: of the runs.
      pictures: a folder for samples of the first seed.
      **options: of the page, in place of its defaults.

    Yields:
      A row for each seed: what decided the run, what it cost, and its figures, those of
      `METRICS` at the end and the Fréchet distance after `IMAGES` images.
    """
    family = FAMILIES[name]
    config = family.page.Config(dataset=dataset, **family.options, **options)
    experiment = image_game.experiment(family.page.PAGE, config)
    train = experiment.load(split="train", report=_say)
    run = make_run(experiment, _devices())
    create = jax.jit(experiment.create)
    early = min(-(-IMAGES // experiment.batch_size), experiment.steps)
    began = time.perf_counter()
    played(experiment, run, train, started(create, 0), seed=0, until=experiment.log_every)
    warm = time.perf_counter() - began
    for seed in seeds:
        first = played(experiment, run, train, started(create, seed), seed=seed, until=early)
        on_the_way = _figures(experiment, first.state.generator, early, seed, METRICS[:1])
        rest = played(experiment, run, train, first.state, seed=seed, until=experiment.steps)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        generator = rest.state.generator
        if pictures is not None and seed == seeds[0]:
            _draw(experiment, generator, pictures / f"{dataset}-{name.replace(', ', '-')}.png")
        yield {
            "family": name,
            "dataset": dataset,
            "seed": seed,
            "command": experiment.command,
            "steps": experiment.steps,
            "batch_size": experiment.batch_size,
            "parameters": [_count(player) for player in (generator, rest.state.discriminator)],
            "seconds": round(first.seconds + rest.seconds, 2),
            "start_seconds": round(warm, 1),
            "megabytes": round(memory),
            "early_steps": early,
            "early": on_the_way,
            "figures": _figures(experiment, generator, experiment.steps, seed, METRICS),
        }


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # standard output is for the rows alone


def _devices() -> Sequence[jax.Device]:
    return jax.devices()[:1]


def _count(player: TrainState) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(player.params))


def _figures(
    experiment: Experiment, generator: TrainState, step: int, seed: int, names: Sequence[str]
) -> dict[str, list[float | None]]:
    """Return figures by name, each with that of real images."""
    assert experiment.evaluate is not None
    request = Request(metrics=tuple(names), seeds=(seed,))
    found = experiment.evaluate(generator, step, request=request, report=_say).figures
    return {each.metric: [each.value, each.floor] for each in reversed(found)}


def _draw(experiment: Experiment, generator: TrainState, path: Path) -> None:
    """Draw samples, in the classes' order where they have classes."""
    labels = jnp.arange(DRAWN, dtype=jnp.int32) * experiment.num_classes // DRAWN
    keys = jax.random.split(jax.random.key(0), DRAWN)
    images = jax.jit(experiment.sampler)(generator, {"label": labels}, keys)
    report.save_png(path, report.image_grid(np.asarray(images), columns=8))


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments name, and print a row for each seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=FAMILIES)
    parser.add_argument("dataset")
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--pictures", type=Path)
    asked = vars(parser.parse_args(arguments))
    use_compilation_cache()
    for row in measure(asked.pop("name"), asked.pop("dataset"), asked.pop("seeds"), **asked):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
