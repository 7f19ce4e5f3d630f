"""Where the pixels of a map appear in sensor images, window by window.

A camera model is smooth in place and height, and the ground is rough. So the camera is evaluated
exactly on a coarse lattice of nodes and at three heights, and is interpolated between them; heights
are looked up at every pixel. GDAL's RPC transformer neither reports its interpolation error nor
refuses heights over a geoid.
"""

from dataclasses import dataclass, field

import numpy as np

from landslip.core.errors import InputError
from landslip.core.grid import Grid, window_around
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.resampling import Flags, NodeLattice, Pixels, Points

TOLERANCE_PX = 0.05
_COARSEST_PX, _FINEST_PX = 64, 4
_PROBES = 64
_NEGLIGIBLE_PX = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCoordinates:
    """Where each pixel of a map's window (height, width) appears in an image.

    The pixel coordinates ``col`` and ``row`` are less ``corner``, whole pixels (col, row);
    ``touched`` is the part of the image that appears, which may be outside it; ``error_px`` is the
    largest error of the interpolation at probes.
    """

    col: Pixels
    row: Pixels
    corner: tuple[int, int]
    touched: Window
    error_px: float

    def relative_to(self, window: Window) -> tuple[Pixels, Pixels]:
        """Return the pixel coordinates (col, row) within a window of the image."""
        return (
            self.col + np.float32(self.corner[0] - window.col_off),
            self.row + np.float32(self.corner[1] - window.row_off),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundWindow:
    """The ground under one window of a map (height, width), in metres over the ellipsoid.

    Heights are to be used where ``known``.
    """

    ground: "GroundGrid"
    window: Window
    height_m: Pixels
    known: Flags

    def project(self, rpc: RPC) -> ImageCoordinates:
        """Return where the window's pixels appear to a camera, within `TOLERANCE_PX`.

        Raises:
            InputError: the camera model is so rough that no lattice is fine enough.
        """
        step = _COARSEST_PX
        while True:
            image = self._interpolate(rpc, step)
            if image.error_px <= TOLERANCE_PX:
                return image
            if step <= _FINEST_PX:
                raise InputError(
                    f"the RPC cannot be interpolated to {TOLERANCE_PX} px around {self.window} of "
                    f"the map (off by {image.error_px:.2f} px); its coefficients are damaged, or "
                    "the ground is far outside the heights it was made for"
                )
            step //= 2

    def _interpolate(self, rpc: RPC, step_px: int) -> ImageCoordinates:
        """Return ``p0 + p1 t + p2 t^2`` in the height ``t``, with parts interpolated from nodes."""
        lattice = NodeLattice.over(self.window.shape, step_px)
        lonlat = self.ground.lonlat_of(self.window, lattice.points)
        low, high = float(self.height_m.min()), float(self.height_m.max())
        middle, half = (low + high) / 2, max((high - low) / 2, 1.0)
        below, level, above = (
            rpc.project(lonlat, np.full(len(lonlat), middle + sign * half)) for sign in (-1, 0, 1)
        )
        corner = np.floor(np.nanmin(level, axis=0)).astype(int)
        slope, curve = (above - below) / 2, (above + below) / 2 - level
        # what leaving it out amounts to is measured by the probes all the same
        bent = [axis for axis in (0, 1) if np.abs(curve[:, axis]).max() > _NEGLIGIBLE_PX]
        values = np.vstack([(level - corner).T, slope.T, curve.T[bent]])
        height, width = self.window.shape
        col, row = np.empty((2, height, width), dtype=np.float32)
        ends: list[list[np.float32]] = [[], []]
        for strip, parts in lattice.interpolate_rows(values):
            relative = (self.height_m[strip] - np.float32(middle)) / np.float32(half)
            for axis, out in enumerate((col, row)):
                total = parts[2 + axis]
                if axis in bent:
                    total += parts[4 + bent.index(axis)] * relative
                total *= relative
                np.add(total, parts[axis], out=out[strip])
                ends[axis] += [out[strip].min(), out[strip].max()]
        number = np.arange(_PROBES)
        rows = ((number + 0.5) / _PROBES * height).astype(np.intp)
        # the golden ratio spreads columns evenly, whatever the number of probes
        cols = ((number * 0.6180339887) % 1 * width).astype(np.intp)
        lonlat = self.ground.lonlat_of(self.window, np.column_stack([cols, rows]) + np.float64(0.5))
        exact = rpc.project(lonlat, self.ground.elevation.at(lonlat))
        error = exact - (np.column_stack([col[rows, cols], row[rows, cols]]) + corner)
        return ImageCoordinates(
            col=col,
            row=row,
            corner=(int(corner[0]), int(corner[1])),
            touched=window_around(np.transpose(ends) + corner, 0),
            error_px=float(np.hypot(*error.T).max()),
        )


@dataclass(frozen=True, slots=True)
class GroundGrid:
    """A map's grid over known heights."""

    grid: Grid
    elevation: Elevation
    _projection: GridProjection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_projection", GridProjection(self.grid))

    def window(self, window: Window) -> GroundWindow:
        """Look up the heights under a window; it may be partly outside the grid."""
        lattice = NodeLattice.over(window.shape, _COARSEST_PX)
        pixels = self.elevation.pixels_of(self.lonlat_of(window, lattice.points))
        corner = np.floor(pixels.min(axis=0)).astype(int)
        col, row = (lattice.interpolate((pixels - corner)[:, axis]) for axis in (0, 1))
        height_m, known = self.elevation.sample(col, row, (int(corner[0]), int(corner[1])))
        return GroundWindow(ground=self, window=window, height_m=height_m, known=known)

    def lonlat_of(self, window: Window, points: Points) -> Points:
        """Return longitudes and latitudes (n, 2) of pixel coordinates in a window."""
        return self._projection.lonlat_of(points + np.array([window.col_off, window.row_off]))
