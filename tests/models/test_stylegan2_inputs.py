"""What a StyleGAN2 generator may be given: latents, mixed and truncated styles, styles themselves."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses, penalties, train
from gan_jax.models import mlp, stylegan2
from gan_jax.models.stylegan2 import StyleInputs, Styles, StylesOf


def small_generator(**how):
    return stylegan2.Generator(8, **{"channels": 2, "channel_base": 64, "channel_max": 12, "style_features": 5, "mapping_layers": 2, **how})  # fmt: skip


def random_like(tree):
    random = np.random.default_rng(3)
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), tree)


@pytest.fixture(scope="module")
def made():
    """Return a generator, its variables, and itself as a function of inputs."""
    generator = small_generator()
    variables = random_like(
        jax.eval_shape(partial(generator.init, train=False), jax.random.key(0), jnp.zeros((1, 6)))
    )
    return generator, variables, jax.jit(partial(generator.apply, variables, train=False))


def drawn(prior, batch=4, seed=0):
    return jax.vmap(prior)(jax.random.split(jax.random.key(seed), batch))


def test_styles_are_a_stop_on_the_way_to_images(made):
    generator, _, run = made
    inputs = drawn(stylegan2.mixing_prior(train.normal_prior(6), layers=generator.layers))
    styles = run(StylesOf(inputs))
    assert styles.styles.shape == (4, generator.layers, 5)
    np.testing.assert_array_equal(
        jax.random.key_data(styles.noise_key), jax.random.key_data(inputs.noise_key)
    )
    np.testing.assert_allclose(run(styles), run(inputs), rtol=1e-4, atol=1e-5)
    # Latents alone have one style, which stands for the same at all layers, and no noise.
    plain = run(StylesOf(inputs.latents))
    assert plain.noise_key is None
    alone = run(Styles(plain.styles[:, 0]))
    np.testing.assert_allclose(alone, run(inputs.latents), rtol=1e-4, atol=1e-5)


def test_path_lengths_are_taken_from_styles_to_the_images_of_training(made):
    generator, _, run = made
    prior = stylegan2.mixing_prior(train.normal_prior(6), layers=generator.layers)
    fake, keys = train.unconditional(prior), jax.random.split(jax.random.key(1), 4)
    render, styles = stylegan2.styles_path(fake)(run, {}, keys)
    assert styles.shape == (4, generator.layers, 5)
    np.testing.assert_allclose(render(styles), fake(run, {}, keys), rtol=1e-4, atol=1e-5)


def test_a_path_knows_of_labels_as_the_fake_does():
    generator, latents = small_generator(num_classes=3), train.normal_prior(6)
    batch, keys = {"label": jnp.array([2, 0])}, jax.random.split(jax.random.key(1), 2)
    path = stylegan2.styles_path(train.conditional(latents))

    def play(key):
        start = generator.init(key, jnp.zeros((2, 6)), batch["label"], train=False)
        render, styles = path(partial(generator.apply, start, train=False), batch, keys)
        return styles, render(styles)

    styles, images = jax.eval_shape(play, jax.random.key(0))
    assert styles.shape == (2, 4, 5)
    assert images.shape == (2, 8, 8, 2)


def test_layers_before_the_crossover_know_the_first_latents_alone(made):
    generator, variables, _ = made
    inputs = drawn(stylegan2.mixing_prior(train.normal_prior(6), layers=4), batch=3)
    inputs = inputs._replace(crossover=jnp.array([1, 3, 4]))

    def styles(latents, mixed):
        asked = StylesOf(inputs._replace(latents=latents, mixed=mixed))
        return jnp.sum(jnp.sin(generator.apply(variables, asked, train=False).styles), axis=2)

    jacobians = jax.jit(jax.jacrev(styles, argnums=(0, 1)))(inputs.latents, inputs.mixed)
    for jacobian, first in zip(jacobians, (True, False), strict=True):
        felt = jacobian.any(axis=3)
        expected = np.arange(4)[None, :] < np.array([[1], [3], [4]])
        expected = expected if first else ~expected
        np.testing.assert_array_equal(felt, expected[:, :, None] & np.eye(3, dtype=bool)[:, None])


def test_truncation_pulls_styles_to_their_mean(made):
    _, variables, run = made
    latents, mean = drawn(train.normal_prior(6)), variables["style_stats"]["mean"]
    whole = run(StylesOf(latents)).styles
    ask = lambda **how: run(StylesOf(StyleInputs(latents, **how))).styles
    np.testing.assert_allclose(ask(truncation=0.0), np.broadcast_to(mean, whole.shape), atol=1e-6)
    np.testing.assert_allclose(ask(truncation=0.7), mean[None, None] + 0.7 * (whole - mean[None, None]), atol=1e-5)  # fmt: skip
    first = ask(truncation=0.0, cutoff=1)
    np.testing.assert_allclose(first[:, 0], np.broadcast_to(mean, first[:, 0].shape), atol=1e-6)
    np.testing.assert_allclose(first[:, 1:], whole[:, 1:], atol=1e-5)
    prior = stylegan2.truncated_prior(train.normal_prior(6), 0.0, cutoff=4)
    inputs = drawn(prior)
    assert inputs.truncation.shape == inputs.cutoff.shape == inputs.noise_key.shape == (4,)
    np.testing.assert_allclose(run(StylesOf(inputs)).styles, ask(truncation=0.0), atol=1e-6)


def test_the_mean_of_styles_moves_in_training_by_the_first_latents_alone(made):
    generator, variables, run = made
    inputs = drawn(stylegan2.mixing_prior(train.normal_prior(6), layers=generator.layers))
    step = jax.jit(partial(generator.apply, train=True, mutable=["style_stats"]))
    _, changed = step(variables, inputs)
    batch_mean = run(StylesOf(inputs.latents)).styles[:, 0].mean(axis=0)
    expected = 0.995 * variables["style_stats"]["mean"] + 0.005 * batch_mean
    np.testing.assert_allclose(changed["style_stats"]["mean"], expected, rtol=1e-5, atol=1e-6)
    # Evaluation leaves it alone.
    still = jax.jit(partial(generator.apply, train=False, mutable=["style_stats"]))
    _, kept = still(variables, StylesOf(inputs))
    np.testing.assert_array_equal(kept["style_stats"]["mean"], variables["style_stats"]["mean"])


def test_devices_make_what_one_makes(made):
    """Noise belongs to an example, wherever it is; the mean is that of all devices."""
    generator, variables, _ = made
    inputs = drawn(stylegan2.mixing_prior(train.normal_prior(6), layers=generator.layers))
    apply = partial(generator.apply, train=True, mutable=["style_stats"])
    images, changed = jax.jit(apply)(variables, inputs)
    split = jax.vmap(partial(apply, axis_name="batch"), (None, 0), axis_name="batch")
    shares = jax.tree.map(lambda leaf: leaf.reshape(2, 2, *leaf.shape[1:]), inputs)
    parts, moved = jax.jit(split)(variables, shares)
    np.testing.assert_allclose(parts.reshape(images.shape), images, rtol=1e-4, atol=1e-5)
    mean = changed["style_stats"]["mean"]
    for device in range(2):
        np.testing.assert_allclose(moved["style_stats"]["mean"][device], mean, rtol=1e-5, atol=1e-6)


def test_the_mixing_prior_draws_what_it_says():
    prior = stylegan2.mixing_prior(train.normal_prior(3), layers=5, probability=0.9)
    inputs = drawn(prior, batch=4000)
    counts = np.bincount(inputs.crossover, minlength=6) / 4000
    np.testing.assert_allclose(counts, [0, 0.225, 0.225, 0.225, 0.225, 0.1], atol=0.03)
    assert abs(np.corrcoef(inputs.latents.ravel(), inputs.mixed.ravel())[0, 1]) < 0.04
    assert len({tuple(k) for k in np.asarray(jax.random.key_data(inputs.noise_key))}) == 4000
    plain = drawn(stylegan2.mixing_prior(train.normal_prior(3), layers=5, probability=0.0))
    assert plain.mixed is None
    assert plain.crossover is None
    np.testing.assert_array_equal(plain.latents, drawn(prior).latents)


def path_length_game(generator):
    """Return the generator's training step with its lazy half, and a state of random values."""
    latents = train.normal_prior(6)
    mixed = train.unconditional(stylegan2.mixing_prior(latents, layers=generator.layers))
    step = train.make_train_step(
        train.generator_step(losses.non_saturating, train.unconditional(latents)),
        train.path_length_step(penalties.path_lengths, stylegan2.styles_path(mixed), interval=2),
    )

    def create(key):
        adam = train.lazy_adam(2e-3, interval=2)
        players = (
            train.create_player(key, generator, adam, jnp.zeros((1, 6))),
            train.create_player(key, mlp.Discriminator((4,)), adam, jnp.zeros((1, 8, 8, 2))),
        )
        return train.create_state(jax.random.key(0), *players, moving={"path_length": 0.0})

    shapes = jax.eval_shape(create, jax.random.key(0))
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes.replace(key=()))
    players = {
        name: player.replace(params=random_like(player.params))
        for name, player in (("generator", state.generator), ("discriminator", state.discriminator))
    }
    return state.replace(key=jax.random.key(0), **players), step


