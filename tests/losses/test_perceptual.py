"""The distance of features: by hand, by PyTorch, and beside the losses it is made of."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import losses

OUTPUT, TARGET = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 2))
KERNEL = np.random.default_rng(1).normal(size=(3, 3, 2, 5))


def network(images):
    """Return two layers of different sizes."""
    names = ("NHWC", "HWIO", "NHWC")
    maps = jax.nn.relu(
        jax.lax.conv_general_dilated(images, KERNEL, (1, 1), "VALID", dimension_numbers=names)
    )
    return {"maps": maps, "sums": jnp.tanh(maps.sum(axis=(1, 2)))}


def test_values_by_hand():
    output = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    target = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    loss = partial(losses.perceptual_loss, output, target)
    np.testing.assert_allclose(loss(features=lambda x: x), [13 / 3, 3], rtol=1e-6)
    np.testing.assert_allclose(loss(features=lambda x: 2 * x, weight=0.5), [26 / 3, 6], rtol=1e-6)
    absolute = loss(features=lambda x: x, distance=losses.l1_loss)
    np.testing.assert_allclose(absolute, [5 / 3, 1], rtol=1e-6)
    # Each layer is divided by as many numbers as it has: three, and one.
    two = loss(features=lambda x: [x, x[:, 2]])
    np.testing.assert_allclose(two, [13 / 3 + 9, 3 + 9], rtol=1e-6)


def test_torch_says_the_same_of_two_layers():
    torch = pytest.importorskip("torch")
    with jax.enable_x64(True):
        loss = lambda x: losses.perceptual_loss(x, TARGET, features=network, weight=0.3)
        run = jax.jit(lambda x: (loss(x), jax.grad(lambda x: loss(x).sum())(x)))
        ours, gradient = run(OUTPUT)
        assert ours.dtype == np.float64

    def layers(images):
        kernel = torch.tensor(KERNEL).permute(3, 2, 0, 1)
        maps = torch.relu(torch.nn.functional.conv2d(images.permute(0, 3, 1, 2), kernel))
        return maps, torch.tanh(maps.sum(dim=(2, 3)))

    output = torch.tensor(OUTPUT, requires_grad=True)
    theirs = sum(
        ((a - b) ** 2).flatten(1).mean(dim=1)
        for a, b in zip(layers(output), layers(torch.tensor(TARGET)), strict=True)
    )
    (0.3 * theirs).sum().backward()
    np.testing.assert_allclose(ours, 0.3 * theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient, output.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_of_one_layer_it_averages_to_what_the_plain_loss_of_features_does():
    features = lambda images: network(images)["maps"]
    with jax.enable_x64(True):
        loss = losses.perceptual_loss(OUTPUT, TARGET, features=features)
        plain = losses.l2_loss(features(OUTPUT), features(TARGET))
        np.testing.assert_allclose(loss.mean(), plain.mean(), rtol=1e-12)
        of_pixels = losses.perceptual_loss(OUTPUT, TARGET, features=lambda images: images)
        by_example = losses.l2_loss(OUTPUT, TARGET).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(of_pixels, by_example, rtol=1e-12)


def test_examples_are_compared_with_their_own_targets():
    swapped = OUTPUT[::-1]
    features = lambda x: x
    assert (losses.perceptual_loss(OUTPUT, swapped, features=features)[::2] > 0.1).all()
    # The means of the batch are the same, which is all that feature matching looks at.
    np.testing.assert_allclose(losses.feature_matching_loss(OUTPUT, swapped), 0, atol=1e-9)
    changed = OUTPUT.copy()
    changed[0] += 1
    np.testing.assert_array_equal(
        losses.perceptual_loss(changed, OUTPUT, features=features)[1:], [0, 0]
    )


def test_gradients_of_both_orders_jit_and_vmap():
    loss = partial(losses.perceptual_loss, features=jnp.tanh)
    with jax.enable_x64(True):
        check_grads(jax.jit(loss), (OUTPUT, TARGET), order=2, modes=["rev"], rtol=1e-4)
        both = np.stack([OUTPUT, TARGET]), np.stack([TARGET, TARGET])
        looped = [loss(*pair) for pair in zip(*both, strict=True)]
        np.testing.assert_allclose(jax.jit(jax.vmap(loss))(*both), looped, rtol=1e-12)


def test_half_precision_is_widened_before_the_network():
    seen = []

    def features(images):
        seen.append(images.dtype)
        return images.astype(jnp.bfloat16)

    images = jnp.ones((2, 3), jnp.bfloat16)
    assert losses.perceptual_loss(images, images, features=features).dtype == jnp.float32
    assert seen == [jnp.float32] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda loss: loss(OUTPUT, TARGET[:1]), "must have the same shape, got output"),
        (lambda loss: loss(np.uint8([[1]]), np.uint8([[1]])), "output images must be floats"),
        (lambda loss: loss(jnp.ones(()), jnp.ones(())), r"images must be \[B, ...\], got \[\]"),
        (lambda loss: loss(OUTPUT, TARGET, weight=-1.0), r"weight must be in \[0.0, inf\]"),
        (
            lambda loss: loss(OUTPUT, TARGET, features=jnp.sum),
            r"features must be \[B, ...\] for a batch of 3, got \[\]",
        ),
        (
            lambda loss: loss(OUTPUT, TARGET, features=lambda x: x[:2]),
            r"for a batch of 3, got \[2, 4, 4, 2\]",
        ),
        (lambda loss: loss(OUTPUT, TARGET, features=lambda x: ()), "got none"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda *images, **how: losses.perceptual_loss(*images, **{"features": lambda x: x, **how}))  # fmt: skip


def test_style_by_hand():
    one, two = jnp.array([[[[1.0, 2.0]]]]), jnp.array([[[[0.0, 1.0]]]])
    # [[1, 2], [2, 4]] / 2 and [[0, 0], [0, 1]] / 2: differences 1/2, 1, 1, 3/2.
    style = partial(losses.style_loss, one, two, features=lambda x: x)
    np.testing.assert_allclose(style(), [0.25 + 1 + 1 + 2.25], rtol=1e-6)
    np.testing.assert_allclose(style(weight=2.0), [9.0], rtol=1e-6)


def test_style_does_not_look_where_textures_are():
    images = jnp.asarray(OUTPUT, jnp.float32)
    moved = jnp.roll(images, (1, 2), axis=(1, 2))
    same = losses.style_loss(images, moved, features=lambda x: {"maps": x})
    np.testing.assert_allclose(same, 0, atol=1e-10)
    assert (losses.style_loss(images, 2 * images, features=lambda x: x) > 0.1).all()


def test_torch_says_the_same_of_styles():
    torch = pytest.importorskip("torch")

    def maps(images):
        return network(images)["maps"]

    with jax.enable_x64(True):
        loss = lambda x: losses.style_loss(x, TARGET, features=maps, weight=0.7)
        ours, gradient = jax.jit(lambda x: (loss(x), jax.grad(lambda x: loss(x).sum())(x)))(OUTPUT)

    def gram(images):
        kernel = torch.tensor(KERNEL).permute(3, 2, 0, 1)
        flat = torch.relu(torch.nn.functional.conv2d(images.permute(0, 3, 1, 2), kernel)).flatten(2)
        return flat @ flat.transpose(1, 2) / flat[0].numel()

    output = torch.tensor(OUTPUT, requires_grad=True)
    theirs = 0.7 * ((gram(output) - gram(torch.tensor(TARGET))) ** 2).sum(dim=(1, 2))
    theirs.sum().backward()
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient, output.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_styles_that_make_no_sense_are_refused():
    images = jnp.ones((2, 4, 4, 1))
    with pytest.raises(ValueError, match=r"features must be \[B, H, W, C\] for a batch of 2"):
        losses.style_loss(images, images, features=lambda x: x.sum(axis=(1, 2)))
    with pytest.raises(ValueError, match="got none"):
        losses.style_loss(images, images, features=lambda x: ())
    with pytest.raises(ValueError, match="weight"):
        losses.style_loss(images, images, features=lambda x: x, weight=-1.0)
