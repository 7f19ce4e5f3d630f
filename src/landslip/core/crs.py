"""Coordinate systems: their axes, units and kinds."""

import math
import re
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError

DEGREE_M = 111_195.0
"""Length of a degree of latitude on a sphere as large as the Earth."""

# as GDAL, PROJ, Esri and people write them, in small letters, without other signs
_LENGTHS_M = {
    name: metres
    for metres, names in (
        (1.0, "m,metre,metres,meter,meters,mtr,mts,米"),
        (1000.0, "km,kilometre,kilometres,kilometer,kilometers"),
        (0.1, "dm,decimetre,decimetres,decimeter,decimeters,分米"),
        (0.01, "cm,centimetre,centimetres,centimeter,centimeters,厘米"),
        (0.001, "mm,millimetre,millimetres,millimeter,millimeters,毫米"),
        (0.3048, "ft,foot,feet,ift,international foot,international feet,foot intl,intl foot,英尺"),
        (0.3048, "ft intl,intl ft,intl feet,feet intl"),
        (1200 / 3937, "us survey foot,us survey feet,us foot,us feet,us ft,us survey ft,usft"),
        (1200 / 3937, "foot us,feet us,ft us,ftus,survey foot,survey feet,sft,u s survey foot"),
        (1200 / 3937, "u s survey feet,foot us survey,u s foot,u s feet,u s ft,foot survey us"),
        (0.0254, "in,inch,inches,us in"),
        (0.9144, "yd,yard,yards"),
        (1.8288, "fath,fathom,fathoms"),
    )
    for name in names.split(",")
}
# what people write behind a unit to say what heights are counted from
_DATUM_WORDS = re.compile(r"\b(a ?s ?l|a ?m ?s ?l|a ?g ?l|above|over|egm ?\d+|navd ?\d+|msl)\b.*")
_UNSTATED_UNITS = ("", "none", "unknown", "unit", "units", "undefined", "unspecified", "n a", "nan")
UNNAMED = ("unknown", "unnamed", "undefined", "")
_SIZES_M = 100_000.0  # the Earth's radius, and how far ellipsoids and spheres are from it
_DIRECTIONS = {"east": (1.0, 0.0), "west": (-1.0, 0.0), "north": (0.0, 1.0), "south": (0.0, -1.0)}


def horizontal_crs(crs: Any) -> pyproj.CRS:
    """Return the horizontal part of a coordinate system (pyproj's, or rasterio's)."""
    return horizontal_from_wkt(crs.to_wkt())


@lru_cache(maxsize=64)
def horizontal_from_wkt(text: str) -> pyproj.CRS:
    """Return the horizontal part of a system that is written as WKT."""
    full = pyproj.CRS.from_user_input(text)
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
    by_band = length_m(unit)
    # of feet, "ft" is written for both kinds, 2 parts in a million apart
    if by_band and by_crs and not math.isclose(by_band, by_crs, rel_tol=1e-5):
        raise InputError(
            f"the band's unit is {unit!r} and its vertical coordinate system, {heights.name}, "
            f"has {axes[-1].unit_name}; set the right one with gdal_edit.py -units or -a_srs"
        )
    return sign * (by_crs or by_band or 1.0)


def length_m(unit: str | None) -> float | None:
    """Return what a band's unit of heights is in metres; None where none is stated.

    Raises:
        InputError: it is no length that is known.
    """
    word = re.sub(r"[\W_]+", " ", (unit or "").lower()).strip()
    is_sign = word == "" and (unit or "").strip(" -") != ""  # such as ' for feet
    if word in _UNSTATED_UNITS and not is_sign:
        return None
    known = _LENGTHS_M.get(word) or _LENGTHS_M.get(_DATUM_WORDS.sub("", word).strip())
    if known is None:
        raise InputError(
            f"heights are in a unit of length, such as metre, foot or US survey foot; the "
            f"band's unit is {unit!r}. Set it with gdal_edit.py -units, or give an elevation "
            "model"
        )
    return known


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


