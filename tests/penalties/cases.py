"""What the tests of penalties share: all penalties on samples by name, samples and critics."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import penalties

GRADIENT = {
    "r1": penalties.r1_penalty,
    "r2": penalties.r2_penalty,
    "two_sided": penalties.gradient_penalty,
    "one_sided": partial(penalties.gradient_penalty, one_sided=True),
    "zero_centred": penalties.zero_centred_gradient_penalty,
    "wgan_div": penalties.wgan_div_penalty,
    "dragan": penalties.dragan_penalty,
    "max": penalties.max_gradient_penalty,
}
"""Penalties on the gradient of a critic."""

OF_NORM = {
    "r1": lambda norm: norm**2 / 2,
    "r2": lambda norm: norm**2 / 2,
    "two_sided": lambda norm: (norm - 1) ** 2,
    "one_sided": lambda norm: (norm - 1).clip(0) ** 2,
    "zero_centred": lambda norm: norm**2,
    "wgan_div": lambda norm: 2 * norm**6,
    "dragan": lambda norm: (norm - 1) ** 2,
    "max": lambda norm: (norm**2).max() + 0 * norm,
}
"""What each makes of the norms of a batch; for arrays of numpy and tensors of torch alike."""


def fade(key, example):
    """Augment an example: darken it by a random factor, and turn it over."""
    return 0.5 * jax.random.uniform(key).astype(example.dtype) * example[::-1]


CONSISTENCY = {
    "consistency": partial(penalties.consistency_penalty, augment=fade),
    "balanced": partial(penalties.balanced_consistency_penalty, augment=fade),
}
ON_SAMPLES = {**GRADIENT, **CONSISTENCY}
ON_ONE_EXAMPLE = {name: p for name, p in ON_SAMPLES.items() if name not in ("dragan", "max")}
"""Penalties whose value at an example is a matter of that example alone."""


def keys(number):
    """Return a key per example."""
    return jax.random.split(jax.random.key(0), number)


def samples(*shape, dtype=np.float32):
    """Return reals and fakes."""
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)


def bowl(samples):
    """D(x) = 1/2 ||x||², whose gradient is x."""
    return 0.5 * jnp.sum(jnp.square(samples), axis=range(1, samples.ndim))


def each(function, names=ON_SAMPLES):
    """Evaluate a function of a name for every name, by name: one program if compiled."""
    return {name: function(name) for name in names}


def points(penalties, real, fake):
    """Return where each of some penalties asks for the gradient, by name."""
    seen = {}

    def value(name):
        # A rule of its own for the gradient is shown the samples, where plain code has tracers.
        critic = jax.custom_vjp(bowl)

        def forward(samples):
            seen[name] = np.asarray(samples)
            return bowl(samples), samples

        def backward(samples, slopes):
            return (slopes.reshape(-1, *[1] * (samples.ndim - 1)) * samples,)

        critic.defvjp(forward, backward)
        return penalties[name](critic=critic, real=real, fake=fake, keys=keys(len(real)))

    each(value, penalties)
    return seen


def on_two_devices(function):
    """Run a function of `(gather, *halves)` on two virtual devices, and average what they say."""

    def of_device(*halves):
        def gather(values):
            return jax.lax.all_gather(values, "devices", tiled=True)

        return jax.lax.pmean(function(gather, *halves), "devices")

    def run(*arrays):
        halves = [array.reshape(2, len(array) // 2, *array.shape[1:]) for array in arrays]
        return jax.tree.map(lambda x: x[0], jax.vmap(of_device, axis_name="devices")(*halves))

    return run
