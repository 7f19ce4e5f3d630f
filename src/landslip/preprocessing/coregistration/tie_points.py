"""Image patches, the regular grid they are cut on, and the tie points found with them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.preprocessing.resampling import Flags, Pixels, Points


@dataclass(frozen=True, slots=True)
class ImagePatch:
    """A part of one band: pixels (height, width) float32, and where they are valid."""

    pixels: Pixels
    valid: Flags

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

    def crop(self, rows: slice, cols: slice) -> "ImagePatch":
        """Return a part of the patch."""
        return ImagePatch(self.pixels[rows, cols], self.valid[rows, cols])

    def window(self, window: Window) -> "ImagePatch":
        """Return the part in a window, which is inside the patch."""
        return self.crop(*window.slices_in(Window(0, 0, *self.shape[::-1])))


@dataclass(frozen=True, slots=True)
class PatchShift:
    """A matched patch: what is at ``p`` in the reference is at ``p + (dx, dy)`` in the other."""

    dx: float
    dy: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TiePoints:
    """Where patches of a reference image were found in a moving image.

    What is at pixel coordinates ``p`` (n, 2: column, row from the outer corner of the first pixel)
    in the reference is at ``p + shift`` (n, 2: dx, dy) in the moving image. Scores (n,) are how
    much better edges agree there than at other shifts, in standard deviations; unrelated patches
    reach 4 or 5 by chance. ``places`` is how many patches were compared.
    """

    points: Points
    shifts: Points
    scores: NDArray[np.float64]
    places: int = 0

    def __post_init__(self) -> None:
        count = len(self.scores)
        if not self.points.shape == self.shifts.shape == (count, 2):
            raise InputError(
                f"tie points have one place, shift and score each; got {self.points.shape}, "
                f"{self.shifts.shape}, {self.scores.shape}"
            )

    def __len__(self) -> int:
        return len(self.scores)


def patch_centres(shape: tuple[int, int], count: int, size: int) -> Points:
    """Return the (column, row) of the centres of patches on a regular grid over an image.

    The outer patches, squares of ``size`` pixels, touch the image's edges. Patches overlap by at
    most half, so that small images have fewer of them than ``count`` along an axis.

    Raises:
        InputError: the patch does not fit into the image, or ``count`` is less than 1.
    """
    if count < 1 or not 1 <= size <= min(shape):
        raise InputError(
            f"patches are inside the image and at least one; got {count} patches of {size} px "
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
    number = min(count, max(2 * side // size - 1, 1))
    if number == 1:
        return np.array([(side - size) // 2], dtype=np.float64)
    return np.round(np.linspace(0, side - size, number))
