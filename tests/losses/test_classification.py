"""Values and meaning of the losses on class logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

LABELS = np.array([0, 2, 1, 2, 0], np.int32)
LOGITS, TWIN = 3 * np.random.default_rng(0).normal(size=(2, 5, 3))


def _cross_entropy(logits):
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return -np.log(probabilities[np.arange(len(LABELS)), LABELS])


def test_float64_agrees_with_the_textbook_formulas():
    others = np.array(
        [np.delete(row, label).max() for row, label in zip(LOGITS, LABELS, strict=True)]
    )
    own = LOGITS[np.arange(5), LABELS]
    with jax.enable_x64(True):
        classification = losses.auxiliary_classification_loss(LOGITS, LABELS)
        twin = losses.twin_auxiliary_classification_loss(LOGITS, TWIN, LABELS)
        hinge = losses.multi_hinge_loss(LOGITS, LABELS, margin=2.0)
    np.testing.assert_allclose(classification, _cross_entropy(LOGITS), rtol=1e-12)
    np.testing.assert_allclose(twin, _cross_entropy(LOGITS) - _cross_entropy(TWIN), rtol=1e-12)
    np.testing.assert_allclose(hinge, np.maximum(0, 2 + others - own), rtol=1e-12)


def test_values_by_hand():
    logits, label = jnp.log(jnp.array([[1.0, 2.0, 5.0]])), jnp.array([1])
    # The probability of the label is 2/8.
    np.testing.assert_allclose(
        losses.auxiliary_classification_loss(logits, label), np.log(4), rtol=1e-6
    )
    even = jnp.zeros((1, 3))
    np.testing.assert_allclose(
        losses.twin_auxiliary_classification_loss(logits, even, label), np.log(4 / 3), rtol=1e-6
    )
    # 1 + log 5 - log 2
    np.testing.assert_allclose(losses.multi_hinge_loss(logits, label), 1 + np.log(2.5), rtol=1e-6)


def test_twin_cancels_a_classifier_that_knows_no_more():
    loss = losses.twin_auxiliary_classification_loss(LOGITS, LOGITS, LABELS)
    np.testing.assert_array_equal(loss, 0)


def test_multi_hinge_pushes_the_own_class_and_the_best_other_one_alone():
    logits = jnp.array([[1.0, 0.5, 0.2], [5.0, 1.0, 0.0]])
    gradient = jax.grad(lambda s: losses.multi_hinge_loss(s, jnp.array([0, 0])).sum())(logits)
    np.testing.assert_array_equal(gradient, [[-1, 1, 0], [0, 0, 0]])


def test_multi_hinge_of_two_classes_is_the_hinge_of_their_difference():
    score = jnp.linspace(-2.0, 2.0, 5)
    logits = jnp.stack([score, jnp.zeros(5)], axis=1)
    loss = losses.multi_hinge_loss(logits, jnp.zeros(5, jnp.int32))
    np.testing.assert_allclose(loss, np.maximum(0, 1 - score))


def test_values_and_gradients_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    logits = torch.tensor(LOGITS, requires_grad=True)
    labels = torch.tensor(LABELS, dtype=torch.int64)
    theirs = {
        "auxiliary_classification_loss": functional.cross_entropy(logits, labels, reduction="none"),
        "multi_hinge_loss": torch.stack(
            [
                max(functional.relu(1 + row[j] - row[y]) for j in range(3) if j != y)
                for row, y in zip(logits, labels, strict=True)
            ]
        ),
    }
    for name, their in theirs.items():
        function = getattr(losses, name)
        (their_gradient,) = torch.autograd.grad(their.sum(), logits, retain_graph=True)
        with jax.enable_x64(True):
            our = function(LOGITS, LABELS)
            our_gradient = jax.grad(lambda s, f=function: f(s, LABELS).sum())(jnp.asarray(LOGITS))
        np.testing.assert_allclose(our, their.detach(), rtol=1e-12)
        np.testing.assert_allclose(our_gradient, their_gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    "function", [losses.auxiliary_classification_loss, losses.multi_hinge_loss]
)
@pytest.mark.parametrize(
    "labels", [np.zeros(4, int), np.zeros((5, 1), int), np.zeros(5), np.eye(5)]
)
def test_labels_must_be_one_integer_per_example(function, labels):
    with pytest.raises(ValueError, match=r"labels must be integers of shape \(5,\)") as error:
        function(LOGITS, labels)
    assert str(labels.shape) in str(error.value)


@pytest.mark.parametrize(
    "function", [losses.auxiliary_classification_loss, losses.multi_hinge_loss]
)
def test_class_logits_must_be_a_row_per_example(function):
    with pytest.raises(ValueError, match=r"class logits must be \[B, K\], got \(5,\)"):
        function(LOGITS[:, 0], LABELS)


def test_multi_hinge_needs_another_class():
    with pytest.raises(ValueError, match="two classes or more, got 1"):
        losses.multi_hinge_loss(LOGITS[:, :1], LABELS)


def test_heads_must_agree():
    with pytest.raises(ValueError, match=r"class \(5, 3\) and twin \(5, 2\)"):
        losses.twin_auxiliary_classification_loss(LOGITS, TWIN[:, :2], LABELS)
