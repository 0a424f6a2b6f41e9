"""Standing statistics: plain averages over batches of what training would normalise by."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import layers, train
from gan_jax.models import resnet

SIZE, BATCHES = 6, 5


class Normalized(nn.Module):
    """Scale latents, add the label, normalise: statistics are known in closed form."""

    momentum: float = 0.9

    @nn.compact
    def __call__(self, latents, labels=None, *, train, axis_name=None):
        scale = self.param("scale", nn.initializers.ones, ())
        self.variable("batch_stats", "idle", lambda: jnp.full((), 3.0))
        shifted = scale * latents + (0 if labels is None else labels[:, None])
        return nn.BatchNorm(not train, momentum=self.momentum, axis_name=axis_name)(shifted)


def player(key, module=None, *labels, ema=False, latents=2):
    module = module or Normalized()
    return train.create_player(key, module, optax.sgd(0.1), jnp.zeros((1, latents)), *labels, ema=ema)  # fmt: skip


def standing(**keywords):
    return partial(train.standing_statistics, size=SIZE, batches=BATCHES, **keywords)


fake = train.unconditional(train.normal_prior(2))
run = jax.jit(standing(fake=fake))


def latents_of(key, fake=fake):
    """Return all latents that go in, [N, B, D], caught where the generator would take them."""

    def of_batch(index):
        draws = jax.random.split(jax.random.fold_in(key, index), 1)
        return fake(lambda latents: latents, {}, train.example_keys(draws[0], SIZE))

    return np.asarray(jax.vmap(of_batch)(jnp.arange(BATCHES)), np.float64)


def moments(generator):
    kept = generator.model_state["batch_stats"]["BatchNorm_0"]
    return kept["mean"], kept["var"]


def test_they_are_averages_of_the_means_and_variances_of_batches(key):
    after = run(player(key), key)
    latents = latents_of(key)
    mean, var = moments(after)
    np.testing.assert_allclose(mean, latents.mean(axis=1).mean(axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(var, latents.var(axis=1).mean(axis=0), rtol=1e-5)
    # No variance of all examples together, which also counts how far batches lie apart.
    assert not np.allclose(var, latents.reshape(-1, 2).var(axis=0), rtol=1e-3)


def test_the_share_that_running_statistics_keep_plays_no_part(key):
    expected = moments(run(player(key), key))
    other = moments(run(player(key, Normalized(momentum=0.5)), key))
    np.testing.assert_allclose(other, expected, rtol=1e-5, atol=1e-7)
    moved = player(key)
    moved = moved.replace(model_state=jax.tree.map(lambda leaf: leaf + 7, moved.model_state))
    np.testing.assert_allclose(moments(run(moved, key)), expected, rtol=1e-6)


def test_all_else_stays_as_it_is(key):
    before = player(key, ema=True)
    after = run(before, key)
    assert after.model_state["batch_stats"]["idle"] == 3
    old, new = (each.replace(model_state={}) for each in (before, after))
    jax.tree.map(np.testing.assert_array_equal, old, new)


def test_they_belong_to_the_averaged_parameters(key):
    before = player(key, ema=True)
    before = before.replace(ema_params={**before.params, "scale": jnp.float32(3.0)})
    (mean, var), plain = moments(run(before, key)), moments(run(player(key), key))
    np.testing.assert_allclose(mean, 3 * plain[0], rtol=1e-5)
    np.testing.assert_allclose(var, 9 * plain[1], rtol=1e-5)


def test_they_belong_to_the_truncation_of_the_prior(key):
    prior = train.truncated_normal_prior(2, 0.5)
    after = train.standing_statistics(
        player(key), key, fake=train.unconditional(prior), size=500, batches=20
    )
    mean, var = moments(after)
    # The variance of N(0, 1) within +-1/2: 1 - 2 t phi(t) / (2 Phi(t) - 1) at t = 1/2.
    np.testing.assert_allclose(mean, 0, atol=0.015)
    np.testing.assert_allclose(var, 1 - 0.352065 / 0.382925, rtol=0.03)


def test_a_conditional_generator_is_given_fresh_labels(key):
    module = Normalized()
    seen = []

    def spy(generator, batch, keys):
        jax.debug.callback(lambda labels: seen.append(np.asarray(labels)), batch["label"])
        return train.conditional(train.normal_prior(2))(generator, batch, keys)

    labels = {"label": lambda key: 10 * jax.random.randint(key, (), 0, 5)}
    before = player(key, module, jnp.zeros(1, jnp.int32))
    after = train.standing_statistics(before, key, fake=spy, size=50, batches=4, conditions=labels)
    jax.effects_barrier()
    drawn = np.stack(seen)
    assert drawn.shape == (4, 50)
    assert set(drawn.flat) == {0, 10, 20, 30, 40}
    assert len({each.tobytes() for each in drawn}) == 4
    mean, var = moments(after)
    np.testing.assert_allclose(mean, drawn.mean(), atol=0.3)
    np.testing.assert_allclose(var, 1 + drawn.var(axis=1).mean(), rtol=0.1)


def test_devices_give_what_one_device_gives(key):
    whole = moments(run(player(key), key))
    split = partial(train.standing_statistics, fake=fake, size=SIZE // 2, batches=BATCHES)
    mapped = jax.vmap(
        partial(split, axis_name="devices"), in_axes=(None, None), axis_size=2, axis_name="devices"
    )
    parts = moments(jax.jit(mapped)(player(key), key))
    for part in zip(*parts, strict=True):
        np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-6)


def test_a_spectral_residual_generator_then_draws_as_it_trained(key):
    generator = resnet.Generator(
        base=2, features=(8, 8), conv=layers.SpectralConv, dense=layers.SpectralDense
    )
    make = jax.jit(partial(player, module=generator, latents=4))
    before = make(key)
    wiring = train.unconditional(train.normal_prior(4))
    after = jax.jit(partial(train.standing_statistics, fake=wiring, size=64, batches=16))(
        before, key
    )
    spectral = [each.model_state["spectral_stats"] for each in (before, after)]
    jax.tree.map(np.testing.assert_array_equal, *spectral)

    keys = train.example_keys(jax.random.key(5), 256)
    draw = jax.jit(lambda state, mode: wiring(train.Network(state, train=mode), {}, keys), static_argnums=1)  # fmt: skip
    trained = draw(before, True)
    apart = [float(abs(draw(state, False) - trained).mean()) for state in (before, after)]
    assert apart[0] > 0.15
    assert apart[1] < 0.03


def test_a_generator_without_running_statistics_is_returned(key):
    generator = resnet.Generator(base=2, features=(8, 8), norm=layers.no_norm)
    before = jax.eval_shape(partial(player, module=generator), key)
    assert train.standing_statistics(before, key, fake=fake, size=4) is before


@pytest.mark.parametrize("bad", [{"size": 0}, {"size": 2, "batches": 1.5}])
def test_bad_numbers_are_named(key, bad):
    name = [*bad][-1]
    with pytest.raises(ValueError, match=f"standing_statistics: {name} is {bad[name]}"):
        train.standing_statistics(player(key), key, fake=fake, **bad)
