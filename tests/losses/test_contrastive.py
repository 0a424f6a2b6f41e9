"""Values and meaning of the losses that compare the embeddings of a batch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

LABELS = np.array([0, 2, 1, 2, 0, 3], np.int32)
EMBEDDINGS, PROXIES = np.random.default_rng(0).normal(size=(2, 6, 4))
BOTH = {
    "2C": losses.conditional_contrastive_loss,
    "D2D-CE": losses.data_to_data_cross_entropy_loss,
}
both_losses = pytest.mark.parametrize("function", BOTH.values(), ids=BOTH.keys())


def _loop(name, embeddings, proxies, exp, log, cosine, *, temperature, positive, negative):
    """Write the two formulas out, one example and one other at a time."""
    values = []
    for i, own in enumerate(embeddings):
        to_proxy = cosine(own, proxies[i])
        if name == "2C":
            numerator = denominator = exp(to_proxy / temperature)
        else:
            numerator = denominator = exp(min(to_proxy - positive, 0 * to_proxy) / temperature)
        for j, other in enumerate(embeddings):
            similarity = cosine(own, other)
            if name == "2C" and j != i:
                denominator = denominator + exp(similarity / temperature)
                if LABELS[i] == LABELS[j]:
                    numerator = numerator + exp(similarity / temperature)
            if name == "D2D-CE" and LABELS[i] != LABELS[j]:
                far = max(similarity - negative, 0 * similarity)
                denominator = denominator + exp(far / temperature)
        values.append(-log(numerator / denominator))
    return values


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_float64_agrees_with_the_formula_in_a_loop(name, temperature):
    def cosine(a, b):
        return a @ b / math.sqrt((a @ a) * (b @ b))

    margins = {} if name == "2C" else {"positive_margin": 0.4, "negative_margin": -0.1}
    expected = _loop(
        name, EMBEDDINGS, PROXIES, math.exp, math.log, cosine,
        temperature=temperature, positive=0.4, negative=-0.1,
    )  # fmt: skip
    with jax.enable_x64(True):
        loss = BOTH[name](EMBEDDINGS, PROXIES, LABELS, temperature=temperature, **margins)
    np.testing.assert_allclose(loss, expected, rtol=1e-10)


@pytest.mark.parametrize("name", BOTH)
def test_defaults_values_and_gradients_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    embeddings, proxies = (torch.tensor(x, requires_grad=True) for x in (EMBEDDINGS, PROXIES))

    def cosine(a, b):
        return torch.nn.functional.cosine_similarity(a, b, dim=0)

    theirs = _loop(
        name, embeddings, proxies, torch.exp, torch.log, cosine,
        temperature={"2C": 1.0, "D2D-CE": 0.5}[name], positive=0.98, negative=0.02,
    )  # fmt: skip
    their_gradients = torch.autograd.grad(sum(theirs), (embeddings, proxies))
    with jax.enable_x64(True):
        ours, pull_back = jax.vjp(jax.jit(lambda *x: BOTH[name](*x, LABELS)), EMBEDDINGS, PROXIES)
        our_gradients = pull_back(jnp.ones(6))
    np.testing.assert_allclose(ours, torch.stack(theirs).detach(), rtol=1e-10)
    for our, their in zip(our_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-8, atol=1e-12)


def test_values_by_hand():
    # Two classes at right angles, each at its proxy: log(1 + e^(0 - 1)) and log(1 + e^(0 - 0)).
    basis, labels = jnp.eye(2), jnp.array([0, 1])
    contrastive = losses.conditional_contrastive_loss(basis, basis, labels)
    np.testing.assert_allclose(contrastive, np.log1p(np.exp(-1)), rtol=1e-6)
    np.testing.assert_allclose(
        losses.data_to_data_cross_entropy_loss(basis, basis, labels), np.log(2), rtol=1e-6
    )


@both_losses
def test_lengths_do_not_count(function):
    scaled = function(EMBEDDINGS * np.arange(1, 7)[:, None], 0.01 * PROXIES, LABELS)
    np.testing.assert_allclose(scaled, function(EMBEDDINGS, PROXIES, LABELS), rtol=1e-4, atol=1e-6)


@both_losses
def test_loss_is_0_without_other_classes(function):
    loss = function(EMBEDDINGS, PROXIES, np.full(6, 3))
    np.testing.assert_allclose(loss, 0, atol=1e-6)


def test_easy_samples_have_no_gradient_in_the_data_to_data_loss():
    """Near the proxy beyond m_p and far from other classes beyond m_n, nothing is left to do."""
    close = jnp.array([[1.0, 0.05], [-1.0, 0.05]])
    proxies, labels = jnp.array([[1.0, 0.0], [-1.0, 0.0]]), jnp.array([0, 1])

    @jax.jit
    def gradients(embeddings):
        return [
            jax.grad(lambda x, f=function: f(x, proxies, labels).sum())(embeddings)
            for function in BOTH.values()
        ]

    contrastive, data_to_data = gradients(close)
    np.testing.assert_array_equal(data_to_data, 0)
    assert abs(contrastive).max() > 1e-3


@both_losses
def test_low_temperature_stays_finite(function):
    @jax.jit
    @jax.value_and_grad
    def mean(embeddings):
        return function(embeddings, PROXIES, LABELS, temperature=1e-4).mean()

    value, gradient = mean(jnp.asarray(EMBEDDINGS))
    assert jnp.isfinite(value)
    assert jnp.isfinite(gradient).all()


@both_losses
def test_refuses_what_does_not_fit(function):
    with pytest.raises(ValueError, match=r"samples \(6, 4\) and proxies \(1, 4\)"):
        function(EMBEDDINGS, PROXIES[:1], LABELS)
    with pytest.raises(ValueError, match=r"labels must be integers of shape \(6,\), got float"):
        function(EMBEDDINGS, PROXIES, LABELS.astype(float))
    with pytest.raises(ValueError, match=r"embeddings must be \[B, D\], got \(6,\)"):
        function(EMBEDDINGS[:, 0], PROXIES[:, 0], LABELS)
    with pytest.raises(ValueError, match="temperature must be positive and finite, got 0"):
        function(EMBEDDINGS, PROXIES, LABELS, temperature=0)


@pytest.mark.parametrize("name", ["positive_margin", "negative_margin"])
def test_refuses_a_margin_that_is_no_cosine(name):
    with pytest.raises(ValueError, match=rf"{name} must be in \[-1.0, 1.0\], got 1.5"):
        losses.data_to_data_cross_entropy_loss(EMBEDDINGS, PROXIES, LABELS, **{name: 1.5})
