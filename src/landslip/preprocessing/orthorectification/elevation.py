"""Heights over the ellipsoid on a grid, looked up at longitude and latitude."""

from dataclasses import dataclass, field

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.grid import Grid, map_points
from landslip.core.transformations import Transformation, transformation
from landslip.preprocessing.resampling import (
    Flags,
    Pixels,
    Points,
    bilinear,
    bilinear_at,
    nearest,
)


@dataclass(frozen=True, slots=True)
class GridProjection:
    """From a grid's pixels to longitude and latitude on WGS 84, and back."""

    grid: Grid
    _from_lonlat: Transformation = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.grid.crs is None:
            raise ValueError("a grid needs a coordinate system to be projected")
        wgs84 = pyproj.CRS.from_epsg(4326)
        object.__setattr__(self, "_from_lonlat", transformation(wgs84, self.grid.crs))

    def lonlat_of(self, points: Points) -> Points:
        """Return longitudes and latitudes (n, 2) of pixel coordinates (n, 2)."""
        return self._from_lonlat.inverse(map_points(self.grid.transform, points))

    def pixels_of(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        return self.grid.pixels(self.map_of(lonlat_deg))

    def map_of(self, lonlat_deg: Points) -> Points:
        """Return map coordinates (n, 2) of longitudes and latitudes (n, 2)."""
        return self._from_lonlat.points(lonlat_deg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """Heights on a grid of any coordinate system, in memory; bilinear between pixel centres.

    `landslip.inventory.morphometry` samples elevation models of any size tile by tile, with
    gradients; there a place outside has no height, while here the edge's holds. ``height_m`` is in
    metres over the WGS 84 ellipsoid, none missing, and not to be used where ``known`` is False.
    """

    height_m: Pixels
    known: Flags
    grid: Grid
    range_m: tuple[float, float] = field(init=False, repr=False, compare=False)
    """The lowest and the highest height."""
    _projection: GridProjection = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ends = float(self.height_m.min()), float(self.height_m.max())
        object.__setattr__(self, "range_m", ends)
        object.__setattr__(self, "_projection", GridProjection(self.grid))

    def pixels_of(self, lonlat_deg: Points) -> Points:
        """Return pixel coordinates (n, 2) in this grid of longitudes and latitudes (n, 2)."""
        return self._projection.pixels_of(lonlat_deg)

    def at(self, lonlat_deg: Points) -> NDArray[np.float64]:
        """Return heights (n,) at longitudes and latitudes; those outside take the edge's."""
        last = np.array(self.height_m.shape[::-1]) - 1
        place = np.clip(self.pixels_of(lonlat_deg) - 0.5, 0, last)
        corner = np.minimum(place.astype(np.intp), np.maximum(last - 1, 0))
        return bilinear_at(self.height_m[..., np.newaxis], corner, place - corner)[:, 0]

    def covers(self, lonlat_deg: Points) -> Flags:
        """Return which points (n,) are inside the grid."""
        pixels = self.pixels_of(lonlat_deg)
        inside = (pixels >= 0) & (pixels <= self.height_m.shape[::-1])
        return np.asarray(inside.all(axis=1))

    def sample(self, col: Pixels, row: Pixels, corner: tuple[int, int]) -> tuple[Pixels, Flags]:
        """Look up heights and where they may be used, (height, width) each, at pixel coordinates.

        They are given less whole pixels, ``corner`` (col, row), which keeps float32 exact.
        """
        spans = []
        is_inside = True
        for values, offset, length in zip((col, row), corner, self.grid.shape[::-1], strict=True):
            low = min(max(int(np.floor(values.min())) + offset - 2, 0), length - 1)
            high = max(min(int(np.ceil(values.max())) + offset + 3, length), low + 1)
            spans.append(slice(low, high))
            is_inside &= bool(values.min() >= -offset and values.max() <= length - offset)
        across, down = spans
        x, y = col - np.float32(across.start - corner[0]), row - np.float32(down.start - corner[1])
        heights = bilinear(self.height_m[down, across], x, y)
        known = self.known[down, across]
        if is_inside and known.all():
            return heights, np.ones(heights.shape, dtype=np.bool_)
        return heights, nearest(known, x, y)
