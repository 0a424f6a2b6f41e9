"""Results in a folder, so that what was computed before an interruption need not be again."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

__all__ = ["KeptResults"]


class KeptResults(MutableMapping[str, "Sequence[np.ndarray]"]):
    """Lists of arrays by name, each a file; one that is damaged counts as missing.

    Args:
      folder: where the files are; made when the first is written.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def __getitem__(self, name: str) -> list[np.ndarray]:
        """Read arrays."""
        import numpy as np

        try:
            with np.load(self._path(name), allow_pickle=False) as file:
                return [file[f"arr_{index}"] for index in range(len(file.files))]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            raise KeyError(name) from None

    def __setitem__(self, name: str, arrays: Sequence[np.ndarray]) -> None:
        """Write arrays, all or none."""
        import numpy as np

        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._path(name)) as file:
            np.savez(file, *arrays)

    def __delitem__(self, name: str) -> None:
        """Delete arrays."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return (path.stem for path in sorted(self._folder.glob("*.npz")))

    def __len__(self) -> int:
        """Count the files."""
        return sum(1 for _ in self)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"
