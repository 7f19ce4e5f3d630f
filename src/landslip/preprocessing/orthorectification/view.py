"""What images look like on a map, window by window, for matching."""

import math
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from landslip.core.grid import Grid, erode_valid
from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.patches import Patch
from landslip.preprocessing.orthorectification.frame import Frame
from landslip.preprocessing.orthorectification.ground import Ground
from landslip.preprocessing.orthorectification.lattice import Lattice
from landslip.preprocessing.orthorectification.resample import Flags, Pixels, cubic, nearest
from landslip.preprocessing.orthorectification.source import Source

_STEP_PX = 64
_KERNEL_PX = 2
_NEARLY_ALL = 0.99


class View(Protocol):
    """An image as it would be on a grid."""

    def patch(self, window: Window) -> Patch:
        """Return the mean of its bands in a window of the grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """A sensor image on a grid, averaged over each pixel where the grid is coarser.

    Attributes:
        ground: the grid and its heights.
        source: the image.
        finer: how many of the image's pixels go into one of the grid, along an axis.
        weights: of the bands; None for the same of each.
    """

    ground: Ground
    source: Source
    finer: int = 1
    weights: tuple[float, ...] | None = None
    _fine: Ground = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = self.ground.grid.finer(self.finer)
        object.__setattr__(self, "_fine", Ground(grid, self.ground.elevation))

    def patch(self, window: Window) -> Patch:
        """Return the weighted mean of the bands in a window of the grid."""
        patch = self._fine.patch(finer_window(window, self.finer))
        values, valid = self.source.sharp(patch.seen_by(self.source.rpc))
        mean = np.average(values, axis=0, weights=self.weights).astype(np.float32)
        return averaged(mean, valid & patch.known, self.finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedView:
    """A mapped raster seen on a grid of any other coordinate system."""

    grid: Grid
    image: SensorImage
    finer: int = 1
    _frames: tuple[Frame, Frame] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        frames = Frame(self.grid.finer(self.finer)), Frame(self.image.grid)
        object.__setattr__(self, "_frames", frames)

    def patch(self, window: Window) -> Patch:
        """Return the mean of the bands in a window of the grid."""
        ours, theirs = self._frames
        fine = finer_window(window, self.finer)
        lattice = Lattice.over(fine.shape, _STEP_PX)
        nodes = lattice.points + np.array([fine.col_off, fine.row_off])
        pixels = theirs.pixels_of(ours.lonlat_of(nodes))
        low = np.floor(pixels.min(axis=0)).astype(int) - _KERNEL_PX - 1
        high = np.ceil(pixels.max(axis=0)).astype(int) + _KERNEL_PX + 1
        source = Window(int(low[0]), int(low[1]), *(high - low).tolist())
        values, valid = _mean_of_bands(self.image, source)
        col, row = (lattice.spread((pixels - low)[:, axis]) for axis in (0, 1))
        seen = nearest(erode_valid(valid, _KERNEL_PX), col, row)
        return averaged(cubic(values, col, row), seen, self.finer)


def finer_window(window: Window, times: int) -> Window:
    """Return the window of the same ground in a grid ``times`` finer."""
    return Window(
        window.col_off * times, window.row_off * times, window.width * times, window.height * times
    )


def averaged(values: Pixels, valid: Flags, block: int) -> Patch:
    """Return means of blocks, valid where nearly all of a block is."""
    if block == 1:
        return Patch(values, valid)
    size = values.shape[1] // block, values.shape[0] // block
    mean = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Patch(mean, np.asarray(share) > _NEARLY_ALL)


def times_finer(coarse_m: float, fine_m: float) -> int:
    """Return how many pixels of a fine image fit beside each other in one of a coarse grid."""
    return max(1, math.floor(coarse_m / fine_m + 0.25))


def _mean_of_bands(image: SensorImage, window: Window) -> tuple[Pixels, Flags]:
    values = np.zeros(window.shape, dtype=np.float32)
    valid = np.zeros(window.shape, dtype=np.bool_)
    inside = window.clipped(image.shape)
    if inside is not None:
        stored = image.read(inside)
        where = inside.slices_in(window)
        values[where] = np.mean(stored, axis=0, dtype=np.float32)
        valid[where] = image.holds(stored)
    return values, valid
