"""Searches against least squares, a restatement in PyTorch, and what each must leave alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.exploration import (
    inversion,
    invert,
    mean_square_distance,
    multiscale_distance,
    norm_penalty,
)

SHAPE = (4, 4, 1)
A = np.random.default_rng(0).standard_normal((16, 3)) / 2


def linear(vectors):
    """Make images of vectors [K, 3] by a matrix."""
    return (vectors @ jnp.asarray(A.T, vectors.dtype)).reshape(-1, *SHAPE)


def random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def test_an_image_that_was_made_is_found_again():
    known = random(1, 3, seed=5)
    search = jax.jit(lambda start: invert(linear, linear(known)[0], start, steps=400))(random(4, 3))
    assert float(search.distances.max()) < 1e-10
    np.testing.assert_allclose(search.best, np.repeat(known, 4, axis=0), atol=1e-4)
    assert int(search.step) == 400


def test_of_an_image_that_can_not_be_made_the_nearest_is_least_squares():
    target = random(*SHAPE, seed=7)
    best, rest, _, _ = np.linalg.lstsq(A, np.asarray(target, np.float64).ravel(), rcond=None)
    with jax.enable_x64(True):  # the best is told by its distance, in float32 flat around the least
        start, wide = (jnp.asarray(x, jnp.float64) for x in (random(2, 3), target))
        search = invert(linear, wide, start, steps=400, distance=mean_square_distance)
    np.testing.assert_allclose(search.best, np.tile(best, (2, 1)), atol=1e-4)
    np.testing.assert_allclose(search.distances, rest[0] / 16, rtol=1e-5)


def test_every_step_is_that_of_a_restatement_in_pytorch():
    torch = pytest.importorskip("torch")
    steps, rate, strength = 40, 0.2, 0.3
    start, target = (np.asarray(x, np.float64) for x in (random(2, 3), random(*SHAPE, seed=7)))

    vectors = torch.tensor(start, requires_grad=True)
    adam = torch.optim.Adam([vectors], lr=1.0)
    matrix, wanted = torch.tensor(A), torch.tensor(target.ravel())
    seen, losses = [], []
    for step in range(steps):
        pixels = torch.tanh(vectors @ matrix.T)
        lengths = vectors.square().mean(1)
        loss = (pixels - wanted).square().mean(1) + strength * (lengths - 1).square()
        seen.append(vectors.detach().clone().numpy())
        losses.append(loss.detach().numpy())
        share = step / steps
        ramp = min(1.0, share / 0.05) * 0.5 * (1 - np.cos(np.pi * min(1.0, (1 - share) / 0.25)))
        adam.param_groups[0]["lr"] = rate * ramp
        adam.zero_grad()
        loss.sum().backward()
        adam.step()

    with jax.enable_x64(True):
        init, update = inversion(
            lambda vectors: jnp.tanh(linear(vectors)), jnp.asarray(target), steps=steps,
            learning_rate=rate, penalty=lambda vectors: strength * norm_penalty(vectors),
        )  # fmt: skip
        search, path = jax.lax.scan(
            lambda search, _: (update(search), search.vectors),
            init(jnp.asarray(start)),
            length=steps,
        )
    search = search._replace(
        **{n: np.asarray(x) for n, x in search._asdict().items() if n != "optimizer"}
    )
    assert search.best.dtype == np.float64
    np.testing.assert_allclose(path, seen, atol=1e-10)
    np.testing.assert_allclose(search.vectors, vectors.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(search.losses, np.min(losses, axis=0), atol=1e-12)
    least = np.argmin(losses, axis=0)
    np.testing.assert_allclose(search.best[0], seen[least[0]][0], atol=1e-10)
    penalties = strength * (np.square(search.best).mean(1) - 1) ** 2
    np.testing.assert_allclose(search.distances + penalties, search.losses, atol=1e-12)


def test_searches_do_not_know_of_each_other():
    target, start = random(*SHAPE, seed=7), random(3, 3)
    together = invert(linear, target, start, steps=20)
    alone = invert(linear, target, start[1:2], steps=20)
    np.testing.assert_allclose(together.best[1:2], alone.best, rtol=1e-5)


def test_what_is_not_a_number_leaves_the_others_alone_and_is_never_the_best():
    start = random(3, 3).at[1].set(jnp.nan)
    search = invert(linear, random(*SHAPE, seed=7), start, steps=20)
    assert np.isfinite(search.best[0]).all()
    assert np.isfinite(search.best[2]).all()
    assert np.isinf(search.distances[1])
    assert np.isfinite(np.delete(search.distances, 1)).all()


def test_some_steps_at_a_time_are_all_at_once():
    target, start, key = random(*SHAPE, seed=7), random(2, 3), jax.random.key(3)
    options = dict(steps=13, noise=0.1, key=key, distance=multiscale_distance)
    init, update = inversion(linear, target, **options)
    some = jax.jit(lambda search, n: jax.lax.fori_loop(0, n, lambda _, s: update(s), search))
    search = init(start)
    for count in (5, 5, 3):
        search = some(search, count)
    whole = invert(linear, target, start, **options)
    for ours, theirs in zip(search, whole, strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), ours, theirs)


def test_noise_fades_and_the_vectors_kept_are_those_that_were_seen():
    target, start, key = random(*SHAPE, seed=7), random(2, 3), jax.random.key(3)
    init, update = inversion(linear, target, steps=100, noise=0.5, key=key)
    for step, share in ((0, 1.0), (30, 0.36), (75, 0.0), (90, 0.0)):
        search = update(init(start)._replace(step=jnp.int32(step)))
        noise = jax.random.normal(jax.random.fold_in(key, step), (2, 3))
        np.testing.assert_allclose(search.best, start + 0.5 * share * noise, atol=1e-6)
        np.testing.assert_allclose(
            search.distances, mean_square_distance(linear(search.best), target[None]), rtol=1e-6
        )


def test_the_pull_keeps_latents_as_long_as_they_are_drawn():
    target = 20 * linear(random(1, 3, seed=5))[0]
    free = invert(linear, target, random(1, 3), steps=300)
    held = invert(linear, target, random(1, 3), steps=300, penalty=lambda z: 1e4 * norm_penalty(z))
    assert float(norm_penalty(free.best)[0]) > 1
    np.testing.assert_allclose(norm_penalty(held.best), 0, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0: it must be at least 1"),
        ({"steps": 3, "noise": 0.1}, "noise was given without a key"),
    ],
)
def test_what_makes_no_search_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        invert(linear, jnp.zeros(SHAPE), jnp.zeros((1, 3)), **options)


def test_each_scale_counts_as_much():
    x = np.random.default_rng(0).standard_normal((2, 16, 8, 3))
    terms = [np.square(x).mean((1, 2, 3))]
    halved = x.reshape(2, 8, 2, 4, 2, 3).mean((2, 4))
    terms.append(np.square(halved).mean((1, 2, 3)))  # 8 x 4 is as small as it gets
    with jax.enable_x64(True):
        distance = multiscale_distance(jnp.asarray(x), jnp.zeros((1, 16, 8, 3)))
    np.testing.assert_allclose(distance, np.mean(terms, axis=0), rtol=1e-12)


def test_images_that_can_not_be_halved_have_one_scale():
    x, target = random(2, 7, 7, 1), random(1, 7, 7, 1, seed=1)
    np.testing.assert_array_equal(multiscale_distance(x, target), mean_square_distance(x, target))


def test_a_shape_out_of_place_is_nearer_to_it_than_by_pixels_alone():
    bar = jnp.zeros((1, 16, 16, 1)).at[:, :, 4].set(1.0)
    aside, nothing = jnp.roll(bar, 1, axis=2), jnp.zeros_like(bar)

    def ratio(distance):
        return float(distance(aside, bar)[0] / distance(nothing, bar)[0])

    assert ratio(mean_square_distance) == 2
    # Halved, both are one bar; no bar is 1/2 of the distance away, and 1/4 halved again.
    np.testing.assert_allclose(ratio(multiscale_distance), 2 / (1 + 1 / 2 + 1 / 4))
