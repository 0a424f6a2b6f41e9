"""What can be played in the plane: names of settings, and the game they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.command_line import require
from gan_jax.errors import UsageError
from gan_jax.files import sha256_of
from gan_jax.settings import spell

if TYPE_CHECKING:
    from gan_jax.data import Distribution
    from gan_jax.lab import Game
    from gan_jax.losses import AdversarialLoss
    from gan_jax.typing import Array

__all__ = [
    "NUMBERS",
    "PROGRAM",
    "RECIPES",
    "SHAPES",
    "USUAL",
    "Common",
    "check",
    "check_steps",
    "distribution",
    "known_pairs",
    "make_game",
    "numbers",
    "prepare",
    "repeated",
    "settle",
    "spell_out",
]

PROGRAM = "python -m experiments.mixtures"
USUAL: dict[str, Any] = dict(
    loss="relativistic", penalties=("r1_penalty", "r2_penalty"), gamma=20.0, gamma_fall=5e-5,
    learning_rate=2e-3, generator_rate=0.25, beta1=0.0, beta2=0.99, clip=None, ema=None,
    batch_size=128, width=64, normals=2, signs=10, octaves=4, critic_steps=1, pack=1,
    spectral=False,
)  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "relativistic": {},
    "non-saturating": dict(loss="non_saturating", penalties=()),
    "non-saturating-r1": dict(loss="non_saturating", penalties=("r1_penalty",)),
    "minimax": dict(loss="minimax", penalties=()),
    "least-squares": dict(loss="least_squares", penalties=()),
    "hinge-spectral": dict(loss="hinge", penalties=(), spectral=True),
    "wasserstein-clip": dict(loss="wasserstein", penalties=(), clip=0.1, critic_steps=5),
    "wasserstein-gp": dict(
        loss="wasserstein", penalties=("gradient_penalty",), gamma=0.1, gamma_fall=1.0
    ),
    "pacgan": dict(loss="non_saturating", penalties=(), pack=2),
}
TARGETS = ("grid", "ring", "line", "clusters", "spiral", "moons", "checkerboard")
PENALTIES = (
    "r1_penalty", "r2_penalty", "gradient_penalty", "zero_centred_gradient_penalty",
    "max_gradient_penalty", "wgan_div_penalty", "dragan_penalty", "orthogonal_penalty",
    "off_diagonal_orthogonal_penalty",
)  # fmt: skip
NUMBERS = (
    "learning_rate",
    "generator_rate",
    "beta1",
    "beta2",
    "gamma",
    "gamma_fall",
    "clip",
    "ema",
)
SHAPES = ("batch_size", "width", "normals", "signs", "octaves", "critic_steps", "pack")


@dataclass(frozen=True)
class Common:
    """What every command is told."""

    workdir: Path = Path("runs/mixtures")
    """Folder of the run."""
    target: str = "grid"
    """grid (of 25 Gaussians), ring (of 8), line, clusters, spiral, moons, checkerboard, or a file:
    .csv or .npy of points, .json of a mixture's centres and standard_deviation."""
    recipe: str = "relativistic"
    """Settings to start from: relativistic (with R1 and R2), non-saturating, non-saturating-r1,
    minimax, least-squares, hinge-spectral, wasserstein-clip, wasserstein-gp or pacgan."""
    loss: str | None = None
    """A pair of gan_jax.losses, in place of the recipe's."""
    penalties: tuple[str, ...] | None = None
    """Of gan_jax.penalties, in place of the recipe's; none if no name follows."""
    spectral: bool | None = None
    """Spectral normalisation in the discriminator."""
    seeds: int = 8
    """How many seeds, all in one program."""
    seed: int = 0
    """The first of them."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.recipe in RECIPES, "recipe", self.recipe, f"one of {', '.join(RECIPES)}")
        require(1 <= self.seeds <= 10_000, "seeds", self.seeds, "from 1 to 10000")
        last = 2**32 - self.seeds
        require(0 <= self.seed <= last, "seed", self.seed, f"from 0 to {last}")


def check_steps(steps: int) -> None:
    """Refuse a number of steps that is not made of windows, or that the state can't count."""
    accepted = "a multiple of 100, at least 100 and at most 2 billion"
    require(100 <= steps <= 2_000_000_000 and steps % 100 == 0, "steps", steps, accepted)


