"""Read what TensorFlow Datasets has prepared on this machine, without TensorFlow."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from types import ModuleType

import numpy as np

from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.sources import Source

__all__ = ["prepared_folder", "read_prepared"]


def prepared_folder(data_dir: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """Return the folder in which TFDS prepares data sets.

    Args:
      data_dir: the folder, if one was named.

    Returns:
      It; else `$TFDS_DATA_DIR`; else TFDS's own default, `~/tensorflow_datasets`.
    """
    default = os.path.join(os.path.expanduser("~"), "tensorflow_datasets")
    return data_dir or os.environ.get("TFDS_DATA_DIR") or default


def read_prepared(
    source: Source,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    report: Callable[[str], None],
) -> Dataset:
    """Return a split that TFDS has prepared in its array_record format.

    Args:
      source: which data set.
      split: one of `source.splits`.
      data_dir: TFDS's folder; where it is None, `$TFDS_DATA_DIR` or else TFDS's own default.
      report: told that reading starts, which takes some seconds.

    Returns:
      The split, in TFDS's order.

    Raises:
      DatasetUnavailable: TFDS is not installed, has not prepared it, has prepared it in a
        format that needs TensorFlow, or its files are damaged.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DatasetUnavailable(f"TFDS cannot be used ({error})") from None
    folder = prepared_folder(data_dir)
    try:
        return _read(tfds, source, split, folder, report)
    except DatasetUnavailable:
        raise
    except Exception as error:  # damaged files raise whatever TFDS's many parsers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DatasetUnavailable(
            f"TFDS cannot read its {source.name} in {folder} ({reason})"
        ) from None


def _read(
    tfds: ModuleType,
    source: Source,
    split: str,
    folder: str | os.PathLike[str],
    report: Callable[[str], None],
) -> Dataset:
    from PIL import Image

    builder = tfds.builder(source.name, data_dir=os.fspath(folder))
    # TFDS warns about a folder that is not there, which is no fault.
    if not os.path.isdir(builder.data_dir) or not builder.is_prepared():
        raise DatasetUnavailable(f"TFDS has no {source.name} prepared in {folder}")
    if builder.info.file_format is not tfds.core.FileFormat.ARRAY_RECORD:
        raise DatasetUnavailable(
            f"TFDS has {source.name} in {folder} in the {builder.info.file_format.value} format, "
            'which needs TensorFlow (prepare it with file_format="array_record")'
        )
    report(f"reading {source.title} {split} from TFDS in {folder}; takes some seconds, once")
    # Decoding the PNGs here is faster than TFDS's decoder, which also asks for OpenCV.
    decoders = {"image": tfds.decode.SkipDecoding()}
    reader = builder.as_data_source(split=split, decoders=decoders)
    examples = reader.__getitems__(range(len(reader)))
    images = np.stack([np.asarray(Image.open(io.BytesIO(e["image"]))) for e in examples])
    labels = np.asarray([e["label"] for e in examples], np.int32)
    return source.dataset(split, images[..., None], labels, f"prepared by TFDS in {folder}")
