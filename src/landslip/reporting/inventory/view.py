"""A part of the ground as it lies on a picture."""

import math
from dataclasses import dataclass

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray

from landslip.core.grid import Grid, map_points

Points = NDArray[np.float64]
_WGS84 = pyproj.CRS.from_epsg(4326)
_GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A picture's frame.

    Attributes:
        crs: coordinate system of the ground; None where it is not known.
        transform: from pixels (x, y) of the picture to the ground.
        width: of the picture in pixels.
        height: the same.
    """

    crs: pyproj.CRS | None
    transform: Affine
    width: int
    height: int

    @classmethod
    def of_grid(cls, grid: Grid) -> "View":
        """Return the view of a raster's pixels."""
        crs = None if grid.crs is None else pyproj.CRS.from_user_input(grid.crs.to_wkt())
        return cls(crs=crs, transform=grid.transform, width=grid.shape[1], height=grid.shape[0])

    @classmethod
    def around(
        cls,
        bounds: tuple[float, float, float, float],
        crs: pyproj.CRS | None,
        longest_px: int,
        *,
        rows_down: bool = False,
    ) -> "View":
        """Return a view of what lies within bounds (left, bottom, right, top), with a margin.

        Degrees of longitude are drawn shorter, as they are at the middle's latitude. The picture
        is at most three times as wide as high, or as high as wide.

        Args:
            bounds: of what is shown, on the ground.
            crs: of the ground.
            longest_px: longer side of the picture.
            rows_down: y is counted downwards, as rows of an image are.
        """
        left, bottom, right, top = bounds
        squeeze = 1.0
        if crs is not None and crs.is_geographic:
            middle = math.radians((bottom + top) / 2 * _angle_unit(crs))
            squeeze = max(math.cos(middle), 0.02)
        width, height = (right - left) * squeeze, top - bottom
        longest = max(width, height) or _least_extent(crs)
        width, height = max(width, longest / 3), max(height, longest / 3)
        pad = 0.06 * longest
        width, height = width + 2 * pad, height + 2 * pad
        unit = max(width, height) / longest_px
        down = 1.0 if rows_down else -1.0
        x, y = (left + right) / 2 - width / squeeze / 2, (bottom + top) / 2 - down * height / 2
        return cls(
            crs=crs,
            transform=Affine(unit / squeeze, 0, x, 0, down * unit, y),
            width=max(round(width / unit), 1),
            height=max(round(height / unit), 1),
        )

    def scaled_to(self, width_px: float) -> "View":
        """Return the same ground on a picture of another width."""
        times = self.width / width_px
        return View(
            crs=self.crs,
            transform=self.transform @ Affine.scale(times),
            width=round(width_px),
            height=max(round(self.height / times), 1),
        )

    def pixels(self, points: Points) -> Points:
        """Return where points (n, 2) of the ground lie on the picture."""
        return map_points(~self.transform, points)

    def lonlat(self, pixels: Points) -> Points | None:
        """Return WGS 84 longitude and latitude of pixels; None without a coordinate system."""
        if self.crs is None:
            return None
        ground = map_points(self.transform, pixels)
        change = pyproj.Transformer.from_crs(self.crs, _WGS84, always_xy=True)
        return np.column_stack(change.transform(ground[:, 0], ground[:, 1]))

    def pixels_of_lonlat(self, lonlat: Points) -> Points | None:
        """Return where WGS 84 longitudes and latitudes lie on the picture."""
        if self.crs is None:
            return None
        change = pyproj.Transformer.from_crs(_WGS84, self.crs, always_xy=True)
        return self.pixels(np.column_stack(change.transform(lonlat[:, 0], lonlat[:, 1])))

    @property
    def metres_per_px(self) -> float | None:
        """How far a pixel to the right is, on the ellipsoid, in the middle of the picture."""
        row = np.full(2, self.height / 2)
        ends = self.lonlat(np.column_stack([[0.25 * self.width, 0.75 * self.width], row]))
        if ends is None or not np.isfinite(ends).all():
            return None
        length_m = float(_GEOD.inv(*ends[0], *ends[1])[2])
        return length_m / (0.5 * self.width) if length_m > 0 else None

    @property
    def north_deg(self) -> float | None:
        """Where true north is in the middle of the picture, in degrees to the right of up."""
        middle = self.lonlat(np.array([[self.width / 2, self.height / 2]]))
        if middle is None or not np.isfinite(middle).all():
            return None
        step = np.array([[0.0, 0.0], [0.0, 1e-4]])
        ends = self.pixels_of_lonlat(middle + step)
        if ends is None or not np.isfinite(ends).all():
            return None
        x, y = ends[1] - ends[0]
        return math.degrees(math.atan2(x, -y))


def _angle_unit(crs: pyproj.CRS) -> float:
    """Return how many degrees a unit of the axes is."""
    return math.degrees(float(crs.axis_info[0].unit_conversion_factor))


def _least_extent(crs: pyproj.CRS | None) -> float:
    """Return what is shown around a single point."""
    return 0.01 if crs is not None and crs.is_geographic else 1000.0
