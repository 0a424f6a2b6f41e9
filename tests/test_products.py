"""Any loss with any penalty, on any network, with labels or without: what can be combined trains."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import layers, losses, penalties, train
from gan_jax.models import dcgan, mlp
from tests import games

PAIRS = {
    name: getattr(losses, name)
    for name in losses.__all__
    # On one logit each; matching-aware losses want two.
    if isinstance(getattr(losses, name), losses.AdversarialLoss) and name != "matching_aware"
} | {
    "began": losses.began(0.5),
    "ebgan": losses.ebgan(margin=1.0),
    "smoothed": losses.one_sided_label_smoothing(losses.non_saturating),
    "top_k": losses.top_k(losses.hinge, 0.5),
}


def flip(key, image):
    return image[:, ::-1]


PRIOR = train.normal_prior(5)
ON_ONE_EXAMPLE = {
    "gradient_penalty": penalties.gradient_penalty,
    "one_sided": partial(penalties.gradient_penalty, one_sided=True),
    "zero_centred": penalties.zero_centred_gradient_penalty,
    "wgan_div": penalties.wgan_div_penalty,
    "dragan": penalties.dragan_penalty,
    "max_gradient": penalties.max_gradient_penalty,
}


def penalties_for(conditional):
    """Return all penalties on a discriminator; in the latent one fakes are made anew."""

    def decode(generator, batch, latents):
        return generator(latents, batch["label"]) if conditional else generator(latents)

    return ON_ONE_EXAMPLE | {
        "none": lambda *, keys, **_: jnp.zeros(keys.shape),
        "r1": penalties.r1_penalty,
        "r2": penalties.r2_penalty,
        "lecam": partial(penalties.lecam_penalty, real_average=0.1, fake_average=-0.1),
        "consistency": partial(penalties.consistency_penalty, augment=flip),
        "balanced": partial(penalties.balanced_consistency_penalty, augment=flip),
        "latent": partial(
            penalties.latent_consistency_penalty, prior=PRIOR, decode=decode, scale=0.1
        ),
        "orthogonal": penalties.orthogonal_penalty,
        "off_diagonal": penalties.off_diagonal_orthogonal_penalty,
    }


def players(network, classes):
    if network == "mlp":
        shape = (4, 4, 1)
        generator = mlp.Generator(shape, features=(8,), num_classes=classes)
        return generator, mlp.Discriminator(features=(8,), num_classes=classes), shape
    norm = layers.batch_norm if network == "dcgan, batch norm" else layers.no_norm
    return (
        dcgan.Generator(base=2, features=(4, 4), num_classes=classes),
        dcgan.Discriminator(features=(4, 4), num_classes=classes, norm=norm),
        (8, 8, 1),
    )


def game(network, conditional):
    """Return `(create, step, batch)`; the step takes a pair of losses and a penalty."""
    generator, discriminator, shape = players(network, 3 * conditional)
    labels = (jnp.zeros(1, jnp.int32),) if conditional else ()
    sgd = optax.sgd(0.01)

    def create(key):
        return train.create_state(
            key,
            train.create_player(key, generator, sgd, jnp.zeros((1, 5)), *labels),
            train.create_player(key, discriminator, sgd, jnp.zeros((1, *shape)), *labels),
        )

    fake = (train.conditional if conditional else train.unconditional)(PRIOR)
    shown = train.with_labels if conditional else train.alone

    def step(pair, penalty):
        return train.make_train_step(
            train.discriminator_step(pair, fake, shown=shown, penalties=(penalty,)),
            train.generator_step(pair, fake, shown=shown),
        )

    return create, step, games.image_batch(jax.random.key(1), 4, shape)


@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "conditional"])
@pytest.mark.parametrize("network", ["mlp", "dcgan", "dcgan, batch norm"])
def test_whatever_can_be_combined_trains(network, conditional):
    """One program holds all losses and penalties as branches, and every combination runs."""
    chosen = penalties_for(conditional)
    if network == "dcgan, batch norm":
        chosen = {name: p for name, p in chosen.items() if name not in ON_ONE_EXAMPLE}
    create, make, batch = game(network, conditional)

    @jax.jit
    def run(index, which):
        pair = losses.AdversarialLoss(
            lambda *logits: jax.lax.switch(
                index, [p.discriminator for p in PAIRS.values()], *logits
            ),
            lambda *logits: jax.lax.switch(index, [p.generator for p in PAIRS.values()], *logits),
        )

        def penalty(**arguments):
            branches = [lambda p=p: jnp.mean(p(**arguments)) for p in chosen.values()]
            return jax.lax.switch(which, branches)

        step = make(pair, penalty)
        state, metrics = jax.lax.scan(
            lambda state, _: step(state, batch), create(jax.random.key(0)), length=2
        )
        numbers = [*jax.tree.leaves(state.discriminator.params), *jax.tree.leaves(metrics)]
        numbers += jax.tree.leaves(state.generator.params)
        finite = jnp.all(jnp.array([jnp.all(jnp.isfinite(n)) for n in numbers]))
        moved = [metrics[f"{p}_gradient_norm"] for p in ("generator", "discriminator")]
        return finite, jnp.min(jnp.stack(moved)), metrics["penalty"][0]

    failed, values = [], {}
    for index, pair in enumerate(PAIRS):
        for which, penalty in enumerate(chosen):
            finite, moved, value = run(index, which)
            values[pair, penalty] = float(value)
            if not (finite and moved > 0):
                failed.append((pair, penalty))
    assert failed == []
    # The branches are those they seem to be: penalties differ, and do not depend on the loss.
    by_penalty = [values["hinge", penalty] for penalty in chosen if penalty not in ("none",)]
    assert len(set(by_penalty)) == len(by_penalty)
    np.testing.assert_allclose(values["wasserstein", "r1"], values["hinge", "r1"], rtol=1e-5)


@pytest.mark.parametrize("name", ON_ONE_EXAMPLE)
def test_gradient_penalties_of_single_examples_refuse_batch_normalisation(name):
    create, make, batch = game("dcgan, batch norm", False)
    penalty = ON_ONE_EXAMPLE[name]
    step = make(losses.wasserstein, penalty)
    called = (penalty.func if isinstance(penalty, partial) else penalty).__name__
    state = jax.eval_shape(create, jax.random.key(0))
    with pytest.raises(ValueError, match=f"{called}.*use layer_norm or no_norm"):
        jax.eval_shape(step, state, batch)


@pytest.mark.parametrize("norm", [layers.layer_norm, layers.no_norm])
def test_layer_normalisation_is_not_taken_for_it(norm):
    _, make, batch = game("dcgan", False)
    key = jax.random.key(0)
    discriminator = dcgan.Discriminator(features=(4, 4), norm=norm, conv=layers.SpectralConv)
    create = lambda: train.create_state(
        key,
        train.create_player(key, dcgan.Generator(2, (4, 4)), optax.sgd(0.1), jnp.zeros((1, 5))),
        train.create_player(key, discriminator, optax.sgd(0.1), jnp.zeros((1, 8, 8, 1))),
    )
    step = make(losses.wasserstein, penalties.gradient_penalty)
    jax.eval_shape(step, jax.eval_shape(create), batch)


@pytest.mark.parametrize("name", [name for name in PAIRS if name.startswith("relativistic")])
def test_relativistic_generators_refuse_to_go_without_reals(name):
    with pytest.raises(ValueError, match="real_logits must be given, got None"):
        PAIRS[name].generator(jnp.zeros(3))
