"""Geometries in coordinate systems: their areas, and how they come from one to another."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.crs import ProjectedCRS
from pyproj.crs.coordinate_operation import LambertAzimuthalEqualAreaConversion
from rasterio.crs import CRS

from landslip.core.crs import (
    axis_unit,
    crs_name,
    geographic_base,
    horizontal_crs,
    is_stretched,
    unbound,
    whole_turn,
)
from landslip.core.errors import InputError
from landslip.core.transformations import transformation

_ACROSS = 359 / 360  # of a turn


@dataclass(frozen=True, slots=True)
class AreaMeasure:
    """How areas in one coordinate system become square metres.

    Planimetric where the map is true to scale, else (`is_stretched`) geodesic, on the ellipsoid.
    """

    crs: CRS | None

    @property
    def method(self) -> str | None:
        """``planimetric``, ``geodesic``, or None without a coordinate system."""
        if self.crs is None:
            return None
        return "geodesic" if is_stretched(self.crs) else "planimetric"

    def areas_m2(self, geometries: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return the areas of polygons (n,), holes excluded; NaN without a coordinate system."""
        if self.crs is None:
            return np.full(len(geometries), np.nan)
        if not is_stretched(self.crs):
            return np.asarray(shapely.area(geometries), dtype=np.float64) * axis_unit(self.crs) ** 2
        flat = horizontal_crs(self.crs)
        geographic = geographic_base(flat) or pyproj.CRS.from_epsg(4326)
        to_angles = pyproj.Transformer.from_crs(flat, geographic, always_xy=True)
        geod = geographic.get_geod() or pyproj.Geod(ellps="WGS84")
        degrees = math.degrees(axis_unit(geographic))

        def unproject(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(to_angles.transform(points[:, 0], points[:, 1])) * degrees

        oriented = shapely.orient_polygons(shapely.transform(geometries, unproject))
        return np.array([abs(geod.geometry_area_perimeter(geometry)[0]) for geometry in oriented])


def metric_crs(crs: CRS, geometries: NDArray[np.object_]) -> CRS:
    """Return a coordinate system in metres in which areas near the geometries are right.

    Their own, where it is projected, in metres and true to scale; else Lambert's azimuthal
    equal-area projection of their datum about their middle, in which areas are exact everywhere
    and lengths within 0.1 % up to 500 km away.

    Raises:
        InputError: geometries are outside the area where their coordinate system is defined.
    """
    if not is_stretched(crs) and axis_unit(crs) == 1.0:
        return crs
    boxes = shapely.bounds(geometries)
    middles = (boxes[:, :2] + boxes[:, 2:])[~np.isnan(boxes[:, 0])] / 2
    base = geographic_base(unbound(horizontal_crs(crs))) or pyproj.CRS.from_epsg(4326)
    lon = lat = 0.0
    if len(middles):  # the mean direction, which no meridian cuts
        points = np.asarray(shapely.points(middles), dtype=object)
        places = shapely.get_coordinates(reproject(points, crs, CRS.from_wkt(base.to_wkt())))
        lons, lats = (places * axis_unit(base)).T
        east, north, up = np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)
        x, y, z = float(east.mean()), float(north.mean()), float(up.mean())
        lon, lat = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))
    middle = LambertAzimuthalEqualAreaConversion(round(lat, 4), round(lon, 4))
    return CRS.from_wkt(ProjectedCRS(conversion=middle, geodetic_crs=base).to_wkt())


def reproject(
    geometries: NDArray[np.object_],
    crs: CRS | None,
    target: CRS | None,
    near: float | None = None,
) -> NDArray[np.object_]:
    """Return geometries in another coordinate system; unchanged where it is the same.

    For ``near``, and across the antimeridian, see `keep_together`.

    Raises:
        InputError: only one of the two is known, or a geometry is outside the area where one of
            them is defined.
    """
    if (crs is None) != (target is None):
        raise InputError(
            "one input has a coordinate system and the other has none, so they cannot be aligned; "
            "assign it to the one without"
        )
    if crs is None or target is None:
        return geometries
    moved = geometries
    if crs != target:
        between = transformation(crs, target)
        moved = shapely.transform(geometries, between.points)
        if not np.isfinite(shapely.get_coordinates(moved)).all():
            raise InputError(
                f"something is outside the area where {crs_name(target)} or {crs_name(crs)} is "
                f"defined{between.limits}; check that the right coordinate system is assigned to it"
            )
    return keep_together(moved, target, near, from_map=whole_turn(crs) is None)


