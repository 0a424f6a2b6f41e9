"""Train the classifier that judges generated images, on the data set itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax.metrics.classes import class_histogram, label_agreement
from gan_jax.metrics.classifier import Classifier, Network, classify

__all__ = ["RECIPE", "train_classifier"]

RECIPE = 1
"""Raise it whenever the network or its training changes: kept classifiers are then made anew."""

_BATCH = 128
_EPOCHS = 5
_LEAST_STEPS = 1000
_PEAK_LEARNING_RATE = 4e-3
_SECONDS_BETWEEN_REPORTS = 5.0


def train_classifier(
    name: str,
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    num_classes: int,
    *,
    key: jax.Array,
    steps: int | None = None,
    report: Callable[[str], None] = print,
) -> Classifier:
    """Train a classifier from scratch: Adam, a one-cycle learning rate, images moved by a pixel.

    Args:
      name: the classifier's name, such as `"mnist-cnn"`.
      train_images: uint8 [N, H, W, C].
      train_labels: integers [N] in `[0, num_classes)`.
      test_images: held-out images, uint8 [M, H, W, C].
      test_labels: their classes, [M].
      num_classes: how many classes there are.
      key: decides the parameters, the order of the images and their shifts.
      steps: batches of 128 to train on; by default 5 epochs, and at least 1000.
      report: given a line with the time left every few seconds.

    Returns:
      The classifier, with its accuracy on the held-out images.

    Raises:
      ValueError: images and labels that don't fit together.
    """
    _check(train_images, train_labels, num_classes)
    _check(test_images, test_labels, num_classes)
    init_key, order_key, shift_key = jax.random.split(key, 3)
    train_labels = np.asarray(train_labels, np.int32)
    size = min(_BATCH, len(train_images))
    if steps is None:
        steps = max(_EPOCHS * (len(train_images) // size), _LEAST_STEPS)

    network = Network(num_classes)
    params = jax.jit(network.init)(init_key, train_images[:1])["params"]
    optimizer = optax.adam(
        optax.cosine_onecycle_schedule(steps, _PEAK_LEARNING_RATE, pct_start=0.2)
    )
    train_step = _make_train_step(network, optimizer)
    state = params, jax.jit(optimizer.init)(params)
    progress = _progress(name, steps, report)
    for step, batch in enumerate(_batches(order_key, len(train_images), size, steps)):
        step_key = jax.random.fold_in(shift_key, step)
        state = train_step(state, train_images[batch], train_labels[batch], step_key)
        progress(step + 1)

    shape = tuple(train_images.shape[1:])
    params = jax.device_get(state[0])
    untested = Classifier(name, params, num_classes, shape, float("nan"))
    _, logits = classify(untested, test_images)
    accuracy = label_agreement(logits.argmax(axis=1), test_labels)
    return Classifier(name, params, num_classes, shape, accuracy)


def _make_train_step(network: Network, optimizer: optax.GradientTransformation) -> Callable:
    def loss(params: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
        _, logits = network.apply({"params": params}, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @jax.jit
    def train_step(state: Any, images: jax.Array, labels: jax.Array, key: jax.Array) -> Any:
        params, moments = state
        gradients = jax.grad(loss)(params, _shift(key, images), labels)
        updates, moments = optimizer.update(gradients, moments, params)
        return optax.apply_updates(params, updates), moments

    return train_step


def _shift(key: jax.Array, images: jax.Array) -> jax.Array:
    """Move each image by -1, 0 or 1 pixels down and across, filling with black."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    corners = jax.random.randint(key, (len(images), 2), 0, 3)

    def crop(image: jax.Array, corner: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(image, (corner[0], corner[1], 0), images.shape[1:])

    return jax.vmap(crop)(padded, corners)


def _batches(key: jax.Array, count: int, size: int, steps: int) -> Iterator[np.ndarray]:
    """Yield the indices of each step's batch, in a new order every epoch."""
    for step in range(steps):
        epoch, position = divmod(step, count // size)
        if position == 0:
            order = np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), count))
        yield order[position * size : (position + 1) * size]


def _progress(name: str, steps: int, report: Callable[[str], None]) -> Callable[[int], None]:
    started = reported = time.monotonic()

    def progress(done: int) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported >= _SECONDS_BETWEEN_REPORTS:
            reported = now
            left = (now - started) / done * (steps - done)
            report(f"training {name}: step {done} of {steps}, about {left:.0f} s left")

    return progress


def _check(images: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
        raise ValueError(
            f"images must be uint8 [N, H, W, C], N at least 1, "
            f"not {images.dtype} {list(images.shape)}"
        )
    if class_histogram(labels, num_classes).sum() != len(images):
        raise ValueError(f"there are {len(images)} images and {len(labels)} labels")
