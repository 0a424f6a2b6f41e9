"""The networks of CycleGAN: PyTorch's word, the published sizes, and pairs as one network."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import layers, losses, penalties, train
from gan_jax.models import cyclegan
from tests import residual_networks
from tests.models.test_compiled import slow_patterns


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def shapes(module, *inputs):
    return jax.eval_shape(partial(module.init, train=False), jax.random.key(0), *inputs)


def torch_generator(params, _, images):
    import torch
    from torch.nn import functional

    def conv(maps, layer, *, mirror=0, stride=1):
        kernel = layer["kernel"].permute(3, 2, 0, 1).contiguous()
        if mirror:
            maps = functional.pad(maps, (mirror,) * 4, mode="reflect")
        return functional.conv2d(maps, kernel, layer["bias"], stride, padding=0 if mirror else 1)

    def double(maps, layer):
        # JAX keeps the kernel of the convolution that follows zeros between the pixels.
        kernel = layer["kernel"].flip(0, 1).permute(2, 3, 0, 1).contiguous()
        return functional.conv_transpose2d(
            maps, kernel, layer["bias"], stride=2, padding=1, output_padding=1
        )

    def rectified(maps):
        return torch.relu(functional.instance_norm(maps))

    maps = rectified(conv(images.permute(0, 3, 1, 2), params["Conv_0"], mirror=3))
    for index in (1, 2):
        maps = rectified(conv(maps, params[f"Conv_{index}"], stride=2))
    for index in range(sum("Block" in name for name in params)):
        block = params[f"ResidualBlock_{index}"]
        hidden = rectified(conv(maps, block["Conv_0"], mirror=1))
        maps = maps + functional.instance_norm(conv(hidden, block["Conv_1"], mirror=1))
    for index in (0, 1):
        maps = rectified(double(maps, params[f"ConvTranspose_{index}"]))
    return torch.tanh(conv(maps, params["Conv_3"], mirror=3)).permute(0, 2, 3, 1)


def test_torch_says_the_same_of_the_generator():
    restated = pytest.importorskip("tests.torch_residual")
    generator = cyclegan.Generator(blocks=2, width=3, channels=2)
    restated.check(generator, torch_generator, normal(2, 12, 16, 3))


def generator_size(blocks, width=64, channels=3):
    """Count convolutions of 7, of 3 to the double and to the fourfold width, blocks, and back."""
    conv = residual_networks.conv
    ends = conv(7, channels, width) + conv(7, width, channels)
    halves = conv(3, width, 2 * width) + conv(3, 2 * width, 4 * width)
    doubles = conv(3, 4 * width, 2 * width) + conv(3, 2 * width, width)
    return ends + halves + doubles + blocks * 2 * conv(3, 4 * width, 4 * width)


@pytest.mark.parametrize(
    ("make", "side", "size"),
    [
        (cyclegan.Generator256, 256, 11_378_179),
        (cyclegan.Generator128, 128, generator_size(6)),
    ],
)
def test_generators_have_the_published_sizes(make, side, size):
    source = jnp.zeros((1, side, side, 3))
    run = lambda: make().init_with_output(jax.random.key(0), source, train=False)
    images, variables = jax.eval_shape(run)
    assert images.shape == source.shape
    assert images.dtype == jnp.float32
    assert set(variables) == {"params"}
    assert residual_networks.counted(variables) == size
    assert generator_size(9) == 11_378_179


def test_the_discriminator_has_the_published_size():
    variables = shapes(cyclegan.Discriminator70(), jnp.zeros((1, 256, 256, 3)))
    assert set(variables) == {"params"}
    assert residual_networks.counted(variables) == 2_764_737
    variables = shapes(cyclegan.Discriminator((2, 3), halvings=1), jnp.zeros((1, 16, 16, 3)))
    assert set(variables["params"]["Conv_1"]) == {"kernel", "bias"}


def test_weights_start_as_published():
    generator = cyclegan.Generator(blocks=1, width=16)
    # A generator of random bits that compiles faster.
    key, init = jax.random.key(1, impl="rbg"), jax.jit(partial(generator.init, train=False))
    params = init(key, jnp.zeros((1, 8, 8, 3)))["params"]
    for path, leaf in jax.tree.leaves_with_path(params):
        if path[-1].key == "bias":
            assert not leaf.any()
        else:
            assert abs(float(leaf.mean())) < 0.002
            assert 0.018 < float(leaf.std()) < 0.022


def test_examples_are_apart_and_half_precision_stays_within():
    source = normal(2, 8, 12, 3, dtype=np.float32)
    half, full = (
        cyclegan.Generator(blocks=1, width=4, dtype=dtype) for dtype in (jnp.bfloat16, None)
    )
    variables = residual_networks.variables(full, source)
    run = jax.jit(partial(full.apply, train=True))
    images = run(variables, source)
    others = run(variables, np.stack([source[0], 3 * source[0]]))
    np.testing.assert_array_equal(images[0], others[0])
    apply = partial(half.apply, train=True, capture_intermediates=True)
    outputs, state = jax.jit(apply)(variables, source)
    assert outputs.dtype == images.dtype == jnp.float32
    assert 0 < jnp.abs(outputs - images).mean() < 0.1 * images.std()
    (refined,) = state["intermediates"]["ResidualBlock_0"]["__call__"]
    assert refined.dtype == jnp.bfloat16


def test_layers_are_arguments():
    spectral = cyclegan.Generator(
        1,
        width=2,
        norm=layers.no_norm,
        conv=layers.SpectralConv,
        conv_transpose=layers.SpectralConvTranspose,
    )
    variables = shapes(spectral, jnp.zeros((1, 8, 8, 3)))
    assert len(jax.tree.leaves(variables["spectral_stats"])) == 4 + 2 + 2
    normalized = shapes(cyclegan.Generator(1, 2, norm=layers.batch_norm), jnp.zeros((1, 8, 8, 3)))
    assert len(jax.tree.leaves(normalized["batch_stats"])) == 2 * (3 + 2 + 2)


@pytest.mark.parametrize("size", [(10, 12), (12, 14), (4, 8)])
def test_sizes_that_do_not_come_back_are_named(size):
    message = f"{size[0]} x {size[1]} can't be halved twice .* multiples of 4 from 8 on"
    with pytest.raises(ValueError, match=message):
        shapes(cyclegan.Generator128(), jnp.zeros((1, *size, 3)))
    with pytest.raises(ValueError, match="images must be floats"):
        shapes(cyclegan.Generator128(), jnp.zeros((1, 8, 8, 3), jnp.uint8))


class Scale(nn.Module):
    """A translator and a judge that multiplies by a number, and counts in training."""

    by: float

    @nn.compact
    def __call__(self, images, *, train, axis_name=None):
        calls = self.variable("batch_stats", "calls", jnp.zeros, ())
        if train and self.is_mutable_collection("batch_stats"):
            calls.value += 1
        return images * self.param("by", nn.initializers.constant(self.by), ())


def pair(a, b):
    return {"a": jnp.full((2, 1, 1, 1), a), "b": jnp.full((2, 1, 1, 1), b)}


def numbers(images):
    return {domain: float(leaf[0, 0, 0, 0]) for domain, leaf in images.items()}


def player(network):
    return train.create_player(jax.random.key(0), network, optax.sgd(0.1), pair(0.0, 0.0))


def test_translators_go_both_ways_one_way_and_around():
    generator = player(cyclegan.Translators(Scale(2.0), Scale(3.0)))
    translate = train.Network(generator)
    assert {name: float(leaf["by"]) for name, leaf in generator.params.items()} == {
        "forward": 2,
        "backward": 3,
    }
    sources = pair(1.0, 10.0)
    fakes = translate(sources)
    assert numbers(fakes) == {"b": 2, "a": 30}
    assert numbers(translate(fakes)) == {"a": 6, "b": 60}
    assert numbers(translate({"a": sources["b"], "b": sources["a"]})) == {"b": 20, "a": 3}
    assert numbers(translate({"a": sources["a"]})) == {"b": 2}
    assert numbers(translate({"b": sources["b"]})) == {"a": 30}
    assert numbers(translate(translate({"a": sources["a"]}))) == {"a": 6}
    # What the one way keeps moves on, and what the other keeps is not lost.
    counts = translate.model_state["batch_stats"]
    assert {name: int(leaf["calls"]) for name, leaf in counts.items()} == {
        "forward": 3 + 1 + 1,
        "backward": 3 + 1 + 1,
    }


def test_domains_may_have_different_channels():
    translators = cyclegan.Translators(
        cyclegan.Generator(1, 2, channels=1), cyclegan.Generator(1, 2, channels=3)
    )
    sources = {"a": jnp.zeros((2, 8, 8, 3)), "b": jnp.zeros((2, 12, 8, 1))}
    run = lambda: translators.init_with_output(jax.random.key(0), sources, train=False)
    images, variables = jax.eval_shape(run)
    assert images["a"].shape == (2, 12, 8, 3)
    assert images["b"].shape == (2, 8, 8, 1)
    assert set(variables["params"]) == {"forward", "backward"}


def test_critics_judge_each_domain_by_its_own():
    judge = train.Network(player(cyclegan.Critics(Scale(2.0), Scale(3.0))))
    images = {"a": normal(2, 3, 2, 1, dtype=np.float32), "b": normal(2, 2, 2, 1, dtype=np.float32)}
    logits = judge(images)
    assert logits.shape == (2, 6 + 4)
    np.testing.assert_allclose(logits[:, :6], 2 * images["a"].reshape(2, 6))
    np.testing.assert_allclose(logits[:, 6:], 3 * images["b"].reshape(2, 4))
    np.testing.assert_array_equal(judge({"b": images["b"]}), logits[:, 6:])
    np.testing.assert_array_equal(judge({"a": images["a"]}), logits[:, :6])


@pytest.mark.parametrize("make", [cyclegan.Translators, cyclegan.Critics])
def test_what_a_pair_cannot_take_is_named(make):
    network, images = make(Scale(2.0), Scale(2.0)), pair(1.0, 1.0)
    name = make.__name__
    for wrong, got in (
        ({**images, "c": images["a"]}, r"\['a', 'b', 'c'\]"),
        ({}, r"\[\]"),
        (images["a"], "ArrayImpl"),
    ):
        with pytest.raises(ValueError, match=rf'{name} takes {{"a": images, "b": images}} or one of them, got {got}'):  # fmt: skip
            network.init(jax.random.key(0), wrong, train=False)
    with pytest.raises(ValueError, match=rf"initialise {name} by images of both domains, got \['a'\]"):  # fmt: skip
        network.init(jax.random.key(0), {"a": images["a"]}, train=False)
    one = Scale(2.0)
    with pytest.raises(ValueError, match=f"{name} takes two modules, and was given one twice"):
        make(one, one).init(jax.random.key(0), images, train=False)
    # Two that are alike are two.
    assert len(jax.tree.leaves(shapes(network, images)["params"])) == 2


def translated(generator, batch, keys):
    return generator(batch["real"])


def difference(first, second):
    parts = jax.tree.map(lambda a, b: jnp.mean(jnp.abs(a - b), axis=(1, 2, 3)), first, second)
    return parts["a"] + parts["b"]


def cycle(*, generator, real, fake, **_):
    return 10 * difference(generator(fake), real)


def identity(*, generator, real, **_):
    return 5 * difference(generator({"a": real["b"], "b": real["a"]}), real)


def steps(loss, *terms):
    """Return a training step as the paper has it: the generators first, and a pool of fakes."""
    learn = lambda fake: train.discriminator_step(loss, fake, penalties=terms)
    return train.make_train_step(
        train.generator_step(loss, translated, terms=(cycle, identity)),
        train.pooled_step(learn, translated),
    )


def started(translators, critics, real):
    example = jax.tree.map(lambda leaf: leaf[:1], real)
    players = (
        train.create_player(jax.random.key(0), network, optax.sgd(1e-3), example)
        for network in (translators, critics)
    )
    one = jax.tree.map(lambda leaf: leaf[0], real)
    moving = {"pool": train.start_pool(50, one)}
    return train.create_state(jax.random.key(1), *players, moving=moving)


def test_a_step_of_the_game_by_hand():
    """Images are the numbers 1 and 10; G and F multiply by 2 and 3, the critics by 1/2 and 1/4."""
    real = pair(1.0, 10.0)
    translators = cyclegan.Translators(Scale(2.0), Scale(3.0))
    critics = cyclegan.Critics(Scale(0.5), Scale(0.25))
    state = started(translators, critics, real)
    after, metrics = jax.jit(steps(losses.least_squares))(state, {"real": real})
    # Of F(10) = 30 and G(1) = 2; once around makes 6 of 1 and 60 of 10; G(10) = 20 and F(1) = 3.
    np.testing.assert_allclose(metrics["generator_loss"], ((15 - 1) ** 2 + (0.5 - 1) ** 2) / 4)
    np.testing.assert_allclose(metrics["cycle"], 10 * (5 + 50))
    np.testing.assert_allclose(metrics["identity"], 5 * (10 + 2))
    params = after.generator.params
    forward = (0.5 - 1) * 0.25 / 2 + 10 * (3 + 30) + 5 * 10
    backward = (15 - 1) * 5 / 2 + 10 * (2 + 20) + 5 * 1
    forward, backward = 2 - 1e-3 * forward, 3 - 1e-3 * backward
    np.testing.assert_allclose(params["forward"]["by"], forward, rtol=1e-6)
    np.testing.assert_allclose(params["backward"]["by"], backward, rtol=1e-6)

    fakes = {"a": 10 * backward, "b": forward}
    parts = [
        ((by * image - 1) ** 2 + (by * fakes[domain]) ** 2) / 2
        for domain, by, image in (("a", 0.5, 1), ("b", 0.25, 10))
    ]
    np.testing.assert_allclose(metrics["discriminator_loss"], np.mean(parts), rtol=1e-5)
    slope = ((0.5 * 1 - 1) * 1 + 0.5 * fakes["a"] ** 2) / 2
    params = after.discriminator.params
    np.testing.assert_allclose(params["a"]["by"], 0.5 - 1e-3 * slope, rtol=1e-5)
    pool = after.moving["pool"]
    assert int(pool.count) == 2
    np.testing.assert_allclose(pool.samples["b"][:2].ravel(), forward, rtol=1e-6)


def test_losses_and_penalties_take_pairs():
    real = {"a": jnp.zeros((2, 8, 12, 3)), "b": jnp.zeros((2, 8, 12, 3))}
    translators = cyclegan.Translators(cyclegan.Generator(1, 2), cyclegan.Generator(1, 2))
    critics = (cyclegan.Discriminator((2, 2), halvings=1) for _ in range(2))
    create = partial(started, translators, cyclegan.Critics(*critics))
    step = steps(losses.relativistic, penalties.gradient_penalty, penalties.r1_penalty)
    metrics = jax.eval_shape(step, jax.eval_shape(create, real), {"real": real})[1]
    assert {value.shape for value in metrics.values()} == {()}


def test_gradients_hold_no_slow_convolution():
    networks = (
        cyclegan.Generator(1, width=8, channels=3),
        cyclegan.Discriminator((8, 16), halvings=1),
    )
    source = normal(2, 16, 16, 3, dtype=np.float32)
    variables = [residual_networks.variables(network, source) for network in networks]

    def value(variables, maps):
        for network, own in zip(networks, variables, strict=True):
            maps = network.apply(own, maps, train=True)
        return jnp.sum(maps**2)

    run = jax.jit(jax.grad(value, argnums=(0, 1))).lower(variables, source).compile()
    text = run.as_text()
    assert "{size=7x7 pad=" in text
    assert "{size=7x7}" not in text  # without zeros around the maps another, slow way is gone
    assert slow_patterns(text) == []
