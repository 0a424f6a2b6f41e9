"""What a convolution does in space, as a value."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Geometry"]


class Geometry(NamedTuple):
    """Sizes, strides and padding of a two-dimensional convolution, all (height, width).

    Attributes:
      image_size: size of the images that are convolved.
      kernel_size: size of the kernel.
      strides: step from one place of the kernel to the next.
      padding: zeros put before and after each axis; negative ones cut.
      precision: of the products, as `jax.lax` takes it.
      groups: parts of the channels, each of which is convolved by itself.
    """

    image_size: tuple[int, int]
    kernel_size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    precision: Any = None
    groups: int = 1

    @property
    def map_size(self) -> tuple[int, int]:
        """Size of the maps that come out.

        Example:
          >>> Geometry((28, 28), (4, 4), (2, 2), ((1, 1), (1, 1))).map_size
          (14, 14)
        """
        height, width = (
            (size + low + high - kernel) // stride + 1
            for size, kernel, stride, (low, high) in zip(
                self.image_size, self.kernel_size, self.strides, self.padding, strict=True
            )
        )
        return height, width
