"""Geometry in longitude and latitude of WGS 84, as files for the web and the field ask for."""

from typing import NamedTuple

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

WGS84 = "EPSG:4326"
_WHOLE_TURN = 360.0


def in_wgs84(geometries: geopandas.GeoSeries) -> NDArray[np.object_]:
    """Return geometries in longitude and latitude, None where they have none.

    What crosses the antimeridian is cut there into the parts of a multipolygon.

    Args:
        geometries: in a known coordinate system.
    """
    before = np.asarray(geometries.values)
    lonlat = np.array(geometries.to_crs(WGS84).values, dtype=object)
    bounds = shapely.bounds(lonlat)
    finite = np.isfinite(bounds).all(axis=1)
    lonlat[~finite] = None
    width = np.subtract(bounds[:, 2], bounds[:, 0], where=finite, out=np.zeros(len(bounds)))
    for place in np.flatnonzero(width > _WHOLE_TURN / 2):
        inside = geopandas.GeoSeries([shapely.point_on_surface(before[place])], crs=geometries.crs)
        # drawn the long way round the globe, a polygon holds all but itself
        if not shapely.intersects(lonlat[place], inside.to_crs(WGS84).iloc[0]):
            lonlat[place] = _cut(_eastward(lonlat[place]))
    return lonlat


def _eastward(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry with longitudes from 0 to 360 degrees."""

    def turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
        west = np.where(points[:, 0] < 0, _WHOLE_TURN, 0.0)
        return np.column_stack([points[:, 0] + west, points[:, 1]])

    return shapely.transform(geometry, turned)


def _cut(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Return a geometry of longitudes from 0 to 360 degrees as one of -180 to 180 degrees."""
    middle = _WHOLE_TURN / 2
    sound = shapely.make_valid(geometry)
    east = shapely.intersection(sound, shapely.box(0, -90, middle, 90))
    west = shapely.intersection(sound, shapely.box(middle, -90, _WHOLE_TURN, 90))
    west = shapely.transform(west, lambda points: points - [_WHOLE_TURN, 0.0])
    parts = shapely.get_parts(shapely.get_parts([east, west]))
    polygons = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    return shapely.MultiPolygon(polygons.tolist())


class Footprint(NamedTuple):
    """A place: a polygon or multipolygon, and its bounds (west, south, east, north).

    West is greater than east where it crosses the antimeridian.
    """

    geometry: shapely.Geometry
    bounds: tuple[float, float, float, float]


def footprint(lonlat: NDArray[np.object_]) -> Footprint | None:
    """Return the convex hull of geometries in longitude and latitude; None where there are none."""
    present = lonlat[~(shapely.is_missing(lonlat) | shapely.is_empty(lonlat))]
    if len(present) == 0:
        return None
    parts = shapely.get_parts(present)
    if _crosses_antimeridian(shapely.bounds(parts)):
        turned = _hull(np.array([_eastward(part) for part in parts], dtype=object))
        west, south, east, north = shapely.bounds(turned).tolist()
        return Footprint(_cut(turned), (west, south, east - _WHOLE_TURN, north))
    hull = _hull(parts)
    west, south, east, north = shapely.bounds(hull).tolist()
    return Footprint(hull, (west, south, east, north))


def _crosses_antimeridian(bounds: NDArray[np.float64]) -> bool:
    """Whether the widest range of longitudes without anything is not at the antimeridian."""
    ordered = bounds[np.argsort(bounds[:, 0])]
    ends = np.maximum.accumulate(ordered[:, 2])
    widest = np.max(ordered[1:, 0] - ends[:-1], initial=0.0)
    return bool(widest > _WHOLE_TURN - (ends[-1] - ordered[0, 0]))


def _hull(geometries: NDArray[np.object_]) -> shapely.Geometry:
    return shapely.GeometryCollection(geometries.tolist()).convex_hull


def points_in_wgs84(points: geopandas.GeoSeries) -> NDArray[np.float64]:
    """Return longitudes and latitudes (n, 2), NaN without a coordinate system."""
    if points.crs is None:
        return np.full((len(points), 2), np.nan)
    lonlat: NDArray[np.float64] = shapely.get_coordinates(np.asarray(points.to_crs(WGS84).values))
    return lonlat
