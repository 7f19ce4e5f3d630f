"""Patches of an image, and plans of where they lie."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.window import Window

Pixels = NDArray[np.float32]
Valid = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of one band: pixels (height, width) float32, and where they are valid."""

    pixels: Pixels
    valid: Valid

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.shape != self.valid.shape:
            raise InputError(
                "a patch is one band with a valid mask of its shape; "
                f"got {self.pixels.shape}, {self.valid.shape}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        height, width = self.pixels.shape
        return height, width

    def at(self, rows: slice, cols: slice) -> "Patch":
        """Return a part."""
        return Patch(self.pixels[rows, cols], self.valid[rows, cols])


def patch_centres(shape: tuple[int, int], count: int, size: int) -> NDArray[np.float64]:
    """Return the (column, row) of the centres of patches on a regular grid over an image.

    The outer patches touch the image's edges. Patches overlap by at most half, so that small images
    have fewer of them than ``count`` along an axis.

    Args:
        shape: (height, width) of the image in pixels.
        count: patches along each axis, at most.
        size: side of a patch in pixels, at most the image's smaller side.

    Returns:
        (n, 2) float64, centres of windows of whole pixels.

    Raises:
        InputError: the patch does not fit into the image, or none is asked for.
    """
    if count < 1 or not 1 <= size <= min(shape):
        raise InputError(
            f"patches lie within the image and are at least one; got {count} patches of {size} px "
            f"along each side of {shape[1]} x {shape[0]} px"
        )
    rows, cols = (_offsets(side, count, size) + size / 2 for side in shape)
    grid = np.meshgrid(cols, rows)
    return np.column_stack([axis.ravel() for axis in grid])


def patch_window(centre: NDArray[np.float64], size: int) -> Window:
    """Return the window of a patch around a planned centre (column, row)."""
    col, row = (math.floor(value - size / 2 + 0.5) for value in centre.tolist())
    return Window(col, row, size, size)


def _offsets(side: int, count: int, size: int) -> NDArray[np.float64]:
    most = max(2 * side // size - 1, 1)
    many = min(count, most)
    if many == 1:
        return np.array([(side - size) // 2], dtype=np.float64)
    return np.round(np.linspace(0, side - size, many))
