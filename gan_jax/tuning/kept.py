"""Results in a folder, so that what was computed before an interruption need not be again."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

__all__ = ["KeptResults"]


class KeptResults(MutableMapping[str, "Sequence[np.ndarray]"]):
    """Lists of arrays by name, each a `.npz` file; one that is damaged counts as missing.

    Arrays are of NumPy's own types: of others, such as bfloat16, a file would lose the type.

    Args:
      folder: where the files are; made when the first is written.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def __getitem__(self, name: str) -> list[np.ndarray]:
        """Read arrays."""
        import numpy as np

        try:
            # Opened here, since np.load leaves a damaged file open.
            with open(self._path(name), "rb") as file, np.load(file, allow_pickle=False) as arrays:
                return [arrays[f"arr_{index}"] for index in range(int(arrays["count"]))]
        except Exception:  # a damaged archive raises nearly anything
            raise KeyError(name) from None

    def __setitem__(self, name: str, arrays: Sequence[np.ndarray]) -> None:
        """Write arrays, all or none."""
        import numpy as np

        arrays = [np.asarray(array) for array in arrays]
        for array in arrays:
            if array.dtype.isbuiltin != 1 or array.dtype.hasobject:
                raise ValueError(
                    f"{name}: arrays of {array.dtype} cannot be kept, only NumPy's own"
                )
        with atomic_write(self._path(name)) as file:
            # The count tells a file whose index is damaged, which else has fewer arrays.
            np.savez(file, *arrays, count=len(arrays))

    def __delitem__(self, name: str) -> None:
        """Delete arrays."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        names = (path.stem for path in sorted(self._folder.glob("*.npz")))
        return (name for name in names if name in self)

    def __len__(self) -> int:
        """Count the files that are whole."""
        return sum(1 for _ in self)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"
