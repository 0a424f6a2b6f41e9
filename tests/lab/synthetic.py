"""A recording that looks like one of a training, made in no time."""

import numpy as np

from gan_jax.lab.recording import make_recording


def frames_of(*, count=6, points=32, resolution=12, side=5, optimal=True, seed=0):
    """Return what a camera would stack: points on their way to a ring, and all that goes with it."""
    random = np.random.default_rng(seed)
    start = random.normal(size=(points, 2))
    end = start / np.linalg.norm(start, axis=1, keepdims=True)
    share = np.linspace(0, 1, count)[:, None, None]
    line = np.linspace(-1, 1, side)
    mesh = np.stack(np.meshgrid(line, line), axis=-1)
    places = 2 * ((np.arange(resolution) + 0.5) * 2 / resolution - 1)
    x, y = np.meshgrid(places, places)
    ring = 4 - 8 * np.abs(np.hypot(x, y) - 1)
    noise = random.normal(scale=0.01, size=(count, points, 2)).cumsum(axis=0)
    frames = {
        "fake": start + share * (end - start) + noise,
        "arrows": (1 - 0.9 * share) * (end - start),
        "logits": share * ring + 0.5 * (x + y),
        "manifold": (0.2 + share[..., None, None]) * np.stack([mesh, mesh**3]),
    }
    return frames | ({"optimal": 1 / (1 + np.exp(-frames["logits"]))} if optimal else {})


def synthetic(name="ring", *, count=6, relative=False, about="", losses=True, **sizes):
    """Return a recording of `count` frames, 100 steps apart."""
    share = np.linspace(0, 1, count)
    values = {"modes": np.round(8 * share), "high_quality": share}
    if losses:
        values = {"discriminator_loss": 1.4 - share, "generator_loss": 0.7 + share, **values}
    steps = 100 * np.arange(1, count + 1)
    return make_recording(
        name, steps, frames_of(count=count, **sizes), values, relative=relative, about=about
    )
