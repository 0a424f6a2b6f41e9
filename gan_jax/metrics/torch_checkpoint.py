"""Read the tensors of a PyTorch file without PyTorch, and without running code that it names."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple

import numpy as np

__all__ = ["read_state_dict"]

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    ("torch", "DoubleStorage"): "<f8",
    ("torch", "FloatStorage"): "<f4",
    ("torch", "HalfStorage"): "<f2",
    ("torch", "IntStorage"): "<i4",
    ("torch", "LongStorage"): "<i8",
}


def read_state_dict(file: IO[bytes]) -> dict[str, np.ndarray]:
    """Read a state dict, saved in PyTorch's zip format or the older one of several pickles.

    A pickle is a program that may call whatever it can name. Here it can name an ordered
    dictionary, the types of storages, and the two functions by which PyTorch rebuilds a tensor;
    the last stand for our own, which only note what the pickle says. Anything else is refused.

    Args:
      file: open for reading in binary, and seekable.

    Returns:
      Arrays by name, in the order of the file.

    Raises:
      ValueError: it is no such file, it is cut off, or it names anything else.
    """
    try:
        tensors, storages = _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
        return {str(name): view.of(storages(view)) for name, view in tensors.items()}
    except Exception as error:  # A damaged pickle can raise almost anything.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"it is not a PyTorch state dict: {reason}") from None


class _View(NamedTuple):
    """A tensor as a pickle describes it: where it lies in which storage."""

    dtype: str
    storage: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def of(self, content: bytes) -> np.ndarray:
        values = np.frombuffer(content, self.dtype)
        index = np.asarray(self.offset)
        for length, step in zip(self.size, self.stride, strict=True):
            index = np.add.outer(index, np.arange(length) * step)
        return np.asarray(values[index])  # unlike strides, which numpy would trust, checked


class _Unpickler(pickle.Unpickler):
    """An unpickler to which no function of any module is known."""

    def __init__(self, file: IO[bytes]):
        super().__init__(file)

        # Made anew for each file: a pickle may set attributes of whatever it is given.
        def rebuild(stored: Any, offset: int, size: tuple, stride: tuple, *_: Any) -> _View:
            dtype, storage = stored
            return _View(dtype, storage, offset, size, stride)

        self._known: Mapping[tuple[str, str], Any] = {
            **_DTYPES,
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            ("torch._utils", "_rebuild_parameter"): lambda view, *_: view,
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        kind, dtype, storage, *_ = pid
        if kind != "storage" or dtype not in _DTYPES.values():
            raise pickle.UnpicklingError(f"it refers to {kind!r}, which is no storage")
        return dtype, str(storage)


def _read_tensors(file: IO[bytes]) -> Mapping[str, _View]:
    tensors = _Unpickler(file).load()
    if not isinstance(tensors, dict):
        raise ValueError(f"it holds a {type(tensors).__name__}, not tensors by name")
    for name, view in tensors.items():
        if not isinstance(view, _View):
            raise ValueError(f"{name!r} is a {type(view).__name__}, not a tensor")
    return tensors


def _read_zip(file: IO[bytes]) -> tuple[Mapping[str, _View], Callable[[_View], bytes]]:
    archive = zipfile.ZipFile(file)
    (description,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    folder = description.removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist():
        _check_byte_order(archive.read(f"{folder}byteorder") == b"little")
    with archive.open(description) as pickled:
        tensors = _read_tensors(pickled)
    return tensors, lambda view: archive.read(f"{folder}data/{view.storage}")


def _read_legacy(file: IO[bytes]) -> tuple[Mapping[str, _View], Callable[[_View], bytes]]:
    file.seek(0)
    if _Unpickler(file).load() != _LEGACY_MAGIC:
        raise ValueError("its first bytes are not PyTorch's")
    _Unpickler(file).load()  # the version of the protocol
    _check_byte_order(_Unpickler(file).load()["little_endian"])
    tensors = _read_tensors(file)
    itemsize = {view.storage: np.dtype(view.dtype).itemsize for view in tensors.values()}
    contents = {}
    for storage in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little", signed=True)
        contents[storage] = file.read(count * itemsize[storage])
    return tensors, lambda view: contents[view.storage]


def _check_byte_order(little_endian: bool) -> None:
    if not little_endian:
        raise ValueError("it was saved on a big-endian machine")
