import io

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.tuning import KeptResults

ARRAYS = [
    np.arange(3, dtype=np.float32),
    np.array([[1, -(2**40)]]),
    np.array(np.nan),
    np.zeros((0, 2), np.uint8),
    np.array([True]),
]


@pytest.fixture
def results(tmp_path):
    return KeptResults(tmp_path / "deep" / "kept")


@pytest.fixture
def file(results, tmp_path):
    """Return the file of one list of arrays."""
    results["one"] = ARRAYS[:2]
    return tmp_path / "deep" / "kept" / "one.npz"


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, strict=True)


def test_arrays_come_back_in_order_with_types_and_shapes(results):
    results["one"] = ARRAYS
    assert_same(results["one"], ARRAYS)
    many = [np.array(number) for number in range(12)]
    results["many"] = many
    assert_same(results["many"], many)


def test_no_arrays_are_a_result_too(results):
    results["none"] = []
    assert results["none"] == []
    assert "none" in results


def test_it_is_a_mapping_that_a_folder_keeps(results, file):
    results["a.b"] = [np.zeros(1)]
    again = KeptResults(file.parent)
    assert (list(again), len(again)) == (["a.b", "one"], 2)
    del again["a.b"]
    assert list(results) == ["one"]
    assert results.get("a.b") is None
    results["one"] = [np.ones(1)]
    assert_same(again["one"], [np.ones(1)])
    results.clear()
    assert list(file.parent.iterdir()) == []


def test_nothing_is_made_before_something_is_written(results, tmp_path):
    assert (list(results), len(results), results.get("one")) == ([], 0, None)
    for call in (results.__getitem__, results.__delitem__):
        with pytest.raises(KeyError, match="one"):
            call("one")
    assert list(tmp_path.iterdir()) == []


def assert_missing(results):
    assert results.get("one") is None
    assert (list(results), len(results)) == ([], 0)


def test_a_file_cut_anywhere_counts_as_missing(results, file):
    whole = file.read_bytes()
    for size in [*range(0, len(whole), 5), len(whole) - 1]:
        file.write_bytes(whole[:size])
        assert results.get("one") is None, size
    assert_missing(results)


def test_a_flipped_bit_is_noticed_or_harmless(results, file):
    whole = file.read_bytes()
    missing = 0
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        file.write_bytes(content)
        if (found := results.get("one")) is None:
            missing += 1
        else:
            assert_same(found, ARRAYS[:2])
    assert missing > len(whole) / 2


def test_an_index_without_an_end_counts_as_missing(results, file):
    # In the index, the last entry becomes the comment of the one before.
    content = bytearray(file.read_bytes())
    end, last = content.rindex(b"PK\x05\x06"), content.rindex(b"PK\x01\x02")
    before = content.rindex(b"PK\x01\x02", 0, last)
    content[before + 32] = end - last
    file.write_bytes(content)
    with np.load(file) as arrays:
        assert "arr_0" in arrays.files
        assert "arr_1" not in arrays.files
    assert_missing(results)


def test_what_a_full_disk_or_a_crash_leaves_counts_as_missing(results, file):
    whole = file.read_bytes()
    for size in range(0, len(whole), 7):
        file.write_bytes(whole[:size].ljust(len(whole), b"\0"))
        if (found := results.get("one")) is not None:
            assert_same(found, ARRAYS[:2])
    file.write_bytes(bytes(len(whole)))
    assert_missing(results)


def saved(save, *args, **options):
    buffer = io.BytesIO()
    save(buffer, *args, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        saved(np.save, np.zeros(3)),
        saved(np.savez, np.array([None]), count=1),
        saved(np.savez, arr_1=np.zeros(3), count=1),
        saved(np.savez, np.zeros(3)),
        b"text",
    ],
    ids=["npy", "pickled", "misnamed", "without a count", "text"],
)
def test_other_files_count_as_missing(results, file, content):
    file.write_bytes(content)
    assert_missing(results)
    results["one"] = ARRAYS
    assert_same(results["one"], ARRAYS)


def test_damaged_files_can_be_deleted(results, file):
    file.write_bytes(b"")
    del results["one"]
    assert not file.exists()


def test_writing_is_all_or_nothing(results, file, monkeypatch):
    def torn(file, *arrays, **options):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", torn)
    with pytest.raises(OSError, match="No space left"):
        results["one"] = ARRAYS
    monkeypatch.undo()
    assert_same(results["one"], ARRAYS[:2])
    assert [path.name for path in file.parent.iterdir()] == ["one.npz"]


@pytest.mark.parametrize(
    ("array", "kind"), [(jnp.ones(2, jnp.bfloat16), "bfloat16"), (np.array([None]), "object")]
)
def test_types_that_a_file_would_lose_are_refused(results, file, array, kind):
    with pytest.raises(ValueError, match=f"one: arrays of {kind} cannot be kept"):
        results["one"] = [np.zeros(1), array]
    assert_same(results["one"], ARRAYS[:2])


def test_jax_arrays_are_kept_as_numpys(results):
    results["one"] = [jnp.arange(3)]
    assert_same(results["one"], [np.arange(3, dtype=np.int32)])
