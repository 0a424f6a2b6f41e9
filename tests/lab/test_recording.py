import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy.stats import norm

from gan_jax import losses, train
from gan_jax.lab.recording import Recording, latent_grid, make_camera, make_recording
from tests.lab.synthetic import frames_of, synthetic

SHIFT = jnp.array([0.3, -0.1])
SLOPE = jnp.array([1.5, -0.5])
LEVEL = 0.25
COUNT = 16


class Shifted(nn.Module):
    """A generator: latents are halved and moved."""

    @nn.compact
    def __call__(self, latents, *, train, axis_name=None):
        shift = self.param("shift", lambda key: SHIFT)
        return 0.5 * latents[:, :2] + shift[None]


class Sloping(nn.Module):
    """A discriminator: a slope and a level."""

    @nn.compact
    def __call__(self, points, *, train, axis_name=None):
        slope = self.param("slope", lambda key: SLOPE)
        return points @ slope + LEVEL


class Crowd(nn.Module):
    """A discriminator that looks at its batch."""

    @nn.compact
    def __call__(self, points, *, train, axis_name=None):
        return nn.BatchNorm(use_running_average=not train, momentum=0.0)(points)[:, 0]


def state_of(discriminator=None, *, ema=False):
    sgd = optax.sgd(0.1)
    pair = (Shifted(), discriminator or Sloping())
    players = [
        train.create_player(jax.random.key(0), module, sgd, jnp.zeros((1, 2)), ema=ema)
        for module in pair
    ]
    return train.create_state(jax.random.key(0), *players)


def real_points(key, count):
    return 0.2 * jax.random.normal(key, (count, 2))


def log_density(points):
    return -jnp.sum(points**2, axis=-1) / (2 * 0.2**2) - jnp.log(2 * jnp.pi * 0.2**2)


def camera_of(loss=losses.non_saturating, **changes):
    arguments = {
        "real": real_points,
        "grid": latent_grid(3),
        "extent": 2.0,
        "points": COUNT,
        "resolution": 8,
        "samples": 2**12,
        **changes,
    }
    return make_camera(loss, train.normal_prior(2), **arguments)


@pytest.fixture(scope="module")
def frame():
    return jax.jit(camera_of(log_density=log_density))(state_of(), jax.random.key(3))


def judged(points):
    return np.asarray(points, np.float64) @ np.asarray(SLOPE, np.float64) + LEVEL


def test_a_frame_has_what_a_recording_wants(frame):
    assert {name: array.shape for name, array in frame.items()} == {
        "fake": (COUNT, 2),
        "arrows": (COUNT, 2),
        "logits": (8, 8),
        "manifold": (1, 3, 3, 2),
        "optimal": (8, 8),
    }
    assert {array.dtype for array in frame.values()} == {jnp.dtype("float32")}
    assert set(camera_of()(state_of(), jax.random.key(3))) == set(frame) - {"optimal"}


def test_arrows_are_minus_the_gradient_by_hand(frame):
    # d softplus(-f) / df = -sigmoid(-f), and the logit's gradient is the slope.
    want = 1 / (1 + np.exp(judged(frame["fake"])))[:, None] * np.asarray(SLOPE)[None]
    np.testing.assert_allclose(frame["arrows"], want, rtol=1e-5)


def test_an_arrow_lessens_the_generators_loss(frame):
    before = losses.non_saturating.generator(jnp.asarray(judged(frame["fake"])))
    after = losses.non_saturating.generator(
        jnp.asarray(judged(frame["fake"] + 0.01 * frame["arrows"]))
    )
    assert (np.asarray(after) < np.asarray(before)).all()


def test_losses_that_compare_are_given_reals():
    key = jax.random.key(5)
    frame = camera_of(losses.relativistic)(state_of(), key)
    reals = real_points(jax.random.split(key, 3)[1], COUNT)
    gap = judged(frame["fake"]) - judged(reals)
    want = 1 / (1 + np.exp(gap))[:, None] * np.asarray(SLOPE)[None]
    np.testing.assert_allclose(frame["arrows"], want, rtol=1e-5)


def test_the_view_begins_at_the_bottom_left(frame):
    places = 2.0 * ((2 * np.arange(8) + 1) / 8 - 1)
    want = [[judged((x, y)) for x in places] for y in places]
    np.testing.assert_allclose(frame["logits"], want, rtol=1e-5, atol=1e-6)


def test_relative_logits_have_their_middle_at_zero(frame):
    key = jax.random.key(3)
    relative = camera_of(relative=True)(state_of(), key)
    reals = real_points(jax.random.split(key, 3)[1], COUNT)
    middle = (judged(reals).mean() + judged(frame["fake"]).mean()) / 2
    np.testing.assert_allclose(relative["logits"], frame["logits"] - middle, atol=1e-5)


def test_the_manifold_is_what_becomes_of_the_grid(frame):
    want = 0.5 * latent_grid(3) + SHIFT[None, None, None]
    np.testing.assert_allclose(frame["manifold"], want, rtol=1e-6)


