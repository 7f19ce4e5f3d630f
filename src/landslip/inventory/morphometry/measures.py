"""What polygons measure on the map: area, perimeter, and where they lie."""

from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.inventory.morphometry.piece import pieces, present
from landslip.inventory.morphometry.plane import MapPlane
from landslip.inventory.morphometry.sampling import Edges, sums

_WGS84 = "EPSG:4326"
_AREA_DIGITS = 6
_POLE_DEG = 90 + 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Of each polygon; NaN where there is no coordinate system, or no polygon.

    Attributes:
        area_m2: (n,) holes taken off; geodesic where the coordinate system stretches areas.
        perimeter_m: (n,) of all rings; geodesic in geographic systems and Mercator projections.
        centroid_lon: (n,) degrees on WGS 84 of the centroid, or, where that lies outside, of a
            point inside.
        centroid_lat: (n,) of the same point.
    """

    area_m2: NDArray[np.float64]
    perimeter_m: NDArray[np.float64]
    centroid_lon: NDArray[np.float64]
    centroid_lat: NDArray[np.float64]


def measures(polygons: NDArray[np.object_], crs: pyproj.CRS | None) -> Measures:
    """Measure polygons (n,), which may have several parts, in their coordinate system or None.

    Raises:
        InputError: one lies where its coordinate system is not defined.
    """
    columns = np.full((4, len(polygons)), np.nan)
    plane = MapPlane.of(crs)
    if plane is None:
        return _of(columns)
    to_lonlat = pyproj.Transformer.from_crs(plane.crs, _WGS84, always_xy=True)
    for rows in pieces(polygons, present(polygons)):
        shapes = polygons[rows]
        # smoothing restores areas up to rounding, which must not fall below the smallest one
        columns[0, rows] = np.round(AreaMeasure(plane.crs).areas_m2(shapes), _AREA_DIGITS)
        columns[1, rows] = _perimeters_m(shapes, plane)
        places = points_inside(shapes)
        lon, lat = to_lonlat.transform(*places.T)
        _check_on_earth(lon, lat, places, plane)
        columns[2:, rows] = lon, lat
    return _of(columns)


def _check_on_earth(
    lon: NDArray[np.float64], lat: NDArray[np.float64], places: NDArray[np.float64], plane: MapPlane
) -> None:
    lost = ~(np.isfinite(lon) & (np.abs(lat) <= _POLE_DEG))
    if lost.any():
        x, y = places[lost][0]
        raise InputError(
            f"{int(lost.sum())} of the landslides, the first at {x:g}, {y:g}, lie where "
            f"{plane.crs.name} is not defined; mend or remove them, or assign the right "
            "coordinate system"
        )


def _of(columns: NDArray[np.float64]) -> Measures:
    area_m2, perimeter_m, lon, lat = columns
    return Measures(area_m2=area_m2, perimeter_m=perimeter_m, centroid_lon=lon, centroid_lat=lat)


def points_inside(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return a point (n, 2) in each polygon: the centroid, or near it where that is outside."""
    points = shapely.centroid(polygons)
    outside = ~shapely.intersects(polygons, points)
    points[outside] = shapely.point_on_surface(polygons[outside])
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _perimeters_m(polygons: NDArray[np.object_], plane: MapPlane) -> NDArray[np.float64]:
    edges = Edges.of(polygons)
    return sums(edges.owner, plane.lengths(edges.starts, edges.ends), len(polygons))
