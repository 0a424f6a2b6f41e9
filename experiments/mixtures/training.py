"""Train on a distribution in the plane, one GAN for each seed, and judge them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.mixtures.recipes import (
    PROGRAM,
    Common,
    check_steps,
    contents,
    make_game,
    prepare,
    repeated,
    settle,
    spell_out,
)
from gan_jax.workdir import check_out

__all__ = ["Config", "train"]


@dataclass(frozen=True)
class Config(Common):
    """Train GANs on a distribution in the plane, one for each seed, and judge them all.

    The same command again goes on where it stopped. Options left out are those of the recipe.
    Networks see the plane scaled so that the data is in [-4, 4]; weights of penalties are for that.
    """

    steps: int = 100_000
    """Training steps, a multiple of 100."""
    learning_rate: float | None = None
    """Adam's, of the discriminator; it falls to 0 by a cosine."""
    generator_rate: float | None = None
    """The generator's learning rate as a share of the discriminator's."""
    beta1: float | None = None
    """Adam's."""
    beta2: float | None = None
    """Adam's."""
    gamma: float | None = None
    """Weight of the penalties."""
    gamma_fall: float | None = None
    """What the weight is multiplied by in the course of the first 4/5 of the run."""
    clip: float | None = None
    """Bound of the discriminator's parameters (WGAN)."""
    ema: float | None = None
    """Decay of an average of the generator, which is then what is judged."""
    batch_size: int | None = None
    """Reals per update of a network."""
    width: int | None = None
    """Of the three hidden layers of either network."""
    normals: int | None = None
    """Latents that are normal."""
    signs: int | None = None
    """Latents that are -1 or 1, with which a generator need not connect the modes."""
    octaves: int | None = None
    """Fourier features that the discriminator gets of its input."""
    critic_steps: int | None = None
    """Updates of the discriminator per update of the generator."""
    pack: int | None = None
    """Samples that the discriminator judges at a time (PacGAN)."""
    json: Path | None = None
    """File for the figures, by name, one entry a seed."""
    stop_on_alarm: bool = False
    """Save and stop when an alarm starts in half of the seeds: exit code 1."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        check_steps(self.steps)


def train(config: Config) -> int:
    """Train, say how it went, and return the exit code."""
    check_out(config.json, option="--json")
    settings = settle(config.recipe, vars(config))
    prepare(config.seeds)
    from gan_jax import lab

    game = make_game(config.target, settings, config.steps)
    said = {name: getattr(config, name) for name in ("target", "steps", "seeds", "seed")} | settings
    command = spell_out(PROGRAM, Config, said)
    config_said = said | contents(config.target)
    record = {"experiment": "mixtures", "config": config_said, "command": command}
    seeds = range(config.seed, config.seed + config.seeds)
    values = repeated(settings, config.seeds)
    stop = config.stop_on_alarm
    played = lab.play(
        game, values, seeds, workdir=config.workdir, record=record, stop_on_alarm=stop
    )
    if config.json is not None:
        lab.write_figures(played, config.json)
    print(*lab.figure_lines(game, played), sep="\n")
    if played.step < config.steps:
        why = f" by an alarm, {played.alarm.name}" if played.alarm else ""
        print(f"stopped and saved at step {played.step}{why}: the same command goes on from there")
        return 1 if played.alarm is not None else 128 + (played.signal or 0)
    print(f"report: {lab.draw_page(game, played, seeds, config.workdir, record)}")
    return 0
