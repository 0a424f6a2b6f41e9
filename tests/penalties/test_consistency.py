"""Consistency under augmentations and under small changes of latents."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.penalties import (
    balanced_consistency_penalty,
    consistency_penalty,
    latent_consistency_penalty,
    latent_diversity_penalty,
)
from tests.penalties.cases import bowl, keys, samples

WEIGHTS = np.array([1.0, -2.0, 0.5], np.float32)


def _affine(samples):
    """D(x) = w x + 3."""
    return samples @ WEIGHTS + 3.0


def _shift(key, example):
    """Move an example by a random number, the same for its pixels."""
    return example + jax.random.normal(key, dtype=example.dtype)


def _normal(key):
    return jax.random.normal(key, (3,))


def test_an_affine_critic_and_a_shift_by_hand():
    """D(x) - D(x + s) = -s (1 - 2 + 0.5): the square is s² / 4, with a shift for each example."""
    real, fake = samples(4, 3)
    shift = np.asarray(jax.vmap(jax.random.normal)(keys(4)))
    call = {"critic": _affine, "real": real, "fake": fake, "augment": _shift}
    value = consistency_penalty(**call, keys=keys(4))
    np.testing.assert_allclose(value, shift**2 / 4, rtol=1e-5)


def test_balanced_adds_fakes_with_augmentations_of_their_own():
    """Reals lie around 0 and fakes around -100, so that a critic may look at either alone."""
    real, fake = samples(512, 3)

    @jax.jit
    def value(*signs):
        critic = lambda x: sum(
            jnp.where(sign * (x[:, 0] + 50) > 0, _affine(x), 0) for sign in signs
        )
        call = {"critic": critic, "keys": keys(512), "augment": _shift}
        return balanced_consistency_penalty(real=real, fake=fake - 100, **call)

    both, of_real, of_fake = value(1.0, -1.0), value(1.0), value(-1.0)
    np.testing.assert_allclose(both, of_real + of_fake, rtol=1e-3, atol=1e-4)
    # E s² / 4 of each kind
    np.testing.assert_allclose([of_real.mean(), of_fake.mean()], 1 / 4, rtol=0.3)
    assert abs(np.corrcoef(of_real, of_fake)[0, 1]) < 0.2


def test_patches_are_averaged_and_samples_may_be_trees():
    real = {"a": jnp.ones((2, 2, 2)), "b": jnp.zeros((2, 1))}

    def augment(key, example):
        return {"a": 3 * example["a"], "b": example["b"] + 1}

    critic = lambda tree: jnp.concatenate([tree["a"].reshape(2, 4), tree["b"]], axis=1)
    value = consistency_penalty(critic=critic, real=real, keys=keys(2), augment=augment)
    np.testing.assert_allclose(value, np.full(2, (4 * 2**2 + 1**2) / 5), rtol=1e-6)


@pytest.mark.parametrize("scale", [0.03, 2.0])
def test_latents_are_moved_by_normal_noise(scale):
    seen = []

    def generator(latents):
        jax.debug.callback(lambda z: seen.append(np.asarray(z)), latents, ordered=True)
        return 10 * latents

    call = {"generator": generator, "keys": keys(2000), "prior": _normal, "scale": scale}

    @jax.jit
    def values():
        return latent_consistency_penalty(critic=_affine, **call), latent_diversity_penalty(**call)

    consistency, diversity = jax.tree.map(np.asarray, values())
    jax.effects_barrier()
    latents, moved, again, again_moved = seen
    np.testing.assert_array_equal(latents, again)
    np.testing.assert_array_equal(moved, again_moved)
    noise = (moved - latents) / scale
    correlations = np.corrcoef(np.concatenate([noise, latents], axis=1).T)
    np.testing.assert_allclose(correlations, np.eye(6), atol=0.1)
    np.testing.assert_allclose([latents.std(), noise.std()], 1, rtol=0.04)
    np.testing.assert_allclose([latents.mean(), noise.mean()], 0, atol=0.05)

    change = 10 * (moved.astype(float) - latents)
    np.testing.assert_allclose(consistency, (change @ WEIGHTS) ** 2, rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(diversity, -(change**2).mean(axis=1), rtol=1e-3)


def test_diversity_is_the_mean_over_all_leaves_and_decode_sees_the_batch():
    """Squares 4 s² and 9 s² of 3 and of 3 numbers, with the labels 2 and 3 as factors."""
    batch = {"label": jnp.array([2.0, 3.0])}

    def decode(generator, batch, latents):
        return generator(latents, batch["label"][:, None])

    def generator(latents, factor):
        return {"a": factor * latents, "b": jnp.zeros((2, 3, 1)) * factor[..., None]}

    call = {"keys": keys(2), "prior": _normal, "batch": batch, "decode": decode, "scale": 1.0}
    value = latent_diversity_penalty(generator=generator, **call)
    still = {name: argument for name, argument in call.items() if name != "decode"}
    plain = latent_diversity_penalty(generator=lambda z: z, **still)
    np.testing.assert_allclose(value, plain * np.array([4.0, 9.0]) / 2, rtol=1e-5)
    critic = lambda tree: tree["a"].sum(axis=1)
    consistency = latent_consistency_penalty(critic=critic, generator=generator, **call)
    plain = latent_consistency_penalty(
        critic=lambda z: z.sum(axis=1), generator=lambda z: z, **still
    )
    np.testing.assert_allclose(consistency, plain * np.array([4.0, 9.0]), rtol=1e-5)


def _latent(weights, scale, kind):
    """Return the mean of either penalty as a function of the generator's and critic's weights."""
    arguments = {
        "generator": lambda latents: jnp.tanh(latents @ weights),
        "critic": lambda samples: scale * bowl(samples),
        "keys": keys(4),
        "prior": _normal,
        "scale": 0.5,
    }
    penalty = {"D": latent_consistency_penalty, "G": latent_diversity_penalty}[kind]
    return penalty(**arguments)


def test_the_gradients_of_both_sides_are_those_of_finite_differences():
    weights, direction = np.random.default_rng(0).normal(size=(2, 3, 5))

    @jax.jit
    def both(step):
        def of(kind):
            mean = lambda weights, scale: _latent(weights, scale, kind).mean()
            at = (weights + step * direction, 2.0 + step)
            return jax.value_and_grad(mean, argnums=(0, 1))(*at)

        return of("D"), of("G")

    with jax.enable_x64(True):
        here, after, before = (jax.tree.map(np.asarray, both(step)) for step in (0, 1e-5, -1e-5))
    ((_, critics), (_, generators)) = here
    along = np.sum(critics[0] * direction) + critics[1]
    np.testing.assert_allclose(along, (after[0][0] - before[0][0]) / 2e-5, rtol=1e-6)
    assert (generators[0] != 0).all()
    assert generators[1] == 0
    # (D(G(z)) - D(G(z + δ)))² goes with the square of the scale, which is 2 here.
    np.testing.assert_allclose(critics[1], 2 * here[0][0] / 2.0, rtol=1e-9)
    difference = (after[1][0] - before[1][0]) / 2e-5
    np.testing.assert_allclose(np.sum(generators[0] * direction), difference, rtol=1e-6)


@pytest.mark.parametrize("kind", ["D", "G"])
def test_latent_penalties_per_example_compiled_mapped_and_in_half_precision(kind):
    weights = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    scales = np.ones(2, np.float32)
    value = partial(_latent, kind=kind)
    looped = np.stack([jax.jit(value)(*at) for at in zip(weights, scales, strict=True)])
    np.testing.assert_allclose(looped[0], value(weights[0], scales[0]), rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(value))(weights, scales), looped, rtol=1e-5)
    rounded = value(weights[0].astype("bfloat16"), scales[0].astype("bfloat16"))
    assert (rounded.shape, rounded.dtype) == ((4,), jnp.float32)
    extreme = jax.jit(jax.value_and_grad(lambda scale: value(weights[0], scale).sum()))
    assert all(jnp.isfinite(part) for part in extreme(1e4))
    assert (looped <= 0).all() if kind == "G" else (looped >= 0).all()


def test_bad_arguments_are_named():
    real, fake = samples(4, 3)
    call = {"critic": _affine, "augment": _shift}
    with pytest.raises(ValueError, match=r"^consistency_penalty needs .* one key per example"):
        consistency_penalty(real=real, keys=keys(3), **call)
    with pytest.raises(ValueError, match=r"^balanced_consistency_penalty needs .* same shapes"):
        balanced_consistency_penalty(real=real, fake=fake[:3], keys=keys(4), **call)
    latent = {"generator": _affine, "prior": _normal, "keys": keys(4), "scale": -1.0}
    with pytest.raises(ValueError, match=r"^latent_consistency_penalty needs scale >= 0, got -1.0"):
        latent_consistency_penalty(critic=_affine, **latent)
    with pytest.raises(ValueError, match=r"^latent_diversity_penalty needs scale >= 0, got -1.0"):
        latent_diversity_penalty(**latent)
