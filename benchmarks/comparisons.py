"""What is compared with what.

PyTorch is imported where it is needed, so that the other comparisons do without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import AxisType, PartitionSpec

from benchmarks import games
from benchmarks.gate import Gate, Round, Side, compete
from gan_jax import compilation, parallel, train
from gan_jax.typing import Batch, TrainStep

if TYPE_CHECKING:
    import torch

__all__ = [
    "dcgan32_on_two_devices_vs_torch",
    "dcgan32_vs_torch",
    "mlp2d_vs_torch",
    "pmap_vs_jit",
    "r1_vs_torch",
    "sampling_vs_torch",
    "sweep",
    "sweep_vs_torch",
    "sweep_vs_torch_processes",
    "vs_flax",
    "wgan_gp_vs_torch",
]

FLAX = games.Convolutions(nn.Conv, nn.ConvTranspose)
SCANNED = 100
SEEDS = 32
SWEPT = 10


def dcgan32_vs_torch(gate: Gate, *, batch_size: int) -> list[Round]:
    """Compare steps of DCGAN-32.

    Args:
      gate: how many rounds are wanted, and which count.
      batch_size: B.

    Returns:
      Seconds per step.
    """
    from benchmarks import torch_games

    real = games.uniform_images(batch_size)
    reference = _eager(torch_games.shared_forward_step, torch_games.dcgan32(), _nchw(real))
    return compete(_jitted(games.dcgan32(), real), reference, gate)


def dcgan32_on_two_devices_vs_torch(gate: Gate) -> list[Round]:
    """Compare steps of DCGAN-32 on two devices, batch normalisation over both, with two threads.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step.
    """
    from benchmarks import torch_games

    real, game = games.uniform_images(64), games.dcgan32()
    reference = _eager(torch_games.shared_forward_step, torch_games.dcgan32(), _nchw(real))
    return compete(_stepping(parallel.shard_map(game.step), game, real), reference, gate)


def r1_vs_torch(gate: Gate) -> list[Round]:
    """Compare steps of DCGAN-32 under R1.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step.
    """
    from benchmarks import torch_games

    def step(game: torch_games.Game, real: torch.Tensor) -> None:
        torch_games.shared_forward_step(game, real, gamma=10.0)

    real = games.uniform_images(64)
    reference = _eager(step, torch_games.r1(), _nchw(real))
    return compete(_jitted(games.r1(), real), reference, gate)


def wgan_gp_vs_torch(gate: Gate) -> list[Round]:
    """Compare steps of WGAN-GP, 5 updates of the critic and 1 of the generator each.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step.
    """
    from benchmarks import torch_games

    real = games.uniform_images(64 * games.CRITIC_UPDATES)
    reals = _nchw(real).unflatten(0, (games.CRITIC_UPDATES, 64))
    reference = _eager(torch_games.wgan_gp_step, torch_games.wgan_gp(), reals)
    return compete(_jitted(games.wgan_gp(), real), reference, gate)


def vs_flax(gate: Gate, *, make: Callable[..., games.Game]) -> list[Round]:
    """Compare steps of a game with the same on `flax.linen`'s convolutions.

    Args:
      gate: how many rounds are wanted, and which count.
      make: makes the game of `convolutions`.

    Returns:
      Seconds per step.
    """
    real = games.uniform_images(64)
    game = make(convolutions=FLAX)
    reference = _stepping(jax.jit(game.step, donate_argnums=0), game, real)
    return compete(_jitted(make(), real), reference, gate)


def mlp2d_vs_torch(gate: Gate) -> list[Round]:
    """Compare steps of small dense networks, ours 100 to a dispatch.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step.
    """
    from benchmarks import torch_games

    game, batches = games.mlp2d(), games.grid_of_gaussians(SCANNED, 256)
    scanned = jax.jit(train.scan_steps(game.step), donate_argnums=0)
    reference = _torch_sweep([torch_games.mlp2d()], batches, threads=2)
    return compete(_stepping(scanned, game, batches, steps=SCANNED), reference, gate)


def sweep_vs_torch(gate: Gate) -> tuple[list[Round], str]:
    """Compare 32 seeds on two devices with the same in sequence, on as many threads as is better.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step of one seed, and how many threads.
    """
    from benchmarks import torch_games

    batches = games.grid_of_gaussians(SWEPT, 256)
    players = [torch_games.mlp2d() for _ in range(SEEDS)]
    one, two = (_torch_sweep(players, batches, threads=threads) for threads in (1, 2))
    trials = compete(one, two, gate._replace(rounds=min(gate.rounds, 3)))
    two_is_better = np.median([trial.ours / (trial.reference or 1) for trial in trials] or 0) > 1
    reference, said = (two, "2 threads") if two_is_better else (one, "1 thread")
    return compete(_our_sweep(batches), reference, gate), f"PyTorch with {said}"


def sweep_vs_torch_processes(gate: Gate) -> list[Round]:
    """Compare 32 seeds on two devices with two processes of one thread and 16 seeds each.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step of one seed.
    """
    from benchmarks import torch_workers

    batches = games.grid_of_gaussians(SWEPT, 256)
    with torch_workers.two_workers(SEEDS, batches) as reference:
        return compete(_our_sweep(batches), reference, gate)


def sweep(
    step: TrainStep, devices: Sequence[jax.Device]
) -> Callable[[train.GANState, Batch], tuple[train.GANState, Any]]:
    """Play many games of the same batches: shared out over devices, one after the other on each.

    Args:
      step: the step of one game.
      devices: over which the games are spread.

    Returns:
      A compiled function of states [S, ...], donated, and batches [K, B, ...].
    """
    many = train.scan_steps(step)

    def share(states: train.GANState, batches: Batch) -> tuple[train.GANState, Any]:
        return jax.lax.map(lambda state: many(state, batches), states)

    mesh = jax.make_mesh(
        (len(devices),), ("seeds",), axis_types=(AxisType.Auto,), devices=list(devices)
    )
    split, whole = PartitionSpec("seeds"), PartitionSpec()
    spread = jax.shard_map(
        share, mesh=mesh, in_specs=(split, whole), out_specs=split, check_vma=False
    )
    return jax.jit(spread, donate_argnums=0)


def sampling_vs_torch(gate: Gate) -> list[Round]:
    """Compare drawing 1000 images of the generator of DCGAN-32, by 250.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds for 1000 images.
    """
    import torch

    from benchmarks import torch_games

    sampler = train.make_sampler(games.IMAGE_FAKE)
    draw = jax.jit(lambda player, key: sampler(player, {}, train.example_keys(key, 250)))
    player = games.dcgan32().create(jax.random.key(0)).generator
    keys = list(jax.random.split(jax.random.key(1), 4))

    def ours(calls: int) -> None:
        for _ in range(calls):
            jax.block_until_ready([draw(player, key) for key in keys])

    torch.set_num_threads(2)
    game = torch_games.dcgan32()
    game.generator.eval()

    def reference(calls: int) -> None:
        for _ in range(4 * calls):
            torch_games.sample(game, 250)

    return compete(Side(ours), Side(reference), gate)


def pmap_vs_jit(gate: Gate) -> list[Round]:
    """Compare a small convolutional game under `pmap` on all devices with `jit` on one.

    Args:
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step of the same global batch.
    """
    real, game = games.uniform_images(64), games.dcgan32(width=16)
    ours = _stepping(parallel.pmap(game.step), game, real)
    return compete(ours, _stepping(jax.jit(game.step, donate_argnums=0), game, real), gate)


def _jitted(game: games.Game, real: np.ndarray) -> Side:
    return _stepping(compilation.jit(game.step), game, real)


def _stepping(
    step: Callable[..., tuple[Any, Any]], game: games.Game, real: np.ndarray, *, steps: int = 1
) -> Side:
    """Go on from step to step on the same reals, waiting at the end of a block only."""
    return _running(step, game.create(jax.random.key(0)), real, steps)


def _running(
    step: Callable[..., tuple[Any, Any]], state: train.GANState, real: np.ndarray, steps: int
) -> Side:
    batch = {"real": jnp.asarray(real)}

    def run(calls: int) -> None:
        nonlocal state
        for _ in range(calls):
            state, _ = step(state, batch)
        jax.block_until_ready(state)

    return Side(run, steps)


def _our_sweep(batches: np.ndarray) -> Side:
    game = games.mlp2d()
    states = jax.vmap(game.create)(jax.random.split(jax.random.key(0), SEEDS))
    return _running(sweep(game.step, jax.devices()), states, batches, SEEDS * len(batches))


def _torch_sweep(players: Sequence[Any], batches: np.ndarray, *, threads: int) -> Side:
    """Play games of dense networks one after the other."""
    import torch

    from benchmarks import torch_games

    reals = torch.from_numpy(batches)

    def run(calls: int) -> None:
        torch.set_num_threads(threads)
        for _ in range(calls):
            torch_games.sweep(players, reals)

    return Side(run, len(players) * len(batches))


def _eager(step: Callable[..., None], game: Any, real: torch.Tensor) -> Side:
    import torch

    torch.set_num_threads(2)

    def run(calls: int) -> None:
        for _ in range(calls):
            step(game, real)

    return Side(run)


def _nchw(images: np.ndarray) -> torch.Tensor:
    import torch

    return torch.from_numpy(images).movedim(-1, 1)
