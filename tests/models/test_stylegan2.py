"""StyleGAN2 against its formulas in PyTorch, and what only the whole network shows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers, penalties
from gan_jax.models import stylegan2
from gan_jax.models.stylegan2 import StyleInputs, Styles, StylesOf
from gan_jax.models.stylegan2.generator import StyledConv

SMALL = {"channel_base": 64, "channel_max": 12}
GROUPS = layers.MinibatchStandardDeviation(2)


def small_generator(resolution=8, **how):
    return stylegan2.Generator(resolution, **{"channels": 2, "style_features": 5, "mapping_layers": 2, **SMALL, **how})  # fmt: skip


def small_discriminator(**how):
    return stylegan2.Discriminator(**{"mapping_layers": 2, "minibatch": GROUPS, **SMALL, **how})


def shapes_of(module, *inputs):
    """Return variables without their values: drawing those takes longer to compile than the rest."""
    return jax.eval_shape(partial(module.init, train=False), jax.random.key(0), *inputs)


def random_like(tree, seed=0, dtype=np.float64):
    """Return random leaves of about the size that kernels start with, biases included."""
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(dtype), tree)


def assert_trees_agree(ours, theirs):
    from tests import torch_style

    theirs = dict(torch_style.leaves(theirs))
    found = jax.tree.leaves_with_path(ours)
    assert len(found) == len(theirs)
    for path, leaf in found:
        name = "".join(f"{step.key}/" for step in path)
        np.testing.assert_allclose(leaf, theirs[name].grad, rtol=1e-8, atol=1e-10, err_msg=name)


def counted(module, *inputs):
    return sum(leaf.size for leaf in jax.tree.leaves(shapes_of(module, *inputs)["params"]))


def test_parameters_are_as_many_as_nvidia_counts():
    """Rows of the summary that stylegan2-ada-pytorch logs for 1024 x 1024, mapping of two layers.

    Its totals are 28,794,124 and 29,012,513. A convolution's row is its kernel, affine map, bias
    and noise strength: 9 * 512^2 + (512^2 + 512) + 512 + 1 = 2,622,465. Without the blocks of 1024
    and 512 there remain the networks for 256.
    """
    latents = jnp.zeros((1, 512))
    assert counted(stylegan2.Generator(1024, mapping_layers=2), latents) == 28_794_124
    full = 28_794_124 + 6 * (512**2 + 512)
    assert counted(stylegan2.Generator(1024), latents) == full == 30_370_060
    largest = (139_457 + 69_761 + 33_027) + (51_297 + 25_665 + 16_515)
    assert counted(stylegan2.Generator(256), latents) == full - largest

    judged = {side: jnp.zeros((1, side, side, 3)) for side in (256, 1024)}
    assert counted(stylegan2.Discriminator(), judged[1024]) == 29_012_513
    largest = 128 + (2_048 + 9_248 + 18_496) + (8_192 + 36_928 + 73_856)
    from_image = 3 * 128 + 128
    count = counted(stylegan2.Discriminator(), judged[256])
    assert count == 29_012_513 - largest + from_image
    without = counted(stylegan2.Discriminator(residual=False), judged[256])
    assert count - without == 128 * 256 + 256 * 512 + 4 * 512 * 512


@pytest.mark.parametrize(
    ("side", "base", "classes"), [(8, 4, 0), (64, 4, 10), (14, 7, 0), (28, 7, 10), (56, 7, 0)]
)
def test_images_of_every_size_that_doubling_reaches(side, base, classes):
    labels = (jnp.array([3, 4]),) if classes else ()
    generator = small_generator(side, base=base, num_classes=classes, channels=1)
    discriminator = small_discriminator(base=base, num_classes=classes)

    def play(key):
        images, _ = generator.init_with_output(key, jnp.zeros((2, 6)), *labels, train=False)
        logits, _ = discriminator.init_with_output(key, images, *labels, train=False)
        return images, logits

    images, logits = jax.eval_shape(play, jax.random.key(0))
    assert images.shape == (2, side, side, 1)
    assert logits.shape == (2,)
    assert images.dtype == logits.dtype == jnp.float32


@pytest.mark.parametrize("side", [28, 32])
def test_small_presets_fit_each_other(side):
    generator = getattr(stylegan2, f"Generator{side}")()
    discriminator = getattr(stylegan2, f"Discriminator{side}")()

    def play(key):
        images, _ = generator.init_with_output(key, jnp.zeros((2, 64)), train=False)
        return discriminator.init_with_output(key, images, train=False)[0]

    assert jax.eval_shape(play, jax.random.key(0)).shape == (2,)


def all_inputs(batch=3):
    """Return inputs of every kind: mixed styles, noise, truncation up to a layer."""
    random = np.random.default_rng(1)
    return StyleInputs(
        latents=random.normal(size=(batch, 6)),
        mixed=random.normal(size=(batch, 6)),
        crossover=jnp.array([1, 3, 4]),
        noise_key=jax.random.split(jax.random.key(5), batch),
        truncation=np.array([0.7, 1.0, 0.4]),
        cutoff=jnp.array([2, 3, 4]),
    )


def their_styles(torch_style, params, mean, inputs, labels):
    """Map, mix and truncate layer by layer and example by example."""
    import torch

    first, second = (
        torch_style.mapping(params, torch.tensor(part), labels)
        for part in (inputs.latents, inputs.mixed)
    )
    rows = []
    for b, (crossover, cutoff) in enumerate(zip(inputs.crossover, inputs.cutoff, strict=True)):
        for layer in range(4):
            style = first[b] if layer < crossover else second[b]
            psi = float(inputs.truncation[b]) if layer < cutoff else 1.0
            rows.append(mean + psi * (style - mean))
    return torch.stack(rows).reshape(len(first), 4, -1)


def test_torch_makes_the_same_images():
    torch = pytest.importorskip("torch")
    from tests import torch_style

    generator, inputs, labels = small_generator(num_classes=3), all_inputs(), [0, 2, 1]
    with jax.enable_x64(True):
        variables = random_like(shapes_of(generator, inputs.latents, jnp.array(labels)))

        def run(params):
            joined = {**variables, "params": params}
            images = generator.apply(joined, inputs, jnp.array(labels), train=False)
            return jnp.sum(jnp.sin(images)), images

        grad = jax.jit(jax.value_and_grad(run, has_aux=True))
        (_, images), gradients = grad(variables["params"])
    assert images.dtype == jnp.float64

    def noise(layer, side):
        keys = jax.vmap(jax.random.fold_in, (0, None))(inputs.noise_key, layer)
        maps = jax.vmap(lambda key: jax.random.normal(key, (side, side, 1), jnp.float32))(keys)
        return torch.tensor(np.asarray(maps, np.float64)).permute(0, 3, 1, 2)

    params = torch_style.tensors(variables["params"])
    mean = torch.tensor(variables["style_stats"]["mean"])
    styles = their_styles(torch_style, params["mapping"], mean, inputs, torch.tensor(labels))
    expected = torch_style.synthesis(params, styles, noise, (4, 8))
    torch.sin(expected).sum().backward()
    np.testing.assert_allclose(images, expected.detach().permute(0, 2, 3, 1), rtol=1e-9, atol=1e-10)
    assert_trees_agree(gradients, params)


@pytest.mark.parametrize(
    ("side", "base", "residual", "classes"), [(16, 4, True, 3), (14, 7, False, 0)]
)
def test_torch_gives_the_same_logits_and_the_same_r1(side, base, residual, classes):
    torch = pytest.importorskip("torch")
    from tests import torch_style

    discriminator = small_discriminator(base=base, residual=residual, num_classes=classes)
    images = np.random.default_rng(2).normal(size=(4, side, side, 2))
    labels = [0, 2, 1, 2] if classes else None
    with jax.enable_x64(True):
        given = () if labels is None else (jnp.array(labels),)
        params = random_like(shapes_of(discriminator, images, *given))["params"]

        def run(params):
            critic = lambda x: discriminator.apply({"params": params}, x, *given, train=True)
            penalty = penalties.r1_penalty(critic=critic, real=jnp.asarray(images))
            logits = critic(images)
            return jnp.sum(jnp.sin(logits)) + jnp.sum(penalty), (logits, penalty)

        grad = jax.jit(jax.value_and_grad(run, has_aux=True))
        (_, (logits, penalty)), gradients = grad(params)

    theirs = torch_style.tensors(params)
    seen = torch.tensor(images).permute(0, 3, 1, 2).requires_grad_()
    expected = torch_style.discriminator(
        theirs,
        seen,
        None if labels is None else torch.tensor(labels),
        sides=(8, 4) if side == 16 else (7,),
        residual=residual,
        group=2,
    )
    (slopes,) = torch.autograd.grad(expected.sum(), seen, create_graph=True)
    slope = 0.5 * (slopes**2).sum((1, 2, 3))
    (torch.sin(expected).sum() + slope.sum()).backward()
    np.testing.assert_allclose(logits, expected.detach(), rtol=1e-9)
    np.testing.assert_allclose(penalty, slope.detach(), rtol=1e-9)
    for _, leaf in torch_style.leaves(theirs):
        leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    assert_trees_agree(gradients, theirs)


def test_noise_is_drawn_by_example_and_has_no_say_at_first():
    layer, maps, styles = StyledConv(3), jnp.ones((2, 4, 4, 2)), jnp.ones((2, 5))
    keys = jax.random.split(jax.random.key(1), 2)
    variables = layer.init(jax.random.key(0), maps, styles, None)
    assert variables["params"]["noise_strength"] == 0
    run = jax.jit(layer.apply)
    quiet = run(variables, maps, styles, None)
    params = {**variables["params"], "noise_strength": jnp.full((), 0.5)}
    before = jnp.where(quiet > 0, quiet, 5 * quiet) / np.sqrt(2)
    noise = jnp.stack([jax.random.normal(key, (4, 4, 1)) for key in keys])
    expected = np.sqrt(2) * jax.nn.leaky_relu(before + 0.5 * noise, 0.2)
    loud = run({"params": params}, maps, styles, keys)
    np.testing.assert_allclose(loud, expected, rtol=1e-4, atol=1e-5)


def test_every_convolution_starts_with_about_unit_variance():
    generator = small_generator(channel_base=512, channel_max=64, style_features=64)
    latents = np.random.default_rng(0).normal(size=(16, 64)).astype(np.float32)
    keep = lambda module, _: isinstance(module, layers.ModulatedConv)
    start = partial(generator.init_with_output, train=False, capture_intermediates=keep, mutable=True)  # fmt: skip
    _, state = jax.jit(start)(jax.random.key(0), latents)
    seen = {name: found["conv"]["__call__"][0] for name, found in state["intermediates"].items()}
    for name in ("conv4", "up8", "conv8"):
        # Zeros around small maps, and a filter over independent pixels, take some of it.
        assert 0.2 < float(jnp.mean(seen[name] ** 2)) < 1.5, name


def test_half_precision_keeps_parameters_styles_and_images_in_full():
    generator, half = small_generator(), small_generator(dtype=jnp.bfloat16)
    latents = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    shapes = shapes_of(half, latents)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    variables = random_like(shapes, dtype=np.float32)
    make = lambda module: jax.jit(
        lambda z: (
            module.apply(variables, StylesOf(z), train=False).styles,
            module.apply(variables, z, train=False),
        )
    )(latents)
    (styles, images), (same, exact) = make(half), make(generator)
    assert images.dtype == jnp.float32
    assert not np.array_equal(images, exact)
    np.testing.assert_allclose(images, exact, atol=0.05 * float(jnp.abs(exact).max()))
    np.testing.assert_allclose(styles, same, rtol=1e-6)

    discriminator, half = small_discriminator(), small_discriminator(dtype=jnp.bfloat16)
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 2)).astype(np.float32)
    judge = random_like(shapes_of(half, images), dtype=np.float32)
    logits, exact = (
        jax.jit(partial(module.apply, judge, train=False))(images)
        for module in (half, discriminator)
    )
    assert logits.dtype == jnp.float32
    assert not np.array_equal(logits, exact)
    np.testing.assert_allclose(logits, exact, atol=0.1)


def test_other_bad_input_is_named():
    key, latents = jax.random.key(0), jnp.ones((2, 6))
    start = lambda module, *inputs: jax.eval_shape(partial(module.init, train=False), key, *inputs)
    for inputs in (Styles(jnp.ones((2, 5))), StylesOf(latents)):
        with pytest.raises(ValueError, match="initialise a StyleGAN2 generator by latents"):
            start(small_generator(), inputs)
    for resolution, base in ((4, 4), (28, 4), (12, 4), (8, 0)):
        with pytest.raises(ValueError, match=f"images of side {resolution} on a base of {base}"):
            start(small_generator(resolution, base=base), latents)
    with pytest.raises(ValueError, match="leave maps of side 8 no channel"):
        start(small_generator(channel_base=7), latents)
    with pytest.raises(ValueError, match="this generator has 3 classes and was given no labels"):
        start(small_generator(num_classes=3), latents)
    judge = small_discriminator(num_classes=3)
    with pytest.raises(ValueError, match="this discriminator has 3 classes and was given no"):
        start(judge, jnp.ones((2, 8, 8, 2)))
    with pytest.raises(ValueError, match="images of 8 x 16: StyleGAN2 takes square ones"):
        start(small_discriminator(), jnp.ones((2, 8, 16, 2)))
    with pytest.raises(ValueError, match="images of side 28 on a base of 4"):
        start(small_discriminator(), jnp.ones((2, 28, 28, 2)))
