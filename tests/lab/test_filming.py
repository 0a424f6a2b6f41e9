import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, losses
from gan_jax.errors import RunError
from gan_jax.lab import MARGIN, SAMPLES, advance, draw_fakes, film, judge, planar_game, start
from gan_jax.train import Network, make_sampler, unconditional

NUMBERS = {"learning_rate": 2e-3, "generator_rate": 0.5, "beta1": 0.0, "beta2": 0.99}
NUMBERS |= {"gamma": 1.0, "gamma_fall": 1.0}
SMALL = {"steps": 20, "batch_size": 16, "width": 8}


@pytest.fixture(scope="module")
def game():
    return planar_game(data.ring(), losses.non_saturating, signs=0, **SMALL)


@pytest.fixture(scope="module")
def filmed(game):
    return film(game, NUMBERS, jax.random.key(2), name="a ring", frames=4, about="Four frames.")


def test_shapes_and_names(filmed):
    assert (filmed.name, filmed.about, filmed.relative) == ("a ring", "Four frames.", False)
    np.testing.assert_array_equal(filmed.steps, [0, 5, 10, 15, 20])
    assert filmed.fake.shape == filmed.arrows.shape == (5, 256, 2)
    assert filmed.logits.shape == filmed.optimal.shape == (5, 48, 48)
    assert filmed.manifold.shape == (5, 1, 20, 20, 2)
    assert list(filmed.values) == [
        "discriminator_loss", "generator_loss", "modes", "high_quality", "distance"
    ]  # fmt: skip


def test_losses_begin_with_the_first_step_and_figures_with_the_start(filmed):
    for name, values in filmed.values.items():
        assert np.isnan(values[0]) == name.endswith("_loss")
        assert np.isfinite(values[1:]).all()


def test_frames_are_those_of_the_run_in_the_unit_of_the_data(game, filmed):
    @jax.jit
    def ends(key):
        first = start(game, NUMBERS, key)
        last, metrics = advance(game, NUMBERS, first, steps=20)
        middle, _ = advance(game, NUMBERS, first, steps=15)
        _, metrics = advance(game, NUMBERS, middle, steps=5)
        return first, last, metrics

    first, last, metrics = ends(jax.random.key(2))
    assert filmed.values["discriminator_loss"][-1] == pytest.approx(
        float(metrics["discriminator_loss"]), rel=1e-4
    )
    sample = make_sampler(unconditional(game.prior))
    _, shot_key = jax.random.split(jax.random.fold_in(last.look_key, 0))
    latent_key, *_ = jax.random.split(shot_key, 3)
    keys = jax.vmap(lambda i: jax.random.fold_in(latent_key, i))(jnp.arange(256))
    for frame, run in ((0, first), (-1, last)):
        expected = sample(run.state.generator, {}, keys) / game.scale
        np.testing.assert_allclose(filmed.fake[frame], expected, rtol=1e-4, atol=1e-5)
        figures = judge(game.distribution, draw_fakes(game, run, count=SAMPLES))
        assert filmed.values["distance"][frame] == pytest.approx(figures["distance"], rel=1e-3)
    assert np.abs(filmed.fake[-1] - filmed.fake[0]).max() > 1e-2


def test_arrows_are_slopes_by_places_of_the_data(game, filmed):
    key = jax.random.key(2)
    run = start(game, NUMBERS, key)
    network = Network(run.state.discriminator).frozen
    _, real_key, _ = jax.random.split(jax.random.fold_in(key, 1), 3)
    real_logits = network(game.reals(real_key, 256))

    def objective(places):
        return jnp.sum(game.loss.generator(network(game.scale * places), real_logits))

    expected = -jax.grad(objective)(jnp.asarray(filmed.fake[0]))
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(filmed.arrows[0], expected, rtol=1e-3, atol=1e-5)


def test_signs_make_sheets_of_their_own_and_packs_and_points_are_filmed():
    """A distribution without density has no best discriminator."""
    game = planar_game(data.empirical([[1.0, 0.0], [0.0, 1.0]]), losses.hinge, pack=2, **SMALL)
    filmed = film(game, NUMBERS, jax.random.key(0), name="packs", frames=2, relative=True)
    assert filmed.optimal is None
    assert filmed.relative
    assert filmed.manifold.shape == (3, 8, 9, 9, 2)
    assert list(filmed.values) == ["discriminator_loss", "generator_loss", "distance"]
    spread = filmed.manifold[0].reshape(8, -1)
    assert len(np.unique(spread[:, 0].round(5))) > 4


def test_the_view_holds_the_density(filmed, game):
    # Where there is data and no fake yet, the best discriminator is sure: 8 modes stand out.
    places = MARGIN * game.distribution.extent * ((2 * np.arange(48) + 1) / 48 - 1)
    for centre in game.distribution.modes.centres:
        column, row = (np.abs(places - at).argmin() for at in centre)
        assert filmed.optimal[0, row, column] > 0.9


@pytest.mark.parametrize("frames", [0, 3, 40])
def test_frames_have_to_divide_the_steps(game, frames):
    with pytest.raises(ValueError, match=f"{frames} frames of 20 steps: frames must divide steps"):
        film(game, NUMBERS, jax.random.key(0), name="x", frames=frames)


def test_a_run_that_diverges_is_named(game):
    numbers = {**NUMBERS, "learning_rate": 1e30}
    with pytest.raises(RunError, match="wild diverges: it is not finite at step 5"):
        film(game, numbers, jax.random.key(0), name="wild", frames=4)