def test_the_path_length_is_regularised_in_training():
    state, step = path_length_game(small_generator(mapping_layers=1))
    batch = {"real": jnp.zeros((4, 8, 8, 2))}
    run = jax.jit(step)
    first, metrics = run(state, batch)
    second, skipped = run(first, batch)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((metrics, second.generator)))
    assert metrics["path_length"] > 0
    moved = 0.01 * metrics["path_length"]
    np.testing.assert_allclose(first.moving["path_length"], moved, rtol=1e-5)
    assert skipped["path_length_penalty"] == 0
    # A step and a lazy one, then a step; the mean of styles moves with each of the former alone.
    assert [int(game.generator.step) for game in (first, second)] == [2, 3]
    means = [game.generator.model_state["style_stats"]["mean"] for game in (first, second)]
    assert means[0].any()
    assert not np.allclose(*means)
    changed = jax.tree.map(lambda a, b: not np.allclose(a, b), state.generator.params, first.generator.params)  # fmt: skip
    assert all(jax.tree.leaves(changed))


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (jnp.ones((2, 6)), jnp.array([0, 1]), "generator was given labels and has no classes"),
        (jnp.ones((2, 6), int), None, r"latents must be floats \[B, D\]"),
        (StyleInputs(jnp.ones((2, 6)), mixed=jnp.ones((2, 6))), None, "mixed latents and the crossover go"),
        (StyleInputs(jnp.ones((2, 6)), jnp.ones((2, 5)), jnp.array([1, 1])), None, r"mixed latents are \[2, 5\]"),
        (StyleInputs(jnp.ones((2, 6)), cutoff=2), None, "a cutoff is that of a truncation"),
        (Styles(jnp.ones((2, 6))), None, r"styles must be floats \[B, 5\] or \[B, 4, 5\], got float32 \[2, 6\]"),
        (Styles(jnp.ones((2, 3, 5))), None, r"got float32 \[2, 3, 5\]"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_named(made, inputs, labels, message):
    generator, variables, _ = made
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(partial(generator.apply, train=False), variables, inputs, labels)


@pytest.mark.parametrize(("layers", "probability"), [(1, 0.9), (4, 1.1), (4, -0.1)])
def test_mixing_that_cannot_be_is_named(layers, probability):
    with pytest.raises(ValueError, match=f"mixing_prior: probability {probability} must be in"):
        stylegan2.mixing_prior(train.normal_prior(6), layers=layers, probability=probability)
