"""Coordinate systems: how lengths and areas in them are measured, and geometries between them."""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj import network
from pyproj.crs import BoundCRS, ProjectedCRS
from pyproj.crs.coordinate_operation import (
    LambertAzimuthalEqualAreaConversion,
    ToWGS84Transformation,
)
from pyproj.transformer import TransformerGroup
from rasterio.crs import CRS

from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.messages import Message, message

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
_BALLPARK = "Ballpark geographic offset"
_ACROSS = 359 / 360  # of a turn
_UNNAMED = ("unknown", "unnamed", "undefined", "")
_FAR_M = 5000.0  # no datum is farther off
_SIZES_M = 100_000.0  # the Earth's radius, and how far ellipsoids and spheres are from it
_DIRECTIONS = {"east": (1.0, 0.0), "west": (-1.0, 0.0), "north": (0.0, 1.0), "south": (0.0, -1.0)}


def horizontal_crs(crs: Any) -> pyproj.CRS:
    """Return the horizontal part of a coordinate system (pyproj's, or rasterio's)."""
    return _horizontal(crs.to_wkt())


@lru_cache(maxsize=64)
def _horizontal(text: str) -> pyproj.CRS:
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
    base = geographic_base(_unbound(horizontal_crs(crs))) or pyproj.CRS.from_epsg(4326)
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
                f"something is outside the area where {_name(target)} or {_name(crs)} is defined"
                f"{between.limits}; check that the right coordinate system is assigned to it"
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


def lonlat_of(points: NDArray[np.float64], crs: Any) -> NDArray[np.float64]:
    """Return longitudes, from -180 to 180 degrees, and latitudes (n, 2) on WGS 84 of points."""
    lonlat = transformation(crs, pyproj.CRS.from_epsg(4326)).points(points)
    beyond = np.isfinite(lonlat[:, 0]) & (np.abs(lonlat[:, 0]) > 180)
    lonlat[beyond, 0] = (lonlat[beyond, 0] + 180) % 360 - 180
    return lonlat


def whole_turn(crs: Any) -> float | None:
    """Return 360 degrees in the unit of a geographic system's longitudes; None for others."""
    if crs is None:
        return None
    return _whole_turn(crs.to_wkt())


@lru_cache(maxsize=64)
def _whole_turn(text: str) -> float | None:
    flat = _horizontal(text)
    return 2 * math.pi / axis_unit(flat) if flat.is_geographic else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatumShift:
    """How a datum without a known transformation relates to WGS 84.

    Three parameters dx, dy, dz of a shift in metres, or seven with rx, ry, rz in seconds of arc and
    the scale in parts per million: a position vector transformation (EPSG method 9606), as in
    ``TOWGS84``. Or else a grid of shifts, NTv2 or GeoTIFF.
    """

    parameters: tuple[float, ...] = ()
    grid: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "DatumShift":
        """Read ``dx,dy,dz``, ``dx,dy,dz,rx,ry,rz,s``, or a grid file's name.

        Raises:
            InputError: it is none of these.
        """
        if text and Path(text).is_file():
            return cls(grid=Path(text).resolve())
        try:
            numbers = tuple(float(part) for part in text.split(","))
        except ValueError:
            numbers = ()
        is_sound = all(map(math.isfinite, numbers)) and max(map(abs, numbers), default=0) <= _FAR_M
        if len(numbers) not in (3, 7) or not is_sound:
            raise InputError(
                f"{argument('datum_shift')} is dx,dy,dz in metres, or dx,dy,dz,rx,ry,rz,s with "
                f"seconds of arc and parts per million, or a grid file (.gsb, .tif) that exists; "
                f"got {text[:80]!r}"
            )
        return cls(parameters=numbers)

    def bound(self, crs: pyproj.CRS) -> pyproj.CRS:
        """Return a coordinate system with this shift to WGS 84."""
        wgs84 = pyproj.CRS.from_epsg(4326)
        if self.grid is None:
            base = crs.geodetic_crs
            return BoundCRS(crs, wgs84, ToWGS84Transformation(base, *self.parameters))
        file = {
            "name": "Latitude and longitude difference file",
            "value": str(self.grid),
            "id": {"authority": "EPSG", "code": 8656},
        }
        method = {"name": "NTv2", "id": {"authority": "EPSG", "code": 9615}}
        return pyproj.CRS.from_json_dict(
            {
                "type": "BoundCRS",
                "source_crs": crs.to_json_dict(),
                "target_crs": wgs84.to_json_dict(),
                "transformation": {"name": "shift", "method": method, "parameters": [file]},
            }
        )


_shift: DatumShift | None = None
_shift_is_used = False


