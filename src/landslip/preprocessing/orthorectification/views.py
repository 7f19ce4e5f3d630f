"""Images resampled onto a map window by window: sensor images through their cameras, and maps."""

import math
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from landslip.core.grid import Grid, erode_valid, window_around
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
_STEP_PX = 64
_LEAST_VALID = 0.99


@dataclass(frozen=True, slots=True)
class CameraImage:
    """An open sensor image with its camera."""

    image: SensorImage
    rpc: RPC

    def corrected(self, correction: ImageCorrection) -> "CameraImage":
        """Return the image with one more correction of its camera."""
        return CameraImage(self.image, self.rpc.corrected(correction))

    def may_see(self, ground: GroundGrid, window: Window) -> bool:
        """Tell whether a part of a map's window may be in the image, whatever its heights are."""
        lonlat = ground.lonlat_of(window, NodeLattice.over(window.shape, _STEP_PX).points)
        pixels = np.concatenate(
            [
                self.rpc.project(lonlat, np.full(len(lonlat), height_m))
                for height_m in ground.elevation.range_m
            ]
        )
        if not np.isfinite(pixels).all():
            return True
        return window_around(pixels, _STEP_PX).clipped(self.image.shape) is not None

    def resample_cubic(self, coordinates: ImageCoordinates) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic convolution, and its mask.

        For maps about as fine as the image.
        """
        window = coordinates.touched.padded(_KERNEL_PX + 1)
        values, valid = _read_padded(self.image, window)
        col, row = coordinates.relative_to(window)
        return _bands_first(cubic(values, col, row)), _kernel_valid(valid, col, row)

    def resample_spline(self, coordinates: ImageCoordinates) -> tuple[Pixels, Flags]:
        """Return the image (bands, height, width) on a map by cubic splines, and its mask.

        For maps much finer than the image.
        """
        window = coordinates.touched.padded(SPLINE_MARGIN_PX)
        values, valid = _read_padded(self.image, window)
        col, row = coordinates.relative_to(window)
        if valid.any() and not valid.all():
            # splines ring less at the edge of the mean than at that of 0
            mean = values[valid].mean(axis=0)
            values = np.where(valid[..., np.newaxis], values, mean)
        return _bands_first(spline(values, col, row)), _kernel_valid(valid, col, row)


class MapView(Protocol):
    """An image as it appears on a grid."""

    def patch(self, window: Window) -> ImagePatch:
        """Return the mean of its bands in a window of the grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoView:
    """A sensor image on a grid; ``finer`` x ``finer`` of its pixels are averaged into one."""

    ground: GroundGrid
    source: CameraImage
    finer: int = 1
    _fine: GroundGrid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        grid = self.ground.grid.finer(self.finer)
        object.__setattr__(self, "_fine", GroundGrid(grid, self.ground.elevation))

    def patch(self, window: Window) -> ImagePatch:
        """Return the mean of the bands in a window of the grid."""
        ground = self._fine.window(window.scaled(self.finer))
        values, valid = self.source.resample_cubic(ground.project(self.source.rpc))
        return block_mean_patch(values.mean(axis=0), valid & ground.known, self.finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReprojectedView:
    """A mapped raster on a grid of any other coordinate system."""

    grid: Grid
    image: SensorImage
    finer: int = 1
    _projections: tuple[GridProjection, GridProjection] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        projections = GridProjection(self.grid.finer(self.finer)), GridProjection(self.image.grid)
        object.__setattr__(self, "_projections", projections)

    def patch(self, window: Window) -> ImagePatch:
        """Return the mean of the bands in a window of the grid."""
        own, other = self._projections
        fine = window.scaled(self.finer)
        lattice = NodeLattice.over(fine.shape, _STEP_PX)
        nodes = lattice.points + np.array([fine.col_off, fine.row_off])
        pixels = other.pixels_of(own.lonlat_of(nodes))
        source = window_around(pixels, _KERNEL_PX + 1)
        pixels -= (source.col_off, source.row_off)
        values, valid = _read_padded(self.image, source, as_mean=True)
        col, row = (lattice.interpolate(pixels[:, axis]) for axis in (0, 1))
        mask = nearest(erode_valid(valid, _KERNEL_PX), col, row)
        return block_mean_patch(cubic(values, col, row), mask, self.finer)


def block_mean_patch(values: Pixels, valid: Flags, block: int) -> ImagePatch:
    """Return means of blocks of an image (height, width), valid where nearly all of a block is."""
    if block == 1:
        return ImagePatch(values, valid)
    size = values.shape[1] // block, values.shape[0] // block
    mean = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    fraction = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return ImagePatch(mean, np.asarray(fraction) > _LEAST_VALID)


def oversampling(coarse_m: float, fine_m: float) -> int:
    """Return how many pixels of a fine image fit beside each other in one of a coarse grid."""
    return max(1, math.floor(coarse_m / fine_m + 0.25))


def _read_padded(
    image: SensorImage, window: Window, *, as_mean: bool = False
) -> tuple[Pixels, Flags]:
    """Read (height, width, bands), or the mean of the bands, and the mask; 0 outside the image."""
    values = np.zeros(window.shape if as_mean else (*window.shape, image.count), np.float32)
    valid = np.zeros(window.shape, dtype=np.bool_)
    inside = window.clipped(image.shape)
    if inside is not None:
        stored, known = image.read(inside)
        place = inside.slices_in(window)
        values[place] = (
            np.mean(stored, axis=0, dtype=np.float32) if as_mean else np.moveaxis(stored, 0, -1)
        )
        valid[place] = known
    return values, valid


def _kernel_valid(valid: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return where all pixels that a kernel reads are valid (height, width)."""
    if valid.all():
        return np.ones(col.shape, dtype=np.bool_)
    return nearest(erode_valid(valid, _KERNEL_PX), col, row)


def _bands_first(values: Pixels) -> Pixels:
    if values.ndim == 2:
        return values[np.newaxis]
    bands = np.empty((values.shape[2], *values.shape[:2]), dtype=values.dtype)
    cv2.split(values, list(bands))
    return bands
