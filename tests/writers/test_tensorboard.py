import io
import os

import numpy as np
import pytest

from gan_jax.writers import TensorBoardWriter


@pytest.fixture
def read(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(folder=tmp_path):
        events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
        return events.Reload()

    return read


def test_scalars_read_back(tmp_path, read):
    writer = TensorBoardWriter(tmp_path)
    for step in (10, 20):
        writer.scalars(step, {"generator_loss": np.float32(step / 4), "modes": step})
    writer.close()
    events = read()
    assert events.Tags()["scalars"] == ["generator_loss", "modes"]
    assert [(e.step, e.value) for e in events.Scalars("generator_loss")] == [(10, 2.5), (20, 5)]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_read_back(tmp_path, read, channels):
    from PIL import Image

    image = np.random.default_rng(0).integers(0, 256, (6, 9, channels), np.uint8)
    writer = TensorBoardWriter(tmp_path)
    writer.image(7, "samples", image)
    (event,) = read().Images("samples")
    writer.close()
    assert event.step == 7
    with Image.open(io.BytesIO(event.encoded_image_string)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), np.broadcast_to(image, (6, 9, 3)))


def test_resuming_hides_what_came_after_the_checkpoint(tmp_path, read):
    for value, steps, resume_step in ((1.0, (10, 20, 30), None), (2.0, (30, 40), 20)):
        writer = TensorBoardWriter(tmp_path, resume_step=resume_step)
        for step in steps:
            writer.scalars(step, {"a": value})
        writer.close()
    found = [(event.step, event.value) for event in read().Scalars("a")]
    assert found == [(10, 1.0), (20, 1.0), (30, 2.0), (40, 2.0)]


def test_writers_made_in_the_same_second_do_not_share_a_file(tmp_path):
    for _ in range(3):
        TensorBoardWriter(tmp_path).close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_full_disk_is_an_error_rather_than_a_hang(tmp_path, monkeypatch):
    writer = TensorBoardWriter(tmp_path)

    def disk_full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk_full)
        with pytest.raises(OSError, match="No space left"):
            writer.image(1, "samples", np.zeros((2, 2, 1), np.uint8))
    writer.close()
