"""Film games in the plane, for a page that plays them back in a browser."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from experiments.mixtures.recipes import (
    PROGRAM,
    RECIPES,
    make_game,
    numbers,
    settle,
)
from gan_jax.command_line import require
from gan_jax.settings import spell
from gan_jax.workdir import check_out

__all__ = ["Lab", "film"]

# Logits whose level has no meaning.
RELATIVE = ("relativistic", "relativistic_average", "wasserstein", "least_squares")
REALS = 500


@dataclass(frozen=True)
class Lab:
    """Write one HTML file that plays training back: data, fakes, discriminator, manifold.

    It needs no network and no other file.
    """

    out: Path = Path("runs/lab.html")
    """The page."""
    target: str = "grid"
    """grid, ring, line, clusters, spiral, moons, checkerboard or a file, as for training."""
    recipes: tuple[str, ...] = ("non-saturating", "relativistic")
    """What to compare, two at a time."""
    steps: int = 20_000
    """Training steps, a multiple of the frames."""
    frames: int = 200
    """How many frames."""
    seed: int = 0
    """Seed of everything random."""
    signs: int | None = None
    """Latents that are -1 or 1, in place of the recipe's; the manifold has a sheet for each of some
    of them, and is whole with 0."""
    generator_rate: float | None = None
    """The generator's learning rate as a share of the discriminator's, in place of the recipe's."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        accepted = f"one or more of {', '.join(RECIPES)}, once each"
        known = bool(self.recipes) and set(self.recipes) <= set(RECIPES)
        once = len(set(self.recipes)) == len(self.recipes)
        require(known and once, "recipes", " ".join(self.recipes), accepted)
        require(1 <= self.frames <= 10_000, "frames", self.frames, "from 1 to 10000")
        fits = 1 <= self.steps <= 2_000_000_000 and self.steps % self.frames == 0
        accepted = f"a multiple of the {self.frames} frames, at most 2 billion"
        require(fits, "steps", self.steps, accepted)
        require(0 <= self.seed < 2**32, "seed", self.seed, "from 0 to 4294967295")


def film(options: Lab) -> int:
    """Play every recipe, write the page, and return the exit code."""
    check_out(options.out)
    import jax
    import numpy as np

    from gan_jax import lab
    from gan_jax.compilation import use_compilation_cache
    from gan_jax.writers import Progress

    use_compilation_cache()
    recordings = []
    for recipe in options.recipes:
        given = {"signs": options.signs, "generator_rate": options.generator_rate}
        settings = settle(recipe, given)
        game = make_game(options.target, settings, options.steps)
        with closing(Progress(options.steps)) as progress:
            progress.message(f"{recipe}: {options.steps:,} steps")
            recordings.append(
                lab.film(
                    game,
                    numbers(settings),
                    jax.random.key(options.seed),
                    name=recipe,
                    frames=options.frames,
                    relative=settings["loss"] in RELATIVE,
                    report=progress.update,
                )
            )
    said = {name: getattr(options, name) for name in vars(options) if name != "out"}
    usual = {name: getattr(Lab, name) for name in said}
    distribution = game.distribution
    lab.write_lab(
        recordings,
        np.asarray(distribution.sample(lab.reference_key(options.seed), REALS)),
        options.out,
        extent=lab.MARGIN * distribution.extent,
        title=f"GANs on {distribution.name}",
        command=spell(f"{PROGRAM} lab", said, usual),
        centres=distribution.modes.centres if distribution.modes else None,
    )
    print(f"page: {options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")
    return 0
