"""Between a grid's pixels and longitude and latitude."""

from dataclasses import dataclass, field

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.enums import TransformDirection

from landslip.core.crs import horizontal_crs
from landslip.core.grid import Grid, map_points
from landslip.preprocessing.resampling import Flags, Pixels, bilinear, nearest

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridProjection:
    """A grid in a coordinate system, tied to longitude and latitude on WGS 84."""

    grid: Grid
    _from_lonlat: pyproj.Transformer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.grid.crs is None:
            raise ValueError("a grid without a coordinate system lies nowhere")
        flat = horizontal_crs(self.grid.crs)
        transformer = pyproj.Transformer.from_crs(4326, flat, always_xy=True)
        object.__setattr__(self, "_from_lonlat", transformer)

    def lonlat_of(self, points: Points) -> Points:
        """Return longitudes and latitudes (n, 2) of pixel coordinates (n, 2)."""
        x, y = map_points(self.grid.transform, points).T
        return np.column_stack(
            self._from_lonlat.transform(x, y, direction=TransformDirection.INVERSE)
        )

    def pixels_of(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        x, y = self._from_lonlat.transform(lonlat_deg[:, 0], lonlat_deg[:, 1])
        return map_points(~self.grid.transform, np.column_stack([x, y]))

    def map_of(self, lonlat_deg: Points) -> Points:
        """Return map coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        return np.column_stack(self._from_lonlat.transform(lonlat_deg[:, 0], lonlat_deg[:, 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """Heights on a grid of any coordinate system; between pixel centres they are bilinear.

    Attributes:
        height_m: (height, width) float32, metres over the WGS 84 ellipsoid, none missing.
        known: (height, width) bool, False where a height is not to be used.
        grid: where they lie.
    """

    height_m: Pixels
    known: Flags
    grid: Grid
    _frame: GridProjection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_frame", GridProjection(self.grid))

    @property
    def range_m(self) -> tuple[float, float]:
        """The lowest and the highest height."""
        return float(self.height_m.min()), float(self.height_m.max())

    def pixels_of(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2) in this grid of longitudes and latitudes (n, 2)."""
        return self._frame.pixels_of(lonlat_deg)

    def at(self, lonlat_deg: Points) -> NDArray[np.float64]:
        """Return heights (n,) at longitudes and latitudes; those outside take the edge's."""
        col, row = (self.pixels_of(lonlat_deg) - 0.5).T
        height, width = self.height_m.shape
        col, row = np.clip(col, 0, width - 1), np.clip(row, 0, height - 1)
        left = np.minimum(col.astype(np.intp), max(width - 2, 0))
        top = np.minimum(row.astype(np.intp), max(height - 2, 0))
        right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        dx, dy = col - left, row - top
        upper = self.height_m[top, left] * (1 - dx) + self.height_m[top, right] * dx
        lower = self.height_m[bottom, left] * (1 - dx) + self.height_m[bottom, right] * dx
        heights: NDArray[np.float64] = upper * (1 - dy) + lower * dy
        return heights

    def covers(self, lonlat_deg: Points) -> Flags:
        """Return which points (n,) lie inside the grid."""
        col, row = self.pixels_of(lonlat_deg).T
        height, width = self.height_m.shape
        inside: Flags = (col >= 0) & (row >= 0) & (col <= width) & (row <= height)
        return inside

    def sample(self, col: Pixels, row: Pixels, corner: tuple[int, int]) -> tuple[Pixels, Flags]:
        """Look up heights and where they may be used, (height, width) each, at pixel coordinates.

        Args:
            col: (height, width) pixel coordinates less ``corner``, which keeps float32 exact.
            row: the same.
            corner: (col, row) whole pixels that were taken off.
        """
        left, top, right, bottom = _extent(col, row, corner, self.height_m.shape)
        part = np.s_[top:bottom, left:right]
        x, y = col - np.float32(left - corner[0]), row - np.float32(top - corner[1])
        heights = bilinear(self.height_m[part], x, y)
        if self.known[part].all() and self._holds(col, row, corner):
            return heights, np.ones(heights.shape, dtype=np.bool_)
        return heights, nearest(self.known[part], x, y)

    def _holds(self, col: Pixels, row: Pixels, corner: tuple[int, int]) -> bool:
        """Whether no coordinate lies outside the grid."""
        height, width = self.height_m.shape
        return bool(
            col.min() >= -corner[0]
            and row.min() >= -corner[1]
            and col.max() <= width - corner[0]
            and row.max() <= height - corner[1]
        )


def _extent(
    col: Pixels,
    row: Pixels,
    corner: tuple[int, int],
    shape: tuple[int, ...],
) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the pixels that a look-up needs."""
    spans = []
    for values, offset, length in ((col, corner[0], shape[1]), (row, corner[1], shape[0])):
        low = min(max(int(np.floor(values.min())) + offset - 2, 0), length - 1)
        high = max(min(int(np.ceil(values.max())) + offset + 3, length), low + 1)
        spans.append((low, high))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom
