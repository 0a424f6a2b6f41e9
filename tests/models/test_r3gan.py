"""R3GAN against its formulas in PyTorch, and what fix-up promises."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers
from gan_jax.models import r3gan


def shapes(module, *inputs):
    init = partial(module.init, train=False)
    return jax.eval_shape(init, jax.random.key(0), *inputs)["params"]


def small(classes=0, **how):
    """Return networks that change their width once, and once do not."""
    how = {"num_classes": classes, "group_width": 4, **how}
    generator = r3gan.Generator((8, 8, 6), base=2, channels=2, **how)
    return generator, r3gan.Discriminator((6, 8, 8), **how)


class Torch:
    """The formulas in PyTorch: channels first, groups left to it, labels as one-hot vectors."""

    def __init__(self, params):
        import torch

        self.torch, self.functional = torch, torch.nn.functional
        self.params = jax.tree.map(
            lambda leaf: torch.tensor(np.asarray(leaf), requires_grad=True), params
        )
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8
        self.taps = torch.outer(taps, taps)[None, None]

    def conv(self, params, x, groups=1):
        kernel = params["kernel"].permute(3, 2, 0, 1)
        padding = kernel.shape[-1] // 2
        return self.functional.conv2d(x, kernel, params.get("bias"), padding=padding, groups=groups)

    def block(self, params, x):
        y = self.functional.leaky_relu(self.conv(params["Conv_0"], x), 0.2)
        y = self.functional.leaky_relu(self.conv(params["Conv_1"], y, y.shape[1] // 4), 0.2)
        return x + self.conv(params["Conv_2"], y)

    def resampled(self, x, up):
        apart = x.reshape(-1, 1, *x.shape[2:])
        if up:
            y = self.functional.conv_transpose2d(apart, 4 * self.taps, stride=2, padding=1)
        else:
            y = self.functional.conv2d(apart, self.taps, stride=2, padding=1)
        return y.reshape(*x.shape[:2], *y.shape[2:])

    def embedded(self, labels):
        table = self.params["Embed_0"]["embedding"]
        labels = self.torch.tensor(np.asarray(labels, np.int64))
        hot = self.functional.one_hot(labels, len(table))
        return hot.to(table.dtype) @ table

    def generator(self, latents, labels=None):
        params = self.params
        if labels is not None:
            latents = self.torch.cat([latents, self.embedded(labels)], dim=1)
        scales = latents @ params["Dense_0"]["kernel"]
        x = params["basis"].permute(2, 0, 1) * scales[:, :, None, None]
        x = self.block(params["ResidualBlock_1"], self.block(params["ResidualBlock_0"], x))
        x = self.resampled(x, up=True)
        x = self.block(params["ResidualBlock_3"], self.block(params["ResidualBlock_2"], x))
        x = self.resampled(self.conv(params["Conv_0"], x), up=True)
        x = self.block(params["ResidualBlock_5"], self.block(params["ResidualBlock_4"], x))
        return self.conv(params["Conv_1"], x)

    def discriminator(self, x, labels=None):
        params = self.params
        x = self.conv(params["Conv_0"], x)
        x = self.block(params["ResidualBlock_1"], self.block(params["ResidualBlock_0"], x))
        x = self.conv(params["Conv_1"], self.resampled(x, up=False))
        x = self.block(params["ResidualBlock_3"], self.block(params["ResidualBlock_2"], x))
        x = self.resampled(x, up=False)
        x = self.block(params["ResidualBlock_5"], self.block(params["ResidualBlock_4"], x))
        # A depth-wise convolution with a kernel as large as the maps.
        kernel = params["basis"].permute(2, 0, 1)[:, None]
        x = self.functional.conv2d(x, kernel, groups=x.shape[1])[:, :, 0, 0]
        x = x @ params["Dense_0"]["kernel"]
        return x[:, 0] if labels is None else (x * self.embedded(labels)).sum(dim=1)

    def check(self, gradients):
        for path, leaf in jax.tree.leaves_with_path(gradients):
            there = self.params
            for step in path:
                there = there[step.key]
            np.testing.assert_allclose(leaf, there.grad, rtol=1e-8, atol=1e-9, err_msg=str(path))


def drawn(module, *inputs):
    """Draw parameters of which none is zero."""
    random = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape) / 2, shapes(module, *inputs))


def applied(module):
    """Return `(params, *inputs) -> outputs`, compiled."""
    return jax.jit(lambda params, *inputs: module.apply({"params": params}, *inputs, train=True))


@pytest.mark.parametrize("classes", [0, 3])
def test_the_generator_is_its_formulas(classes):
    torch = pytest.importorskip("torch")
    labels = (jnp.array([2, 0, 2]),) if classes else ()
    with jax.enable_x64(True):
        generator, _ = small(classes)
        latents = jnp.asarray(np.random.default_rng(1).normal(size=(3, 5)))
        params = drawn(generator, latents, *labels)

        def run(params, latents):
            images = generator.apply({"params": params}, latents, *labels, train=True)
            return jnp.sum(jnp.sin(images)), images

        by = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))
        (_, images), (gradients, by_latents) = by(params, latents)
        there = Torch(params)
        inputs = torch.tensor(np.asarray(latents), requires_grad=True)
        expected = there.generator(inputs, *labels)
        torch.sin(expected).sum().backward()
        assert images.shape == (3, 8, 8, 2)
        expected = expected.detach().permute(0, 2, 3, 1)
        np.testing.assert_allclose(images, expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(by_latents, inputs.grad, rtol=1e-8, atol=1e-9)
        there.check(gradients)


@pytest.mark.parametrize("classes", [0, 3])
def test_the_discriminator_and_its_penalty_are_their_formulas(classes):
    torch = pytest.importorskip("torch")
    labels = (jnp.array([2, 0, 2]),) if classes else ()
    with jax.enable_x64(True):
        _, discriminator = small(classes)
        images = jnp.asarray(np.random.default_rng(1).normal(size=(3, 8, 8, 2)))
        params = drawn(discriminator, images, *labels)

        def run(params, images):
            judge = lambda x: discriminator.apply({"params": params}, x, *labels, train=True)
            logits, back = jax.vjp(judge, images)
            (slopes,) = back(jnp.ones_like(logits))
            penalties = jnp.sum(slopes**2, axis=(1, 2, 3))
            return jnp.sum(jnp.tanh(logits)) + jnp.sum(jnp.log1p(penalties)), (logits, penalties)

        by = jax.jit(jax.value_and_grad(run, argnums=(0, 1), has_aux=True))
        (_, (logits, penalties)), (gradients, by_images) = by(params, images)
        there = Torch(params)
        inputs = torch.tensor(np.asarray(images)).permute(0, 3, 1, 2).requires_grad_()
        expected = there.discriminator(inputs, *labels)
        (slopes,) = torch.autograd.grad(expected.sum(), inputs, create_graph=True)
        squares = (slopes**2).sum(dim=(1, 2, 3))
        (torch.tanh(expected).sum() + torch.log1p(squares).sum()).backward()
        np.testing.assert_allclose(logits, expected.detach(), rtol=1e-9)
        np.testing.assert_allclose(penalties, squares.detach(), rtol=1e-9)
        by_inputs = inputs.grad.permute(0, 2, 3, 1)
        np.testing.assert_allclose(by_images, by_inputs, rtol=1e-7, atol=1e-9)
        there.check(gradients)


def started(module, *inputs, **how):
    return jax.jit(partial(module.init, **how))(jax.random.key(0), *inputs)["params"]


def test_a_residual_block_starts_as_the_identity_with_the_papers_spread():
    maps = jax.random.normal(jax.random.key(1), (2, 4, 4, 64))
    block = r3gan.ResidualBlock(depth=16)
    params = started(block, maps)
    np.testing.assert_array_equal(block.apply({"params": params}, maps), maps)
    # sqrt(2 / (1 + 0.2^2)) 16^(-1/4) over the square root of 64, and of 9 * 16.
    gain = (2 / 1.04) ** 0.5 / 2
    np.testing.assert_allclose(params["Conv_0"]["kernel"].std(), gain / 8, rtol=0.03)
    np.testing.assert_allclose(params["Conv_1"]["kernel"].std(), gain / 12, rtol=0.03)
    assert not params["Conv_0"]["bias"].any()
    assert not params["Conv_1"]["bias"].any()
    assert set(params["Conv_2"]) == {"kernel"}


def test_outputs_start_alike_whatever_the_depth():
    latents = jax.random.normal(jax.random.key(1), (16, 64))
    # At the start a discriminator is linear: maps that are constant keep their scale.
    images = jnp.broadcast_to(jax.random.normal(jax.random.key(2), (16, 1, 1, 64)), (16, 8, 8, 64))
    for make, inputs in (
        (partial(r3gan.Generator, (64, 32), channels=64), latents),
        (partial(r3gan.Discriminator, (32, 64)), images),
    ):
        params = started(make(blocks=1), inputs, train=True)
        shallow = {name: leaves for name, leaves in params.items() if "Block" not in name}
        outputs = applied(make(blocks=1))(params, inputs)
        others = applied(make(blocks=0))(shallow, inputs)
        np.testing.assert_allclose(outputs, others, rtol=1e-4, atol=1e-5)
        # Zeros around the maps and, in a generator, interpolation take a little of it.
        assert 0.5 < np.sqrt(np.mean(np.square(outputs))) < 1.1


def test_a_first_step_changes_maps_by_as_much_whatever_the_depth():
    """What fix-up is for: the slopes of all last convolutions, squared and summed, are O(1)."""
    maps = jax.random.normal(jax.random.key(1), (2, 4, 4, 16))

    def squares(depth):
        block = r3gan.ResidualBlock(depth)
        params = started(block, maps)
        value = lambda params: jnp.sum(jnp.sin(block.apply({"params": params}, maps)))
        slope = jax.jit(jax.grad(value))(params)["Conv_2"]["kernel"]
        # Before it, every block of a network is given the same maps.
        return depth * jnp.sum(slope**2)

    np.testing.assert_allclose(squares(10_000), squares(1), rtol=1e-4)


def test_embeddings_start_as_linear_maps_of_one_hot_labels():
    labels, how = jnp.array([1]), dict(num_classes=400, blocks=0)
    for module, inputs, width, spread in (
        (r3gan.Generator((8,), **how), jnp.zeros((1, 64)), 64, 400**-0.5),  # as long as latents
        (r3gan.Discriminator((8,), **how), jnp.zeros((1, 4, 4, 3)), 8, (400 * 8) ** -0.5),
    ):
        table = started(module, inputs, labels, train=True)["Embed_0"]["embedding"]
        assert table.shape == (400, width)
        np.testing.assert_allclose(table.std(), spread, rtol=0.05)


LATENTS = jax.random.normal(jax.random.key(1), (2, 5))
IMAGES = jax.random.normal(jax.random.key(2), (2, 8, 8, 2))


def each(**how):
    """Return both small networks with what they are given."""
    return zip(small(blocks=1, **how), (LATENTS, IMAGES), strict=True)


def test_labels_and_only_wanted_ones_count():
    labels = jnp.array([0, 2])
    for module, inputs in each(classes=3):
        params, run = drawn(module, inputs, labels), applied(module)
        outputs = run(params, inputs, labels)
        assert not np.allclose(outputs, run(params, inputs, labels[::-1]))
        unknown = run(params, inputs, labels + 1)
        np.testing.assert_array_equal(np.isnan(unknown.reshape(2, -1)).any(axis=1), [False, True])
        with pytest.raises(ValueError, match="has 3 classes and was given no labels"):
            shapes(module, inputs)
    for module, inputs in each():
        with pytest.raises(ValueError, match="has no classes: set num_classes"):
            shapes(module, inputs, labels)


def test_members_of_a_population_are_apart():
    for module, inputs in each():
        params, run = drawn(module, inputs), applied(module)
        members = [jax.tree.map(lambda leaf, i=i: jnp.float32(leaf) * i, params) for i in (1, -1)]
        many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
        together = jax.vmap(run, (0, None))(many, inputs)
        for outputs, member in zip(together, members, strict=True):
            np.testing.assert_allclose(outputs, run(member, inputs), rtol=2e-4, atol=1e-4)


def test_half_precision_within_and_float32_outside():
    for (half, inputs), (full, _) in zip(each(dtype=jnp.bfloat16), each(), strict=True):
        assert {leaf.dtype for leaf in jax.tree.leaves(shapes(half, inputs))} == {jnp.dtype("f4")}
        params = jax.tree.map(jnp.float32, drawn(half, inputs))
        run = partial(half.apply, train=True, capture_intermediates=True)
        outputs, state = jax.jit(run)({"params": params}, inputs)
        expected = applied(full)(params, inputs)
        assert outputs.dtype == expected.dtype == jnp.float32
        error, scale = jnp.abs(outputs - expected).max(), jnp.abs(expected).max()
        assert 0 < error < 0.1 * scale
        blocks = {k: v for k, v in state["intermediates"].items() if "Block" in k}
        assert len(blocks) == 3
        assert all(maps["__call__"][0].dtype == jnp.bfloat16 for maps in blocks.values())


def test_convolutions_and_dense_layers_are_arguments():
    for module, inputs in each(conv=layers.SpectralConv, dense=layers.SpectralDense):
        init = partial(module.init, train=False)
        variables = jax.eval_shape(init, jax.random.key(0), inputs)
        paths = jax.tree.leaves_with_path(variables["params"])
        kernels = sum(path[-1].key == "kernel" for path, _ in paths)
        assert len(jax.tree.leaves(variables["spectral_stats"])) == kernels == 3 * 3 + 3


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="12 channels can't be parted into groups of 16"):
        shapes(r3gan.Discriminator((6, 8)), IMAGES)
    discriminator = small()[1]
    with pytest.raises(ValueError, match="images of 9 x 8 cannot be shrunk by 2"):
        shapes(discriminator, jnp.ones((1, 9, 8, 2)))
    with pytest.raises(ValueError, match="images must be floats"):
        shapes(discriminator, jnp.ones((1, 8, 8, 2), jnp.uint8))
    with pytest.raises(ValueError, match="latents must be floats"):
        shapes(small()[0], jnp.ones((1, 5), jnp.int32))