def test_the_optimal_discriminator_is_that_of_two_normal_distributions(frame):
    edges = np.linspace(-2, 2, 9)

    def mass(middle, deviation):
        x, y = (np.diff(norm.cdf(edges, m, deviation)) for m in middle)
        return y[:, None] * x[None]

    p, q = mass((0, 0), 0.2), mass((0.3, -0.1), 0.5)
    want = (p + 0.5 / 2**12) / (p + q + 1 / 2**12)
    settled = p + q > 0.01
    np.testing.assert_allclose(frame["optimal"][settled], want[settled], atol=0.05)
    assert settled.sum() > 10
    assert want[3, 3] > 0.6 > 0.1 > want[3, 5]  # Not the same everywhere.


def test_where_nothing_is_nobody_knows():
    frame = camera_of(log_density=log_density, extent=9.0, resolution=128)(
        state_of(), jax.random.key(0)
    )
    corners = [frame["optimal"][i, j] for i in (0, -1) for j in (0, -1)]
    np.testing.assert_allclose(corners, 0.5, atol=1e-6)


def test_points_outside_of_the_view_count_for_the_shares():
    far = train.make_sampler(lambda generator, batch, latents: latents + 100.0)
    frame = camera_of(log_density=log_density, decode=far)(state_of(), jax.random.key(0))
    assert frame["optimal"].min() == pytest.approx(0.5)
    assert frame["optimal"][4, 4] == pytest.approx(1, abs=1e-2)


def test_modes_narrower_than_a_cell_are_weighed():
    def narrow(points):
        return -jnp.sum((points - 0.1) ** 2, axis=-1) / (2 * 0.05**2) - jnp.log(
            2 * jnp.pi * 0.05**2
        )

    frame = camera_of(log_density=narrow, extent=1.0)(state_of(), jax.random.key(0))
    assert frame["optimal"][4, 4] > 0.9


def test_the_averaged_generator_is_shown():
    state = state_of(ema=True)
    moved = jax.tree.map(lambda leaf: leaf + 1.0, state.generator.params)
    state = state.replace(generator=state.generator.replace(params=moved))
    frame = camera_of()(state, jax.random.key(3))
    np.testing.assert_allclose(frame["manifold"], 0.5 * latent_grid(3) + SHIFT[None, None, None])


def test_the_view_is_seen_with_running_statistics():
    state = state_of(Crowd())
    frame = camera_of()(state, jax.random.key(3))
    places = 2.0 * ((2 * np.arange(8) + 1) / 8 - 1)  # At first: mean 0 and variance 1.
    np.testing.assert_allclose(frame["logits"][0], places, rtol=1e-4)


def test_the_same_key_follows_the_same_latents():
    camera = jax.jit(camera_of())
    first, second = camera(state_of(), jax.random.key(1)), camera(state_of(), jax.random.key(1))
    assert (first["fake"] == second["fake"]).all()
    assert not np.isclose(first["fake"], camera(state_of(), jax.random.key(2))["fake"]).any()


def test_it_runs_inside_a_mapped_and_scanned_training():
    fake = train.unconditional(train.normal_prior(2))
    step = train.make_train_step(
        train.discriminator_step(losses.non_saturating, fake),
        train.generator_step(losses.non_saturating, fake),
    )

    def run(key):
        # Made inside: the density is looked at before anything is traced all the same.
        camera = camera_of(log_density=log_density)

        def window(state, _):
            batch = {"real": real_points(jax.random.fold_in(key, state.step), 8)}
            state, _ = step(state, batch)
            return state, (state.step, camera(state, key))

        return jax.lax.scan(window, state_of(), length=4)[1]

    steps, frames = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 2))
    each = [
        make_recording(f"seed {i}", *jax.tree.map(lambda leaf, i=i: leaf[i], (steps, frames)), {})
        for i in range(2)
    ]
    assert each[0].steps.tolist() == [1, 2, 3, 4]
    assert each[0].optimal.shape == (4, 8, 8)
    assert not np.allclose(each[0].fake, each[1].fake)
    assert not np.allclose(each[0].manifold[0], each[0].manifold[3])


@pytest.mark.parametrize("gaussian", [True, False])
def test_cells_of_the_grid_hold_the_same_mass(gaussian):
    (grid,) = np.asarray(latent_grid(5, gaussian=gaussian), np.float64)
    assert grid.shape == (5, 5, 2)
    share = norm.cdf if gaussian else lambda z: (z + 1) / 2
    np.testing.assert_allclose(share(grid[2, :, 0]), [0.1, 0.3, 0.5, 0.7, 0.9], atol=1e-6)
    np.testing.assert_array_equal(grid[..., 1], grid[..., 0].T)
    assert (grid[:, 0, 0] == grid[0, 0, 0]).all()


