"""What tells how a game goes, each a number with a scale that means the same in every game."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from gan_jax.typing import Array, PyTree, Sample

__all__ = [
    "diversity",
    "gradient_cosine",
    "gradient_ratio",
    "overfitting",
    "reach",
    "saturation",
    "separation",
]


def gradient_cosine(first: PyTree, second: PyTree) -> Array:
    """Return the cosine of the angle between two gradients.

    `<g, h> / (||g|| ||h||)`, over all leaves as one vector; 0 where one of them is 0. Of a gradient
    before and after a step on the same examples it is 1 where the step was short, and below 0 where
    it overshot.

    Args:
      first: a tree of arrays.
      second: one of the same shapes.

    Returns:
      float32 [].

    Example:
      >>> float(gradient_cosine({"w": jnp.array([1.0, 0.0])}, {"w": jnp.array([0.0, 4.0])}))
      0.0
    """
    first, second = _floats(first), _floats(second)
    product = optax.tree.vdot(first, second)
    return _share(product, optax.tree.norm(first) * optax.tree.norm(second))


def gradient_ratio(gradient: PyTree, reference: PyTree) -> Array:
    """Return how long a gradient is beside another.

    `||g|| / ||h||`; 0 where `h` is 0. Of the gradient of the generator's loss beside that of the
    mean logit of its fakes it is what the loss lets through: about 1/2 to 1 for losses that do not
    saturate, whatever the scale of the logits, and about 0 where the loss is flat.

    Args:
      gradient: a tree of arrays.
      reference: one of the same shapes.

    Returns:
      float32 [].
    """
    return _share(optax.tree.norm(_floats(gradient)), optax.tree.norm(_floats(reference)))


def diversity(real: Sample, fake: Sample) -> Array:
    """Return how far apart fakes are, beside reals.

    `mean_{i<j} ||y_i - y_j|| / mean_{i<j} ||x_i - x_j||`: 1 for a perfect generator, 0 for one
    whose fakes are all the same.

    Args:
      real: leaves [B, ...], B at least 2.
      fake: leaves [N, ...], N at least 2.

    Returns:
      float32 [].

    Raises:
      ValueError: there is only one real or fake, or they do not compare.

    Example:
      >>> float(diversity(jnp.array([[0.0], [4.0]]), jnp.array([[1.0], [2.0]])))
      0.25
    """
    reals, fakes = _vectors("diversity", real, 2), _vectors("diversity", fake, 2)
    _check_alike("diversity", reals, fakes)
    return _share(_spread(fakes), _spread(reals))


def reach(real: Sample, fake: Sample) -> Array:
    """Return how many of the data's places fakes get to, beside other reals.

    `|{nearest(y)}| / |{nearest(x)}|`: the first half of the reals are places, and a place is
    reached if it is the nearest one of some fake; as many fakes are asked as there are reals in the
    second half. About 1 for a perfect generator, `1 / places reached by reals` for one whose fakes
    are all the same, however they look: it counts modes and not their sharpness, in any dimension.

    Args:
      real: leaves [B, ...], B at least 4.
      fake: leaves [N, ...], N at least B / 2.

    Returns:
      float32 [].

    Raises:
      ValueError: there are too few reals or fakes, or they do not compare.

    Example:
      >>> real = jnp.array([[0.0], [9.0], [1.0], [8.0]])
      >>> float(reach(real, jnp.array([[0.1], [0.3]])))
      0.5
    """
    reals = _vectors("reach", real, 4)
    half = len(reals) // 2
    fakes = _vectors("reach", fake, half)[:half]
    _check_alike("reach", reals, fakes)
    places, others = reals[:half], reals[half : 2 * half]
    return _of_finite(_share(_places(fakes, places), _places(others, places)), fakes, reals)


def saturation(
    real: Sample, fake: Sample, *, limits: tuple[float, float] = (-1.0, 1.0), margin: float = 0.01
) -> Array:
    """Return which share of the outputs is at the end of its range, beyond the data's own share.

    `max over both ends of share(fake at the end) - share(real at the end)`, 0 at least. An output
    of tanh that sits there has no gradient; where the data sits there too, as the black of a digit
    does, it is right.

    Args:
      real: leaves [B, ...].
      fake: leaves [N, ...].
      limits: the ends of the generator's range; infinite ones are never reached.
      margin: share of the range that counts as its end.

    Returns:
      float32 [].

    Example:
      >>> float(saturation(jnp.array([[0.0, -1.0]]), jnp.array([[0.999, -1.0], [-1.0, 1.0]])))
      0.5
    """
    reals, fakes = _vectors("saturation", real, 1), _vectors("saturation", fake, 1)
    _check_alike("saturation", reals, fakes)
    low, high = limits
    if not low < high:
        raise ValueError(f"saturation: limits must rise, got {limits}")
    near = margin * (high - low) if math.isfinite(high - low) else 0.0

    def shares(values: Array) -> Array:
        ends = jnp.stack([values <= low + near, values >= high - near])
        return jnp.mean(ends, axis=(1, 2), dtype=jnp.float32)

    return _of_finite(jnp.maximum(jnp.max(shares(fakes) - shares(reals)), 0.0), fakes, reals)


def separation(real_logits: Array, fake_logits: Array) -> Array:
    """Return how far apart the logits of reals and fakes are, beside how far each kind spreads.

    `(mean r - mean f) / (2 sd)`, with the standard deviation of all logits together: their
    correlation with what is real, whatever their scale. 0 where they tell nothing, 1 where all
    reals have one logit and all fakes another; 0.9 is two normal distributions 4 standard
    deviations apart.

    Args:
      real_logits: [B] or patch maps [B, ...].
      fake_logits: the same of fakes, as many.

    Returns:
      float32 [].

    Raises:
      ValueError: there are no logits of a kind, or they are not floats.

    Example:
      >>> float(separation(jnp.array([3.0, 3.0]), jnp.array([-1.0, -1.0])))
      1.0
    """
    real, fake = _logits("separation", real_logits, fake_logits)
    return _share(jnp.mean(real) - jnp.mean(fake), 2 * _deviation(real, fake))


def overfitting(real_logits: Array, held_out_logits: Array, fake_logits: Array) -> Array:
    """Return how far a discriminator tells the reals it was trained on from other reals.

    `(mean r - mean h) / (2 sd)`, with the standard deviation of the logits of reals and fakes
    together. 0 where it has learnt the distribution; 1 where held-out reals are to it what fakes
    are. The gap between reals and fakes is a poor unit instead: it may be nearly 0.

    Args:
      real_logits: of reals that were trained on, [B] or patch maps [B, ...].
      held_out_logits: of other reals.
      fake_logits: of fakes.

    Returns:
      float32 [].

    Raises:
      ValueError: there are no logits of a kind, or they are not floats.

    Reference:
      Brock et al., Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2018,
      https://arxiv.org/abs/1809.11096
    """
    real, held_out, fake = _logits("overfitting", real_logits, held_out_logits, fake_logits)
    return _share(jnp.mean(real) - jnp.mean(held_out), 2 * _deviation(real, fake))


def _floats(tree: PyTree) -> PyTree:
    """Widen floats; refuse others, such as bytes, whose scale is another one."""

    def wide(leaf: Array) -> Array:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(f"a measure takes floats, not {leaf.dtype} {list(leaf.shape)}")
        return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))

    return jax.tree.map(wide, tree)


def _logits(name: str, *logits: Array) -> tuple[Array, ...]:
    if not all(each.size for each in logits):
        raise ValueError(f"{name}: there are no logits to compare")
    return tuple(map(_floats, logits))


def _share(part: Array, whole: Array) -> Array:
    """Divide, where there is something to divide by; NaN stays NaN."""
    nothing = whole == 0
    return jnp.where(nothing, 0.0, part / jnp.where(nothing, 1.0, whole))


def _of_finite(value: Array, *arrays: Array) -> Array:
    """Return a value that counts, NaN where something counted is not finite."""
    finite = jnp.stack([jnp.isfinite(array).all() for array in arrays]).all()
    return jnp.where(finite, value, jnp.nan)


def _deviation(real: Array, fake: Array) -> Array:
    """Return the standard deviation of both as one, each of the two weighing half."""
    middle = (jnp.mean(real) + jnp.mean(fake)) / 2
    square = (jnp.mean((real - middle) ** 2) + jnp.mean((fake - middle) ** 2)) / 2
    return jnp.sqrt(square)


def _vectors(name: str, sample: Sample, least: int) -> Array:
    """Join the leaves of each example to one vector, [B, D]."""
    if not all(leaf.ndim and leaf.size for leaf in jax.tree.leaves(sample)):
        raise ValueError(f"{name}: samples must be [B, ...], with numbers in each")
    leaves = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(_floats(sample))]
    if (count := leaves[0].shape[0]) < least:
        raise ValueError(f"{name}: {count} examples are too few, it needs {least} at least")
    return jnp.concatenate(leaves, axis=1)


def _check_alike(name: str, reals: Array, fakes: Array) -> None:
    if reals.shape[1] != fakes.shape[1]:
        numbers = f"{reals.shape[1]} numbers and fakes of {fakes.shape[1]}"
        raise ValueError(f"{name}: reals of {numbers} do not compare")


def _squares(first: Array, second: Array) -> Array:
    """Return squared distances [N, M], by products, which need no room for differences."""
    middle = jnp.mean(second, axis=0, keepdims=True)  # or nearby points far from 0 lose digits
    first, second = first - middle, second - middle
    products = jnp.matmul(first, second.T, precision=jax.lax.Precision.HIGHEST)
    lengths = jnp.sum(first**2, axis=1)[:, None] + jnp.sum(second**2, axis=1)[None, :]
    return jnp.maximum(lengths - 2 * products, 0.0)


def _spread(vectors: Array) -> Array:
    """Return the mean distance between two different examples."""
    count = len(vectors)
    distances = jnp.sqrt(_squares(vectors, vectors)) * (1 - jnp.eye(count, dtype=vectors.dtype))
    return jnp.sum(distances) / (count * (count - 1))


def _places(vectors: Array, places: Array) -> Array:
    """Return how many places are the nearest one of some vector."""
    nearest = jnp.argmin(_squares(vectors, places), axis=1)
    return jnp.sum(jnp.zeros(len(places), vectors.dtype).at[nearest].set(1.0))
