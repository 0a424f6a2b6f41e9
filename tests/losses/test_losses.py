"""The laws that every adversarial loss obeys, and the package's independence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import losses

EXPORTED = {
    name: value
    for name, value in vars(losses).items()
    if name in losses.__all__ and isinstance(value, losses.AdversarialLoss)
}
MADE = {
    "ebgan": losses.ebgan(margin=1.0),
    "began": losses.began(0.5),
    "one_sided_label_smoothing": losses.one_sided_label_smoothing(losses.minimax),
    "top_k": losses.top_k(losses.least_squares, 1.0),
}
# A matching-aware logit is a couple of numbers: test_matching_aware.py has its laws.
PAIRS = {name: pair for name, pair in EXPORTED.items() if name != "matching_aware"} | MADE
every_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
REAL, FAKE = np.array([2.0, -1.5, 0.25, 7.0]), np.array([0.5, -3.0, 4.0, -0.75])


def _both(pair, real, fake):
    return pair.discriminator(real, fake), pair.generator(fake, real)


def test_all_pairs_are_exported():
    assert sorted(EXPORTED) == [
        "hinge",
        "jensen_shannon",
        "kullback_leibler",
        "least_squares",
        "matching_aware",
        "minimax",
        "neyman",
        "non_saturating",
        "pearson",
        "relativistic",
        "relativistic_average",
        "relativistic_average_hinge",
        "relativistic_average_least_squares",
        "reverse_kullback_leibler",
        "squared_hellinger",
        "total_variation",
        "wasserstein",
    ]


@every_pair
def test_both_halves_of_a_pair_say_what_they_compute(pair):
    assert type(pair) is losses.AdversarialLoss
    if pair in EXPORTED.values():
        assert all("https://arxiv.org/abs/" in half.__doc__ for half in pair)


@every_pair
@pytest.mark.parametrize("shape", [(4,), (2, 2, 1, 1)])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_one_float32_loss_per_logit(pair, shape, dtype):
    real, fake = (jnp.asarray(x, dtype).reshape(shape) for x in (REAL, FAKE))
    as_vectors = _both(pair, real.ravel(), fake.ravel())
    for loss, vector in zip(_both(pair, real, fake), as_vectors, strict=True):
        assert (loss.shape, loss.dtype) == (shape, jnp.float32)
        np.testing.assert_allclose(loss.ravel(), vector, rtol=1e-6)


@every_pair
def test_float64_stays_float64(pair):
    with jax.enable_x64(True):
        assert {loss.dtype for loss in _both(pair, REAL, FAKE)} == {jnp.dtype("float64")}


@every_pair
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("real", [1e4, -1e4])
@pytest.mark.parametrize("fake", [1e4, -1e4])
def test_extreme_logits_give_finite_losses_and_gradients(pair, dtype, real, fake):
    real, fake = jnp.full(2, real, dtype), jnp.full(2, fake, dtype)
    for player in (0, 1):
        value, gradients = jax.value_and_grad(
            lambda *logits, player=player: _both(pair, *logits)[player].sum(), argnums=(0, 1)
        )(real, fake)
        assert jnp.isfinite(value)
        assert all(jnp.isfinite(gradient).all() for gradient in gradients)
        assert {gradient.dtype for gradient in gradients} == {jnp.dtype(dtype)}


@every_pair
def test_jit_is_eager(pair):
    jitted = jax.jit(lambda real, fake: _both(pair, real, fake))(REAL, FAKE)
    for compiled, eager in zip(jitted, _both(pair, REAL, FAKE), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-6)


@every_pair
def test_vmap_is_a_loop(pair):
    real, fake = np.stack([REAL, FAKE, -REAL]), np.stack([FAKE, REAL, 2 * REAL])
    mapped = jax.vmap(lambda real, fake: _both(pair, real, fake))(real, fake)
    for player in (0, 1):
        looped = [_both(pair, *logits)[player] for logits in zip(real, fake, strict=True)]
        np.testing.assert_allclose(mapped[player], np.stack(looped), rtol=1e-6)


@every_pair
def test_gradients_are_those_of_finite_differences(pair):
    with jax.enable_x64(True):
        both = jax.jit(lambda *logits: _both(pair, *logits))
        check_grads(both, (REAL, FAKE), order=2, modes=["rev"], rtol=1e-5)


@every_pair
def test_players_pull_the_fake_logit_in_opposite_directions(pair):
    real, fake = jnp.full(4, 0.5), jnp.array([0.1, 0.3, 0.7, 0.9])
    slopes = jax.grad(lambda fake: pair.discriminator(real, fake).sum())(fake)
    assert (slopes > 0).all()
    slopes = jax.grad(lambda fake: pair.generator(fake, real).sum())(fake)
    assert (slopes < 0).all()


@every_pair
@pytest.mark.parametrize("fake_shape", [(1,), (8,), (4, 1)])
def test_discriminator_loss_refuses_logits_of_two_shapes(pair, fake_shape):
    with pytest.raises(ValueError, match="same shape") as error:
        pair.discriminator(jnp.zeros(4), jnp.zeros(fake_shape))
    assert "(4,)" in str(error.value)
    assert str(fake_shape) in str(error.value)
    assert "\n" not in str(error.value)


def test_package_works_alone_under_another_name(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "borrowed")
    assert not _modules_loaded_by("from borrowed import hinge", tmp_path) & {"gan_jax", *HEAVY}


def test_importing_it_loads_nothing_else_of_gan_jax_and_nothing_heavy():
    loaded = _modules_loaded_by("from gan_jax.losses import hinge", Path(__file__).parents[2])
    assert not loaded & HEAVY
    assert "gan_jax.losses.adversarial" in loaded
    assert {name for name in loaded if name.startswith("gan_jax")} == {
        "gan_jax",
        "gan_jax.losses",
        *(f"gan_jax.losses.{path.stem}" for path in FOLDER.glob("*.py") if path.stem != "__init__"),
    }


FOLDER = Path(losses.__file__).parent
HEAVY = {"flax", "grain", "orbax", "tensorflow", "tensorflow_datasets", "tensorstore"}


def _modules_loaded_by(statement, folder):
    """Return the names that `statement` adds to `sys.modules` in a new process."""
    run = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())
