import ast
import hashlib
import json
import random
import shutil
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from gan_jax.export import sample
from gan_jax.export.sample import DTYPES, FILES, ExportError, load, read_weights


@pytest.fixture(scope="module")
def generator(exported):
    return load(exported)


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def line_of(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sign(folder):
    """Make checksums of what is there now: what was changed on purpose."""
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in FILES]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def test_it_imports_nothing_that_does_not_come_with_jax():
    tree = ast.parse(Path(sample.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    others = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert others == {"jax", "numpy"}


@pytest.mark.parametrize("name", [*FILES, "SHA256SUMS"])
def test_every_damaged_file_is_found(copy, name):
    path = copy / name
    content = path.read_bytes()
    half = len(content) // 2
    for damaged in (flipped(content, 0), flipped(content, half), content[:half], content[:-9], b""):
        path.write_bytes(damaged)
        with pytest.raises(ExportError, match=r"is damaged: export the generator again$") as caught:
            load(copy)
        assert line_of(caught).startswith(str(copy))
    path.unlink()
    with pytest.raises(ExportError, match=f"{name} can't be read: No such file") as caught:
        load(copy)
    assert line_of(caught)


def test_a_newer_format_is_named_whatever_else_changed(copy):
    (copy / "settings.json").write_text('{"format": 2, "new": [1]}')
    (copy / "weights.safetensors").unlink()
    with pytest.raises(ExportError, match=r"is of format 2, and 1 is read here: use the sample.py"):
        load(copy)


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", "{}", '{"format": "1"}', '{"format": null}', "[" * 100_000, "\x00"]
)
def test_settings_that_are_none_are_damaged(copy, text):
    (copy / "settings.json").write_text(text)
    sign(copy)
    with pytest.raises(ExportError, match=r"settings.json is damaged"):
        load(copy)


@pytest.mark.parametrize("convention", [1, 10**6])
def test_a_convention_that_this_jax_lacks_is_named(copy, convention):
    settings = json.loads((copy / "settings.json").read_text())
    (copy / "settings.json").write_text(json.dumps({**settings, "calling_convention": convention}))
    sign(copy)
    with pytest.raises(ExportError, match=f"its calling convention is {convention}, not from"):
        load(copy)


def test_programs_that_this_jax_cannot_read_are_named(copy, capfd):
    (copy / "sample.stablehlo").write_bytes(b"ML\xefR and then something else")
    sign(copy)
    with pytest.raises(ExportError, match="can't read programs written by JAX") as caught:
        load(copy)
    assert line_of(caught)
    capfd.readouterr()  # what the parser of JAX says besides


def test_arrays_are_read_as_the_library_wrote_them():
    # One of each type, with shapes that are empty, scalar and more.
    shapes = [(), (0,), (3,), (2, 3), (1, 2, 2, 1)]
    values = np.random.default_rng(0).uniform(0, 100, 12)
    arrays = {
        f"a/{index}": np.resize(values, shapes[index % 5]).astype(dtype)
        for index, dtype in enumerate(DTYPES.values())
    }
    found = read_weights(safetensors.numpy.save(arrays, metadata={"format": "np"}))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def file(header, data=bytes(8)):
    if not isinstance(header, bytes):
        header = json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + data


def entry(begin, end, shape=(2,), dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x00",
    "huge length": (2**63).to_bytes(8, "little") + b"{}",
    "all ones": b"\xff" * 16,
    "length beyond the end": (100).to_bytes(8, "little") + b"{}",
    "no JSON": file(b"{nothing"),
    "no UTF-8": file(b"\xff\xfe{}"),
    "deep": file(b"[" * 100_000),
    "a list": file([entry(0, 8)]),
    "nothing": file(None),
    "entry is a number": file({"a": 1}),
    "entry is empty": file({"a": {}}),
    "beyond the end": file({"a": entry(0, 16, [4])}),
    "from beyond the end": file({"a": entry(800, 808)}),
    "negative": file({"a": entry(-8, 0)}),
    "negative end": file({"a": entry(0, -1)}),
    "backwards": file({"a": entry(0, 8), "b": entry(8, 0, [0])}),
    "twice": file({"a": entry(0, 8), "b": entry(0, 8)}),
    "overlap": file({"a": entry(0, 8), "b": entry(4, 8, [1])}),
    "a hole": file({"a": entry(0, 4, [1]), "b": entry(8, 12, [1])}, bytes(12)),
    "bytes left": file({"a": entry(0, 8)}, bytes(9)),
    "nothing named": file({}),
    "fewer bytes than the shape": file({"a": entry(0, 8, [3])}),
    "more bytes than the shape": file({"a": entry(0, 8, [1])}),
    "negative shape": file({"a": entry(0, 8, [-1, -2])}),
    "enormous shape": file({"a": entry(0, 8, [2**62, 2**62, 4])}),
    "shape of an overflow": file({"a": entry(0, 8, [2**63, 2**63, 2])}),
    "shape is a number": file({"a": entry(0, 8, 2)}),
    "shape is text": file({"a": entry(0, 8, "2")}),
    "shape has a boolean": file({"a": entry(0, 8, [True, 2])}),
    "shape has a fraction": file({"a": entry(0, 8, [2.0])}),
    "offsets are fractions": file({"a": entry(0.0, 8.0)}),
    "offsets are text": file({"a": entry("0", "8")}),
    "three offsets": file({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]}}),
    "offsets are a number": file({"a": {"dtype": "F32", "shape": [2], "data_offsets": 8}}),
    "unknown type": file({"a": entry(0, 8, dtype="object")}),
    "type is a list": file({"a": entry(0, 8, dtype=["F32"])}),
    "not a number": file(b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_of_weights_is_refused(name):
    with pytest.raises(ExportError, match=r"^weights.safetensors is damaged: ") as caught:
        read_weights(HOSTILE[name])
    assert line_of(caught)


def test_the_good_file_beside_the_hostile_ones_is_read():
    assert read_weights(file({"a": entry(0, 8)}))["a"].shape == (2,)


def test_no_change_of_a_few_bytes_does_more_than_be_refused():
    good = file({"a": entry(0, 8), "b": entry(8, 12, [1, 1])}, bytes(range(12)))
    chance = random.Random(0)
    refused = 0
    for _ in range(2000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            arrays = read_weights(bytes(content))
        except ExportError:
            refused += 1
        else:
            assert sum(array.nbytes for array in arrays.values()) == 12
    assert 1000 < refused < 2000


def test_weights_that_agree_with_their_checksum_and_not_with_themselves(copy):
    (copy / "weights.safetensors").write_bytes(HOSTILE["overlap"])
    sign(copy)
    with pytest.raises(ExportError, match=r"weights.safetensors is damaged"):
        load(copy)


def test_labels_are_one_for_all_or_one_each_or_all_in_turn(case, generator):
    keys = generator.keys(5, 4)
    assert (keys == jax.random.split(jax.random.key(5), 4)).all()
    in_turn = np.asarray(generator.sample(keys))
    np.testing.assert_array_equal(in_turn, case.images(keys))
    np.testing.assert_array_equal(in_turn, generator.sample(keys, [0, 1, 2, 0]))
    np.testing.assert_array_equal(in_turn, generator.sample(jax.random.key_data(keys)))
    np.testing.assert_array_equal(generator.sample(keys, 2), generator.sample(keys, np.full(4, 2)))
    assert (np.asarray(generator.sample(keys, 2))[0] != in_turn[0]).any()


def test_it_is_a_function_of_jax(generator):
    keys = generator.keys(0, 4)
    within = jax.jit(lambda keys, label: generator.sample(keys, label))(keys, 1)
    np.testing.assert_allclose(within, generator.sample(keys, 1), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda g: g.sample(g.keys(0, 2), [0, 3]), "a label is out of range: it must be from 0 to 2"),
        (lambda g: g.sample(g.keys(0, 2), -1), "a label is out of range"),
        (lambda g: g.sample(g.keys(0, 2), [0]), r"labels are int32 \[1\]: they must be int32 \[2\]"),
        (lambda g: g.sample(g.keys(0, 2), [0.0, 1.0]), r"labels are float32 \[2\]"),
        (lambda g: g.sample(jax.random.key(0)), r"keys are uint32 \[2\]: they must be uint32 \[count, 2\]"),
        (lambda g: g.sample(jax.random.split(jax.random.key(0, impl="rbg"), 2)), r"keys are uint32 \[2, 4\]"),
        (lambda g: g.sample(np.zeros((2, 2), np.int32)), r"keys are int32 \[2, 2\]"),
        (lambda g: g.sample(g.keys(0, 0)), r"keys are uint32 \[0, 2\]"),
        (lambda g: g.decode(np.zeros(5)), r"latents are float32 \[5\]: they must be float32 \[count, 5\]"),
        (lambda g: g.decode(np.zeros((2, 4))), r"latents are float32 \[2, 4\]"),
        (lambda g: g.decode(3.0), r"latents are float32 \[\]"),
        (lambda g: g.decode(jnp.zeros((2, 5), int)), r"latents are int32 \[2, 5\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(generator, call, line):
    with pytest.raises(ExportError, match=line) as caught:
        call(generator)
    assert line_of(caught)