def settle(recipe: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a game: the usual ones, the recipe's, and what was given."""
    chosen = {name: value for name, value in given.items() if value is not None and name in USUAL}
    for name, value in chosen.items():
        check(name, value)
    settings = {**USUAL, **RECIPES[recipe], **chosen}
    settings["loss"] = settings["loss"].replace("-", "_")
    require(settings["normals"] + settings["signs"] > 0, "normals", 0, "above 0 without signs")
    fits = settings["batch_size"] % settings["pack"] == 0
    accepted = f"a divisor of the batch size, {settings['batch_size']}"
    require(fits, "pack", settings["pack"], accepted)
    return settings


def check(name: str, value: Any) -> None:
    """Refuse a setting that makes no sense."""
    if name in SHAPES:
        low = 0 if name in ("normals", "signs", "octaves") else 1
        high = 32 if name == "octaves" else 65_536
        require(low <= value <= high, name, value, f"a whole number from {low} to {high}")
    elif name in ("beta1", "beta2", "ema"):
        require(0 <= value < 1, name, value, "at least 0 and below 1")
    elif name in NUMBERS:  # what float32 holds
        positive = 1e-36 <= value <= 1e36
        accepted = "from 1e-36 to 1e36" + ", or 0" * (name == "gamma")
        require(positive or (name == "gamma" and value == 0), name, value, accepted)


def distribution(target: str) -> Distribution:
    """Find a distribution by its name, or read a file."""
    from gan_jax import data

    known = {name: getattr(data, name) for name in TARGETS}
    if target in known:
        return known[target]()
    if not Path(target).suffix:
        raise UsageError(f"--target is {target}: it must be a file, or one of {', '.join(TARGETS)}")
    try:
        return data.read_distribution(Path(target))
    except UsageError as error:
        raise UsageError(f"--target {error}") from None


def contents(target: str) -> dict[str, str]:
    """Return what tells a file of another content apart, nothing for a named target."""
    if target in TARGETS:
        return {}
    try:
        return {"target_sha256": sha256_of(target)}
    except OSError:
        return {}


def known_pairs() -> dict[str, AdversarialLoss]:
    """Return the pairs of losses that judge points alone, by name."""
    from gan_jax import losses

    found = {name: getattr(losses, name) for name in losses.__all__ if name != "matching_aware"}
    return {name: v for name, v in found.items() if isinstance(v, losses.AdversarialLoss)}


def make_game(target: str, settings: Mapping[str, Any], steps: int) -> Game:
    """Make the game of settled settings."""
    from gan_jax import lab, penalties

    pairs = known_pairs()
    terms = {n: getattr(penalties, n) for n in PENALTIES}
    loss = settings["loss"]
    require(loss in pairs, "loss", loss, f"one of {', '.join(pairs)}")
    for name in settings["penalties"]:
        require(name in terms, "penalties", name, f"of {', '.join(terms)}")
    return lab.planar_game(
        distribution(target),
        pairs[loss],
        penalties=[terms[name] for name in settings["penalties"]],
        steps=steps,
        **{name: settings[name] for name in (*SHAPES, "spectral")},
        clipped=settings["clip"] is not None,
        averaged=settings["ema"] is not None,
    )


def numbers(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the settings that are hyper-parameters: they do not shape the program."""
    return {name: settings[name] for name in NUMBERS if settings[name] is not None}


def repeated(settings: Mapping[str, Any], members: int) -> dict[str, Array]:
    """Return the hyper-parameters of members that are all played with the same."""
    import jax.numpy as jnp

    return {
        name: jnp.full(members, value, jnp.float32) for name, value in numbers(settings).items()
    }


def spell_out(program: str, options: type, settings: Mapping[str, Any]) -> str:
    """Write the command that asks for settings; an option that may be unset takes its bool."""
    usual = {**{name: getattr(options, name) for name in settings}, **USUAL}
    words = {
        name: str(value) if isinstance(value, bool) else value
        for name, value in settings.items()
        if value != usual[name]
    }
    return spell(program, words, {})


def prepare(members: int) -> None:
    """Give a CPU one device for each core, before JAX looks for devices, and keep programs."""
    from gan_jax import compilation

    compilation.split_cpu(members)
    compilation.use_compilation_cache()
