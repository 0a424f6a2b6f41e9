"""A GAN on handwritten digits (or clothes), from the first loss to a page of pictures.

    python -m experiments.mnist
    python -m experiments.mnist --conditional --workdir runs/conditional
    python -m experiments.mnist sample --workdir runs/mnist

Reference:
  Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661, whose
  MNIST game this is; with the relativistic pairing loss and both zero-centred gradient penalties of
  Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024,
  https://arxiv.org/abs/2501.05441, unless `--model dcgan` asks for Radford et al., 2015.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands
from gan_jax.command_line import Command, require, run
from gan_jax.errors import UsageError

if TYPE_CHECKING:
    import jax
    from flax import linen as nn

    from gan_jax.experiment import Experiment

Model = Literal["mlp", "dcgan", "dcgan-gpu"]


@dataclass(frozen=True)
class Config:
    """Train a generator and a discriminator on small images, and make a page of the run.

    The same command again goes on where it stopped. Options left out take the value that suits the
    model and the data set; config.json in the run's folder has them all.
    """

    workdir: Path = Path("runs/mnist")
    """Folder of the run."""
    dataset: Literal["auto", "mnist", "fashion_mnist", "digits"] = "auto"
    """Data set; auto takes MNIST if it can be had, else the 8x8 digits that need no network."""
    model: Model = "mlp"
    """mlp: best pictures in minutes on a CPU. dcgan: the 2015 paper's networks, loss and settings.
    dcgan-gpu: wider convolutional networks with the modern loss, for a GPU."""
    conditional: bool = False
    """Train with labels, so that a class can be asked for."""
    steps: int | None = None
    """Training steps."""
    batch_size: int | None = None
    """Real images per step, over all devices."""
    features: int | None = None
    """Width of the hidden layers, or channels of the convolution nearest the image."""
    learning_rate: float | None = None
    """Adam's learning rate, of both players."""
    gamma: tuple[float, float] | None = None
    """Strength of the R1 and R2 penalties, at the start and from 4/5 of the run on."""
    seed: int = 0
    """Seed of everything random."""
    devices: int | None = None
    """How many devices to use; all there are if not given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("steps", "batch_size", "features", "devices"):
            value = getattr(self, name)
            require(value is None or value >= 1, name, value, "a whole number of at least 1")
        rate, gamma = self.learning_rate, self.gamma
        require(rate is None or 0 < rate <= 1, "learning_rate", rate, "above 0 and at most 1")
        require(gamma is None or min(gamma) > 0, "gamma", gamma, "two numbers above 0")
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


_SHAPES = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "digits": (8, 8, 1)}
_RECIPES: dict[tuple[Model, bool], dict[str, Any]] = {
    # (model, 8x8 digits?): what the options left out become.
    ("mlp", True): dict(
        steps=20_000, batch_size=64, features=256, learning_rate=1e-3, gamma=(0.3, 0.03)
    ),
    ("mlp", False): dict(
        steps=60_000, batch_size=64, features=256, learning_rate=1e-3, gamma=(1.0, 0.1)
    ),
    ("dcgan", True): dict(steps=3_000, batch_size=128, features=64, learning_rate=2e-4),
    ("dcgan", False): dict(steps=3_000, batch_size=128, features=64, learning_rate=2e-4),
    ("dcgan-gpu", True): dict(
        steps=20_000, batch_size=256, features=128, learning_rate=2e-4, gamma=(0.3, 0.03)
    ),
    ("dcgan-gpu", False): dict(
        steps=60_000, batch_size=256, features=128, learning_rate=2e-4, gamma=(1.0, 0.1)
    ),
}


def settled(config: Config) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Decide the data set and the options left out; return all settings and notes for people."""
    notes: tuple[str, ...] = ()
    name: str = config.dataset
    if name == "auto" and (config.workdir / "config.json").exists():
        name = str(commands.read_config(config.workdir)["config"].get("dataset"))
    elif name == "auto":
        from gan_jax import data

        dataset, why = data.load_auto()
        name, notes = dataset.name, (why,)
        print(why)
    if name not in _SHAPES:
        raise UsageError(f"{config.workdir}/config.json has dataset {name!r}: name a new --workdir")
    given = dataclasses.asdict(config)
    for how_not_what in ("workdir", "devices"):
        del given[how_not_what]
    recipe = _RECIPES[config.model, name == "digits"]
    if config.gamma is not None and "gamma" not in recipe:
        raise UsageError("--gamma was given: --model dcgan, as in the paper, has no penalty")
    missing = {key: value for key, value in recipe.items() if given[key] is None}
    return {**given, **missing, "dataset": name}, notes