def gather(geometries: NDArray[np.object_], crs: Any) -> NDArray[np.object_]:
    """Return geometries of a file on one side of 180 degrees where they are all near it.

    What is on both sides, less than half a turn apart the short way, gets longitudes that go on
    beyond 180 degrees; parts that were cut there become one. Others, as those of the whole Earth,
    are returned as they are.
    """
    turn = whole_turn(crs)
    kept = keep_together(geometries, crs)
    present = kept[~(shapely.is_missing(kept) | shapely.is_empty(kept))]
    if turn is None or len(present) == 0:
        return kept
    left, _, right, _ = shapely.bounds(shapely.get_parts(present)).T
    if right.max() - left.min() <= turn / 2:
        return kept
    angles = (left + right) * (math.pi / turn)
    middle = math.atan2(np.sin(angles).mean(), np.cos(angles).mean()) * turn / (2 * math.pi)
    moved = keep_together(geometries, crs, middle)
    left, _, right, _ = shapely.bounds(moved[~(shapely.is_missing(moved))]).T
    if np.nanmax(right) - np.nanmin(left) > turn / 2:
        return kept
    cut = ~shapely.is_missing(moved) & ~shapely.is_valid(moved) & shapely.is_valid(kept)
    moved[cut] = [shapely.union_all(shapely.get_parts(one)) for one in moved[cut]]
    return moved


def keep_together(
    geometries: NDArray[np.object_], crs: Any, near: float | None = None, *, from_map: bool = False
) -> NDArray[np.object_]:
    """Return geometries whose longitudes go on beyond 180 degrees where they cross it.

    What spans nearly the whole turn is meant to cross it the short way; what comes ``from_map``, of
    a projection, already where it spans half of it. ``near`` is an x that every part is brought
    near to, by whole turns. Geometries of projected systems are returned as they are.
    """
    turn = whole_turn(crs)
    parts = shapely.get_parts(geometries)
    if turn is None or len(parts) == 0:
        return geometries
    points, counts = shapely.get_coordinates(geometries), shapely.get_num_coordinates(parts)
    owner = np.repeat(np.arange(len(parts)), counts)
    left, _, right, _ = shapely.bounds(parts).T
    widest = turn / 2 if from_map else turn * _ACROSS
    is_long = (right - left > widest) & (right - left < turn * (1 - 1e-12))
    x = points[:, 0].copy()
    if is_long.any():
        starts = x[np.minimum(np.cumsum(counts) - counts, len(x) - 1)][owner]
        x = np.where(is_long[owner], x + turn * np.round((starts - x) / turn), x)
    if near is not None:
        middle = np.full((2, len(parts)), np.inf)
        np.minimum.at(middle[0], owner, x)
        np.minimum.at(middle[1], owner, -x)
        with np.errstate(invalid="ignore"):
            turns = np.round((near - (middle[0] - middle[1]) / 2) / turn)
        x = x + turn * turns[owner]
    if np.array_equal(x, points[:, 0]):
        return geometries
    flat = shapely.force_2d(geometries)
    result: NDArray[np.object_] = shapely.set_coordinates(flat, np.column_stack([x, points[:, 1]]))
    return result


def clip_polygons(polygons: NDArray[np.object_], region: shapely.Geometry) -> NDArray[np.object_]:
    """Return the part of each valid polygon (n,) within a region; empty where there is none.

    Both are in one coordinate system. Only polygons that cross the region's edge are cut.
    """
    shapely.prepare(region)
    touching = shapely.intersects(region, polygons)
    crossing = touching & ~shapely.covers(region, polygons)
    clipped = polygons.copy()
    clipped[~touching] = shapely.Polygon()
    clipped[crossing] = [
        polygonal_part(one) for one in shapely.intersection(polygons[crossing], region)
    ]
    return clipped


def polygonal_part(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry, without its lines and points."""
    if isinstance(geometry, shapely.Polygon | shapely.MultiPolygon):
        return geometry
    parts = shapely.get_parts(geometry)
    return shapely.union_all(parts[shapely.area(parts) > 0])
