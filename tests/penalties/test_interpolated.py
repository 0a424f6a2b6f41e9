"""The points where gradients are taken, and what interpolating penalties refuse."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.penalties import (
    dragan_penalty,
    gradient_penalty,
    max_gradient_penalty,
    wgan_div_penalty,
    zero_centred_gradient_penalty,
)
from tests.penalties.cases import bowl, keys, on_two_devices, points, samples

INTERPOLATING = (
    gradient_penalty,
    zero_centred_gradient_penalty,
    wgan_div_penalty,
    max_gradient_penalty,
)
by_name = {"ids": lambda penalty: penalty.__name__}


def furthest_from_uniform(numbers):
    """Return the Kolmogorov-Smirnov distance from U(0, 1), in units of its 0.1 % level."""
    numbers = np.sort(np.ravel(numbers))
    ranks = (np.arange(numbers.size) + 0.5) / numbers.size
    return np.abs(numbers - ranks).max() * np.sqrt(numbers.size) / 1.95


def test_alpha_is_one_uniform_number_per_example_shared_by_its_pixels_and_leaves():
    number = 4096
    real = {"a": jnp.ones((number, 2)), "b": jnp.ones((number, 1))}
    fake = jax.tree.map(jnp.zeros_like, real)

    def squared_alpha(weights):
        def critic(tree):
            pixels = jnp.concatenate([tree["a"], tree["b"]], axis=1)
            return 0.5 * jnp.square(pixels) @ weights

        return gradient_penalty(critic=critic, real=real, fake=fake, keys=keys(number), target=0.0)

    first, *others = jax.jit(jax.vmap(squared_alpha))(jnp.eye(3))
    for other in others:
        np.testing.assert_allclose(first, other, rtol=1e-4, atol=1e-5)
    alpha = np.sqrt(first)
    assert len(np.unique(alpha)) > number - 10
    assert furthest_from_uniform(alpha) < 1


def test_alpha_one_is_real_and_zero_is_fake():
    real, fake = np.full((2, 3), 5.0, np.float32), np.full((2, 3), 2.0, np.float32)
    alpha = np.array(jax.vmap(jax.random.uniform)(keys(2)))[:, None]
    for name, point in points({p.__name__: p for p in INTERPOLATING}, real, fake).items():
        expected = alpha * real + (1 - alpha) * fake
        np.testing.assert_allclose(point, expected, rtol=1e-6, err_msg=name)


def test_wgan_div_at_reals_and_at_fakes_is_the_mean_of_two_calls():
    real, fake = samples(3, 4)
    call = {"critic": bowl, "keys": keys(3)}
    both = [wgan_div_penalty(real=x, fake=x, **call) for x in (real, fake)]
    powers = [np.linalg.norm(x, axis=1) ** 6 for x in (real, fake)]
    np.testing.assert_allclose(sum(both) / 2, 2 / 2 * sum(powers), rtol=1e-5)


def test_the_maximum_moves_the_steepest_example_alone():
    real, _ = samples(4, 3)
    scales = jnp.ones(4)

    def value(scales):
        critic = lambda samples: scales * bowl(samples)
        return max_gradient_penalty(critic=critic, real=real, fake=real, keys=keys(4)).mean()

    squares = np.sum(real**2, axis=1)
    np.testing.assert_allclose(value(scales), squares.max(), rtol=1e-6)
    expected = np.where(squares == squares.max(), 2 * squares, 0)
    np.testing.assert_allclose(jax.grad(value)(scales), expected, rtol=1e-6)


def test_dragan_looks_a_random_way_towards_brighter_reals():
    """(x̂ - x) / (0.5 std) is α u: α is near its maximum over the pixels, and u is the quotient."""
    real = 3.0 + 2.0 * samples(256, 40, 50)[0]
    moved = points({"dragan": dragan_penalty}, real, None)["dragan"] - real
    parts = (moved / (0.5 * real.std())).reshape(256, 2000)
    alpha = parts.max(axis=1, keepdims=True)
    assert parts.min() >= -1e-5
    assert furthest_from_uniform(alpha) < 1
    assert furthest_from_uniform((parts / alpha)[:, :100]) < 1
    assert abs(np.corrcoef(parts[0] / alpha[0], parts[1] / alpha[1])[0, 1]) < 0.1


def test_dragan_takes_a_scale_and_a_deviation_for_each_leaf():
    """Where all reals are equal there is no noise; elsewhere the gradient x̂ is above x."""
    real = {"a": jnp.ones((2, 3)), "b": jnp.array([[1.0], [3.0]])}

    @jax.jit
    def squares(scale):
        def of_leaf(name):
            critic = lambda tree: 0.5 * jnp.sum(jnp.square(tree[name]), axis=1)
            return dragan_penalty(critic=critic, real=real, keys=keys(2), target=0.0, scale=scale)

        return of_leaf("a"), of_leaf("b")

    flat, noisy = squares(0.5)
    np.testing.assert_allclose(flat, [3, 3], rtol=1e-6)
    assert (np.sqrt(noisy) > [1, 3]).all()
    assert (np.sqrt(noisy) < [1.5, 3.5]).all()
    np.testing.assert_allclose(squares(0.0)[1], [1, 9], rtol=1e-6)


@pytest.mark.parametrize("penalty", [dragan_penalty, max_gradient_penalty], **by_name)
def test_two_devices_are_one(penalty):
    real, fake = samples(6, 5)
    real[3:] *= 4

    def value_and_gradient(gather, real, fake, keys):
        def value(scale):
            critic = lambda samples: bowl(jnp.einsum("bi,i->bi", samples, scale))
            arguments = {"critic": critic, "real": real, "fake": fake, "keys": keys}
            return penalty(gather=gather, **arguments).mean()

        return jax.value_and_grad(value)(jnp.linspace(0.5, 1.5, 5))

    one = jax.jit(partial(value_and_gradient, lambda values: values))(real, fake, keys(6))
    two = jax.jit(on_two_devices(value_and_gradient))(real, fake, keys(6))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5), two, one)


@pytest.mark.parametrize("penalty", INTERPOLATING, **by_name)
@pytest.mark.parametrize(
    ("fake_shape", "number_of_keys"), [((4, 2), 3), ((3, 1), 3), ((1, 2), 3), ((3, 2), 1)]
)
def test_what_would_broadcast_is_refused(penalty, fake_shape, number_of_keys):
    call = {"critic": bowl, "real": jnp.zeros((3, 2)), "fake": jnp.zeros(fake_shape)}
    with pytest.raises(ValueError, match="same shapes and one key per example") as error:
        penalty(**call, keys=keys(number_of_keys))
    assert str(error.value).startswith(penalty.__name__)
    assert "(3, 2)" in str(error.value)
    assert str(fake_shape) in str(error.value)
    assert f"keys ({number_of_keys},)" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("penalty", [*INTERPOLATING, dragan_penalty], **by_name)
def test_a_single_key_is_refused(penalty):
    call = {"critic": bowl, "real": jnp.zeros((3, 2)), "fake": jnp.zeros((3, 2))}
    with pytest.raises(ValueError, match=f"^{penalty.__name__} .* one key per example"):
        penalty(**call, keys=jax.random.key(0))


@pytest.mark.parametrize("penalty", [*INTERPOLATING, dragan_penalty], **by_name)
def test_a_critic_that_normalises_over_the_batch_is_refused(penalty):
    call = {"critic": bowl, "real": jnp.zeros((3, 2)), "fake": jnp.zeros((3, 2)), "keys": keys(3)}
    message = (
        f"^{penalty.__name__} needs the critic's gradient at one example, but the critic normalises "
        "over the batch: use layer_norm or no_norm in it$"
    )
    with pytest.raises(ValueError, match=message):
        penalty(**call, mixes_examples=True)


@pytest.mark.parametrize(
    ("penalty", "numbers", "complaint"),
    [
        (gradient_penalty, {"target": -0.5}, "gradient_penalty needs target >= 0, got -0.5"),
        (dragan_penalty, {"target": -1}, "dragan_penalty needs target >= 0, got -1"),
        (dragan_penalty, {"scale": float("nan")}, "dragan_penalty needs scale >= 0, got nan"),
        (wgan_div_penalty, {"power": 0.5}, "wgan_div_penalty needs power >= 1, got 0.5"),
        (wgan_div_penalty, {"coefficient": -2}, "wgan_div_penalty needs coefficient >= 0, got -2"),
    ],
)
def test_numbers_out_of_range_are_named(penalty, numbers, complaint):
    call = {"critic": bowl, "real": jnp.zeros((3, 2)), "fake": jnp.zeros((3, 2)), "keys": keys(3)}
    with pytest.raises(ValueError, match=f"^{complaint}$"):
        penalty(**call, **numbers)


def test_numbers_may_be_traced():
    real, fake = samples(3, 4)
    call = {"critic": bowl, "real": real, "fake": fake, "keys": keys(3)}
    numbered = (
        (gradient_penalty, "target"),
        (partial(gradient_penalty, one_sided=True), "target"),
        (wgan_div_penalty, "power"),
        (wgan_div_penalty, "coefficient"),
        (dragan_penalty, "scale"),
        (dragan_penalty, "target"),
    )

    def values(number):
        return [penalty(**call, **{name: number}) for penalty, name in numbered]

    np.testing.assert_allclose(jax.jit(values)(1.5), values(1.5), rtol=1e-5)
