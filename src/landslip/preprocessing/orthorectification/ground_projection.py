"""Where the pixels of a map are seen in sensor images, window by window.

A camera model is smooth in place and height, and the ground is rough. So the camera is evaluated
exactly on a coarse lattice of nodes and at three heights, and is interpolated between them; heights
are looked up at every pixel.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.resampling import Flags, NodeLattice, Pixels

TOLERANCE_PX = 0.05
_COARSEST_PX, _FINEST_PX = 64, 4
_PROBES = 64
_TINY_PX = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCoordinates:
    """Where each pixel of a map's window is seen in an image.

    Attributes:
        col, row: (height, width) float32 pixel coordinates less ``corner``.
        corner: (col, row) whole pixels.
        error_px: largest error of the interpolation found at probes.
    """

    col: Pixels
    row: Pixels
    corner: tuple[int, int]
    error_px: float

    def source_window(self, margin_px: int) -> Window:
        """Return the window of the image that is seen, with a margin; it may lie outside."""
        left, right = int(np.floor(self.col.min())), int(np.ceil(self.col.max()))
        top, bottom = int(np.floor(self.row.min())), int(np.ceil(self.row.max()))
        col, row = self.corner[0] + left - margin_px, self.corner[1] + top - margin_px
        return Window(col, row, right - left + 2 * margin_px, bottom - top + 2 * margin_px)

    def relative_to(self, window: Window) -> tuple[Pixels, Pixels]:
        """Return the pixel coordinates (col, row) within a window of the image."""
        return (
            self.col + np.float32(self.corner[0] - window.col_off),
            self.row + np.float32(self.corner[1] - window.row_off),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundWindow:
    """The ground under one window of a map.

    Attributes:
        window: which window.
        frame: of the whole map.
        elevation: the heights it was looked up in.
        height_m: (height, width) metres over the ellipsoid.
        known: (height, width) where the height is to be used.
    """

    window: Window
    frame: GridProjection
    elevation: Elevation
    height_m: Pixels
    known: Flags

    def seen_by(self, rpc: RPC) -> ImageCoordinates:
        """Return where the patch is seen by a camera, within `TOLERANCE_PX`.

        Raises:
            InputError: the camera model is so rough that no lattice is fine enough.
        """
        step = _COARSEST_PX
        while True:
            seen = self._interpolated(rpc, step)
            if seen.error_px <= TOLERANCE_PX:
                return seen
            if step <= _FINEST_PX:
                raise InputError(
                    f"the RPC cannot be interpolated to {TOLERANCE_PX} px around "
                    f"{self.window} of the map (off by "
                    f"{seen.error_px:.2f} px); its coefficients are damaged, or the ground lies "
                    "far outside the heights it was made for"
                )
            step //= 2

    def _interpolated(self, rpc: RPC, step_px: int) -> ImageCoordinates:
        lattice = NodeLattice.over(self.window.shape, step_px)
        lonlat = self._lonlat(lattice.points)
        low, high = float(self.height_m.min()), float(self.height_m.max())
        middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
        below, level, above = (
            rpc.project(lonlat, np.full(len(lonlat), middle + sign * half)) for sign in (-1, 0, 1)
        )
        corner = np.floor(np.nanmin(level, axis=0)).astype(int)
        parts = (level - corner, (above - below) / 2, (above + below) / 2 - level)
        relative = (self.height_m - np.float32(middle)) / np.float32(half)
        col, row = (
            _quadratic(lattice, [part[:, axis] for part in parts], relative) for axis in (0, 1)
        )
        off = (int(corner[0]), int(corner[1]))
        return ImageCoordinates(
            col=col, row=row, corner=off, error_px=self._error(rpc, col, row, corner)
        )

    def _error(self, rpc: RPC, col: Pixels, row: Pixels, corner: NDArray[np.int_]) -> float:
        """Return the largest distance from the exact camera at probes spread over the window."""
        height, width = self.window.shape
        spot = np.arange(_PROBES)
        rows = ((spot + 0.5) / _PROBES * height).astype(np.intp)
        # the golden ratio spreads columns evenly, whatever the number of probes
        cols = ((spot * 0.6180339887) % 1 * width).astype(np.intp)
        lonlat = self._lonlat(np.column_stack([cols, rows]) + np.float64(0.5))
        exact = rpc.project(lonlat, self.elevation.at(lonlat))
        found = np.column_stack([col[rows, cols], row[rows, cols]]) + corner
        return float(np.hypot(*(exact - found).T).max())

    def _lonlat(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return longitudes and latitudes (n, 2) of pixel coordinates in the window."""
        return self.frame.lonlat_of(points + np.array([self.window.col_off, self.window.row_off]))


@dataclass(frozen=True, slots=True)
class GroundGrid:
    """A map's grid over known heights."""

    grid: Grid
    elevation: Elevation
    _frame: GridProjection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_frame", GridProjection(self.grid))

    def patch(self, window: Window) -> GroundWindow:
        """Look up the heights under a window; it may lie partly outside the grid."""
        lattice = NodeLattice.over(window.shape, _COARSEST_PX)
        nodes = lattice.points + np.array([window.col_off, window.row_off])
        pixels = self.elevation.pixels_of(self._frame.lonlat_of(nodes))
        corner = np.floor(pixels.min(axis=0)).astype(int)
        col, row = (lattice.spread((pixels - corner)[:, axis]) for axis in (0, 1))
        height_m, known = self.elevation.sample(col, row, (int(corner[0]), int(corner[1])))
        return GroundWindow(
            window=window,
            frame=self._frame,
            elevation=self.elevation,
            height_m=height_m,
            known=known,
        )


def _quadratic(lattice: NodeLattice, parts: list[NDArray[np.float64]], relative: Pixels) -> Pixels:
    """Return ``p0 + p1 t + p2 t^2`` with parts spread from nodes; p2 is left out where it is tiny.

    What it amounts to is measured by the probes all the same.
    """
    at_zero, slope, curve = parts
    total = lattice.spread(slope)
    if np.abs(curve).max() > _TINY_PX:
        total += lattice.spread(curve) * relative
    total *= relative
    total += lattice.spread(at_zero)
    return total
