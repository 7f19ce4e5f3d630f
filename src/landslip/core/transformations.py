"""Coordinates from one coordinate system to another, and what their datums differ by."""

import math
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
from pyproj.crs import BoundCRS
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.transformer import TransformerGroup

from landslip.core.crs import (
    UNNAMED,
    axis_unit,
    crs_name,
    geographic_base,
    horizontal_from_wkt,
    is_on_earth,
    unbound,
)
from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.messages import Message, message

_BALLPARK = "Ballpark geographic offset"
_FAR_M = 5000.0  # no datum is farther off


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


def lonlat_of(points: NDArray[np.float64], crs: Any) -> NDArray[np.float64]:
    """Return longitudes, from -180 to 180 degrees, and latitudes (n, 2) on WGS 84 of points."""
    lonlat = transformation(crs, pyproj.CRS.from_epsg(4326)).points(points)
    beyond = np.isfinite(lonlat[:, 0]) & (np.abs(lonlat[:, 0]) > 180)
    lonlat[beyond, 0] = (lonlat[beyond, 0] + 180) % 360 - 180
    return lonlat


@lru_cache(maxsize=64)
def _transformation(source: str, target: str, shift: DatumShift | None) -> Transformation:
    network.set_network_enabled(active=False)  # type: ignore[attr-defined]
    here, there = horizontal_from_wkt(source), horizontal_from_wkt(target)
    if _same_site(here, there):
        return Transformation(source=here, target=there, steps=())
    for crs in (here, there):
        if not is_on_earth(crs):
            raise InputError(
                f"cannot transform from {crs_name(here)} to {crs_name(there)}: {crs_name(crs)} is "
                "not tied to the Earth; assign the projected or geographic system that it "
                "stands for"
            )
    used = None
    if shift is not None and not _same_datum(here, there):
        if is_old_datum(here):
            here, used = shift.bound(unbound(here)), shift
        elif is_old_datum(there):
            there, used = shift.bound(unbound(there)), shift
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
            f"cannot transform from {crs_name(here)} to {crs_name(there)} ({error}){cause}"
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


def _same_site(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Whether two systems are one of a site: files keep a name and a unit, but not all the rest."""
    if not (one.is_engineering and other.is_engineering) or one.name.lower() in UNNAMED:
        return False
    units = [crs.axis_info[0].unit_conversion_factor for crs in (one, other) if crs.axis_info]
    return one.name == other.name and len(units) == 2 and units[0] == units[1]


def _same_datum(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    bases = [geographic_base(crs) for crs in (one, other)]
    return bases[0] is not None and bases[0].equals(bases[1], ignore_axis_order=True)