@contextmanager
def use_datum_shift(text: str | None, *, is_stated: bool = True) -> Iterator[None]:
    """Let coordinates between datums take a shift as `DatumShift.parse` reads it; None for none.

    It holds for the systems that are not of the ITRF family: from them to the family, or back. One
    that nothing needed is warned of where it ``is_stated`` for this call alone.

    Raises:
        InputError: the text is no shift.
    """
    global _shift, _shift_is_used
    if text is None:
        yield
        return
    before = _shift, _shift_is_used
    _shift, _shift_is_used = DatumShift.parse(text), False
    try:
        yield
        if is_stated and not _shift_is_used:
            warnings.warn(
                f"{argument('datum_shift', text)} changed nothing: no coordinates were brought "
                "from an old datum to another one, or back",
                LandslipWarning,
                stacklevel=3,
            )
    finally:
        _shift, _shift_is_used = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformation:
    """From one coordinate system to another: one step, two by way of WGS 84, or none."""

    source: pyproj.CRS
    target: pyproj.CRS
    steps: tuple[pyproj.Transformer, ...]
    shift: DatumShift | None = None

    @property
    def limits(self) -> str:
        """Words for an error about points that have no place."""
        return f", or beyond {self.shift.grid}" if self.shift and self.shift.grid else ""

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (n, 2), x and y, in the target; not finite where they have no place."""
        for step in self.steps:
            points = np.column_stack(step.transform(points[:, 0], points[:, 1]))
        return points

    def inverse(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (n, 2) of the target in the source."""
        for step in reversed(self.steps):
            back = step.transform(points[:, 0], points[:, 1], direction="INVERSE")
            points = np.column_stack(back)
        return points


def transformation(source: Any, target: Any) -> Transformation:
    """Return how to get from one coordinate system (pyproj's or rasterio's) to another.

    Heights are left out. Where PROJ knows how the datums relate only by way of WGS 84, that way is
    taken, and systems of the ITRF family count as one: they differ by a metre or so.

    Raises:
        InputError: one is not tied to the Earth, or PROJ cannot relate them.
    """
    global _shift_is_used  # noqa: PLW0603 - see `use_datum_shift`
    way = _transformation(source.to_wkt(), target.to_wkt(), _shift)
    _shift_is_used |= way.shift is not None
    return way


@lru_cache(maxsize=64)
def _transformation(source: str, target: str, shift: DatumShift | None) -> Transformation:
    network.set_network_enabled(active=False)  # type: ignore[attr-defined]
    here, there = _horizontal(source), _horizontal(target)
    if _same_site(here, there):
        return Transformation(source=here, target=there, steps=())
    for crs in (here, there):
        if not is_on_earth(crs):
            raise InputError(
                f"cannot transform from {_name(here)} to {_name(there)}: {_name(crs)} is not tied "
                "to the Earth; assign the projected or geographic system that it stands for"
            )
    used = None
    if shift is not None and not _same_datum(here, there):
        if is_old_datum(here):
            here, used = shift.bound(_unbound(here)), shift
        elif is_old_datum(there):
            there, used = shift.bound(_unbound(there)), shift
    wgs84 = pyproj.CRS.from_epsg(4326)
    try:
        by_hub = here.is_bound or there.is_bound
        if not by_hub and not any(_is_known(one) for one in _operations(here, there)):
            ends = [one for one in (here, there) if not _same_datum(one, wgs84)]
            known = any(_is_known(step) for one in ends for step in _operations(one, wgs84))
            by_hub = known and not _same_datum(here, there)
        pairs = ((here, wgs84), (wgs84, there)) if by_hub else ((here, there),)
        steps = tuple(pyproj.Transformer.from_crs(*pair, always_xy=True) for pair in pairs)
    except pyproj.exceptions.ProjError as error:
        cause = f"; is {used.grid} a grid of shifts?" if used and used.grid else ""
        raise InputError(
            f"cannot transform from {_name(here)} to {_name(there)} ({error}){cause}"
        ) from error
    return Transformation(source=here, target=there, steps=steps, shift=used)


