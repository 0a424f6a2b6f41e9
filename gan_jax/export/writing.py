"""Write a trained generator as a folder that needs nothing but JAX to sample from."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

import gan_jax
from gan_jax.errors import UsageError
from gan_jax.export.sample import DTYPES, FILES, FORMAT
from gan_jax.files import atomic_write
from gan_jax.train import Prior, TrainState
from gan_jax.typing import Array, Batch, PyTree

__all__ = ["PLATFORMS", "check_new", "export_generator"]

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")

Draw = Callable[[TrainState, Batch, Array], Any]


def check_new(folder: Path, *, option: str = "--out") -> None:
    """Refuse a place where something is already.

    Args:
      folder: where an export is to go.
      option: what named it, for the message.

    Raises:
      UsageError: there is something other than an empty folder.
    """
    if not os.path.lexists(folder):
        return
    try:
        empty = not folder.is_symlink() and not any(folder.iterdir())
    except OSError:
        empty = False
    if not empty:
        raise UsageError(f"{option} {folder} is there already: name a new folder")


def export_generator(
    folder: Path,
    generator: TrainState,
    sampler: Draw,
    decoder: Draw,
    *,
    prior: Prior,
    about: Mapping[str, Any],
    gaussian: bool = False,
    num_classes: int = 0,
    value_range: tuple[float, float] | None = (-1.0, 1.0),
) -> None:
    """Write what sampling needs, whole or not at all.

    The folder holds the weights (a safetensors file), two programs (StableHLO, for any number of
    samples and every platform JAX is at home on), `settings.json`, checksums, and `sample.py`,
    which loads all that with JAX alone: `gan_jax.export.sample`. The same keys give the same bits
    as `jax.jit(sampler)` does here.

    Args:
      folder: to be made; an empty one may be there.
      generator: its parameters (the averaged ones where it keeps them) and collections are written.
      sampler: `(generator, {"label": labels}, keys) -> samples [count, ...]`.
      decoder: `(generator, {"label": labels}, latents) -> samples [count, ...]`.
      prior: draws one example's latents: the shape and the dtype that `decoder` takes.
      about: where the generator is from, for people: JSON values.
      gaussian: whether latents are normal.
      num_classes: how many classes the labels have, 0 for a generator that is given none.
      value_range: the least and the greatest value of a sample; None if it is not known.

    Raises:
      UsageError: something is there already, the latents of an example or the samples are not one
        array, a weight's type can't be stored, or the generator can't be traced for a number of
        samples that is not known.
      OSError: the disk refuses.
    """
    check_new(folder)
    weights, opened = _named_weights(generator)
    key = jax.random.key(0)
    impl, data = str(jax.random.key_impl(key)), jax.random.key_data(key)
    latents = jax.eval_shape(prior, key)
    if not isinstance(latents, jax.ShapeDtypeStruct):
        raise UsageError("only a generator whose latents are one array each can be exported")

    def sample(weights: Mapping[str, Array], keys: Array, *labels: Array) -> Any:
        keys = jax.random.wrap_key_data(keys, impl=impl)
        return sampler(opened(weights), dict(zip(["label"], labels, strict=False)), keys)

    def decode(weights: Mapping[str, Array], latents: Array, *labels: Array) -> Any:
        return decoder(opened(weights), dict(zip(["label"], labels, strict=False)), latents)

    programs = {
        "sample.stablehlo": _program(sample, weights, data, num_classes),
        "decode.stablehlo": _program(decode, weights, latents, num_classes),
    }
    program = programs["sample.stablehlo"]
    (samples,) = program.out_avals
    settings = {
        "format": FORMAT,
        "gan_jax": gan_jax.__version__,
        "jax": jax.__version__,
        "calling_convention": program.calling_convention_version,
        "platforms": list(program.platforms),
        "about": dict(about),
        "parameters": "params" if generator.ema_params is None else "ema_params",
        "num_classes": num_classes,
        "keys": {"impl": impl, **_described(data)},
        "latents": {"gaussian": gaussian, **_described(latents)},
        "samples": {
            "shape": list(samples.shape[1:]),
            "dtype": samples.dtype.name,
            "range": value_range and list(value_range),
        },
    }
    contents = {name: each.mlir_module_serialized for name, each in programs.items()}
    _write(folder, settings, weights, contents)


def _named_weights(
    generator: TrainState,
) -> tuple[dict[str, np.ndarray], Callable[[Mapping[str, Array]], TrainState]]:
    """Return weights by their path, and what puts them back into the generator."""
    averaged = generator.ema_params
    params = generator.params if averaged is None else averaged
    leaves, tree = jax.tree.flatten_with_path({"params": params, **generator.model_state})
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    weights = {
        name: np.asarray(leaf, order="C") for name, (_, leaf) in zip(names, leaves, strict=True)
    }
    if len(weights) != len(names):
        raise UsageError("two of the generator's weights have the same name")
    for name, weight in weights.items():
        if weight.dtype not in map(np.dtype, DTYPES.values()):
            raise UsageError(f"weights of {weight.dtype} can't be exported: {name}")

    def opened(weights: Mapping[str, Array]) -> TrainState:
        variables: dict[str, PyTree] = jax.tree.unflatten(tree, [weights[n] for n in names])
        params = variables.pop("params")
        return generator.replace(params=params, ema_params=None, model_state=variables)

    return weights, opened


def _program(
    function: Callable[..., Any], weights: Mapping[str, np.ndarray], given: Any, num_classes: int
) -> jax.export.Exported:
    """Lower a function for any number of samples and for all platforms.

    The number is a symbol, made a number again before a program is compiled: XLA then sees what it
    sees of the function itself, so that the bits are the same.
    """
    (count,) = jax.export.symbolic_shape("count")
    arguments = [jax.ShapeDtypeStruct((count, *given.shape), given.dtype)]
    if num_classes:
        arguments.append(jax.ShapeDtypeStruct((count,), jnp.int32))
    export = jax.export.export(jax.jit(function, keep_unused=True), platforms=PLATFORMS)
    try:
        with _no_lines():
            program = export(dict(weights), *arguments)
    except (TypeError, jax.errors.InconclusiveDimensionOperation) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"the generator can't be exported for any number of samples: {reason}"
        ) from error
    sample = program.out_avals[0]
    one = jax.tree_util.treedef_is_leaf(program.out_tree) and len(program.out_avals) == 1
    if not one or not sample.shape or sample.shape[0] != count:
        raise UsageError("only samples that are one array [count, ...] can be exported")
    return program


@contextmanager
def _no_lines() -> Iterator[None]:
    """Leave out which lines of which files made a program: it then has the same bytes anywhere."""
    name = "jax_traceback_in_locations_limit"
    before = getattr(jax.config, name)
    jax.config.update(name, 0)
    try:
        yield
    finally:
        jax.config.update(name, before)


def _described(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": jnp.dtype(array.dtype).name}


def _write(
    folder: Path,
    settings: Mapping[str, Any],
    weights: dict[str, np.ndarray],
    programs: Mapping[str, bytes],
) -> None:
    """Write all files into a neighbour, which then gets the folder's name."""
    import safetensors.numpy

    loader = importlib.resources.files("gan_jax.export").joinpath("sample.py")
    contents: dict[str, bytes] = {
        "settings.json": (json.dumps(settings, indent=2) + "\n").encode(),
        "weights.safetensors": safetensors.numpy.save(weights),
        "sample.py": loader.read_bytes(),
        **programs,
    }
    sums = [f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in FILES]
    contents["SHA256SUMS"] = "".join(sums).encode()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    temporary.mkdir()
    try:
        for name, content in contents.items():
            with atomic_write(temporary / name) as file:
                file.write(content)
        _rename(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        check_new(folder)  # another process may have been faster
        raise
