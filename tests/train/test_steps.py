from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses, penalties, train
from tests import games


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_the_dirac_gan_takes_the_steps_worked_out_by_hand(key):
    step = jax.jit(
        train.make_train_step(
            train.discriminator_step(losses.non_saturating, games.dirac_fake),
            train.generator_step(losses.non_saturating, games.dirac_fake),
        )
    )
    state, metrics = step(games.dirac_state(key, learning_rate=0.1), games.dirac_batch())
    theta, psi = 1.0, 0.5
    expected_loss = np.log(2) + np.log1p(np.exp(psi * theta))
    psi = psi - 0.1 * sigmoid(psi * theta) * theta
    expected_generator_loss = np.log1p(np.exp(-psi * theta))
    theta = theta + 0.1 * sigmoid(-psi * theta) * psi
    np.testing.assert_allclose(state.discriminator.params["psi"], psi, rtol=1e-6)
    np.testing.assert_allclose(state.generator.params["theta"], theta, rtol=1e-6)
    np.testing.assert_allclose(metrics["discriminator_loss"], expected_loss, rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], expected_generator_loss, rtol=1e-6)
    assert int(state.step) == int(state.generator.step) == int(state.discriminator.step) == 1


def test_a_penalty_adds_its_gradient_and_is_reported(key):
    terms = (penalties.weighted(3.0, penalties.r1_penalty),)
    update = train.discriminator_step(losses.wasserstein, games.dirac_fake, penalties=terms)
    state, metrics = update(games.dirac_state(key), games.dirac_batch(), key)
    # Loss psi theta - 0 and penalty 3/2 psi^2, at theta = 1 and psi = 1/2.
    np.testing.assert_allclose(state.discriminator.params["psi"], 0.5 - 0.1 * (1 + 3 * 0.5))
    np.testing.assert_allclose(metrics["r1_penalty"], 1.5 * 0.25)
    np.testing.assert_allclose(metrics["discriminator_loss"], 0.5)
    np.testing.assert_allclose(metrics["discriminator_gradient_norm"], 2.5)


def test_penalties_read_the_step_of_the_state(key):
    terms = (penalties.weighted(lambda step: 1.0 * step, penalties.r1_penalty),)
    update = train.discriminator_step(losses.wasserstein, games.dirac_fake, penalties=terms)
    state = games.dirac_state(key).replace(step=jnp.array(8))
    _, metrics = update(state, games.dirac_batch(), key)
    np.testing.assert_allclose(metrics["r1_penalty"], 8 * 0.5 * 0.25)


def test_an_extra_term_trains_the_generator_too(key):
    def closeness(*, fake, real, **_):
        return jnp.abs(fake - real)[:, 0]

    update = train.generator_step(losses.wasserstein, games.dirac_fake, terms=(closeness,))
    state, metrics = update(games.dirac_state(key), games.dirac_batch(), key)
    # Loss -psi theta and term |theta|.
    np.testing.assert_allclose(state.generator.params["theta"], 1 - 0.1 * (-0.5 + 1), rtol=1e-6)
    np.testing.assert_allclose(metrics["closeness"], 1.0)


def test_two_terms_of_one_name_are_refused(key):
    twice = (penalties.r1_penalty, penalties.weighted(2.0, penalties.r1_penalty))
    update = train.discriminator_step(losses.wasserstein, games.dirac_fake, penalties=twice)
    with pytest.raises(ValueError, match="r1_penalty"):
        update(games.dirac_state(key), games.dirac_batch(), key)


@pytest.mark.parametrize("conditional", [False, True])
def test_each_step_leaves_the_other_player_bit_identical(key, conditional):
    create, fake, shown = games.image_game(conditional=conditional)
    state, batch = create(key), games.image_batch(key)
    loss = losses.relativistic
    after_d, _ = jax.jit(train.discriminator_step(loss, fake, shown=shown))(state, batch, key)
    after_g, _ = jax.jit(train.generator_step(loss, fake, shown=shown))(state, batch, key)
    assert games.difference(after_d.generator, state.generator) == 0
    assert games.difference(after_g.discriminator, state.discriminator) == 0
    assert games.difference(after_d.discriminator.params, state.discriminator.params) > 0
    assert games.difference(after_g.generator.params, state.generator.params) > 0


