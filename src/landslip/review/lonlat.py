"""Outlines in longitude and latitude, as maps in a browser have them, and back."""

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.transformations import lonlat_of
from landslip.inventory.formats.wgs84 import in_wgs84

WGS84 = CRS.from_epsg(4326)
_TURN = 360.0
_EDGE = np.array([(0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1), (0.5, 1), (0, 1), (0, 0.5)])
_MOST_POINTS_AN_EDGE = 64


def to_lonlat(geometries: NDArray[np.object_], crs: CRS | None) -> NDArray[np.object_]:
    """Return polygons (n,) in longitude and latitude of WGS 84, those across 180 degrees cut there.

    Raises:
        InputError: there is no coordinate system.
    """
    if crs is None:
        raise InputError("the polygons have no coordinate system, so a map cannot show them")
    if len(geometries) == 0:
        return geometries
    return in_wgs84(geopandas.GeoSeries(geometries, crs=crs.to_wkt()))


def from_lonlat(
    geometry: shapely.Geometry, crs: CRS | None, near: float | None = None, tolerance: float = 0.0
) -> shapely.Geometry:
    """Return a polygon that was drawn in longitude and latitude in another coordinate system.

    An edge that is straight in degrees is not there. Where its middle is off by more than the
    tolerance, in units of the map, it gets more vertices; those that it had stay.

    Args:
        geometry: polygon or multipolygon.
        crs: coordinate system of the result.
        near: an x that it is brought near to, by whole turns; see
            `landslip.core.geometries.reproject`.
        tolerance: 0: no vertices are added.

    Raises:
        InputError: there is no coordinate system, or it is not defined there.
    """
    if crs is None:
        raise InputError("the polygons have no coordinate system, so nothing can be drawn on a map")
    points = shapely.get_coordinates(geometry)
    if not np.isfinite(points).all() or (np.abs(points) > (1.5 * _TURN, 90.0)).any():
        raise InputError(
            "an outline must have longitudes from -180 to 180 and latitudes from -90 to 90 degrees"
        )
    denser = geometry if tolerance <= 0 else _densified(geometry, crs, tolerance)
    moved: shapely.Geometry = reproject(np.array([denser], dtype=object), WGS84, crs, near)[0]
    return moved


def _densified(geometry: shapely.Geometry, crs: CRS, tolerance: float) -> shapely.Geometry:
    """Return a geometry whose edges are straight within a tolerance after the transformation."""

    def denser(ring: NDArray[np.float64]) -> NDArray[np.float64]:
        starts, ends = ring[:-1], ring[1:]
        moved = [
            shapely.get_coordinates(
                reproject(np.asarray(shapely.points(one), dtype=object), WGS84, crs)
            )
            for one in (starts, (starts + ends) / 2, ends)
        ]
        # the deviation of an edge's middle falls with the square of the number of its parts
        off = np.hypot(*(moved[1] - (moved[0] + moved[2]) / 2).T)
        parts = np.ceil(np.sqrt(off / tolerance)).clip(1, _MOST_POINTS_AN_EDGE).astype(np.int64)
        pieces = [
            start + (end - start) * np.linspace(0, 1, count, endpoint=False)[:, np.newaxis]
            for start, end, count in zip(starts, ends, parts, strict=True)
        ]
        return np.vstack([*pieces, ring[-1:]])

    polygons = [
        shapely.Polygon(
            denser(shapely.get_coordinates(one.exterior)),
            [denser(shapely.get_coordinates(hole)) for hole in one.interiors],
        )
        for one in shapely.get_parts(geometry)
    ]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def lonlat_bounds(boxes: NDArray[np.float64], crs: CRS | None) -> NDArray[np.float64]:
    """Return west, south, east and north (n, 4) of boxes (n, 4): left, bottom, right, top.

    West is greater than east across 180 degrees. Without a coordinate system they stay as they are.
    """
    if crs is None or len(boxes) == 0:
        return boxes
    low, size = boxes[:, np.newaxis, :2], (boxes[:, 2:] - boxes[:, :2])[:, np.newaxis]
    points = (low + size * _EDGE).reshape(-1, 2)
    lonlat = lonlat_of(points, crs).reshape(len(boxes), len(_EDGE), 2)
    lon, lat = lonlat[..., 0], lonlat[..., 1]
    lon = lon[:, :1] + (lon - lon[:, :1] + _TURN / 2) % _TURN - _TURN / 2
    west, east = (_wrapped(one) for one in (lon.min(axis=1), lon.max(axis=1)))
    return np.column_stack([west, lat.min(axis=1), east, lat.max(axis=1)])


def _wrapped(lon: NDArray[np.float64]) -> NDArray[np.float64]:
    beyond = np.abs(lon) > _TURN / 2
    return np.where(beyond, (lon + _TURN / 2) % _TURN - _TURN / 2, lon)


def lonlat_points(points: NDArray[np.float64], crs: CRS | None) -> NDArray[np.float64]:
    """Return longitudes and latitudes (n, 2) of points; unchanged without a coordinate system."""
    return points if crs is None or len(points) == 0 else lonlat_of(points, crs)
