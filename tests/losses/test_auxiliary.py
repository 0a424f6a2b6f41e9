"""The laws that every loss beside the adversarial ones obeys."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import losses

LABELS = np.array([0, 2, 1, 2], np.int32)


class Case(NamedTuple):
    """A loss as a function of its float arguments, and the shapes of these and of its result."""

    function: Callable
    shapes: tuple
    result: tuple = (4,)


def _of_labels(function, *shapes, **options):
    return Case(lambda *x: function(*x, LABELS, **options), shapes)


CASES = {
    "style": Case(
        partial(losses.style_loss, features=lambda images: jnp.tanh(images)[:, :, None]),
        ((4, 2, 3), (4, 2, 3)),
    ),
    "perceptual": Case(partial(losses.perceptual_loss, features=jnp.tanh), ((4, 2, 3), (4, 2, 3))),
    "auxiliary_classification": _of_labels(losses.auxiliary_classification_loss, (4, 3)),
    "twin": _of_labels(losses.twin_auxiliary_classification_loss, (4, 3), (4, 3)),
    "multi_hinge": _of_labels(losses.multi_hinge_loss, (4, 3)),
    "conditional_contrastive": _of_labels(
        losses.conditional_contrastive_loss, (4, 5), (4, 5), temperature=0.1
    ),
    "data_to_data": _of_labels(losses.data_to_data_cross_entropy_loss, (4, 5), (4, 5)),
    "categorical_information": _of_labels(losses.categorical_information_loss, (4, 3)),
    "gaussian_information": Case(losses.gaussian_information_loss, ((4, 2), (4, 2), (4, 2))),
    "pull_away": Case(losses.pull_away_loss, ((4, 3),)),
    "feature_matching": Case(losses.feature_matching_loss, ((4, 2, 3), (4, 2, 3))),
    "l1": Case(losses.l1_loss, ((4, 2), (4, 2)), (4, 2)),
    "l2": Case(losses.l2_loss, ((4, 2), (4, 2)), (4, 2)),
    "charbonnier": Case(losses.charbonnier_loss, ((4, 2), (4, 2)), (4, 2)),
    "cycle_consistency": Case(losses.cycle_consistency_loss, ((4, 2), (4, 2)), (4, 2)),
    "identity": Case(losses.identity_loss, ((4, 2), (4, 2)), (4, 2)),
}
every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def _inputs(case, seed=0):
    generator = np.random.default_rng(seed)
    return tuple(generator.normal(size=shape) for shape in case.shapes)


def test_every_auxiliary_loss_is_here():
    functions = {name for name in losses.__all__ if name.endswith("_loss")}
    halves = {name for name in functions if "discriminator" in name or "generator" in name}
    assert {name.removesuffix("_loss") for name in functions - halves} == {
        {"twin": "twin_auxiliary_classification", "data_to_data": "data_to_data_cross_entropy"}.get(
            name, name
        )
        for name in CASES
    }


@every_loss
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_one_float32_value_per_example_or_entry(case, dtype):
    loss = jax.eval_shape(case.function, *(jnp.asarray(x, dtype) for x in _inputs(case)))
    assert (loss.shape, loss.dtype) == (case.result, jnp.float32)


@every_loss
def test_float64_stays_float64_and_has_the_gradients_of_finite_differences(case):
    with jax.enable_x64(True):
        assert case.function(*_inputs(case)).dtype == jnp.float64
        check_grads(jax.jit(case.function), _inputs(case), order=2, modes=["rev"], rtol=1e-4)


@every_loss
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_extreme_inputs_give_finite_losses_and_gradients(case, dtype):
    @jax.jit
    @jax.vmap
    def both(inputs):
        return jax.value_and_grad(lambda inputs: case.function(*inputs).sum())(inputs)

    levels = np.array(list(np.ndindex(*[3] * len(case.shapes)))) * 1e4 - 1e4  # -1e4, 0 or 1e4.
    inputs = [
        jnp.asarray(level.reshape(-1, *[1] * array.ndim) * np.sign(array), dtype)
        for level, array in zip(levels.T, _inputs(case), strict=True)
    ]
    value, gradients = both(inputs)
    assert jnp.isfinite(value).all()
    assert all(jnp.isfinite(gradient).all() for gradient in gradients)


@every_loss
def test_jit_is_eager_and_vmap_is_a_loop(case):
    first, second = _inputs(case, 0), _inputs(case, 1)
    looped = np.stack([case.function(*first), case.function(*second)])
    mapped = jax.jit(jax.vmap(case.function))(
        *(np.stack(x) for x in zip(first, second, strict=True))
    )
    np.testing.assert_allclose(mapped, looped, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CASES if len(CASES[name].shapes) > 1])
def test_an_array_of_another_shape_is_refused(name):
    case = CASES[name]
    first, *others = _inputs(case)
    wrong = (first[:1], *others)
    with pytest.raises(ValueError, match="must have the same shape") as error:
        case.function(*wrong)
    assert str(first[:1].shape) in str(error.value)
    assert "\n" not in str(error.value)


GATHERED = {
    "pull_away": lambda x, y, labels, **gather: losses.pull_away_loss(x, **gather),
    "feature_matching": lambda x, y, labels, **gather: losses.feature_matching_loss(x, y, **gather),
    "conditional_contrastive": losses.conditional_contrastive_loss,
    "data_to_data": losses.data_to_data_cross_entropy_loss,
}


@pytest.mark.parametrize("name", GATHERED)
def test_two_devices_give_the_loss_and_gradient_of_the_joined_batch(name):
    function = GATHERED[name]
    scale = jnp.array([1.0, -0.5, 2.0])
    x, y = (jnp.asarray(a, jnp.float32) for a in np.random.default_rng(0).normal(size=(2, 4, 3)))

    def mean_loss(scale, x, y, labels, **gather):
        return function(x * scale[None], y + scale[None], labels, **gather).mean()

    both = jax.value_and_grad(mean_loss)

    def on_device(x, y, labels):
        gather = partial(jax.lax.all_gather, axis_name="devices", tiled=True)
        result = both(scale, x, y, labels, gather=gather)
        return jax.lax.pmean(result, "devices")

    halves = (a.reshape(2, 2, *a.shape[1:]) for a in (x, y, jnp.asarray(LABELS)))
    value, gradient = jax.jit(jax.vmap(on_device, axis_name="devices"))(*halves)
    joined, joined_gradient = jax.jit(both)(scale, x, y, LABELS)
    assert abs(joined_gradient).max() > 1e-3
    np.testing.assert_allclose(value, [joined] * 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, [joined_gradient] * 2, rtol=1e-4, atol=1e-6)