def test_statistics_of_a_player_move_in_its_own_step_only(key):
    create, fake, shown = games.image_game()
    state, batch = create(key), games.image_batch(key)
    after, _ = train.discriminator_step(losses.hinge, fake, shown=shown)(state, batch, key)
    player = state.discriminator
    variables = {"params": player.params, **player.model_state}
    latents = jax.vmap(train.normal_prior(5))(train.example_keys(jax.random.split(key, 4)[0], 16))
    fakes, _ = state.generator.apply_fn(
        {"params": state.generator.params, **state.generator.model_state},
        latents,
        train=True,
        mutable=["batch_stats"],
    )
    for sample in (batch["real"], fakes):
        _, moved = player.apply_fn(variables, sample, train=True, mutable=["batch_stats"])
        variables = {"params": player.params, **moved}
    assert games.difference(after.discriminator.model_state, moved) < 1e-6


def test_penalties_do_not_move_statistics(key):
    create, fake, shown = games.image_game()
    state, batch = create(key), games.image_batch(key)
    make = lambda terms: jax.jit(
        train.discriminator_step(losses.hinge, fake, shown=shown, penalties=terms)
    )
    plain, _ = make(())(state, batch, key)
    penalised, _ = make((penalties.r1_penalty,))(state, batch, key)
    assert (
        games.difference(plain.discriminator.model_state, penalised.discriminator.model_state)
        < 1e-6
    )


def test_the_augmentation_is_what_the_discriminator_sees(key):
    def shift(key, sample):
        return sample + jax.random.uniform(key)

    def critic_slope(*, critic, real, **_):
        return jax.grad(lambda x: critic(x).sum())(real)[:, 0]

    update = train.discriminator_step(
        losses.wasserstein, games.dirac_fake, penalties=(critic_slope,), augment=shift
    )
    state = games.dirac_state(key, learning_rate=0.0)
    _, metrics = update(state, games.dirac_batch(1024), key)
    # Reals at 0 + U(0, 1) and fakes at 1 + U(0, 1), seen through D(x) = x / 2.
    np.testing.assert_allclose(metrics["real_logit"], 0.25, atol=0.03)
    np.testing.assert_allclose(metrics["fake_logit"], 0.75, atol=0.03)
    np.testing.assert_allclose(metrics["critic_slope"], 0.5, rtol=1e-6)


def test_conditional_fakes_have_the_labels_of_the_batch(key):
    create, fake, _ = games.dense_game(conditional=True)
    seen = []

    def spy(generator, batch, keys):
        return fake(lambda latents, labels: seen.append(labels) or generator(latents, labels),
                    batch, keys)  # fmt: skip

    batch = games.image_batch(key, 6, (4, 4, 1))
    train.generator_step(losses.hinge, spy, shown=train.with_labels)(create(key), batch, key)
    np.testing.assert_array_equal(seen[0], batch["label"])


@pytest.mark.parametrize(("loss", "reads_reals"), [("hinge", False), ("relativistic", True)])
def test_generator_losses_get_the_logits_of_the_reals(key, loss, reads_reals):
    update = train.generator_step(getattr(losses, loss), games.dirac_fake)
    near, _ = update(games.dirac_state(key), games.dirac_batch(), key)
    far, _ = update(games.dirac_state(key), {"real": jnp.full((4, 1), 5.0)}, key)
    assert (games.difference(near.generator, far.generator) > 0) == reads_reals


def test_penalties_may_read_all_that_a_step_has(key):
    batch = games.dirac_batch()
    seen = {}

    def curious(*, critic, discriminator, generator, real, fake, gather, params, **rest):
        seen.update(rest)
        apart = (
            rest["real_logits"] - critic(real),
            rest["fake_logits"] - discriminator(fake),
            generator(jnp.zeros((4, 1)))[:, 0] - 1.0,
            critic(fake) - params["psi"] * fake[:, 0],
            gather(fake)[:, 0] - 1.0,
        )
        return sum(jnp.abs(difference) for difference in apart)

    update = train.discriminator_step(losses.hinge, games.dirac_fake, penalties=(curious,))
    _, metrics = update(games.dirac_state(key), batch, key)
    assert metrics["curious"] == 0
    assert seen["batch"] is batch
    assert seen["mixes_examples"] is False
    assert seen["keys"].shape == (4,)
    assert seen["step"] == 0


