import functools

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.mixtures import recipes
from gan_jax import data, losses
from gan_jax.lab import advance, draw_fakes, planar_game, start
from gan_jax.penalties import r1_penalty
from gan_jax.train import discriminator_step, generator_step, make_train_step

STEPS = 100
NUMBERS = {
    "learning_rate": 1e-2, "generator_rate": 0.5, "beta1": 0.3, "beta2": 0.9, "gamma": 2.0,
    "gamma_fall": 0.01, "clip": 0.1, "ema": 0.5,
}  # fmt: skip
SMALL = {"steps": STEPS, "batch_size": 16, "width": 8}


def a_step(game):
    """Return one training step as a function of the hyper-parameters, the run and the step."""

    @jax.jit
    def take(numbers, run, step=0):
        state = run.state.replace(step=jnp.asarray(step, jnp.int32))
        return advance(game, numbers, run.replace(state=state), steps=1)

    return take


@functools.cache
def starting(game):
    return jax.jit(functools.partial(start, game))


def begin(game, **changes):
    return starting(game)({**NUMBERS, **changes}, jax.random.key(0))


def moved(before, after):
    """Return how far the parameters went."""
    return float(
        optax.tree.norm(jax.tree.map(lambda new, old: new - old, after.params, before.params))
    )


@pytest.fixture(scope="module")
def plain():
    game = planar_game(data.grid(), losses.non_saturating, penalties=[r1_penalty], **SMALL)
    return game, a_step(game)


@pytest.fixture(scope="module")
def bounded():
    """Clipped, averaged, in packs, with three updates of the critic: all that changes the step."""
    game = planar_game(
        data.grid(), losses.wasserstein, clipped=True, averaged=True, pack=2, critic_steps=3,
        **SMALL,
    )  # fmt: skip
    return game, a_step(game)


def test_a_learning_rate_of_0_moves_nothing(plain):
    game, take = plain
    numbers = {**NUMBERS, "learning_rate": 0.0}
    run = begin(game, learning_rate=0.0)
    after, _ = take(numbers, run)
    for player in ("generator", "discriminator"):
        assert moved(getattr(run.state, player), getattr(after.state, player)) == 0


def test_the_rates_are_those_of_their_players(plain):
    game, take = plain
    # Adam's first update is the sign of the gradient times the rate, whatever the betas.
    run = begin(game)
    after, _ = take(NUMBERS, run)
    for player, rate in (("discriminator", 1e-2), ("generator", 5e-3)):
        before, now = (getattr(each.state, player).params for each in (run, after))
        steps = jax.tree.map(lambda a, b: np.abs(np.asarray(a - b)).max(), now, before)
        assert max(jax.tree.leaves(steps)) == pytest.approx(rate, rel=1e-3)


def test_adam_is_plain_adam_with_a_cosine_by_hand(plain, key):
    run = begin(plain[0])
    params = run.state.generator.params
    optimizer = optax.adam(
        lambda count: 1e-2 * 0.5 * 0.5 * (1 + jnp.cos(jnp.pi * count / STEPS)), b1=0.3, b2=0.9
    )
    ours, theirs = run.state.generator, optimizer.init(params)
    expected = params
    for index in range(3):
        gradients = jax.tree.map(
            lambda leaf, i=index: jax.random.normal(jax.random.fold_in(key, i), leaf.shape), params
        )
        ours = ours.apply_gradients(grads=gradients)
        updates, theirs = optimizer.update(gradients, theirs)
        expected = optax.apply_updates(expected, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), ours.params, expected)


def test_the_rate_falls_to_0_with_the_last_update(plain, bounded):
    for game, updates_per_step in ((plain[0], 1), (bounded[0], 3)):
        state = begin(game).state
        for player, times in ((state.generator, 1), (state.discriminator, updates_per_step)):
            updates = times * STEPS
            late = optax.tree.set(player.opt_state, count=jnp.int32(updates))
            ones = jax.tree.map(jnp.ones_like, player.params)
            change, _ = player.tx.update(ones, late, player.params)
            assert float(optax.tree.norm(change)) < 1e-6
            half = optax.tree.set(player.opt_state, count=jnp.int32(updates // 2))
            change, _ = player.tx.update(ones, half, player.params)
            assert float(optax.tree.norm(change)) > 1e-4


@pytest.mark.parametrize("name", ["beta1", "beta2"])
def test_betas_arrive_in_adam(plain, name):
    game, take = plain
    ends = []
    for value in (0.1, 0.8):
        numbers = {**NUMBERS, name: value}
        run = begin(game, **{name: value})
        given = optax.tree.get(
            run.state.discriminator.opt_state, {"beta1": "b1", "beta2": "b2"}[name]
        )
        assert float(given) == pytest.approx(value)
        for _ in range(2):
            run = take(numbers, run, run.state.step)[0]
        ends.append(run.state.discriminator)
    assert moved(*ends) > 1e-3


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (40, 0.5), (80, 1.0), (99, 1.0)])
def test_gamma_falls_geometrically_for_four_fifths_of_the_steps(plain, step, share):
    game, take = plain
    run = begin(game)
    _, metrics = take(NUMBERS, run, step)
    _, without = take({**NUMBERS, "gamma": 1.0, "gamma_fall": 1.0}, run, step)
    assert float(without["r1_penalty"]) > 0
    ratio = float(metrics["r1_penalty"] / without["r1_penalty"])
    assert ratio == pytest.approx(2.0 * 0.01**share, rel=1e-4)


