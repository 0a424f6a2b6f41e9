"""What a run's folder holds, made ready for a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.errors import RunError, UsageError
from gan_jax.workdir import read_config

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.train import TrainState

__all__ = ["Build", "load_run", "restore_players"]

Build = Callable[[dict[str, Any]], "Experiment"]


def load_run(
    workdir: Path, build: Build, *, best: bool = False
) -> tuple[Experiment, TrainState, int]:
    """Rebuild a run's experiment and restore its generator, ready to be drawn from.

    Args:
      workdir: the run's folder.
      build: makes the experiment of a run's settings.
      best: take the best checkpoint by the experiment's metric, not the latest.

    Returns:
      The experiment, the generator's state, and the step it is of.

    Raises:
      UsageError: there is no run in the folder, or none of its checkpoints was measured.
      RunError: no checkpoint is good.
    """
    experiment, players, step = restore_players(workdir, build, best=best, names=("generator",))
    return experiment, experiment.at_rest(players["generator"]), step


def restore_players(
    workdir: Path,
    build: Build,
    *,
    best: bool = False,
    names: tuple[str, ...] = ("generator", "discriminator"),
) -> tuple[Experiment, dict[str, TrainState], int]:
    """Rebuild a run's experiment and restore players without their optimizers.

    Args:
      workdir: the run's folder.
      build: makes the experiment of a run's settings.
      best: take the best checkpoint by the experiment's metric, not the latest.
      names: which players.

    Returns:
      The experiment, the players' states by name, and the step they are of.

    Raises:
      UsageError: there is no run in the folder, or none of its checkpoints was measured.
      RunError: no checkpoint is good.
    """
    import jax

    from gan_jax import checkpoint
    from gan_jax.compilation import use_compilation_cache

    use_compilation_cache()
    stored = read_config(workdir)
    try:
        experiment = build(stored["config"])
        state = jax.eval_shape(experiment.create, jax.random.key(0))
    except UsageError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"--workdir {workdir} holds a run this program can't rebuild ({why})"
        ) from None
    if experiment.name != stored.get("experiment"):
        raise UsageError(f"--workdir {workdir} holds a run of {stored.get('experiment')!r}")
    players = {name: getattr(state, name) for name in names}
    fields = ("params", "ema_params", "model_state")
    wanted = {
        name: {field: getattr(player, field) for field in fields}
        for name, player in players.items()
    }
    folder = workdir / "checkpoints"
    chosen = _best_step(folder, experiment) if best else None
    try:
        parts, step = checkpoint.restore_part(folder, wanted, step=chosen)
    except RunError as error:
        if not best:
            raise
        raise RunError(f"{error}; leave --best out for the latest one") from None
    restored = {name: player.replace(**parts[name]) for name, player in players.items()}
    return experiment, restored, step


def _best_step(folder: Path, experiment: Experiment) -> int:
    from gan_jax import checkpoint
    from gan_jax.evaluation import best_mode

    metric = experiment.best_metric
    step = checkpoint.best_step(folder, metric, mode=best_mode(metric))
    if step is None:
        raise UsageError(
            f"--best: no checkpoint in {folder} was measured by {metric}, which is done every "
            f"{experiment.evaluate_every} steps: leave it out for the latest one"
        )
    return step
