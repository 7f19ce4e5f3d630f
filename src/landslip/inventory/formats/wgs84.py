"""Geometry in longitude and latitude of WGS 84, as files for the web and the field ask for."""

from typing import Any

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

WGS84 = "EPSG:4326"
_WHOLE_TURN = 360.0


def in_wgs84(geometries: geopandas.GeoSeries) -> NDArray[np.object_]:
    """Return geometries in longitude and latitude, None where they have none.

    What crosses the antimeridian is cut there into the parts of a multipolygon.
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


def _eastward(geometry: Any) -> Any:
    """Return one or several geometries with longitudes from 0 to 360 degrees."""
    return shapely.transform(
        geometry, lambda points: points + np.where(points[:, :1] < 0, [_WHOLE_TURN, 0.0], 0.0)
    )


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


def footprint(
    lonlat: NDArray[np.object_],
) -> tuple[shapely.Geometry, tuple[float, float, float, float]] | None:
    """Return the convex hull of geometries in longitude and latitude, and its bounds.

    The hull is a polygon or multipolygon, its bounds are west, south, east and north; west is
    greater than east where it crosses the antimeridian. None where there are no geometries.
    """
    present = lonlat[~(shapely.is_missing(lonlat) | shapely.is_empty(lonlat))]
    if len(present) == 0:
        return None
    parts = shapely.get_parts(present)
    # it crosses where the widest range of longitudes without anything is not at the antimeridian
    bounds = shapely.bounds(parts)
    ordered = bounds[np.argsort(bounds[:, 0])]
    ends = np.maximum.accumulate(ordered[:, 2])
    widest = np.max(ordered[1:, 0] - ends[:-1], initial=0.0)
    crosses = widest > _WHOLE_TURN - (ends[-1] - ordered[0, 0])
    together = _eastward(parts) if crosses else parts
    hull = shapely.GeometryCollection(together.tolist()).convex_hull
    west, south, east, north = shapely.bounds(hull).tolist()
    if crosses:
        return _cut(hull), (west, south, east - _WHOLE_TURN, north)
    return hull, (west, south, east, north)


def points_in_wgs84(points: geopandas.GeoSeries) -> NDArray[np.float64]:
    """Return longitudes and latitudes (n, 2), NaN without a coordinate system."""
    if points.crs is None:
        return np.full((len(points), 2), np.nan)
    lonlat: NDArray[np.float64] = shapely.get_coordinates(np.asarray(points.to_crs(WGS84).values))
    return lonlat
