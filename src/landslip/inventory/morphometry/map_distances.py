"""Metres on a map: how coordinates of any system are measured."""

import math

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.crs import axis_unit, horizontal_crs, is_stretched

Points = NDArray[np.float64]

_STEP_RAD = 1e-5


class MapPlane:
    """How lengths and directions in one coordinate system, projected or geographic, are measured.

    In projected systems they are taken on the map, in metres; in geographic systems and in
    Mercator projections, which stretch lengths, in the plane that touches the ellipsoid at each
    landslide: off by the fraction d² / 6 R² at a distance d, 4e-7 at 10 km. North is the map's
    north in both: in the latter it is true north.
    """

    def __init__(self, crs: pyproj.CRS) -> None:
        self.crs = crs
        self.stretches = is_stretched(crs)
        self._unit = axis_unit(crs)
        self._ellipsoid = crs.get_geod() or pyproj.Geod(ellps="WGS84")
        geodetic = crs.geodetic_crs  # on the system's own ellipsoid
        self._to_angles = None
        if self.stretches and not crs.is_geographic and geodetic is not None:
            self._to_angles = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)

    @classmethod
    def of(cls, crs: pyproj.CRS | None) -> "MapPlane | None":
        """Return how a system is measured; None where it is not tied to the Earth."""
        if crs is None:
            return None
        flat = horizontal_crs(crs)
        return cls(flat) if flat.is_projected or flat.is_geographic else None

    def metres(self, points: Points, origins: Points) -> Points:
        """Return points (n, 2) in metres east and north on planes at origins (n, 2)."""
        if not self.stretches:
            return points * self._unit
        lon, lat = self._radians(origins).T
        east, north, up = (self._geocentric(points) - self._geocentric(origins)).T
        outward = np.cos(lon) * east + np.sin(lon) * north
        to_east = np.cos(lon) * north - np.sin(lon) * east
        return np.column_stack([to_east, np.cos(lat) * up - np.sin(lat) * outward])

    def metres_per_unit(self, points: Points) -> Points:
        """Return the metres (n, 2) that a unit of x and a unit of y are at points (n, 2)."""
        if not self.stretches:
            return np.full(points.shape, self._unit)
        half = _STEP_RAD / self._unit * (1 if self.crs.is_geographic else self._ellipsoid.a)
        turned = (self._radians(points + half) - self._radians(points - half)) / (2 * half)
        lat = self._radians(points)[:, 1]
        bent = 1 - self._ellipsoid.es * np.sin(lat) ** 2
        across = self._ellipsoid.a / np.sqrt(bent)
        along = across * (1 - self._ellipsoid.es) / bent
        scale: Points = turned * np.column_stack([across * np.cos(lat), along])
        return scale

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
        lon, lat = self._to_angles.transform(points[:, 0], points[:, 1], radians=True)
        return np.column_stack([lon, lat])

    def _geocentric(self, points: Points) -> Points:
        """Return places (n, 3) on the ellipsoid in metres from the Earth's centre."""
        lon, lat = self._radians(points).T
        flat = self._ellipsoid.es
        radius = self._ellipsoid.a / np.sqrt(1 - flat * np.sin(lat) ** 2)
        out = radius * np.cos(lat)
        return np.column_stack(
            [out * np.cos(lon), out * np.sin(lon), radius * (1 - flat) * np.sin(lat)]
        )


def azimuths_deg(vectors: Points) -> NDArray[np.float64]:
    """Return directions (n,) of vectors (n, 2) east and north, 0 to under 360 from north."""
    turns = np.arctan2(vectors[:, 0], vectors[:, 1]) / (2 * math.pi) % 1.0
    return np.where(turns == 1.0, 0.0, turns) * 360.0


def directions(azimuth_deg: NDArray[np.float64]) -> Points:
    """Return vectors (n, 2) east and north of length 1."""
    angle = np.radians(azimuth_deg)
    return np.column_stack([np.sin(angle), np.cos(angle)])