def test_every_sheet_of_the_grid_has_further_latents_of_its_own():
    rest = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 0.5]])
    grid = latent_grid(4, rest=rest)
    assert grid.shape == (2, 4, 4, 5)
    np.testing.assert_array_equal(grid[..., :2], np.stack([latent_grid(4)[0]] * 2))
    np.testing.assert_array_equal(grid[..., 2:], np.broadcast_to(rest[:, None, None], (2, 4, 4, 3)))


@pytest.mark.parametrize(
    ("side", "rest", "message"),
    [
        (1, None, "side is 1, it must be at least 2"),
        (3, np.zeros(4), r"rest is of shape \[4\], it must be \[S, any\]"),
        (3, np.zeros((0, 4)), r"rest is of shape \[0, 4\]"),
    ],
)
def test_mistakes_of_a_grid_are_named(side, rest, message):
    with pytest.raises(ValueError, match=message):
        latent_grid(side, rest=rest)


def test_packs_judge_a_place_beside_points_of_the_data():
    def shown(discriminator, points, batch):
        pairs = train.pack(2, points)
        return discriminator(pairs[:, :2]) - 3 * discriminator(pairs[:, 2:])

    key = jax.random.key(3)
    frame = camera_of(pack=2, shown=shown)(state_of(), key)
    partner = real_points(jax.random.split(key, 3)[1], COUNT)[1]
    places = 2.0 * ((2 * np.arange(8) + 1) / 8 - 1)
    want = [[judged((x, y)) for x in places] for y in places] - 3 * judged(partner)
    np.testing.assert_allclose(frame["logits"], want, rtol=1e-4, atol=1e-5)
    # Second members are wanted to be judged less real.
    assert (np.sign(frame["arrows"][:, 0]) == np.tile([1, -1], COUNT // 2)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extent": 0.0}, "extent is 0.0, it must be above 0"),
        ({"extent": float("nan")}, "extent is nan"),
        ({"points": 0}, "points is 0, it must be at least 1"),
        ({"resolution": 1}, "resolution is 1, it must be at least 2"),
        ({"samples": 0}, "samples is 0"),
        ({"pack": 3}, "points is 16, it must be a multiple of pack, 3"),
        ({"grid": jnp.zeros((9, 2))}, r"grid is of shape \[9, 2\], it must be \[S, M, M, D\]"),
        ({"log_density": lambda x: log_density(x) + 3.0}, "log_density has 20.1 of its mass"),
        ({"log_density": lambda x: log_density(x - 9.0)}, "log_density has 0 of its mass"),
    ],
)
def test_mistakes_of_a_camera_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        camera_of(**changes)


def test_frames_may_come_one_by_one():
    stacked = frames_of(count=3)
    single = [{name: array[t] for name, array in stacked.items()} for t in range(3)]
    both = [make_recording("a", [1, 2, 3], frames, {}) for frames in (stacked, single)]
    for name in stacked:
        np.testing.assert_array_equal(getattr(both[0], name), getattr(both[1], name))
    assert isinstance(both[0], Recording)


def spoiled(name, change):
    return frames_of(count=3) | {name: change(frames_of(count=3)[name])}


def with_nan(array):
    array = array.copy()
    array[1, 0, 0] = np.nan
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": []}, r"recording 'a': steps is \[\], it must be at least one number, rising"),
        ({"steps": [1, 3, 3]}, r"steps is \[1, 3, 3\]"),
        ({"steps": [1, 2]}, r"fake is of shape \[3, 32, 2\], it must be \[2, any, 2\]"),
        ({"frames": spoiled("fake", lambda x: x[..., :1])}, r"fake is of shape \[3, 32, 1\]"),
        ({"frames": spoiled("arrows", lambda x: x[:, 1:])}, r"arrows .* must be \[3, 32, 2\]"),
        ({"frames": spoiled("logits", lambda x: x[:2])}, r"logits is of shape \[2, 12, 12\]"),
        ({"frames": spoiled("manifold", lambda x: x[:, :, 1:])}, "manifold is a grid of 4 by 5"),
        ({"frames": spoiled("optimal", lambda x: x[:, 1:])}, r"optimal .* must be \[3, 12, 12\]"),
        (
            {"frames": spoiled("manifold", lambda x: x[:, 0])},
            r"manifold is of shape \[3, 5, 5, 2\]",
        ),
        ({"frames": spoiled("logits", with_nan)}, "logits is not finite at step 20"),
        ({"frames": spoiled("fake", with_nan)}, "fake is not finite at step 20"),
        ({"values": {"modes": [1.0, 2.0]}}, r"modes is of shape \[2\], it must be \[3\]"),
    ],
)
def test_mistakes_of_a_recording_are_named(changes, message):
    arguments = {"steps": [10, 20, 30], "frames": frames_of(count=3), "values": {}, **changes}
    with pytest.raises(ValueError, match=message):
        make_recording("a", **arguments)


def test_the_synthetic_recording_is_one():
    run = synthetic(relative=True, about="A ring.")
    assert (run.relative, run.about, len(run.steps)) == (True, "A ring.", 6)
