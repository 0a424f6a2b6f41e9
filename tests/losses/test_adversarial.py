"""Values and meaning of the losses that judge each logit by itself."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

REAL, FAKE = np.array([2.0, -1.0], np.float32), np.array([0.5, -3.0], np.float32)
PEARSON = losses.AdversarialLoss(
    partial(losses.least_squares_discriminator_loss, fake_target=-1.0),
    partial(losses.least_squares_generator_loss, generator_target=0.0),
)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _cross_entropy(real, fake):
    return -np.log(_sigmoid(real)) - np.log(1 - _sigmoid(fake))


REFERENCES = {
    "minimax": (losses.minimax, _cross_entropy, lambda fake: np.log(1 - _sigmoid(fake))),
    "non_saturating": (
        losses.non_saturating,
        _cross_entropy,
        lambda fake: -np.log(_sigmoid(fake)),
    ),
    "least_squares": (
        losses.least_squares,
        lambda real, fake: ((real - 1) ** 2 + fake**2) / 2,
        lambda fake: (fake - 1) ** 2 / 2,
    ),
    "pearson": (
        PEARSON,
        lambda real, fake: ((real - 1) ** 2 + (fake + 1) ** 2) / 2,
        lambda fake: fake**2 / 2,
    ),
    "wasserstein": (losses.wasserstein, lambda real, fake: fake - real, lambda fake: -fake),
    "hinge": (
        losses.hinge,
        lambda real, fake: np.where(real < 1, 1 - real, 0) + np.where(fake > -1, 1 + fake, 0),
        lambda fake: -fake,
    ),
}


@pytest.mark.parametrize(
    ("pair", "discriminator", "generator"),
    [
        (losses.minimax, 1.2314270, -0.5113322),
        (losses.non_saturating, 1.2314270, 1.7613322),
        (losses.least_squares, 3.5625, 4.0625),
        (PEARSON, 2.8125, 2.3125),
        (losses.hinge, 1.75, 1.25),
        (losses.wasserstein, -1.75, 1.25),
    ],
    ids=["minimax", "non_saturating", "least_squares", "pearson", "hinge", "wasserstein"],
)
def test_golden_means(pair, discriminator, generator):
    assert pair.discriminator(REAL, FAKE).mean() == pytest.approx(discriminator, abs=1e-6)
    assert pair.generator(FAKE).mean() == pytest.approx(generator, abs=1e-6)


@pytest.mark.parametrize("name", REFERENCES)
def test_float64_agrees_with_the_textbook_formula(name):
    pair, discriminator, generator = REFERENCES[name]
    real, fake = (x.ravel() for x in np.meshgrid(*[np.linspace(-15, 15, 61)] * 2))
    with jax.enable_x64(True):
        losses64 = pair.discriminator(real, fake), pair.generator(fake)
    for loss, reference in zip(losses64, (discriminator(real, fake), generator(fake)), strict=True):
        np.testing.assert_allclose(loss, reference, rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("name", REFERENCES)
def test_float32_agrees_with_float64(name):
    pair, _, _ = REFERENCES[name]
    real, fake = (x.ravel() for x in np.meshgrid(*[np.linspace(-100, 100, 51)] * 2))
    single = pair.discriminator(real, fake), pair.generator(fake)
    with jax.enable_x64(True):
        double = pair.discriminator(real, fake), pair.generator(fake)
    for loss, reference in zip(single, double, strict=True):
        np.testing.assert_allclose(loss, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", REFERENCES)
def test_generator_does_not_read_real_logits(name):
    pair, _, _ = REFERENCES[name]
    np.testing.assert_array_equal(pair.generator(FAKE), pair.generator(FAKE, REAL))


def test_minimax_of_an_undecided_discriminator_is_log_4():
    undecided = jnp.zeros(3)
    np.testing.assert_allclose(losses.minimax.discriminator(undecided, undecided), np.log(4))


def test_minimax_is_a_zero_sum_game_in_the_fake_logit():
    total = losses.minimax.discriminator(REAL, FAKE) + losses.minimax.generator(FAKE)
    np.testing.assert_allclose(total, np.log1p(np.exp(-REAL)), rtol=1e-5)


def test_saturating_gradient_vanishes_where_the_non_saturating_one_does_not():
    confident = -20.0
    assert abs(jax.grad(losses.minimax_generator_loss)(confident)) < 1e-8
    assert jax.grad(losses.non_saturating_generator_loss)(confident) == pytest.approx(-1.0)


def test_both_generator_losses_pull_equally_on_an_undecided_discriminator():
    undecided = 0.0
    assert jax.grad(losses.minimax_generator_loss)(undecided) == pytest.approx(
        float(jax.grad(losses.non_saturating_generator_loss)(undecided))
    )


REAL_DENSITY, FAKE_DENSITY = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])
MIXTURE = (REAL_DENSITY + FAKE_DENSITY) / 2


def _expected_loss(pair, logits):
    real, fake = (x.ravel() for x in jnp.meshgrid(logits, logits, indexing="ij"))
    return jnp.sum(np.outer(REAL_DENSITY, FAKE_DENSITY).ravel() * pair.discriminator(real, fake))


@pytest.mark.parametrize(
    ("pair", "optimum"),
    [
        (losses.minimax, np.log(REAL_DENSITY / FAKE_DENSITY)),
        (losses.least_squares, REAL_DENSITY / (2 * MIXTURE)),
        (PEARSON, (REAL_DENSITY - FAKE_DENSITY) / (2 * MIXTURE)),
    ],
    ids=["minimax", "least_squares", "pearson"],
)
def test_optimal_discriminator_is_the_known_function_of_the_densities(pair, optimum):
    gradient = jax.grad(lambda logits: _expected_loss(pair, logits))
    np.testing.assert_allclose(gradient(jnp.asarray(optimum)), 0, atol=1e-6)
    assert abs(gradient(jnp.asarray(optimum) + 0.1)).min() > 1e-3


def test_optimal_hinge_discriminator_is_the_sign_of_the_difference():
    sign = np.sign(REAL_DENSITY - FAKE_DENSITY)
    overlap = np.minimum(REAL_DENSITY, FAKE_DENSITY).sum()
    best = _expected_loss(losses.hinge, sign)
    assert best == pytest.approx(2 * overlap, rel=1e-6)
    for offset in np.random.default_rng(0).normal(size=(20, 4)):
        assert _expected_loss(losses.hinge, sign + offset) > best


def test_minimax_value_at_the_optimum_is_the_jensen_shannon_divergence():
    def divergence(density):
        return np.sum(density * np.log(density / MIXTURE))

    jensen_shannon = (divergence(REAL_DENSITY) + divergence(FAKE_DENSITY)) / 2
    value = _expected_loss(losses.minimax, np.log(REAL_DENSITY / FAKE_DENSITY))
    assert value == pytest.approx(np.log(4) - 2 * jensen_shannon, rel=1e-5)


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "least_squares", "hinge"])
def test_values_and_gradients_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def cross_entropy(logits, target):
        labels = torch.full_like(logits, target)
        return functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")

    def half_squared_error(logits, target):
        return functional.mse_loss(logits, torch.full_like(logits, target), reduction="none") / 2

    discriminator, generator = {
        "minimax": (
            lambda real, fake: cross_entropy(real, 1.0) + cross_entropy(fake, 0.0),
            lambda fake: -cross_entropy(fake, 0.0),
        ),
        "non_saturating": (
            lambda real, fake: cross_entropy(real, 1.0) + cross_entropy(fake, 0.0),
            lambda fake: cross_entropy(fake, 1.0),
        ),
        "least_squares": (
            lambda real, fake: half_squared_error(real, 1.0) + half_squared_error(fake, 0.0),
            lambda fake: half_squared_error(fake, 1.0),
        ),
        "hinge": (
            lambda real, fake: functional.relu(1 - real) + functional.relu(1 + fake),
            lambda fake: -fake,
        ),
    }[name]
    pair = getattr(losses, name)
    real = torch.linspace(-4.9, 5.1, 11, dtype=torch.float64, requires_grad=True)
    fake = torch.linspace(7.3, -6.9, 11, dtype=torch.float64, requires_grad=True)
    theirs = discriminator(real, fake), generator(fake)
    their_gradients = (
        *torch.autograd.grad(theirs[0].sum(), (real, fake)),
        *torch.autograd.grad(theirs[1].sum(), (fake,)),
    )
    with jax.enable_x64(True):
        real_logits, fake_logits = (jnp.asarray(x.detach().numpy()) for x in (real, fake))
        ours = pair.discriminator(real_logits, fake_logits), pair.generator(fake_logits)
        our_gradients = (
            *jax.grad(lambda *x: pair.discriminator(*x).sum(), (0, 1))(real_logits, fake_logits),
            jax.grad(lambda x: pair.generator(x).sum())(fake_logits),
        )
    for our, their in zip((*ours, *our_gradients), (*theirs, *their_gradients), strict=True):
        np.testing.assert_allclose(our, their.detach().numpy(), rtol=1e-12, atol=1e-12)