def geographic_base(flat: pyproj.CRS) -> pyproj.CRS | None:
    """Return the longitudes and latitudes that a horizontal system is made from, or itself."""
    if flat.is_geographic and flat.is_derived:  # with a pole elsewhere
        return flat.source_crs
    return flat.geodetic_crs


def is_stretched(crs: Any) -> bool:
    """Whether lengths and areas on the map are not those on the ground.

    So it is in degrees, and in Mercator and other cylindrical projections along the equator, whose
    scale grows towards the poles. Transverse and oblique Mercator projections are used near their
    central line, where the scale is nearly 1, like all other projections.
    """
    flat = horizontal_crs(crs)
    if flat.is_geographic:
        return True
    own = flat.source_crs if flat.is_bound and flat.source_crs is not None else flat
    operation = own.coordinate_operation
    method = operation.method_name.lower() if operation is not None else ""
    if any(name in method for name in ("transverse", "oblique", "equal area")):
        return False
    return any(name in method for name in ("mercator", "cylindrical", "miller"))


def whole_turn(crs: Any) -> float | None:
    """Return 360 degrees in the unit of a geographic system's longitudes; None for others."""
    if crs is None:
        return None
    return _whole_turn(crs.to_wkt())


@lru_cache(maxsize=64)
def _whole_turn(text: str) -> float | None:
    flat = horizontal_from_wkt(text)
    return 2 * math.pi / axis_unit(flat) if flat.is_geographic else None


def check_on_map(crs: Any, file: object, points: NDArray[np.float64] | None = None) -> None:
    """Check that a file's coordinate system is of maps, be they of the Earth or of a site.

    ``points`` (n, 2) are x and y of what is in it, which must be angles where it has angles.

    Raises:
        InputError: it is geocentric, or of heights only, or not that of the coordinates.
    """
    flat = horizontal_crs(crs)
    if not (flat.is_projected or flat.is_geographic or flat.is_engineering):
        raise InputError(
            f"{file}: its coordinate system, {crs_name(flat)} ({flat.type_name}), is not one of "
            "maps; assign a projected or geographic one"
        )
    turn = whole_turn(crs)
    if turn is None or points is None or len(points) == 0:
        return
    # cells about a pole reach over it
    far = np.isfinite(points) & (np.abs(points) > (2 * turn, turn / 4 + turn / 360))
    if far.any():
        x, y = points[far.any(axis=1)][0]
        unit = flat.axis_info[0].unit_name
        raise InputError(
            f"{file}: x {x:g}, y {y:g} is outside the area where its coordinate system, "
            f"{crs_name(flat)}, is defined: that has longitudes and latitudes in {unit}; assign "
            "the system that the coordinates are in, or exchange x and y where they were swapped"
        )


def check_on_earth(crs: Any, file: object) -> None:
    """Check that a file's coordinate system tells where on the Earth something is.

    Raises:
        InputError: it does not.
    """
    if not is_on_earth(crs):
        raise InputError(
            f"{file}: its coordinate system, {crs_name(horizontal_crs(crs))}, is not tied to the "
            "Earth; assign a projected or geographic one"
        )


def is_on_earth(crs: Any) -> bool:
    """Whether a coordinate system is projected or geographic, and of the Earth."""
    flat = horizontal_crs(crs)
    if not (flat.is_projected or flat.is_geographic):
        return False
    ellipsoid = flat.ellipsoid
    return ellipsoid is None or abs(ellipsoid.semi_major_metre - 6_371_000) < _SIZES_M


def unbound(crs: pyproj.CRS) -> pyproj.CRS:
    """Return a system without the transformation to WGS 84 that may be bound to it."""
    return crs.source_crs if crs.is_bound and crs.source_crs is not None else crs


def crs_name(crs: CRS | pyproj.CRS) -> str:
    """Return what an error calls a system."""
    named = pyproj.CRS.from_wkt(crs.to_wkt())
    return f"an unnamed {named.type_name}" if named.name in UNNAMED else named.name
