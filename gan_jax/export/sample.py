"""Sample from an exported generator. Nothing but JAX is needed, and this folder.

    python sample.py --count 16 --seed 1 --out samples.png
    python sample.py --count 1000 --label 3 --out samples.npy

    generator = load("folder")  # from Python
    images = generator.sample(generator.keys(seed=1, count=16))

`weights.safetensors` has the parameters by their names; `sample.stablehlo` and `decode.stablehlo`
are programs in StableHLO's portable form; `settings.json` says what they were made of, and
`SHA256SUMS` is checked on loading, or by `sha256sum -c`. Both programs take: the index of the
platform in the list of `settings.json` (int32), the weights in the order of their names, keys
(uint32 [count, ...]) or latents [count, ...], and labels (int32 [count]) if there are classes.

On one machine, with one version of JAX, the same keys give the same bits as in training.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import io
import json
import math
import os
import struct
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

__all__ = ["DTYPES", "FILES", "FORMAT", "ExportError", "Generator", "load", "main", "read_weights"]

FORMAT = 1
FILES = (
    "settings.json", "weights.safetensors", "sample.stablehlo", "decode.stablehlo", "sample.py",
)  # fmt: skip
DTYPES = {
    "F32": np.float32, "F16": np.float16, "BF16": jnp.bfloat16, "BOOL": np.bool_,
    "I32": np.int32, "I16": np.int16, "I8": np.int8,
    "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
}  # fmt: skip


class ExportError(ValueError):
    """Say in one line why an export can't be used as asked."""


@dataclasses.dataclass(frozen=True)
class Generator:
    """A generator that was loaded.

    Called on its own, it gives the bits of training; within a larger program of JAX, XLA may round
    otherwise.

    Attributes:
      settings: what `settings.json` holds.
      weights: its parameters and statistics by name.
      programs: the two programs as functions `(weights, keys or latents, [labels]) -> samples`.
    """

    settings: Mapping[str, Any]
    weights: Mapping[str, jax.Array]
    programs: Mapping[str, Callable[..., jax.Array]]

    def keys(self, seed: int, count: int) -> jax.Array:
        """Make the keys [count] of a seed."""
        return jax.random.split(jax.random.key(seed, impl=self.settings["keys"]["impl"]), count)

    def sample(self, keys: Any, labels: Any = None) -> jax.Array:
        """Draw samples.

        Args:
          keys: one key per sample, [count], or their data, uint32 [count, ...].
          labels: their classes, int [count] or one for all; all classes in turn if None.

        Returns:
          Samples [count, ...], for example images [count, H, W, C] in [-1, 1].

        Raises:
          ExportError: the keys or the labels do not fit.
        """
        keys = jnp.asarray(keys)
        typed = jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
        return self._run("sample", "keys", jax.random.key_data(keys) if typed else keys, labels)

    def decode(self, latents: Any, labels: Any = None) -> jax.Array:
        """Decode latents [count, ...] chosen by hand; all else is as for `sample`."""
        return self._run("decode", "latents", jnp.asarray(latents), labels)

    def _run(self, program: str, what: str, given: jax.Array, labels: Any) -> jax.Array:
        shape, dtype = self.settings[what]["shape"], self.settings[what]["dtype"]
        fits = given.ndim and len(given) and given.shape[1:] == tuple(shape)
        if not fits or given.dtype != dtype:
            wanted, found = f"{dtype} {['count', *shape]}", f"{given.dtype} {list(given.shape)}"
            raise ExportError(f"the {what} are {found}: they must be {wanted}".replace("'", ""))
        return self.programs[program](self.weights, given, *self._labels(labels, len(given)))

    def _labels(self, labels: Any, count: int) -> tuple[jax.Array, ...]:
        """Return the programs' last argument, if they have it."""
        classes = self.settings["num_classes"]
        if not classes:
            if labels is not None:
                raise ExportError("labels were given and this generator has no classes")
            return ()
        labels = jnp.asarray(np.arange(count) % classes if labels is None else labels)
        if not jnp.issubdtype(labels.dtype, jnp.integer) or labels.shape not in ((), (count,)):
            found = f"{labels.dtype} {list(labels.shape)}"
            raise ExportError(f"the labels are {found}: they must be int32 [{count}]")
        # What a program of JAX makes up while it runs can't be looked at.
        values = np.zeros(1) if isinstance(labels, jax.core.Tracer) else np.asarray(labels)
        if values.min() < 0 or values.max() >= classes:
            raise ExportError(f"a label is out of range: it must be from 0 to {classes - 1}")
        return (jnp.broadcast_to(labels.astype(jnp.int32), (count,)),)


