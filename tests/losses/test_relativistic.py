"""Values and meaning of the losses that compare real with fake."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

REAL, FAKE = np.array([2.0, -1.0], np.float32), np.array([0.5, -3.0], np.float32)
KINDS = {
    "pairing": losses.relativistic,
    "average": losses.relativistic_average,
    "hinge": losses.relativistic_average_hinge,
    "least_squares": losses.relativistic_average_least_squares,
}
every_kind = pytest.mark.parametrize("pair", KINDS.values(), ids=KINDS.keys())
# What each average loss makes of a lead of real over fake, then of fake over real.
AVERAGES = {
    "average": (lambda x: -_log_sigmoid(x), lambda x: -_log_sigmoid(-x)),
    "hinge": (lambda x: np.maximum(0, 1 - x), lambda x: np.maximum(0, 1 + x)),
    "least_squares": (lambda x: (x - 1) ** 2, lambda x: (x + 1) ** 2),
}


def _log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x)))


@pytest.mark.parametrize(
    ("pair", "discriminator", "generator"),
    [
        (losses.relativistic, 0.1641706, 1.9141706),
        (losses.relativistic_average, 0.6684392, 4.1684392),
        (losses.relativistic_average_hinge, 0.875, 5.5),
        # Leads of real 3.25 and 0.25, of fake 0 and -3.5; with exchanged roles the signs change.
        (losses.relativistic_average_least_squares, 6.4375, 20.4375),
    ],
    ids=KINDS.keys(),
)
def test_golden_means(pair, discriminator, generator):
    assert pair.discriminator(REAL, FAKE).mean() == pytest.approx(discriminator, abs=1e-6)
    assert pair.generator(FAKE, REAL).mean() == pytest.approx(generator, abs=1e-6)


def test_float64_pairing_agrees_with_the_textbook_formula():
    real, fake = (x.ravel() for x in np.meshgrid(*[np.linspace(-15, 15, 61)] * 2))
    with jax.enable_x64(True):
        discriminator = losses.relativistic.discriminator(real, fake)
        generator = losses.relativistic.generator(fake, real)
    np.testing.assert_allclose(discriminator, -_log_sigmoid(real - fake), rtol=1e-8, atol=1e-15)
    np.testing.assert_allclose(generator, -_log_sigmoid(fake - real), rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("name", AVERAGES)
@pytest.mark.parametrize("shape", [(60,), (5, 3, 4, 1)])
def test_float64_averages_agree_with_the_textbook_formula(name, shape):
    pair, (good, bad) = KINDS[name], AVERAGES[name]
    real, fake = 3 * np.random.default_rng(0).normal(size=(2, *shape))
    with jax.enable_x64(True):
        discriminator = pair.discriminator(real, fake)
        generator = pair.generator(fake, real)
    relative_real, relative_fake = real - fake.mean(), fake - real.mean()
    np.testing.assert_allclose(discriminator, good(relative_real) + bad(relative_fake), rtol=1e-10)
    np.testing.assert_allclose(generator, good(relative_fake) + bad(relative_real), rtol=1e-10)


@every_kind
def test_only_differences_of_logits_count(pair):
    shift = 5.0
    for loss, shifted in (
        (pair.discriminator(REAL, FAKE), pair.discriminator(REAL + shift, FAKE + shift)),
        (pair.generator(FAKE, REAL), pair.generator(FAKE + shift, REAL + shift)),
    ):
        np.testing.assert_allclose(loss, shifted, rtol=1e-5)
    unrelated = losses.non_saturating.discriminator
    assert not np.allclose(unrelated(REAL, FAKE), unrelated(REAL + shift, FAKE + shift))


@every_kind
def test_generator_plays_the_discriminator_with_exchanged_samples(pair):
    np.testing.assert_array_equal(pair.generator(FAKE, REAL), pair.discriminator(FAKE, REAL))


def test_pairing_of_equal_logits_is_log_2():
    level = jnp.array([-7.0, 0.0, 30.0])
    np.testing.assert_allclose(losses.relativistic.discriminator(level, level), np.log(2))
    np.testing.assert_allclose(losses.relativistic.generator(level, level), np.log(2))


def test_pairing_gradient_vanishes_once_real_is_above_fake_and_not_below():
    slope = jax.grad(losses.relativistic_generator_loss)
    assert slope(30.0, 0.0) == pytest.approx(0, abs=1e-8)
    assert slope(-30.0, 0.0) == pytest.approx(-1)


def test_optimal_pairing_critic_is_the_log_density_ratio_up_to_a_constant():
    real_density, fake_density = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])

    def expected_loss(logits):
        real, fake = (x.ravel() for x in jnp.meshgrid(logits, logits, indexing="ij"))
        pairs = np.outer(real_density, fake_density).ravel()
        return jnp.sum(pairs * losses.relativistic.discriminator(real, fake))

    optimum = jnp.log(real_density / fake_density)
    np.testing.assert_allclose(jax.grad(expected_loss)(optimum), 0, atol=1e-6)
    np.testing.assert_allclose(jax.grad(expected_loss)(optimum + 3.0), 0, atol=1e-6)
    assert abs(jax.grad(expected_loss)(0.5 * optimum)).max() > 1e-2


def test_average_is_that_of_the_whole_batch_and_not_of_its_parts():
    real, fake = np.array([4.0, 0.0], np.float32), np.array([-2.0, 1.0], np.float32)
    whole = losses.relativistic_average.discriminator(real, fake)
    parts = [losses.relativistic_average.discriminator(real[i : i + 1], fake[:1]) for i in (0, 1)]
    assert not np.allclose(whole, np.concatenate(parts))
    np.testing.assert_allclose(
        whole,
        np.logaddexp(0, -(real - fake.mean())) + np.logaddexp(0, fake - real.mean()),
        rtol=1e-6,
    )


@every_kind
def test_generator_needs_real_logits(pair):
    with pytest.raises(ValueError, match="real_logits must be given, got None") as error:
        pair.generator(FAKE)
    assert "\n" not in str(error.value)


@every_kind
def test_generator_refuses_logits_of_two_shapes(pair):
    with pytest.raises(ValueError, match=r"real \(1,\) and fake \(2,\)"):
        pair.generator(FAKE, REAL[:1])


@every_kind
def test_values_and_gradients_agree_with_pytorch(pair):
    torch = pytest.importorskip("torch")
    softplus, relu = torch.nn.functional.softplus, torch.nn.functional.relu

    def theirs(real, fake):
        if pair is losses.relativistic:
            return softplus(-(real - fake)), softplus(-(fake - real))
        good, bad = {
            losses.relativistic_average: (lambda x: softplus(-x), softplus),
            losses.relativistic_average_hinge: (lambda x: relu(1 - x), lambda x: relu(1 + x)),
            losses.relativistic_average_least_squares: (
                lambda x: (x - 1).square(),
                lambda x: (x + 1).square(),
            ),
        }[pair]
        relative_real, relative_fake = real - fake.mean(), fake - real.mean()
        return good(relative_real) + bad(relative_fake), bad(relative_real) + good(relative_fake)

    real = torch.linspace(-4.9, 5.1, 11, dtype=torch.float64, requires_grad=True)
    fake = torch.linspace(3.3, -2.9, 11, dtype=torch.float64, requires_grad=True)
    for player in (0, 1):
        their_loss = theirs(real, fake)[player]
        their_gradients = torch.autograd.grad(their_loss.sum(), (real, fake))
        with jax.enable_x64(True):
            logits = tuple(jnp.asarray(x.detach().numpy()) for x in (real, fake))

            def ours(real, fake, player=player):
                if player == 0:
                    return pair.discriminator(real, fake)
                return pair.generator(fake, real)

            our_loss = ours(*logits)
            our_gradients = jax.grad(lambda *x, ours=ours: ours(*x).sum(), (0, 1))(*logits)
        for our, their in zip(
            (our_loss, *our_gradients), (their_loss, *their_gradients), strict=True
        ):
            np.testing.assert_allclose(our, their.detach().numpy(), rtol=1e-12, atol=1e-12)
