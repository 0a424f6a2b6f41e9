"""Both sides of a comparison play the same game: same players, same draws, same updates."""

import importlib
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from benchmarks import games
from gan_jax import train
from tests.games import difference

torch = pytest.importorskip("torch")
torch_games = importlib.import_module("benchmarks.torch_games")

LAYERS = {
    torch.nn.Linear: "Dense",
    torch.nn.Conv2d: "Conv",
    torch.nn.ConvTranspose2d: "ConvTranspose",
    torch.nn.BatchNorm2d: "BatchNorm",
}
OPTIMIZERS = {
    "sgd": (optax.sgd(0.002), lambda parameters: torch.optim.SGD(parameters, 0.002)),
    "adam": (
        optax.adam(0.01, b1=0.5),
        lambda parameters: torch.optim.Adam(parameters, 0.01, (0.5, 0.999)),
    ),
}
ALPHA = 0.3
STEPS = 3


def pairs(params, network):
    """Yield each layer of a PyTorch network with its parameters here."""
    counts = Counter()
    for module in network.modules():
        if kind := LAYERS.get(type(module)):
            head = params.get("ProjectionHead_0", {}).get("Dense_0")
            yield module, params.get(f"{kind}_{counts[kind]}", head)
            counts[kind] += 1


def weight(module, layer, *, image):
    """Return a layer's kernel or scale as PyTorch has it."""
    if isinstance(module, torch.nn.BatchNorm2d):
        return np.asarray(layer["scale"])
    kernel = np.asarray(layer["kernel"])
    if isinstance(module, torch.nn.Conv2d):
        return kernel.transpose(3, 2, 0, 1)
    if isinstance(module, torch.nn.ConvTranspose2d):
        return kernel[::-1, ::-1].transpose(2, 3, 0, 1)
    if not image:
        return kernel.T
    # The side of the 4x4 maps has its channels last here, first there.
    if module.out_features == 1:
        return kernel.reshape(4, 4, -1).transpose(2, 0, 1).reshape(1, -1)
    return kernel.reshape(len(kernel), 4, 4, -1).transpose(3, 1, 2, 0).reshape(-1, len(kernel))


def in_torch_order(params, network, *, image):
    """Return a player's parameters here in the order and the layouts of PyTorch."""
    arrays = []
    for module, layer in pairs(params, network):
        arrays.append(weight(module, layer, image=image))
        if module.bias is not None:
            arrays.append(np.asarray(layer["bias"]))
    return arrays


def players(state, game):
    return (
        (state.generator.params, game.generator),
        (state.discriminator.params, game.discriminator),
    )


def start(game, key):
    """Put the players somewhere, which takes less time than where the benchmark puts them."""
    random = np.random.default_rng(7)
    shapes = jax.eval_shape(game.create, key)

    def player(shape):
        params = jax.tree.map(lambda leaf: 0.2 * random.normal(size=leaf.shape), shape.params)
        return shape.replace(
            step=0,
            params=params,
            opt_state=shape.tx.init(params),
            model_state=jax.tree.map(lambda leaf: np.zeros(leaf.shape), shape.model_state),
        )

    return train.create_state(key, player(shapes.generator), player(shapes.discriminator))


def copy_players(state, game, *, image):
    """Start the game in PyTorch from the players here."""
    for params, network in players(state, game):
        network.double()
        arrays = in_torch_order(params, network, image=image)
        with torch.no_grad():
            for parameter, array in zip(network.parameters(), arrays, strict=True):
                parameter.copy_(torch.from_numpy(array.copy()))


def fake(generator, batch, keys):
    return generator(batch["latents"])


def draws(name, number):
    """Return reals and latents of one step, as they are given here."""
    random = np.random.default_rng(number)
    if name == "mlp2d":
        return random.uniform(-1, 1, (8, 2)), random.normal(size=(8, 2))
    count = 4 * games.CRITIC_UPDATES if name == "wgan_gp" else 4
    return random.uniform(-1, 1, (count, 32, 32, 1)), random.normal(size=(count, 100))


