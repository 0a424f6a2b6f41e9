"""PyTorch files are read as PyTorch reads them, and no code in them is run."""

import collections
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from gan_jax.metrics.torch_checkpoint import read_state_dict

MAGIC = 0x1950A86A20F9469CFC6C
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}


def save(tensors, *, is_zip):
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(tensors, file, _use_new_zipfile_serialization=is_zip)
    return file.getvalue()


def as_zip(pickled, *, byte_order=b"little"):
    """Put a pickle where a zip has that of its tensors, beside one storage of 4 floats."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", byte_order)
        archive.writestr("archive/data/0", np.arange(4, dtype="<f4").tobytes())
    return file.getvalue()


def as_legacy(pickled, *, system=SYSTEM):
    """Put a pickle where the older format has that of its tensors."""
    storage = (4).to_bytes(8, "little") + np.arange(4, dtype="<f4").tobytes()
    return b"".join(
        [*map(pickle.dumps, (MAGIC, 1001, system)), pickled, pickle.dumps(["0"]), storage]
    )


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def is_zip(request):
    return request.param


@pytest.fixture(params=[as_zip, as_legacy])
def around(request):
    return request.param


def read(content):
    return read_state_dict(io.BytesIO(content))


def expect_refused(content, message):
    with pytest.raises(ValueError, match="^it is not a PyTorch state dict: " + message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_every_kind_of_tensor_is_read(is_zip):
    torch = pytest.importorskip("torch")
    table = torch.arange(24.0).reshape(2, 3, 4)
    tensors = collections.OrderedDict(
        whole=table,
        transposed=table.permute(2, 0, 1),
        part=table[1, ::2, 1:],
        repeated=torch.ones(1).expand(3, 2),
        scalar=torch.tensor(7),
        nothing=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.full((2,), 0.5)),
        half=torch.tensor([1.5], dtype=torch.float16),
        double=torch.tensor([1 / 3], dtype=torch.float64),
        short=torch.tensor([-3], dtype=torch.int32),
    )
    found = read(save(tensors, is_zip=is_zip))
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        expected = tensor.detach().numpy()
        assert (found[name].dtype, found[name].shape) == (expected.dtype, expected.shape), name
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_the_state_of_a_module_is_read(is_zip):
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 5), torch.nn.BatchNorm2d(3))
    found = read(save(module.state_dict(), is_zip=is_zip))
    assert {name: array.tolist() for name, array in found.items()} == {
        name: tensor.tolist() for name, tensor in module.state_dict().items()
    }


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch {}",), "posix.system"),
        (eval, ("open({!r}, 'w')",), "builtins.eval"),
        (open, ("{}", "w"), r"_?io.open"),
        (getattr, (os, "system"), "builtins.getattr"),
    ],
    ids=["system", "eval", "open", "getattr"],
)
@pytest.mark.parametrize("nested", [False, True])
def test_code_in_a_pickle_is_named_and_not_run(around, tmp_path, function, arguments, name, nested):
    marker = tmp_path / "it ran"

    class Malicious:
        def __reduce__(self):
            return function, tuple(
                argument.format(marker) if isinstance(argument, str) else str(argument)
                for argument in arguments
            )

    content = around(pickle.dumps({"weight": Malicious()} if nested else Malicious()))
    expect_refused(content, f"it asks for {name}, which is refused")
    assert not marker.exists()


def test_the_pickles_before_that_of_the_tensors_are_not_run_either(tmp_path):
    marker = tmp_path / "it ran"

    class Malicious:
        def __reduce__(self):
            return os.system, (f"touch '{marker}'",)

    expect_refused(pickle.dumps(Malicious()), "it asks for posix.system")
    expect_refused(pickle.dumps(MAGIC) + pickle.dumps(Malicious()), "it asks for posix.system")
    expect_refused(as_legacy(b"", system=Malicious()), "it asks for posix.system")
    assert not marker.exists()


def described(*, offset=0, size=(4,), stride=(1,), kind="storage"):
    """Pickle a state dict of one tensor of the storage "0"."""
    torch = pytest.importorskip("torch")

    class Storage:
        pass

    class Tensor:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (Storage(), offset, size, stride, False, None)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            storage = (kind, torch.FloatStorage, "0", "cpu", 4, None)
            return storage if isinstance(value, Storage) else None

    file = io.BytesIO()
    Pickler(file, 2).dump({"weight": Tensor()})
    return file.getvalue()


def test_a_file_made_by_hand_is_read(around):
    found = read(around(described(offset=1, size=(2,), stride=(2,))))
    assert found["weight"].tolist() == [1, 3]


@pytest.mark.parametrize(
    "view", [{"offset": 1}, {"size": (5,)}, {"size": (2, 2), "stride": (3, 1)}]
)
def test_a_tensor_outside_of_its_storage_is_refused(around, view):
    expect_refused(around(described(**{"stride": (1,), **view})), "index 4 is out of bounds")


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (lambda: pickle.dumps([1]), "it holds a list, not tensors by name"),
        (lambda: pickle.dumps({"weight": 1}), "'weight' is a int, not a tensor"),
        (lambda: pickle.dumps({"weight": {}}), "'weight' is a dict, not a tensor"),
        (lambda: described(kind="module"), "it refers to 'module', which is no storage"),
        (lambda: described()[:-20], "."),
        (lambda: b"", "."),
    ],
    ids=["list", "number", "dict", "reference", "cut", "empty"],
)
def test_other_pickles_are_refused(around, pickled, message):
    expect_refused(around(pickled()), message)


def test_other_files_are_refused():
    expect_refused(b"", ".")
    expect_refused(b"not a pickle", ".")
    expect_refused(pickle.dumps(123), "its first bytes are not PyTorch's")
    big_endian = {**SYSTEM, "little_endian": False}
    expect_refused(as_legacy(described(), system=big_endian), "it was saved on a big-endian")
    expect_refused(as_zip(described(), byte_order=b"big"), "it was saved on a big-endian")


def test_a_file_that_is_cut_off_is_refused(is_zip):
    torch = pytest.importorskip("torch")
    content = save({"weight": torch.ones(50), "bias": torch.ones(7)}, is_zip=is_zip)
    for length in range(0, len(content), 37):
        expect_refused(content[:length], ".")
