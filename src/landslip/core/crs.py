"""Coordinate systems: how lengths and areas in them are measured, and geometries between them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError


def horizontal_crs(crs: Any) -> pyproj.CRS:
    """Return the horizontal part of a coordinate system (pyproj's, or rasterio's)."""
    full = pyproj.CRS.from_user_input(crs.to_wkt())
    return full.sub_crs_list[0] if full.is_compound else full.to_2d()


def axis_unit(crs: Any) -> float:
    """Return what one unit of a coordinate system's axes is, in metres or radians."""
    return float(horizontal_crs(crs).axis_info[0].unit_conversion_factor)


def is_stretched(crs: Any) -> bool:
    """Whether lengths and areas on the map are not those on the ground.

    So it is in degrees and in Mercator projections along the equator, whose scale grows towards
    the poles. Transverse and oblique Mercator projections are used near their central line, where
    the scale is nearly 1, like all other projections.
    """
    flat = horizontal_crs(crs)
    if flat.is_geographic:
        return True
    own = flat.source_crs if flat.is_bound and flat.source_crs is not None else flat
    operation = own.coordinate_operation
    method = operation.method_name.lower() if operation is not None else ""
    return "mercator" in method and "transverse" not in method and "oblique" not in method


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
        geographic = flat.geodetic_crs or pyproj.CRS.from_epsg(4326)
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
    equal-area projection about their middle, in which areas are exact everywhere and lengths
    within 0.1 % up to 500 km away.

    Raises:
        InputError: geometries are outside the area where their coordinate system is defined.
    """
    if not is_stretched(crs) and axis_unit(crs) == 1.0:
        return crs
    boxes = shapely.bounds(geometries)
    middles = (boxes[:, :2] + boxes[:, 2:])[~np.isnan(boxes[:, 0])] / 2
    points = np.asarray(shapely.points(middles), dtype=object)
    degrees = shapely.get_coordinates(reproject(points, crs, CRS.from_epsg(4326)))
    lon = lat = 0.0
    if len(degrees):  # the mean direction, which no meridian cuts
        lons, lats = np.radians(degrees).T
        east, north, up = np.cos(lats) * np.cos(lons), np.cos(lats) * np.sin(lons), np.sin(lats)
        x, y, z = float(east.mean()), float(north.mean()), float(up.mean())
        lon, lat = math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))
    text = f"+proj=laea +lat_0={lat:.4f} +lon_0={lon:.4f} +datum=WGS84 +units=m +no_defs"
    return CRS.from_wkt(pyproj.CRS.from_proj4(text).to_wkt())


def reproject(
    geometries: NDArray[np.object_], crs: CRS | None, target: CRS | None
) -> NDArray[np.object_]:
    """Return geometries in another coordinate system; unchanged where it is the same.

    Raises:
        InputError: only one of the two is known, or a geometry is outside the area where one of
            them is defined.
    """
    if crs == target:
        return geometries
    if crs is None or target is None:
        raise InputError(
            "one input has a coordinate system and the other has none, so they cannot be aligned; "
            "assign it to the one without"
        )
    try:
        transformer = pyproj.Transformer.from_crs(crs.to_wkt(), target.to_wkt(), always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise InputError(
            f"cannot transform from {_name(crs)} to {_name(target)} ({error})"
        ) from error

    def transform(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometries, transform)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InputError(
            f"something is outside the area where {_name(target)} or {_name(crs)} is defined; "
            "check that the right coordinate system is assigned to it"
        )
    return moved


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


def _name(crs: CRS) -> str:
    name: str = pyproj.CRS.from_wkt(crs.to_wkt()).name
    return crs.to_string() if name == "unknown" else name