def build(settings: dict[str, Any], notes: tuple[str, ...] = ()) -> Experiment:
    """Make the experiment of settled settings."""
    import jax
    import optax

    from gan_jax import data, losses, train
    from gan_jax.evaluation import classifier_evaluation
    from gan_jax.experiment import Experiment
    from gan_jax.penalties import r1_penalty, r2_penalty, weighted

    config = Config(**settings)
    name, steps, rate = settings["dataset"], settings["steps"], settings["learning_rate"]
    generator, discriminator = networks(config, _SHAPES[name])
    conditional = config.conditional
    wiring = train.conditional if conditional else train.unconditional
    shown = train.with_labels if conditional else train.alone

    if config.model == "dcgan":
        loss, penalties, ema = losses.non_saturating, (), ()
        prior = train.uniform_prior(100)
        optimizer = optax.adam(rate, b1=0.5)
    else:
        start, end = settings["gamma"]
        gamma = optax.exponential_decay(start, max(1, steps * 4 // 5), end / start, end_value=end)
        loss = losses.relativistic
        penalties = (weighted(gamma, r1_penalty), weighted(gamma, r2_penalty))
        ema = (train.ema_step(0.999),)
        prior = train.normal_prior(64)
        optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps), b1=0.0, b2=0.99)

    def create(key: jax.Array) -> train.GANState:
        generator_key, discriminator_key, state_key = jax.random.split(key, 3)
        latents = prior(generator_key)[None]
        images = jax.numpy.zeros((1, *_SHAPES[name]))
        labels = (jax.numpy.zeros(1, jax.numpy.int32),) if conditional else ()
        return train.create_state(
            state_key,
            train.create_player(
                generator_key, generator, optimizer, latents, *labels, ema=bool(ema)
            ),
            train.create_player(discriminator_key, discriminator, optimizer, images, *labels),
        )

    fake, load = wiring(prior), partial(data.load, name)
    return Experiment(
        name="mnist",
        title=f"{config.model} GAN on {name}" + (", class-conditional" if conditional else ""),
        config=settings,
        command=command(settings),
        create=create,
        train_step=train.make_train_step(
            train.discriminator_step(loss, fake, shown=shown, penalties=penalties),
            train.generator_step(loss, fake, shown=shown),
            *ema,
        ),
        load=load,
        prior=prior,
        wiring=wiring,
        num_classes=10,
        evaluate=classifier_evaluation(
            load, train.make_sampler(fake), conditional=conditional, seed=config.seed
        ),
        evaluate_every=max(1000, steps // 5000 * 1000),
        steps=steps,
        batch_size=settings["batch_size"],
        seed=config.seed,
        # On a CPU, XLA runs convolutions inside a loop many times slower than outside.
        scan=config.model == "mlp" or jax.default_backend() != "cpu",
        notes=notes,
    )


def networks(config: Config, shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of a model for images of a shape."""
    from gan_jax import layers, models

    assert config.features is not None
    width, classes = config.features, 10 if config.conditional else 0
    if config.model == "mlp":
        return (
            models.mlp.Generator(shape, features=(width,) * 3, num_classes=classes),
            models.mlp.Discriminator(features=(width,) * 2, num_classes=classes),
        )
    norm = {} if config.model == "dcgan" else {"norm": layers.no_norm}
    return (
        models.dcgan.Generator(
            base=shape[0] // 4,
            features=(2 * width, width),
            channels=shape[2],
            num_classes=classes,
            **norm,
        ),
        models.dcgan.Discriminator(features=(width, 2 * width), num_classes=classes, **norm),
    )


def command(settings: dict[str, Any]) -> str:
    """Return the command that makes a run of these settings."""
    recipe = _RECIPES[settings["model"], settings["dataset"] == "digits"]
    usual = {field.name: field.default for field in dataclasses.fields(Config)} | recipe
    words = ["python -m experiments.mnist"]
    for name, value in settings.items():
        if value == usual[name] or (name == "gamma" and tuple(value) == usual[name]):
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words += [str(v) for v in value] if name == "gamma" else [str(value)]
    return " ".join(words)


def train(config: Config) -> int:
    """Train, and return the exit code."""
    settings, notes = settled(config)
    import jax

    from gan_jax import loop

    loop.use_compilation_cache()
    devices = jax.local_devices()
    if config.devices is not None:
        accepted = f"from 1 to the {len(devices)} there are"
        require(config.devices <= len(devices), "devices", config.devices, accepted)
        devices = devices[: config.devices]
    finished = loop.fit(build(settings, notes), config.workdir, devices=devices)
    print(*loop.summary(finished), sep="\n")
    return 0 if finished.signal is None else 128 + finished.signal


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    on_run = partial(partial, build=build)
    return run(
        "python -m experiments.mnist",
        {
            "train": Command(Config, train),
            "sample": Command(commands.Sample, on_run(commands.sample)),
            "evaluate": Command(commands.Evaluate, on_run(commands.evaluate)),
            "interpolate": Command(commands.Interpolate, on_run(commands.interpolate)),
        },
        sys.argv[1:] if arguments is None else arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
