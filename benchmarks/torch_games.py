"""The other side of the comparisons: the same games in eager PyTorch.

Networks are in the memory format that suits its convolutions, and no gradient is computed that
nobody reads. What a step draws, `normal` and `uniform` draw: a test gives its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam, Optimizer

__all__ = [
    "Game",
    "dcgan32",
    "mlp2d",
    "r1",
    "sample",
    "shared_forward_step",
    "sweep",
    "wgan_gp",
    "wgan_gp_step",
]

Draw = Callable[..., Tensor]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
DCGAN_ADAM = partial(Adam, lr=2e-4, betas=(0.5, 0.999))
WGAN_GP_ADAM = partial(Adam, lr=1e-4, betas=(0.0, 0.9))
MLP_ADAM = partial(Adam, lr=1e-3, betas=(0.5, 0.999))


class Game(NamedTuple):
    """Two players, their optimizers, and the length of the latents."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    latents: int


def dcgan32(*, width: int = 64, optimizer: MakeOptimizer = DCGAN_ADAM) -> Game:
    """Make DCGAN on 32x32 images.

    Args:
      width: channels of the convolution nearest the image.
      optimizer: makes the optimizer of a player.

    Returns:
      The game.
    """
    return _game(_generator32(width), _discriminator32(width, nn.BatchNorm2d), optimizer, 100)


def r1(*, width: int = 64, optimizer: MakeOptimizer = DCGAN_ADAM) -> Game:
    """Make DCGAN with an unnormalised critic.

    Args:
      width: channels of the convolution nearest the image.
      optimizer: makes the optimizer of a player.

    Returns:
      The game.
    """
    return _game(_generator32(width), _discriminator32(width, nn.Identity), optimizer, 100)


def wgan_gp(*, width: int = 64, optimizer: MakeOptimizer = WGAN_GP_ADAM) -> Game:
    """Make DCGAN with an unnormalised critic, and WGAN-GP's optimizers.

    Args:
      width: channels of the convolution nearest the image.
      optimizer: makes the optimizer of a player.

    Returns:
      The game.
    """
    return r1(width=width, optimizer=optimizer)


def mlp2d(*, width: int = 128, optimizer: MakeOptimizer = MLP_ADAM) -> Game:
    """Make two dense networks on points of the plane.

    Args:
      width: of the three hidden layers.
      optimizer: makes the optimizer of a player.

    Returns:
      The game.
    """
    generator = nn.Sequential(*_hidden(2, width), nn.Linear(width, 2), nn.Tanh())
    discriminator = nn.Sequential(*_hidden(2, width), nn.Linear(width, 1), nn.Flatten(0))
    return _game(generator, discriminator, optimizer, 2)


def shared_forward_step(
    game: Game, real: Tensor, *, gamma: float = 0.0, normal: Draw = torch.randn
) -> None:
    """Update the discriminator, then the generator, on one forward pass of the generator.

    Args:
      game: the players; changed.
      real: [B, ...].
      gamma: strength of R1.
      normal: draws latents of a shape.
    """
    fakes = game.generator(normal(len(real), game.latents))
    real = real.detach().requires_grad_(gamma > 0)
    real_logits = game.discriminator(real)
    loss = softplus(-real_logits).mean() + softplus(game.discriminator(fakes.detach())).mean()
    if gamma > 0:
        loss = loss + gamma / 2 * _squared_gradient_norm(real_logits, real).mean()
    _update(game.discriminator, game.discriminator_optimizer, loss)
    loss = softplus(-game.discriminator(fakes)).mean()
    _update(game.generator, game.generator_optimizer, loss)


def wgan_gp_step(
    game: Game, reals: Tensor, *, normal: Draw = torch.randn, uniform: Draw = torch.rand
) -> None:
    """Update the critic once on each batch of reals, then the generator.

    Args:
      game: the players; changed.
      reals: [K, B, ...].
      normal: draws latents of a shape.
      uniform: draws the places between reals and fakes.
    """
    for real in reals:
        with torch.no_grad():
            fakes = game.generator(normal(len(real), game.latents))
        between = fakes.lerp(real, uniform(len(real), 1, 1, 1)).requires_grad_()
        squared_norm = _squared_gradient_norm(game.discriminator(between), between)
        penalty = ((squared_norm + 1e-12).sqrt() - 1).square()
        difference = game.discriminator(fakes) - game.discriminator(real)
        loss = difference.mean() + 10 * penalty.mean()
        _update(game.discriminator, game.discriminator_optimizer, loss)
    fakes = game.generator(normal(len(reals[0]), game.latents))
    _update(game.generator, game.generator_optimizer, -game.discriminator(fakes).mean())


def sweep(games: Sequence[Game], batches: Tensor) -> None:
    """Play games one after the other on the same batches.

    Args:
      games: each one's players; changed.
      batches: [K, B, ...], the reals of each step.
    """
    for game in games:
        for real in batches:
            shared_forward_step(game, real)


@torch.no_grad()
def sample(game: Game, count: int) -> Tensor:
    """Draw samples of a generator in evaluation mode.

    Args:
      game: whose generator it is.
      count: how many.

    Returns:
      [count, ...].
    """
    return game.generator(torch.randn(count, game.latents))


def _squared_gradient_norm(logits: Tensor, samples: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def _update(player: nn.Module, optimizer: Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward(inputs=list(player.parameters()))
    optimizer.step()


def _game(
    generator: nn.Module, discriminator: nn.Module, optimizer: MakeOptimizer, latents: int
) -> Game:
    players = [
        player.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for player in (generator, discriminator)
    ]
    generator, discriminator = players
    optimizers = [optimizer(player.parameters()) for player in players]
    return Game(generator, discriminator, optimizers[0], optimizers[1], latents)


def _generator32(width: int) -> nn.Module:
    def doubled(before: int, after: int) -> list[nn.Module]:
        up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
        return [up, nn.BatchNorm2d(after), nn.ReLU()]

    network = nn.Sequential(
        nn.Linear(100, 4 * width * 4 * 4, bias=False),
        nn.Unflatten(1, (4 * width, 4, 4)),
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
        *doubled(4 * width, 2 * width),
        *doubled(2 * width, width),
        nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )
    return network.apply(_initialize)


def _discriminator32(width: int, norm: Callable[[int], nn.Module]) -> nn.Module:
    def halved(before: int, after: int) -> list[nn.Module]:
        down = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
        return [down, norm(after), nn.LeakyReLU(0.2)]

    network = nn.Sequential(
        nn.Conv2d(1, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        *halved(width, 2 * width),
        *halved(2 * width, 4 * width),
        nn.Flatten(),
        nn.Linear(4 * width * 4 * 4, 1),
        nn.Flatten(0),
    )
    return network.apply(_initialize)


def _initialize(module: Any) -> None:
    """Draw weights from N(0, 0.02), scales from N(1, 0.02); biases are 0."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _hidden(size: int, width: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before in (size, width, width):
        layers += [nn.Linear(before, width), nn.LeakyReLU(0.2)]
    return layers
