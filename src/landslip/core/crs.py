"""Coordinate systems: how lengths and areas in them are measured, and geometries between them."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError

# as GDAL, PROJ, Esri and people write them, in small letters, without other signs
_LENGTHS_M = {
    name: metres
    for metres, names in (
        (1.0, "m,metre,metres,meter,meters,m asl,米"),
        (1000.0, "km,kilometre,kilometres,kilometer,kilometers"),
        (0.1, "dm,decimetre,decimetres,decimeter,decimeters,分米"),
        (0.01, "cm,centimetre,centimetres,centimeter,centimeters,厘米"),
        (0.001, "mm,millimetre,millimetres,millimeter,millimeters,毫米"),
        (0.3048, "ft,foot,feet,ift,international foot,international feet,foot intl,intl foot,英尺"),
        (1200 / 3937, "us survey foot,us survey feet,us foot,us feet,us ft,us survey ft,usft"),
        (1200 / 3937, "foot us,feet us,ft us,ftus,survey foot,survey feet,sft,u s survey foot"),
        (1200 / 3937, "u s survey feet,foot us survey,u s foot,u s feet"),
        (0.9144, "yd,yard,yards"),
        (1.8288, "fath,fathom,fathoms"),
    )
    for name in names.split(",")
}
_DIRECTIONS = {"east": (1.0, 0.0), "west": (-1.0, 0.0), "north": (0.0, 1.0), "south": (0.0, -1.0)}


def horizontal_crs(crs: Any) -> pyproj.CRS:
    """Return the horizontal part of a coordinate system (pyproj's, or rasterio's)."""
    full = pyproj.CRS.from_user_input(crs.to_wkt())
    return full.sub_crs_list[0] if full.is_compound else full.to_2d()


def axis_unit(crs: Any) -> float:
    """Return what one unit of a coordinate system's axes is, in metres or radians."""
    return float(horizontal_crs(crs).axis_info[0].unit_conversion_factor)


def vertical_crs(crs: Any) -> pyproj.CRS | None:
    """Return the coordinate system of the heights; None where it is not stated."""
    full = pyproj.CRS.from_user_input(crs.to_wkt())
    return full.sub_crs_list[-1] if full.is_compound else None


def height_unit_m(crs: Any, unit: str | None) -> float:
    """Return what one unit of a raster's heights is in metres; negative for depths.

    It is what the band states, or the coordinate system of the heights, or else 1.

    Raises:
        InputError: the band's unit is no length that is known, or differs from the other.
    """
    full = pyproj.CRS.from_user_input(crs.to_wkt())
    heights = vertical_crs(crs) or full
    axes = [axis for axis in heights.axis_info if axis.direction in ("up", "down")]
    sign = -1.0 if axes and axes[-1].direction == "down" else 1.0
    by_crs = float(axes[-1].unit_conversion_factor) if axes else None
    by_band = None
    if unit is not None and (word := unit.strip().lower()):
        by_band = _LENGTHS_M.get(re.sub(r"[\W_]+", " ", word).strip())
        if by_band is None:
            raise InputError(
                f"heights are in a unit of length, such as metre, foot or US survey foot; the "
                f"band's unit is {unit!r}. Set it with gdal_edit.py -units, or give an elevation "
                "model"
            )
        # of feet, "ft" is written for both kinds, 2 parts in a million apart
        if by_crs is not None and not math.isclose(by_band, by_crs, rel_tol=1e-5):
            raise InputError(
                f"the band's unit is {unit!r} and its vertical coordinate system, {heights.name}, "
                f"has {axes[-1].unit_name}; set the right one with gdal_edit.py -units or -a_srs"
            )
    return sign * (by_crs or by_band or 1.0)


def axis_directions(crs: Any) -> NDArray[np.float64] | None:
    """Return where x and y lead, as rows (2, 2) of east and north: unit vectors.

    Of most systems x leads east and y north, but south and west, say, in South Africa's. None where
    that differs from place to place, as in polar projections. x and y are as in files: latitude and
    northing come second where they are the first axis.
    """
    found = [axis.direction for axis in horizontal_crs(crs).axis_info[:2]]
    if found == ["north", "east"]:
        found.reverse()
    if len(found) != 2 or not all(name in _DIRECTIONS for name in found):
        return None
    vectors = np.array([_DIRECTIONS[name] for name in found])
    return vectors if np.linalg.det(vectors) != 0 else None


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
