"""Geometry in longitude and latitude of WGS 84, as files for the web and the field ask for."""

import math
from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely import affinity

from landslip.core.geometries import keep_together
from landslip.core.transformations import lonlat_of, transformation

WGS84 = "EPSG:4326"
_WHOLE_TURN = 360.0


def in_wgs84(geometries: geopandas.GeoSeries) -> NDArray[np.object_]:
    """Return geometries in longitude and latitude, None where they have none.

    What crosses the antimeridian is cut there into the parts of a multipolygon; what a pole is in
    reaches from there up to the pole, as in RFC 7946.
    """
    crs, wgs84 = geometries.crs, pyproj.CRS.from_epsg(4326)
    between = transformation(crs, wgs84)
    lonlat = shapely.transform(np.array(geometries.values, dtype=object), between.points)
    lonlat[~np.isfinite(shapely.bounds(lonlat)).all(axis=1)] = None
    west, _, east, _ = shapely.bounds(lonlat).T
    with np.errstate(invalid="ignore"):
        wide = np.flatnonzero(east - west > _WHOLE_TURN / 2)
    polar = {place: shape for place in wide if (shape := _up_to_pole(lonlat[place])) is not None}
    lonlat = keep_together(lonlat, wgs84, from_map=not crs.is_geographic)
    for place, shape in polar.items():
        lonlat[place] = shape
    west, _, east, _ = shapely.bounds(lonlat).T
    middle = _WHOLE_TURN / 2
    with np.errstate(invalid="ignore"):
        beyond = (west < -middle) | (east > middle)
    for place in np.flatnonzero(beyond):
        lonlat[place] = _cut(lonlat[place])
    return lonlat


def _up_to_pole(geometry: shapely.Geometry) -> shapely.Geometry | None:
    """Return a polygon with the pole that it contains as an edge; None where it contains none."""
    parts = shapely.get_parts(geometry)
    contains = False
    for at, part in enumerate(parts):
        lon, lat = shapely.get_coordinates(shapely.get_exterior_ring(part)).T
        lon = np.unwrap(lon, period=_WHOLE_TURN)
        if abs(lon[-1] - lon[0]) < _WHOLE_TURN / 2:
            continue
        contains = True
        pole = math.copysign(90.0, lat.mean())
        lon, lat = np.r_[lon, lon[-1], lon[0]], np.r_[lat, pole, pole]
        parts[at] = shapely.Polygon(np.column_stack([lon, lat]), part.interiors)
    return shapely.union_all([_cut(part) for part in parts]) if contains else None


def _eastward(geometry: Any) -> Any:
    """Return one or several geometries with longitudes from 0 to 360 degrees."""
    return shapely.transform(
        geometry, lambda points: points + np.where(points[:, :1] < 0, [_WHOLE_TURN, 0.0], 0.0)
    )


def _cut(geometry: shapely.Geometry) -> shapely.Polygon | shapely.MultiPolygon:
    """Return a geometry of any longitudes as one of -180 to 180 degrees, in parts if need be."""
    middle = _WHOLE_TURN / 2
    sound = shapely.make_valid(geometry)
    west, _, east, _ = shapely.bounds(sound).tolist()
    turns = np.arange(round(west / _WHOLE_TURN), round(east / _WHOLE_TURN) + 1) * _WHOLE_TURN
    pieces = [
        affinity.translate(
            shapely.intersection(sound, shapely.box(turn - middle, -90, turn + middle, 90)), -turn
        )
        for turn in turns.tolist()
    ]
    parts = shapely.get_parts(shapely.get_parts(pieces))
    polygons = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)].tolist()
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


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
    return lonlat_of(shapely.get_coordinates(np.asarray(points.values)), points.crs)