def load(folder: str | os.PathLike[str]) -> Generator:
    """Load an exported generator, after a look at every byte of it.

    Args:
      folder: where the export is.

    Returns:
      The generator.

    Raises:
      ExportError: a file is missing or damaged, or the export is too new for this program or for
        the JAX that is here.
    """
    settings = _settings(Path(folder, "settings.json"))
    contents = _verified(Path(folder))
    weights = read_weights(contents["weights.safetensors"])
    programs = {
        name: _program(contents[f"{name}.stablehlo"], settings, weights, settings[given])
        for name, given in (("sample", "keys"), ("decode", "latents"))
    }
    return Generator(settings, jax.tree.map(jnp.asarray, weights), programs)


def _settings(path: Path) -> dict[str, Any]:
    """Read settings, if this program and the JAX that is here can do what they ask for."""
    oldest = jax.export.minimum_supported_calling_convention_version
    newest = jax.export.maximum_supported_calling_convention_version
    content = _read(path)
    try:
        settings = json.loads(content)
        number, convention = settings["format"], settings.get("calling_convention", 0)
        too_new, runs = number > FORMAT, oldest <= convention <= newest
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ExportError(f"{path} is damaged: export the generator again") from None
    if too_new:
        raise ExportError(
            f"{path} is of format {number}, and {FORMAT} is read here: use the sample.py beside it"
        )
    if not runs:
        raise ExportError(
            f"{path} is by JAX {settings.get('jax')}, and JAX {jax.__version__} can't run it: its "
            f"calling convention is {convention}, not from {oldest} to {newest}"
        )
    return settings


def _verified(folder: Path) -> dict[str, bytes]:
    """Read all files, if they are as they were written."""
    sums = _read(folder / "SHA256SUMS").decode(errors="replace").splitlines()
    contents = {name: _read(folder / name) for name in FILES}
    for name, content in contents.items():
        if f"{hashlib.sha256(content).hexdigest()}  {name}" not in sums:
            raise ExportError(f"{folder / name} is damaged: export the generator again")
    return contents


def _program(
    module: bytes,
    settings: Mapping[str, Any],
    weights: Mapping[str, np.ndarray],
    given: Mapping[str, Any],
) -> Callable[..., jax.Array]:
    """Make a stored program a function of JAX, for any number of samples.

    JAX exports an empty function that takes and returns what the program does, and the program is
    put in its place: to read the files of `jax.export` itself takes a further package.
    """
    (count,) = jax.export.symbolic_shape("count")
    arguments = [jax.ShapeDtypeStruct((count, *given["shape"]), given["dtype"])]
    if settings["num_classes"]:
        arguments.append(jax.ShapeDtypeStruct((count,), jnp.int32))
    samples = settings["samples"]

    def empty(_: Any, first: jax.Array, *labels: jax.Array) -> jax.Array:
        return jnp.zeros((first.shape[0], *samples["shape"]), samples["dtype"])

    export = jax.export.export(jax.jit(empty, keep_unused=True), platforms=settings["platforms"])
    program = dataclasses.replace(
        export(dict(weights), *arguments),
        mlir_module_serialized=module,
        calling_convention_version=settings["calling_convention"],
    )
    try:
        program.mlir_module()
    except Exception:
        raise ExportError(
            f"JAX {jax.__version__} can't read programs written by JAX {settings['jax']}"
        ) from None
    return jax.jit(program.call)