def test_no_two_penalties_draw_the_same_numbers(key):
    drawn = []

    def first(*, keys, **_):
        drawn.append(jax.random.key_data(keys))
        return jnp.zeros(4)

    def second(**arguments):
        return first(**arguments)

    for update in (
        train.discriminator_step(losses.hinge, games.dirac_fake, penalties=(first, second)),
        train.generator_step(losses.hinge, games.dirac_fake, terms=(first, second)),
    ):
        drawn.clear()
        update(games.dirac_state(key), games.dirac_batch(), key)
        assert len(np.unique(np.concatenate(drawn), axis=0)) == 8


def test_a_term_of_both_players_may_have_two_names(key):
    def closeness(*, fake, **_):
        return jnp.abs(fake)[:, 0]

    own = partial(closeness)
    own.__name__ = "generator_closeness"
    steps = [
        train.discriminator_step(losses.hinge, games.dirac_fake, penalties=(closeness,)),
        train.generator_step(losses.hinge, games.dirac_fake, terms=(penalties.weighted(2.0, own),)),
    ]
    state, batch = games.dirac_state(key), games.dirac_batch()
    _, metrics = train.chain(*steps)(state, batch, key)
    np.testing.assert_allclose([metrics["closeness"], metrics["generator_closeness"]], [1, 2])
    twice = train.generator_step(losses.hinge, games.dirac_fake, terms=(closeness,))
    with pytest.raises(ValueError, match="give a penalty or term a __name__ of its own"):
        train.chain(steps[0], twice)(state, batch, key)


def test_matching_aware_losses_judge_two_texts_of_each_sample(key):
    """What the discriminator is shown decides: here the "texts" shift the logit by hand."""
    batch = {"real": jnp.zeros((4, 1)), "text": jnp.full(4, 2.0), "wrong": jnp.full(4, -1.0)}

    def shown(discriminator, sample, batch):
        logits = discriminator(sample)
        return jnp.stack([logits + batch["text"], logits + batch["wrong"]], axis=1)

    loss = losses.matching_aware
    step = train.discriminator_step(loss, games.dirac_fake, shown=shown)
    _, metrics = step(games.dirac_state(key), batch, key)
    softplus = lambda x: np.log1p(np.exp(x))
    # Reals have logit 0 and fakes psi theta = 1/2, before their texts.
    expected = softplus(-2.0) + (softplus(-1.0) + softplus(0.5 + 2.0)) / 2
    np.testing.assert_allclose(metrics["discriminator_loss"], expected, rtol=1e-6)
    _, metrics = train.generator_step(loss, games.dirac_fake, shown=shown)(
        games.dirac_state(key), batch, key
    )
    np.testing.assert_allclose(metrics["generator_loss"], softplus(-2.5), rtol=1e-6)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_penalties_are_told_of_batch_normalisation(key, batch_norm):
    create, fake, shown = games.image_game(batch_norm=batch_norm)
    seen = []

    def curious(*, mixes_examples, **_):
        seen.append(mixes_examples)
        return jnp.zeros(16)

    update = train.discriminator_step(losses.hinge, fake, shown=shown, penalties=(curious,))
    jax.eval_shape(update, jax.eval_shape(create, key), games.image_batch(key), key)
    assert seen == [batch_norm]


def test_the_sign_of_the_reals_is_reported(key):
    update = train.discriminator_step(losses.hinge, games.dirac_fake)
    batch = {"real": jnp.array([[1.0], [2.0], [-3.0], [1.0]])}
    _, metrics = update(games.dirac_state(key), batch, key)
    np.testing.assert_allclose(metrics["real_sign"], 0.5)
