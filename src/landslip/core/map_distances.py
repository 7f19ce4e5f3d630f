"""Metres on a map: how coordinates of any system are measured."""

import math

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import (
    axis_directions,
    axis_unit,
    geographic_base,
    horizontal_crs,
    is_stretched,
)
from landslip.core.grid import Grid, map_points

Points = NDArray[np.float64]

_STEP_RAD = 1e-5


class MapPlane:
    """How lengths and directions in one coordinate system, projected or geographic, are measured.

    In projected systems they are taken on the map, in metres; in geographic systems and in
    Mercator projections, which stretch lengths, in the plane that touches the ellipsoid at each
    landslide: off by the fraction d² / 6 R² at a distance d, 4e-7 at 10 km. North is the map's
    north in both, whichever way its axes lead: in the latter, and in polar projections, whose axes
    lead north and south at once, it is true north.
    """

    def __init__(self, crs: pyproj.CRS) -> None:
        self.crs = crs
        self.stretches = is_stretched(crs)
        self._unit = axis_unit(crs)
        self._ellipsoid = crs.get_geod() or pyproj.Geod(ellps="WGS84")
        geodetic = geographic_base(crs)  # on the system's own ellipsoid
        self._to_angles, self._angle = None, 1.0
        directions = None if self.stretches else axis_directions(crs)
        self._axes = None if directions is None else directions * self._unit
        is_lonlat = crs.is_geographic and not crs.is_derived
        if self._axes is None and not is_lonlat and geodetic is not None:
            self._to_angles = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
            self._angle = axis_unit(geodetic)

    @classmethod
    def of(cls, crs: CRS | pyproj.CRS | None) -> "MapPlane | None":
        """Return how a system is measured; None where it is not tied to the Earth."""
        if crs is None:
            return None
        flat = horizontal_crs(crs)
        return cls(flat) if flat.is_projected or flat.is_geographic else None

    @property
    def is_uniform(self) -> bool:
        """Whether a unit of x and of y has one length and direction all over the map."""
        return self._axes is not None

    def axes_m(self, points: Points) -> Points:
        """Return how far east and north a unit of x, and one of y, leads at points: (n, 2, 2)."""
        if self._axes is not None:
            return np.broadcast_to(self._axes, (len(points), 2, 2))
        half = _STEP_RAD / self._unit * (1 if self.crs.is_geographic else self._ellipsoid.a)
        turned = np.empty((len(points), 2, 2))
        for axis, step in enumerate(np.eye(2) * half):
            ahead, behind = self._radians(points + step), self._radians(points - step)
            turned[:, axis] = (ahead - behind) / (2 * half)
        lon = turned[..., 0] * 2 * half
        turned[..., 0] = ((lon + math.pi) % (2 * math.pi) - math.pi) / (2 * half)
        lat = self._radians(points)[:, 1]
        bent = 1 - self._ellipsoid.es * np.sin(lat) ** 2
        across = self._ellipsoid.a / np.sqrt(bent)
        along = across * (1 - self._ellipsoid.es) / bent
        axes: Points = turned * np.stack([across * np.cos(lat), along], axis=-1)[:, np.newaxis]
        if self.stretches or not np.isfinite(axes).all():
            return axes
        # lengths are those on the map, directions those on the ground
        left, _, right = np.linalg.svd(axes)
        return np.asarray(left @ right) * self._unit

    def metres(self, points: Points, origins: Points) -> Points:
        """Return points (n, 2) in metres east and north on planes at origins (n, 2)."""
        if self._axes is not None:
            return points @ self._axes
        if not self.stretches:
            turned: Points = np.einsum("ni,nij->nj", points, self.axes_m(origins))
            return turned
        lon, lat = self._radians(origins).T
        east, north, up = (self._geocentric(points) - self._geocentric(origins)).T
        outward = np.cos(lon) * east + np.sin(lon) * north
        to_east = np.cos(lon) * north - np.sin(lon) * east
        return np.column_stack([to_east, np.cos(lat) * up - np.sin(lat) * outward])

    def metres_per_unit(self, points: Points) -> Points:
        """Return the metres (n, 2) that a unit of x and a unit of y are at points (n, 2)."""
        if not self.stretches:
            return np.full(points.shape, self._unit)
        return np.asarray(np.linalg.norm(self.axes_m(points), axis=-1))

    def lengths(self, starts: Points, ends: Points) -> NDArray[np.float64]:
        """Return the lengths in metres (n,) of lines; geodesic where the map stretches them."""
        if not self.stretches:
            lengths: NDArray[np.float64] = np.hypot(*(ends - starts).T) * self._unit
            return lengths
        here, there = np.degrees(self._radians(starts)), np.degrees(self._radians(ends))
        _, _, geodesic = self._ellipsoid.inv(here[:, 0], here[:, 1], there[:, 0], there[:, 1])
        return np.asarray(geodesic, dtype=np.float64)

    def _radians(self, points: Points) -> Points:
        """Return longitudes and latitudes (n, 2) on the system's own ellipsoid."""
        if self._to_angles is None:
            return points * self._unit
        angles = np.column_stack(self._to_angles.transform(points[:, 0], points[:, 1]))
        return angles * self._angle

    def _geocentric(self, points: Points) -> Points:
        """Return places (n, 3) on the ellipsoid in metres from the Earth's centre."""
        lon, lat = self._radians(points).T
        flat = self._ellipsoid.es
        radius = self._ellipsoid.a / np.sqrt(1 - flat * np.sin(lat) ** 2)
        out = radius * np.cos(lat)
        return np.column_stack(
            [out * np.cos(lon), out * np.sin(lon), radius * (1 - flat) * np.sin(lat)]
        )


def pixel_axes_m(grid: Grid) -> Points | None:
    """Return how far east and north a column, and a row, leads in a grid's middle: (2, 2) metres.

    None without a coordinate system of the Earth.
    """
    plane = MapPlane.of(grid.crs)
    if plane is None:
        return None
    height, width = grid.shape
    middle = map_points(grid.transform, np.array([[width / 2, height / 2]]))
    a, b, _, d, e, _ = grid.transform[:6]
    axes: Points = np.array([[a, d], [b, e]]) @ plane.axes_m(middle)[0]
    return axes


def azimuths_deg(vectors: Points) -> NDArray[np.float64]:
    """Return directions (n,) of vectors (n, 2) east and north, 0 to under 360 from north."""
    turns = np.arctan2(vectors[:, 0], vectors[:, 1]) / (2 * math.pi) % 1.0
    return np.where(turns == 1.0, 0.0, turns) * 360.0


def directions(azimuth_deg: NDArray[np.float64]) -> Points:
    """Return vectors (n, 2) east and north of length 1."""
    angle = np.radians(azimuth_deg)
    return np.column_stack([np.sin(angle), np.cos(angle)])
