"""The published weights of Inception v3 for FID: found, downloaded, checked and read."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from gan_jax.errors import RunError, UsageError
from gan_jax.files import atomic_write, cache_directory
from gan_jax.metrics.classifier import digest_of
from gan_jax.metrics.inception import INPUT_SIZE, InceptionV3, InceptionWeights
from gan_jax.metrics.torch_checkpoint import read_state_dict

__all__ = [
    "PUBLISHED_SHA256",
    "PUBLISHED_URL",
    "WeightsUnavailable",
    "inception_params",
    "inception_weights",
    "save_inception_weights",
    "state_dict_shapes",
]

PUBLISHED_URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
"""Where pytorch-fid publishes the weights; torch-fidelity publishes the same file."""

PUBLISHED_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""The checksum of that file, whose name carries its first 8 digits."""

_EPSILON = 1e-3
_MOST_BYTES = 1 << 28
_SECONDS = 20.0
_SECONDS_BETWEEN_REPORTS = 5.0
_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


class WeightsUnavailable(RunError):  # noqa: N818
    """Report weights that cannot be had: one line on what was tried and what to do."""


def inception_weights(
    path: str | os.PathLike[str] | None = None,
    *,
    url: str = PUBLISHED_URL,
    sha256: str = PUBLISHED_SHA256,
    alternative: str = "pixels, and a classifier trained on the data set, need no download",
    report: Callable[[str], None] = print,
) -> InceptionWeights:
    """Return the published weights, from the first of: a path, the user's cache, a download.

    The path is the argument or else `$GAN_JAX_INCEPTION`. It leads to the published file, or to
    one that `save_inception_weights` wrote. A published file must have the published SHA-256, and
    is read without running any of the code that a PyTorch file may hold.

    Args:
      path: a file.
      url: where to download the published file from.
      sha256: the SHA-256 that it must have, or the first digits of it.
      alternative: what can be done without the weights, in words that end the error message.
      report: given a line for whatever takes time or goes wrong.

    Returns:
      The weights; the name of the published ones is `"6726825d"`, that of those in an archive the
      one they were saved with and 8 digits of the SHA-256 of the parameters.

    Raises:
      UsageError: there is no file where the path leads, or it is another one.
      WeightsUnavailable: they are neither on this machine nor can they be downloaded.
    """
    path = path or os.environ.get("GAN_JAX_INCEPTION")
    if path:
        try:
            return _read(Path(path).name, Path(path).read_bytes(), sha256)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{path} cannot be used as Inception weights: {reason}") from None
    kept = cache_directory("weights") / PUBLISHED_URL.rpartition("/")[2]
    try:
        if kept.exists():
            return _read(kept.name, kept.read_bytes(), sha256)
    except (OSError, ValueError) as error:
        report(f"{kept} cannot be used and is downloaded again: {error}")
    try:
        content = _download(url, report)
        weights = _read(kept.name, content, sha256)
    except (OSError, ValueError, HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        raise WeightsUnavailable(
            f"Inception weights cannot be had: {url}: {reason}. To have them, put that file at "
            f"{kept} or set GAN_JAX_INCEPTION to where it is; {alternative}"
        ) from None
    _keep(kept, content, report)
    return weights


def save_inception_weights(path: str | os.PathLike[str], weights: InceptionWeights) -> None:
    """Write weights as an .npz archive, which `inception_weights` reads without PyTorch's format.

    Args:
      path: the file to make or replace; its name must end in `.npz`.
      weights: what to write.

    Raises:
      ValueError: the name ends otherwise.
    """
    if Path(path).suffix != ".npz":
        raise ValueError(f"{path} must end in .npz")
    arrays = {"name": np.asarray(weights.name), **flatten_dict(weights.params, sep="/")}
    with atomic_write(path) as file:
        np.savez(file, checksum=digest_of(arrays), **arrays)


def state_dict_shapes() -> dict[str, tuple[int, ...]]:
    """Return the tensors that the published file must hold: their shapes by their names.

    Returns:
      472 shapes, in PyTorch's order of axes.

    Example:
      >>> state_dict_shapes()["Mixed_6b.branch7x7_2.conv.weight"]
      (128, 128, 1, 7)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (*window, inputs, outputs) in _kernel_shapes().items():
        if layer == "fc":
            shapes |= {"fc.weight": (outputs, inputs), "fc.bias": (outputs,)}
        else:
            shapes[f"{layer}.conv.weight"] = (outputs, inputs, *window)
            shapes |= {f"{layer}.bn.{part}": (outputs,) for part in _NORMALIZATION}
    return shapes


def inception_params(state_dict: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Turn the tensors of the published file into the parameters of `InceptionV3`.

    `kernel = weight scale`, `bias = beta - mean scale` with `scale = gamma / sqrt(var + 0.001)`:
    batch normalization with fixed statistics is part of the convolution before it. The bias of
    the logits is left out, as it is for the inception score.

    Args:
      state_dict: arrays by the names and of the shapes of `state_dict_shapes`; others are ignored.

    Returns:
      The parameters, float32.

    Raises:
      ValueError: a tensor is missing, or has another shape.
    """
    _check_shapes(state_dict, state_dict_shapes())
    params: dict[str, Any] = {}
    for layer in _kernel_shapes():
        if layer == "fc":
            params["fc/kernel"] = np.asarray(state_dict["fc.weight"].T, np.float32)
            continue
        gamma, beta, mean, variance = (
            np.asarray(state_dict[f"{layer}.bn.{part}"], np.float64) for part in _NORMALIZATION
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        kernel = np.asarray(state_dict[f"{layer}.conv.weight"], np.float64).transpose(2, 3, 1, 0)
        params[layer.replace(".", "/") + "/kernel"] = np.asarray(kernel * scale, np.float32)
        params[layer.replace(".", "/") + "/bias"] = np.asarray(beta - mean * scale, np.float32)
    return unflatten_dict(params, sep="/")


@functools.cache
def _param_shapes() -> dict[str, tuple[int, ...]]:
    images = jax.ShapeDtypeStruct((1, INPUT_SIZE, INPUT_SIZE, 3), np.float32)
    variables = jax.eval_shape(InceptionV3().init, jax.random.key(0), images)
    return {name: leaf.shape for name, leaf in flatten_dict(variables["params"], sep="/").items()}


def _kernel_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each layer's kernel, by the layer's name in PyTorch."""
    return {
        name.removesuffix("/kernel").replace("/", "."): shape
        for name, shape in _param_shapes().items()
        if name.endswith("/kernel")
    }


def _check_shapes(arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if name not in arrays:
            raise ValueError(f"there is no {name} {list(shape)} in it")
        if arrays[name].shape != shape:
            raise ValueError(f"its {name} is {list(arrays[name].shape)}, not {list(shape)}")


def _read(name: str, content: bytes, sha256: str) -> InceptionWeights:
    if name.endswith(".npz"):
        return _read_npz(content)
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(sha256):
        raise ValueError(f"its SHA-256 is {found[: len(sha256)]}, not {sha256}")
    return InceptionWeights(found[:8], inception_params(read_state_dict(io.BytesIO(content))))


def _read_npz(content: bytes) -> InceptionWeights:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
        intact = str(arrays.pop("checksum")) == digest_of(arrays)
        name = str(arrays.pop("name"))
    except Exception as error:  # A damaged archive can raise almost anything.
        raise ValueError(f"it is no archive of such weights: {error}") from None
    if not intact:
        raise ValueError("its checksum is wrong")
    _check_shapes(arrays, _param_shapes())
    # Anyone may have chosen the name: only with a digest does it identify the parameters.
    suffix = f"-{digest_of(arrays)[:8]}"
    return InceptionWeights(name.removesuffix(suffix) + suffix, unflatten_dict(arrays, sep="/"))


def _download(url: str, report: Callable[[str], None]) -> bytes:
    """Return what is behind an address, its first 256 MiB at most."""
    report(f"downloading {url}")
    content, last_report = bytearray(), time.monotonic()
    try:
        with urlopen(url, timeout=_SECONDS) as response:
            size = int(response.headers.get("Content-Length") or 0)
            while len(content) < _MOST_BYTES and (block := response.read(1 << 16)):
                content += block
                if time.monotonic() - last_report >= _SECONDS_BETWEEN_REPORTS:
                    last_report = time.monotonic()
                    report(f"downloading {url}: {len(content):,} of {size:,} bytes")
    except HTTPError as error:
        error.close()
        raise OSError(f"it answered HTTP {error.code} {error.reason}") from None
    return bytes(content)


def _keep(path: Path, content: bytes, report: Callable[[str], None]) -> None:
    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        report(f"Inception weights are not kept in {path}: {error.strerror or error}")