def test_a_gamma_of_0_is_no_penalty(plain):
    game, take = plain
    _, metrics = take({**NUMBERS, "gamma": 0.0}, begin(game))
    assert float(metrics["r1_penalty"]) == 0


def test_the_clip_bounds_the_discriminator_alone(bounded):
    game, take = bounded
    run = begin(game)
    for clip in (0.1, 0.02):
        after, _ = take({**NUMBERS, "clip": clip}, run)
        largest = [
            max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(player.params))
            for player in (after.state.discriminator, after.state.generator)
        ]
        assert largest[0] == pytest.approx(clip)
        assert largest[1] > 0.1


def test_the_average_follows_with_its_decay_and_is_what_is_drawn(bounded):
    game, take = bounded
    run = begin(game)
    assert run.state.discriminator.ema_params is None
    after, _ = take({**NUMBERS, "ema": 0.75}, run)
    generator = after.state.generator
    expected = jax.tree.map(
        lambda old, new: 0.75 * old + 0.25 * new, run.state.generator.params, generator.params
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        generator.ema_params, expected,
    )  # fmt: skip
    averaged = after.replace(
        state=after.state.replace(generator=generator.replace(params=generator.ema_params))
    )
    np.testing.assert_array_equal(
        draw_fakes(game, after, count=4), draw_fakes(game, averaged, count=4)
    )


def test_the_critic_is_updated_as_often_as_said(bounded):
    game, take = bounded
    after, _ = take(NUMBERS, begin(game))
    assert (int(after.state.generator.step), int(after.state.discriminator.step)) == (1, 3)
    assert game.batch_size == 48


def test_packs_are_joined_for_the_discriminator(bounded, plain):
    widths = [
        begin(game).state.discriminator.params["Dense_0"]["kernel"].shape[0]
        for game, _ in (bounded, plain)
    ]
    # Two coordinates, or four of a pack, each as it is and as 4 sines and cosines.
    assert widths == [4 * 9, 2 * 9]
    seen = []
    game = bounded[0]
    game.shown(lambda packs: seen.append(packs.shape), jnp.zeros((5, 2)), {})
    assert seen == [(2, 4)]  # the fifth fills no pack


def test_the_plain_step_is_the_readme_one(plain):
    game, take = plain
    numbers = {**NUMBERS, "gamma": 1.0, "gamma_fall": 1.0}
    run = begin(game)
    step = make_train_step(
        discriminator_step(losses.non_saturating, game.fake, penalties=[r1_penalty]),
        generator_step(losses.non_saturating, game.fake),
    )
    real = game.reals(jax.random.fold_in(run.data_key, 0), 16)
    expected, _ = jax.jit(step)(run.state, {"real": real})
    after, _ = take(numbers, run)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        after.state.generator.params, expected.generator.params,
    )  # fmt: skip


def test_spectral_normalisation_is_the_discriminators():
    game = planar_game(data.grid(), losses.hinge, spectral=True, **SMALL)
    create = functools.partial(start, game, NUMBERS)
    state = jax.eval_shape(create, jax.random.key(0)).state
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(state.discriminator)]
    layers = {path.split("']['")[1] for path in paths if path.startswith(".model_state")}
    assert len(layers) == 4  # three hidden ones and the head
    assert not jax.tree.leaves(state.generator.model_state)


def test_the_latents_are_normals_and_then_signs(key):
    game = planar_game(data.grid(), losses.hinge, normals=2, signs=3, **SMALL)
    latents = np.asarray(jax.vmap(game.prior)(jax.random.split(key, 200)))
    assert latents.shape == (200, 5)
    assert set(np.unique(latents[:, 2:])) == {-1.0, 1.0}
    assert latents[:, :2].std() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normals": 0, "signs": 0}, "0 normals and 0 signs: at least 1 latent"),
        ({"normals": -1}, "-1 normals and 10 signs: at least 1 latent"),
        ({"pack": 3}, "batch_size 16 can't be made into packs of 3"),
        ({"pack": 0}, "batch_size 16 can't be made into packs of 0"),
    ],
)
def test_latents_and_packs_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        planar_game(data.grid(), losses.hinge, **{**SMALL, **changes})


@pytest.mark.parametrize("recipe", recipes.RECIPES)
def test_every_recipe_takes_a_step(recipe):
    settings = recipes.settle(recipe, {"width": 8, "batch_size": 16})
    game = recipes.make_game("ring", settings, STEPS)
    numbers = recipes.numbers(settings)
    run = jax.eval_shape(functools.partial(start, game, numbers), jax.random.key(0))
    after, metrics = jax.eval_shape(functools.partial(advance, game, numbers, steps=1), run)
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), each) for each in (run, after)]
    assert shapes[0] == shapes[1]
    assert {"discriminator_loss", "generator_loss"} | set(settings["penalties"]) <= metrics.keys()
    assert flax.serialization.to_state_dict(run.state.generator)["ema_params"] is None
