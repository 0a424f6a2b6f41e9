"""What label smoothing and top-k training do to a pair."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

REAL, FAKE = np.array([2.0, -1.0], np.float32), np.array([0.5, -3.0], np.float32)


def test_smoothing_has_the_golden_mean_and_leaves_the_generator_alone():
    smooth = losses.one_sided_label_smoothing(losses.non_saturating)
    assert smooth.discriminator(REAL, FAKE).mean() == pytest.approx(1.2814270, abs=1e-6)
    assert smooth.generator is losses.non_saturating.generator


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.125, 1.0])
def test_smoothing_is_cross_entropy_with_a_lower_target_for_reals(smoothing):
    smooth = losses.one_sided_label_smoothing(losses.minimax, smoothing=smoothing)
    real, fake = (x.ravel() for x in np.meshgrid(*[np.linspace(-15, 15, 31)] * 2))
    with jax.enable_x64(True):
        loss = smooth.discriminator(real, fake)
    minus_log_real, minus_log_fake = np.log1p(np.exp(-real)), np.log1p(np.exp(real))
    smoothed = (1 - smoothing) * minus_log_real + smoothing * minus_log_fake
    np.testing.assert_allclose(loss, smoothed + np.log1p(np.exp(fake)), rtol=1e-8)


def test_smoothing_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    cross_entropy = partial(torch.nn.functional.binary_cross_entropy_with_logits, reduction="none")
    real, fake = torch.linspace(-4.0, 5.0, 7), torch.linspace(6.0, -3.0, 7)
    theirs = cross_entropy(real, torch.full_like(real, 0.9))
    theirs = theirs + cross_entropy(fake, torch.zeros_like(fake))
    smooth = losses.one_sided_label_smoothing(losses.minimax)
    ours = smooth.discriminator(real.numpy(), fake.numpy())
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)


def test_smoothed_optimum_is_the_target():
    smooth = losses.one_sided_label_smoothing(losses.minimax, smoothing=0.1)
    slope = jax.grad(lambda real: smooth.discriminator(real, jnp.zeros(())))
    assert slope(jnp.log(0.9 / 0.1)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (losses.hinge, "hinge_discriminator_loss"),
        (losses.relativistic, "relativistic_discriminator_loss"),
        (losses.least_squares._replace(discriminator=partial(max)), "functools.partial"),
    ],
    ids=["hinge", "relativistic", "partial"],
)
def test_smoothing_refuses_other_losses_by_name(pair, name):
    with pytest.raises(ValueError, match=f"must be minimax_discriminator_loss .*, got .*{name}"):
        losses.one_sided_label_smoothing(pair)


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, float("nan"), np.float32(2)])
def test_smoothing_refuses_what_is_no_share(smoothing):
    with pytest.raises(ValueError, match=r"smoothing must be in \[0.0, 1.0\], got"):
        losses.one_sided_label_smoothing(losses.minimax, smoothing=smoothing)


@pytest.mark.parametrize(("share", "kept"), [(0.0, 1), (0.3, 1), (0.5, 2), (0.7, 3), (1.0, 4)])
def test_top_k_averages_over_the_highest_fakes(share, kept):
    fake = jnp.array([0.1, -2.0, 3.0, 1.0])
    loss = losses.top_k(losses.non_saturating, share).generator(fake)
    assert jnp.count_nonzero(loss) == kept
    expected = np.log1p(np.exp(-np.sort(fake)[-kept:])).mean()
    assert loss.mean() == pytest.approx(expected, rel=1e-6)


def test_top_k_keeps_k_of_equal_logits_the_first_ones():
    loss = losses.top_k(losses.wasserstein, 0.5).generator(jnp.array([1.0, 1.0, 2.0, 1.0]))
    np.testing.assert_array_equal(loss, [-2.0, 0.0, -4.0, 0.0])


def test_top_k_gradient_reaches_the_kept_alone():
    pair = losses.top_k(losses.wasserstein, 0.5)
    gradient = jax.grad(lambda fake: pair.generator(fake).mean())(jnp.array([1.0, 4.0, 3.0, 2.0]))
    np.testing.assert_allclose(gradient, [0.0, -0.5, -0.5, 0.0])


def test_top_k_ranks_patch_maps_by_their_mean():
    fake = jnp.array([[9.0, -9.0], [1.0, 1.0], [2.0, 2.0]]).reshape(3, 2, 1, 1)
    loss = losses.top_k(losses.wasserstein, 0.67).generator(fake)
    np.testing.assert_allclose(loss.ravel(), [0, 0, -1.5, -1.5, -3, -3])


def test_top_k_share_may_be_traced():
    def mean(share):
        return losses.top_k(losses.wasserstein, share).generator(jnp.arange(4.0)).mean()

    np.testing.assert_allclose(
        jax.jit(jax.vmap(mean))(jnp.array([0.25, 0.5, 1.0])), [-3, -2.5, -1.5]
    )


def test_top_k_hands_reals_on_and_leaves_the_discriminator_alone():
    pair = losses.top_k(losses.relativistic, 0.5)
    assert pair.discriminator is losses.relativistic.discriminator
    whole = losses.relativistic.generator(FAKE, REAL)
    np.testing.assert_allclose(pair.generator(FAKE, REAL), [2 * whole[0], 0])


def test_wrappers_compose():
    pair = losses.top_k(losses.one_sided_label_smoothing(losses.non_saturating), 0.5)
    assert pair.discriminator(REAL, FAKE).mean() == pytest.approx(1.2814270, abs=1e-6)
    np.testing.assert_allclose(pair.generator(FAKE), [2 * np.log1p(np.exp(-0.5)), 0], rtol=1e-6)


@pytest.mark.parametrize("share", [-0.5, 1.01])
def test_top_k_refuses_what_is_no_share(share):
    with pytest.raises(ValueError, match=rf"share must be in \[0.0, 1.0\], got {share}"):
        losses.top_k(losses.hinge, share)


def test_top_k_refuses_a_single_logit():
    pair = losses.top_k(losses.hinge, 0.5)
    with pytest.raises(ValueError, match=r"must be \[B, ...\], got \[\]"):
        pair.generator(jnp.zeros(()))


def test_a_weighted_generator_is_as_many_times_its_loss_and_its_discriminator_the_same():
    logits = jnp.array([-2.0, 0.5, 3.0])
    pair = losses.weighted_generator(losses.non_saturating, 0.01)
    assert pair.discriminator is losses.non_saturating.discriminator
    expected = 0.01 * losses.non_saturating.generator(logits)
    np.testing.assert_allclose(pair.generator(logits), expected, rtol=1e-6)
    traced = jax.jit(
        lambda weight: losses.weighted_generator(losses.non_saturating, weight).generator(logits)
    )
    np.testing.assert_allclose(traced(0.01), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="weight"):
        losses.weighted_generator(losses.hinge, -1.0)