def torch_step(name, game, real, latents):
    """Take the step that the benchmark takes, on draws of ours."""
    real, latents = torch.from_numpy(real), torch.from_numpy(latents)
    if name == "mlp2d":
        torch_games.shared_forward_step(game, real, normal=lambda *shape: latents)
        return
    real = real.movedim(-1, 1)
    if name == "wgan_gp":
        slices = [slice(start, None, games.CRITIC_UPDATES) for start in range(games.CRITIC_UPDATES)]
        drawn = iter([*(latents[part] for part in slices), latents[slices[-1]]])
        torch_games.wgan_gp_step(
            game,
            torch.stack([real[part] for part in slices]),
            normal=lambda *shape: next(drawn),
            uniform=lambda *shape: torch.full(shape, ALPHA, dtype=torch.float64),
        )
    else:
        gamma = {"dcgan32": 0.0, "r1": 10.0}[name]
        torch_games.shared_forward_step(game, real, gamma=gamma, normal=lambda *shape: latents)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["dcgan32", "r1", "wgan_gp", "mlp2d"])
def test_steps_are_the_same(name, optimizer, key, monkeypatch):
    ours, theirs = OPTIMIZERS[optimizer]
    width, image = (8, False) if name == "mlp2d" else (2, True)
    game = getattr(games, name)(width=width, optimizer=ours, fake=fake)
    reference = getattr(torch_games, name)(width=width, optimizer=theirs)
    monkeypatch.setattr(jax.random, "uniform", lambda key: jnp.full((), ALPHA))
    with jax.enable_x64(True):
        before = state = start(game, key)
        copy_players(state, reference, image=image)
        step = jax.jit(game.step, compiler_options={"xla_backend_optimization_level": 0})
        for number in range(STEPS):
            real, latents = draws(name, number)
            state, _ = step(state, {"real": real, "latents": latents})
            torch_step(name, reference, real, latents)
    for params, network in players(state, reference):
        arrays = in_torch_order(params, network, image=image)
        for parameter, array in zip(network.parameters(), arrays, strict=True):
            np.testing.assert_allclose(parameter.detach(), array, rtol=1e-9, atol=1e-12)
    assert difference(state.generator.params, before.generator.params) > 1e-6
    assert difference(state.discriminator.params, before.discriminator.params) > 1e-6


def test_samples_are_the_same(key):
    game, reference = games.dcgan32(width=2), torch_games.dcgan32(width=2)
    latents = np.random.default_rng(0).normal(size=(4, 100)).astype(np.float32)
    player = start(game, key).generator
    arrays = in_torch_order(player.params, reference.generator, image=True)
    random = np.random.default_rng(1)
    statistics = {}
    with torch.no_grad():
        for parameter, array in zip(reference.generator.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array.copy()))
        for module, name in zip(
            (m for m in reference.generator if isinstance(m, torch.nn.BatchNorm2d)),
            ("BatchNorm_0", "BatchNorm_1", "BatchNorm_2"),
            strict=True,
        ):
            mean, variance = random.normal(size=(2, module.num_features)).astype(np.float32)
            module.running_mean.copy_(torch.from_numpy(mean))
            module.running_var.copy_(torch.from_numpy(variance**2))
            statistics[name] = {"mean": mean, "var": variance**2}
        reference.generator.eval()
        expected = reference.generator(torch.from_numpy(latents)).movedim(1, -1)
    variables = {"params": player.params, "batch_stats": statistics}
    images = player.apply_fn(variables, latents, train=False)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    assert torch_games.sample(reference, 3).shape == (3, 1, 32, 32)


def test_optimizers_are_the_same():
    """Both take the same first steps of each of the benchmark's optimizers."""
    for name in ("DCGAN_ADAM", "WGAN_GP_ADAM", "MLP_ADAM"):
        optimizer = getattr(games, name)
        parameter = torch.nn.Parameter(torch.ones(3))
        reference = getattr(torch_games, name)([parameter])
        params = jnp.ones(3)
        state = optimizer.init(params)
        for gradient in ([1.0, -2.0, 0.1], [0.5, 3.0, 0.0]):
            updates, state = optimizer.update(jnp.array(gradient), state, params)
            params = optax.apply_updates(params, updates)
            parameter.grad = torch.tensor(gradient)
            reference.step()
        np.testing.assert_allclose(params, parameter.detach(), rtol=1e-6)
        assert np.abs(params - 1).max() > 1e-5