def read_weights(content: bytes) -> dict[str, np.ndarray]:
    """Read arrays from what a safetensors file holds.

    Args:
      content: all bytes of the file.

    Returns:
      Read-only arrays by name.

    Raises:
      ExportError: the header is no header, or speaks of bytes that are not there, of the same
        bytes twice, or leaves some out.

    >>> header = b'{"scale": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'
    >>> numbers = np.array([1, 0.5], np.float32).tobytes()
    >>> read_weights(len(header).to_bytes(8, "little") + header + numbers)
    {'scale': array([1. , 0.5], dtype=float32)}
    """
    arrays, reached = {}, 0
    try:
        end_of_header = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:end_of_header])
        header.pop("__metadata__", None)
        data = memoryview(content)[end_of_header:]
        if end_of_header > len(content):
            raise ValueError("the header is longer than the file")
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            (begin, end), shape = _sizes(entry["data_offsets"]), _sizes(entry["shape"])
            dtype = np.dtype(DTYPES[entry["dtype"]])
            if begin != reached or end - begin != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} is not where it should be")
            arrays[name] = np.frombuffer(data[begin:end], dtype).reshape(shape)
            reached = end
        if reached != len(data):
            raise ValueError("bytes are left")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ExportError(
            "weights.safetensors is damaged: its header is not of its bytes"
        ) from None
    return arrays


def _sizes(values: list[int]) -> tuple[int, ...]:
    if any(type(value) is not int or value < 0 for value in values):
        raise ValueError("sizes are whole numbers of at least 0")
    return tuple(values)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path} can't be read: {error.strerror}") from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ExportError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw samples into a file.

    Args:
      arguments: what was typed.

    Returns:
      The exit code: 0, or 2 after one line that says what was wrong.
    """
    parser = _Parser(description="Sample from the generator in this folder.")
    parser.add_argument("--count", type=int, default=16, help="how many samples (16)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the latents (1)")
    parser.add_argument("--label", type=int, help="the class to draw; all in turn if not given")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="a .png or a .npy")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="the export")
    try:
        _draw(parser.parse_args(arguments))
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _draw(options: argparse.Namespace) -> None:
    if not 1 <= options.count <= 10_000:
        raise ExportError(f"--count is {options.count}: it must be from 1 to 10000")
    if not 0 <= options.seed < 2**32:
        raise ExportError(f"--seed is {options.seed}: it must be from 0 to 4294967295")
    if options.out.suffix not in (".png", ".npy"):
        raise ExportError(f"--out is {options.out}: it must end in .png or .npy")
    generator = load(options.folder)
    samples = generator.sample(generator.keys(options.seed, options.count), options.label)
    content = (_npy if options.out.suffix == ".npy" else _png)(np.asarray(samples))
    partial = options.out.with_name(f".{options.out.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(options.out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ExportError(f"--out {options.out} can't be written: {error.strerror}") from None


def _npy(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, samples)
    return file.getvalue()


def _png(images: np.ndarray) -> bytes:
    """Lay images [N, H, W, 1 or 3] in [-1, 1] out in rows, as a PNG file."""
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ExportError(f"samples {list(images.shape[1:])} are no picture: --out must be a .npy")
    number, height, width, channels = images.shape
    columns, scale = math.isqrt(number - 1) + 1, max(1, -(-56 // height))
    rows = -(-number // columns)
    pixels = np.zeros((rows * columns, height, width, channels), np.uint8)
    pixels[:number] = np.rint((np.clip(np.nan_to_num(images), -1, 1) + 1) * 127.5)
    tiles = pixels.repeat(scale, 1).repeat(scale, 2).reshape(rows, columns, height * scale, -1)
    lines = tiles.transpose(0, 2, 1, 3).reshape(rows * height * scale, -1)
    size = (columns * width * scale, rows * height * scale)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", *size, 8, 0 if channels == 1 else 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line.tobytes() for line in lines))
    parts = chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


if __name__ == "__main__":
    sys.exit(main())