def _operations(source: pyproj.CRS, target: pyproj.CRS) -> list[pyproj.Transformer]:
    """Return the ways that PROJ has between two systems, wherever they hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of grids that are not installed
        return list(TransformerGroup(source, target, always_xy=True).transformers)


def _is_known(step: pyproj.Transformer) -> bool:
    return _BALLPARK not in step.description


def is_old_datum(crs: pyproj.CRS) -> bool:
    """Whether a system's datum is not geocentric, and so tens or hundreds of metres off.

    Geocentric datums, which agree within a metre or two with the ITRF (WGS 84, CGCS2000, ETRS89,
    NAD83, GDA2020, ...), are on the ellipsoid GRS 1980 or one that is the same within millimetres;
    older ones (Beijing 1954, Xian 1980, NAD27, ED50, Tokyo, ...) have ellipsoids of their own.
    """
    ellipsoid = crs.ellipsoid
    if ellipsoid is None or ellipsoid.inverse_flattening == 0:  # a sphere has no datum
        return False
    is_new = abs(ellipsoid.semi_major_metre - 6378137) < 0.5
    return not (is_new and abs(ellipsoid.inverse_flattening - 298.2572) < 0.001)


def datum_note(
    file: str, source: Any, target: Any, geometries: NDArray[np.object_]
) -> Message | None:
    """Return a warning where PROJ only takes two datums as equal and they are not; else None."""
    known = geometries[~(shapely.is_missing(geometries) | shapely.is_empty(geometries))]
    if source is None or target is None or source == target or len(known) == 0:
        return None
    place = shapely.get_coordinates(known[len(known) // 2])[:1]
    way = transformation(source, target)
    if not way.steps:
        return None
    ends = [way.source, *([] if len(way.steps) == 1 else [None]), way.target]
    end = way.points(place)
    for step, here, there in zip(way.steps, ends[:-1], ends[1:], strict=True):
        place = np.column_stack(step.transform(place[:, 0], place[:, 1]))
        try:
            used = step.get_last_used_operation().description
        except pyproj.exceptions.ProjError:  # there is only one
            used = step.description
        old = [one for one in (here, there) if one is not None and is_old_datum(one)]
        if _BALLPARK not in used or not old:
            continue
        lonlat = transformation(way.target, pyproj.CRS.from_epsg(4326)).points(end)[0]
        names = [(one.geodetic_crs or one).name for one in (way.source, way.target)]
        return message(
            "warning.ballpark",
            file=file,
            source=names[0],
            target=names[1],
            size=_likely_shift(old[0], *lonlat.tolist()),
        )
    return None


def _likely_shift(crs: pyproj.CRS, lon: float, lat: float) -> Message:
    """Return how far a datum is from WGS 84, by what is known of it in other regions."""
    base = geographic_base(crs) or crs
    geod = pyproj.Geod(ellps="WGS84")
    shifts_m = []
    meridian = base.prime_meridian
    zero = 0.0
    if meridian is not None:
        zero = float(meridian.longitude) * float(meridian.unit_conversion_factor)
    own = np.array([math.radians(lon) - zero, math.radians(lat)]) / axis_unit(base)
    for step in filter(_is_known, _operations(base, pyproj.CRS.from_epsg(4326))):
        x, y = step.transform(*own)
        if math.isfinite(x + y):
            shifts_m.append(geod.inv(lon, lat, x, y)[2])
    if not shifts_m:
        return message("crs.shift_unknown")
    return message("crs.shift_range", low=round(min(shifts_m)), high=round(max(shifts_m)))


def check_on_map(crs: Any, file: object, points: NDArray[np.float64] | None = None) -> None:
    """Check that a file's coordinate system is of maps, be they of the Earth or of a site.

    ``points`` (n, 2) are x and y of what is in it, which must be angles where it has angles.

    Raises:
        InputError: it is geocentric, or of heights only, or not that of the coordinates.
    """
    flat = horizontal_crs(crs)
    if not (flat.is_projected or flat.is_geographic or flat.is_engineering):
        raise InputError(
            f"{file}: its coordinate system, {_name(flat)} ({flat.type_name}), is not one of maps; "
            "assign a projected or geographic one"
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
            f"{_name(flat)}, is defined: that has longitudes and latitudes in {unit}; assign "
            "the system that the coordinates are in, or exchange x and y where they were swapped"
        )


def check_on_earth(crs: Any, file: object) -> None:
    """Check that a file's coordinate system tells where on the Earth something is.

    Raises:
        InputError: it does not.
    """
    if not is_on_earth(crs):
        raise InputError(
            f"{file}: its coordinate system, {_name(horizontal_crs(crs))}, is not tied to the "
            "Earth; assign a projected or geographic one"
        )


def is_on_earth(crs: Any) -> bool:
    """Whether a coordinate system is projected or geographic, and of the Earth."""
    flat = horizontal_crs(crs)
    if not (flat.is_projected or flat.is_geographic):
        return False
    ellipsoid = flat.ellipsoid
    return ellipsoid is None or abs(ellipsoid.semi_major_metre - 6_371_000) < _SIZES_M


def _same_site(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Whether two systems are one of a site: files keep a name and a unit, but not all the rest."""
    if not (one.is_engineering and other.is_engineering) or one.name.lower() in _UNNAMED:
        return False
    units = [crs.axis_info[0].unit_conversion_factor for crs in (one, other) if crs.axis_info]
    return one.name == other.name and len(units) == 2 and units[0] == units[1]


def _same_datum(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    bases = [geographic_base(crs) for crs in (one, other)]
    return bases[0] is not None and bases[0].equals(bases[1], ignore_axis_order=True)


def _unbound(crs: pyproj.CRS) -> pyproj.CRS:
    return crs.source_crs if crs.is_bound and crs.source_crs is not None else crs


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


def _name(crs: CRS | pyproj.CRS) -> str:
    named = pyproj.CRS.from_wkt(crs.to_wkt())
    return f"an unnamed {named.type_name}" if named.name in _UNNAMED else named.name
