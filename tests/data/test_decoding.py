"""Pictures are decoded in order, few at a time; what differs from the first is named."""

import io
import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_jax.data import decoding
from gan_jax.data.decoding import arrange, decode_rows
from gan_jax.data.pictures import Example, Pictures
from gan_jax.errors import RunError, UsageError
from gan_jax.progress import progress_lines


def pictures_of(decoders, count=None):
    """Return pictures that are decoded by the functions given."""

    def examples():
        for number, decode in enumerate(decoders):
            yield Example(f"number {number}", number % 3, number % 2 == 1, decode)

    count = len(decoders) if count is None else count
    return Pictures("made", "made", "", ("a", "b", "c"), "made up", True, count, examples)


def images_of(shapes):
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, shape, np.uint8) for shape in shapes]


def rows_of(images, tmp_path, **options):
    file = io.BytesIO()
    rows = decode_rows(pictures_of([lambda each=each: each for each in images]), file, tmp_path, **options)  # fmt: skip
    return rows, np.frombuffer(file.getvalue(), np.uint8).reshape(len(images), *rows.shape)


def test_images_come_in_order_with_what_is_known_of_them(tmp_path):
    images = images_of([(4, 5, 3)] * 50)
    rows, found = rows_of(images, tmp_path)
    np.testing.assert_array_equal(found, images)
    assert rows.shape == (4, 5, 3)
    assert rows.labels.tolist() == [number % 3 for number in range(50)]
    assert rows.is_test.tolist() == [number % 2 == 1 for number in range(50)]
    assert len(set(rows.words.tolist())) == 50


def test_the_words_are_of_the_images_before_they_are_resized(tmp_path):
    images = images_of([(6, 8, 3)] * 5)
    words = rows_of(images, tmp_path)[0].words
    rows, found = rows_of(images, tmp_path, resolution=4, channels=1)
    assert found.shape == (5, 4, 4, 1)
    np.testing.assert_array_equal(rows.words, words)


def test_sizes_may_differ_if_they_are_made_alike(tmp_path):
    images = images_of([(6, 8, 3), (9, 5, 1), (5, 5, 3)])
    assert rows_of(images, tmp_path, resolution=5, channels=3)[1].shape == (3, 5, 5, 3)


@pytest.mark.parametrize(
    ("shapes", "options", "line"),
    [
        ([(6, 8, 3), (6, 8, 3), (7, 8, 3)], {}, "number 2 is 8x7, and number 0 is 8x6: --resolution 6 makes all alike"),
        ([(6, 8, 3), (6, 8, 1)], {}, "number 1 is grey, and number 0 is in colour: --channels 1, or 3, makes all alike"),
        ([(6, 8, 1), (5, 8, 3)], {"resolution": 4}, "number 1 is in colour, and number 0 is grey"),
        ([(6, 8, 1), (5, 8, 3)], {"channels": 1}, "number 1 is 8x5, and number 0 is 8x6"),
    ],
)  # fmt: skip
def test_the_first_that_differs_is_named(tmp_path, shapes, options, line):
    with pytest.raises(UsageError) as refusal:
        rows_of(images_of(shapes), tmp_path, **options)
    assert str(refusal.value).startswith(line)


def test_the_first_that_is_damaged_is_named(tmp_path):
    (image,) = images_of([(4, 4, 1)])
    started = []

    def damaged():
        raise ValueError("it is cut off")

    def good():
        started.append(1)
        return image

    many = [good] * 30 + [damaged] + [good] * 3000 + [damaged]
    with pytest.raises(UsageError, match=r"^number 30 can't be read: it is cut off$"):
        decode_rows(pictures_of(many), io.BytesIO(), tmp_path)
    assert len(started) < 3000  # it stops there
    assert not [each for each in threading.enumerate() if each.name.startswith("decoding")]


def test_few_are_in_memory_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding.os, "cpu_count", lambda: 2)
    lock, alive, most = threading.Lock(), [0], [0]

    class Counted(np.ndarray):
        def __del__(self):
            with lock:
                alive[0] -= self.base is None

    def decode():
        with lock:
            alive[0] += 1
            most[0] = max(most[0], alive[0])
        return Counted((4, 4, 1), np.uint8)

    decode_rows(pictures_of([decode] * 500), io.BytesIO(), tmp_path)
    assert most[0] <= 8


def test_what_does_not_fit_on_the_disk_is_said_after_the_first(tmp_path):
    (image,) = images_of([(1000, 1000, 3)])
    pictures = pictures_of([lambda: image] * 3, count=10**9)
    line = f"decoding made takes 6,000,000.0 GB, half of it for a while, and {tmp_path} has "
    file = io.BytesIO()
    with pytest.raises(RunError) as refusal:
        decode_rows(pictures, file, tmp_path)
    assert str(refusal.value).startswith(line)
    assert "GAN_JAX_CACHE can name a folder elsewhere" in str(refusal.value)
    assert file.getvalue() == b""


def test_what_takes_long_tells_how_far_it_is(tmp_path, monkeypatch, lines):
    monkeypatch.setattr(decoding, "progress_lines", partial(progress_lines, seconds=0.0))
    rows_of(images_of([(4, 4, 1)] * 3), tmp_path, report=lines.append)
    assert len(lines) == 2
    assert lines[0].startswith("decoding made: 1 of 3, ")
    assert " per second, about " in lines[0]
    lines.clear()
    monkeypatch.undo()
    rows_of(images_of([(4, 4, 1)] * 3), tmp_path, report=lines.append)
    assert lines == []


words = st.lists(st.integers(0, 60), min_size=1, max_size=40)


@given(words, st.randoms(use_true_random=False), st.booleans())
def test_the_order_depends_on_the_contents_alone(values, random, is_split):
    rows = [(value, random.randrange(3)) for value in values]
    rows = [(word, label, word % 2 == 0) for word, label in rows]
    seen = []
    for _ in range(2):
        columns = [np.array(column) for column in zip(*rows, strict=True)]
        found, labels, is_test = columns[0].astype(np.uint64), columns[1], columns[2]
        order, num_test = arrange(found, labels, is_test if is_split else None)
        assert sorted(order.tolist()) == list(range(len(rows)))
        seen.append(([rows[index] for index in order], num_test))
        random.shuffle(rows)
    assert seen[0] == seen[1]
    arranged, num_test = seen[0]
    if is_split:
        assert [each[2] for each in arranged] == [True] * num_test + [False] * (len(rows) - num_test)  # fmt: skip


@given(words)
def test_a_tenth_is_held_out_and_equal_images_stay_together(values):
    order, num_test = arrange(np.array(values, np.uint64), np.zeros(len(values)), None)
    arranged = [values[index] for index in order]
    test, train = arranged[:num_test], arranged[num_test:]
    assert not set(test) & set(train)
    least = -(-len(values) // 10)
    assert num_test >= least
    assert sum(value < max(test) for value in test) < least


def test_of_many_10_000_are_held_out():
    distinct = np.random.default_rng(0).permutation(200_000).astype(np.uint64)
    assert arrange(distinct, np.zeros(200_000), None)[1] == 10_000
    assert arrange(distinct[:5000], np.zeros(5000), None)[1] == 500
