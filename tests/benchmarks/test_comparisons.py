import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import comparisons, games
from benchmarks.gate import Gate, Side
from gan_jax import losses, train
from tests.games import dense_game, difference, dirac_fake, dirac_state


@pytest.fixture
def compared(monkeypatch):
    """Let each side of a comparison do its work once, untimed."""
    sides = []

    def compete(ours, reference, gate):
        for side in (ours, reference):
            assert isinstance(side, Side)
            side.run(1)
            sides.append(side)
        return []

    monkeypatch.setattr(comparisons, "compete", compete)
    return sides


def test_a_swept_seed_plays_what_it_plays_alone(key):
    step = train.make_train_step(train.shared_forward_step(losses.wasserstein, dirac_fake))
    batches = {"real": jnp.zeros((3, 8, 1))}

    def begin(theta):
        state = dirac_state(key)
        return state.replace(generator=state.generator.replace(params={"theta": theta}))

    places = jnp.arange(1.0, 5.0)
    states, metrics = comparisons.sweep(step, jax.devices()[:2])(jax.vmap(begin)(places), batches)
    assert metrics["generator_loss"].shape == (4, 3)
    many = jax.jit(train.scan_steps(step))
    for seed, place in enumerate(places):
        alone, _ = many(begin(place), batches)
        assert difference(jax.tree.map(lambda leaf, s=seed: leaf[s], states), alone) < 1e-6


def test_grid_of_gaussians_has_25_places():
    points = games.grid_of_gaussians(2, 1000)
    places = np.round(points / 0.4)
    assert len(np.unique(places.reshape(-1, 2), axis=0)) == 25
    assert np.abs(points - 0.4 * places).max() < 0.2
    assert points.shape == (2, 1000, 2)


def test_workers_play_when_asked_and_end():
    pytest.importorskip("torch")
    import multiprocessing

    from benchmarks import torch_workers

    with torch_workers.two_workers(2, games.grid_of_gaussians(3, 8)) as side:
        assert side.steps == 6
        assert len(multiprocessing.active_children()) == 2
        side.run(2)
    assert not multiprocessing.active_children()


def test_comparison_of_pmap_covers_all_devices(compared, monkeypatch):
    create, fake, _ = dense_game()
    step = train.make_train_step(train.shared_forward_step(losses.non_saturating, fake))
    monkeypatch.setattr(games, "dcgan32", lambda *, width: games.Game(create, step))
    monkeypatch.setattr(games, "uniform_images", lambda count: np.zeros((count, 4, 4, 1)))
    assert comparisons.pmap_vs_jit(Gate(1, 1.0)) == []
    assert [side.steps for side in compared] == [1, 1]
