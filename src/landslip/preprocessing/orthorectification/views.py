"""Sensor images, read where a map needs them."""

import math
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from landslip.core.grid import Grid, erode_valid
from landslip.core.rpc import RPC, ImageCorrection
from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.coregistration.tie_points import ImagePatch
from landslip.preprocessing.orthorectification.elevation import GridProjection
from landslip.preprocessing.orthorectification.ground_projection import (
    GroundGrid,
    ImageCoordinates,
)
from landslip.preprocessing.resampling import (
    SPLINE_MARGIN_PX,
    Flags,
    NodeLattice,
    Pixels,
    cubic,
    nearest,
    spline,
)

_KERNEL_PX = 2


@dataclass(frozen=True, slots=True)
class CameraImage:
    """An open sensor image with its camera.

    A pixel is missing where all its bands are nodata, or one is not finite.
    """

    image: SensorImage
    rpc: RPC

    def corrected(self, correction: ImageCorrection) -> "CameraImage":
        """Return the image with one more correction of its camera."""
        return CameraImage(self.image, self.rpc.corrected(correction))

    def sharp(self, seen: ImageCoordinates) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic convolution, and where it is.

        For maps about as fine as the image.
        """
        values, valid, col, row = self._around(seen, _KERNEL_PX + 1)
        whole = _seen(valid, col, row)
        return _bands_first(cubic(values, col, row)), whole

    def smooth(self, seen: ImageCoordinates) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic splines, and where it is.

        For maps much finer than the image.
        """
        values, valid, col, row = self._around(seen, SPLINE_MARGIN_PX)
        whole = _seen(valid, col, row)
        return _bands_first(spline(_spread_edges(values, valid), col, row)), whole

    def _around(
        self, seen: ImageCoordinates, margin_px: int
    ) -> tuple[Pixels, Flags, Pixels, Pixels]:
        """Read what a map sees, (height, width, bands), and coordinates in it."""
        window = seen.source_window(margin_px)
        values = np.zeros((*window.shape, self.image.count), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.image.shape)
        if inside is not None:
            stored = self.image.read(inside)
            where = inside.slices_in(window)
            values[where] = np.moveaxis(stored, 0, -1)
            valid[where] = self.image.holds(stored)
        col, row = seen.relative_to(window)
        return values, valid, col, row


def _seen(valid: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return where all pixels that a kernel reads are valid (height, width)."""
    if valid.all():
        return np.ones(col.shape, dtype=np.bool_)
    return nearest(erode_valid(valid, _KERNEL_PX), col, row)


def _bands_first(values: Pixels) -> Pixels:
    if values.ndim == 2:
        return values[np.newaxis]
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _spread_edges(values: Pixels, valid: Flags) -> Pixels:
    """Replace missing pixels by the mean of the others, so that splines ring less at the edge."""
    if valid.all() or not valid.any():
        return values
    mean = values[valid].mean(axis=0)
    return np.where(valid[..., np.newaxis], values, mean)


_STEP_PX = 64
_NEARLY_ALL = 0.99


class MapView(Protocol):
    """An image as it would be on a grid."""

    def patch(self, window: Window) -> ImagePatch:
        """Return the mean of its bands in a window of the grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoView:
    """A sensor image on a grid, averaged over each pixel where the grid is coarser.

    Attributes:
        ground: the grid and its heights.
        source: the image.
        finer: how many of the image's pixels go into one of the grid, along an axis.
        weights: of the bands; None for the same of each.
    """

    ground: GroundGrid
    source: CameraImage
    finer: int = 1
    weights: tuple[float, ...] | None = None
    _fine: GroundGrid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = self.ground.grid.finer(self.finer)
        object.__setattr__(self, "_fine", GroundGrid(grid, self.ground.elevation))

    def patch(self, window: Window) -> ImagePatch:
        """Return the weighted mean of the bands in a window of the grid."""
        patch = self._fine.patch(finer_window(window, self.finer))
        values, valid = self.source.sharp(patch.seen_by(self.source.rpc))
        mean = np.average(values, axis=0, weights=self.weights).astype(np.float32)
        return block_patch(mean, valid & patch.known, self.finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprojectedView:
    """A mapped raster seen on a grid of any other coordinate system."""

    grid: Grid
    image: SensorImage
    finer: int = 1
    _frames: tuple[GridProjection, GridProjection] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        frames = GridProjection(self.grid.finer(self.finer)), GridProjection(self.image.grid)
        object.__setattr__(self, "_frames", frames)

    def patch(self, window: Window) -> ImagePatch:
        """Return the mean of the bands in a window of the grid."""
        ours, theirs = self._frames
        fine = finer_window(window, self.finer)
        lattice = NodeLattice.over(fine.shape, _STEP_PX)
        nodes = lattice.points + np.array([fine.col_off, fine.row_off])
        pixels = theirs.pixels_of(ours.lonlat_of(nodes))
        low = np.floor(pixels.min(axis=0)).astype(int) - _KERNEL_PX - 1
        high = np.ceil(pixels.max(axis=0)).astype(int) + _KERNEL_PX + 1
        source = Window(int(low[0]), int(low[1]), *(high - low).tolist())
        values, valid = _mean_of_bands(self.image, source)
        col, row = (lattice.spread((pixels - low)[:, axis]) for axis in (0, 1))
        seen = nearest(erode_valid(valid, _KERNEL_PX), col, row)
        return block_patch(cubic(values, col, row), seen, self.finer)


def finer_window(window: Window, times: int) -> Window:
    """Return the window of the same ground in a grid ``times`` finer."""
    return Window(
        window.col_off * times, window.row_off * times, window.width * times, window.height * times
    )


def block_patch(values: Pixels, valid: Flags, block: int) -> ImagePatch:
    """Return means of blocks, valid where nearly all of a block is."""
    if block == 1:
        return ImagePatch(values, valid)
    size = values.shape[1] // block, values.shape[0] // block
    mean = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return ImagePatch(mean, np.asarray(share) > _NEARLY_ALL)


def oversampling(coarse_m: float, fine_m: float) -> int:
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
