import numpy as np
import pytest
from PIL import Image, ImageSequence

from gan_jax.report import make_gif, save_gif, save_png, step_of


def write_frames(folder, steps, *, shape=(40, 60, 1), noise=False):
    """Write pictures whose grey level tells their step apart."""
    random = np.random.default_rng(0)
    for index, step in enumerate(steps):
        frame = np.full(shape, 3 * index % 256, np.uint8)
        if noise:
            frame = random.integers(0, 256, shape, np.uint8)
        save_png(folder / f"step_{step:08d}.png", frame)
    return list(folder.iterdir())


def read_gif(path):
    with Image.open(path) as gif:
        frames = list(ImageSequence.Iterator(gif))
        return (
            [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)],
            [frame.info["duration"] for frame in ImageSequence.Iterator(gif)],
            frames[0].info.get("loop"),
        )


def test_frames_are_in_step_order_and_the_last_is_held(tmp_path):
    paths = write_frames(tmp_path / "samples", [0, 500, 1000, 20000])
    make_gif(sorted(paths, reverse=True), tmp_path / "training.gif", captions=False)
    frames, milliseconds, loop = read_gif(tmp_path / "training.gif")
    assert [frame[0, 0, 0] for frame in frames] == [0, 3, 6, 9]
    assert frames[0].shape == (40, 60, 3)
    assert milliseconds[:-1] == [120] * 3
    assert milliseconds[-1] == 2000
    assert loop == 0


def test_takes_evenly_spaced_frames_with_both_ends(tmp_path):
    paths = write_frames(tmp_path / "samples", range(0, 5000, 100))
    make_gif(paths, tmp_path / "training.gif", max_frames=8, captions=False)
    levels = [int(frame[0, 0, 0]) for frame in read_gif(tmp_path / "training.gif")[0]]
    assert len(levels) == 8
    assert (levels[0], levels[-1]) == (0, 3 * 49)
    assert set(np.diff(levels) // 3) == {7}


def test_caption_stands_below_the_picture(tmp_path):
    paths = write_frames(tmp_path / "samples", [0, 123456], shape=(100, 200, 1))
    make_gif(paths, tmp_path / "training.gif")
    frames, _, _ = read_gif(tmp_path / "training.gif")
    assert frames[0].shape == (122, 200, 3)
    assert (frames[0][:100] == 0).all()
    first, last = (frame[100:].max(axis=-1) > 150 for frame in frames)
    assert 0 < first.sum() < last.sum()


@pytest.mark.parametrize("channels", [1, 3])
def test_stays_within_its_bytes_and_its_side(tmp_path, channels):
    shape = (150, 100, channels)
    paths = write_frames(tmp_path / "samples", [1, 2, 3, 4], shape=shape, noise=True)
    make_gif(paths, tmp_path / "free.gif", max_side=120, captions=False)
    assert read_gif(tmp_path / "free.gif")[0][0].shape == (120, 80, 3)
    make_gif(paths, tmp_path / "bound.gif", max_bytes=20_000)
    assert (tmp_path / "free.gif").stat().st_size > 20_000
    assert (tmp_path / "bound.gif").stat().st_size <= 20_000
    assert len(read_gif(tmp_path / "bound.gif")[0]) == 4


def test_frames_of_another_size_are_brought_to_the_last_ones(tmp_path):
    save_png(tmp_path / "step_1.png", np.full((20, 30, 1), 50, np.uint8))
    save_png(tmp_path / "step_2.png", np.full((40, 60, 3), 200, np.uint8))
    make_gif(tmp_path.glob("*.png"), tmp_path / "training.gif", captions=False)
    frames, _, _ = read_gif(tmp_path / "training.gif")
    assert [frame.shape for frame in frames] == [(40, 60, 3)] * 2
    assert [frame[20, 30, 0] for frame in frames] == [50, 200]


def test_arrays_become_a_loop_of_their_colours(tmp_path):
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    frames = [np.broadcast_to(color, (16, 16, 3)).copy() for color in colors]
    save_gif(tmp_path / "walk.gif", frames, milliseconds=50)
    read, milliseconds, loop = read_gif(tmp_path / "walk.gif")
    np.testing.assert_allclose([frame[8, 8] for frame in read], colors, atol=4)
    assert milliseconds == [50] * 3
    assert loop == 0


def test_needs_frames_named_after_steps(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        make_gif([], tmp_path / "training.gif")
    with pytest.raises(ValueError, match=r"final\.png is not named after a step"):
        step_of(tmp_path / "final.png")
