"""Polygons brought from one coordinate system into another, and one that is in metres."""

import math

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.grid import AreaMeasure


def metre_crs(crs: CRS, geometries: NDArray[np.object_]) -> CRS:
    """Return a coordinate system in metres in which areas near the geometries are right.

    Their own, where it is projected, in metres, and no Mercator projection; else Lambert's
    azimuthal equal-area projection about their middle, in which areas are exact everywhere and
    lengths within 0.1 % up to 500 km away.

    Raises:
        InputError: they lie where their coordinate system is not defined.
    """
    if AreaMeasure(crs).method == "planimetric" and _is_in_metres(crs):
        return crs
    lonlat = CRS.from_epsg(4326)
    boxes = shapely.bounds(geometries)
    middles = (boxes[:, :2] + boxes[:, 2:])[~np.isnan(boxes[:, 0])] / 2
    degrees = shapely.get_coordinates(
        reprojected(np.asarray(shapely.points(middles), dtype=object), crs, lonlat)
    )
    lon, lat = _middle(degrees) if len(degrees) else (0.0, 0.0)
    text = f"+proj=laea +lat_0={lat:.4f} +lon_0={lon:.4f} +datum=WGS84 +units=m +no_defs"
    return CRS.from_wkt(pyproj.CRS.from_proj4(text).to_wkt())


def reprojected(
    geometries: NDArray[np.object_], crs: CRS | None, target: CRS | None
) -> NDArray[np.object_]:
    """Return geometries in another coordinate system; as they are where it is the same.

    Raises:
        InputError: only one of the two is known, or a geometry lies where one is not defined.
    """
    if crs == target:
        return geometries
    if crs is None or target is None:
        raise InputError(
            "one thing has a coordinate system and the other has none, so that nothing says where "
            "they lie to each other; assign it to the one without"
        )
    try:
        change = pyproj.Transformer.from_crs(crs.to_wkt(), target.to_wkt(), always_xy=True)
    except pyproj.exceptions.ProjError as error:
        raise InputError(f"no way leads from {_name(crs)} to {_name(target)} ({error})") from error

    def there(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(change.transform(points[:, 0], points[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometries, there)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InputError(
            f"something lies outside the area where {_name(target)} is defined, or outside that of "
            f"{_name(crs)}; see that the coordinate system assigned to it is the right one"
        )
    return moved


def _is_in_metres(crs: CRS) -> bool:
    axes = pyproj.CRS.from_wkt(crs.to_wkt()).axis_info
    return bool(axes[0].unit_conversion_factor == 1.0)


def _middle(degrees: NDArray[np.float64]) -> tuple[float, float]:
    """Return longitude and latitude of the mean direction, which no meridian cuts."""
    lon, lat = np.radians(degrees).T
    east, north, up = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    x, y, z = float(east.mean()), float(north.mean()), float(up.mean())
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def _name(crs: CRS) -> str:
    name: str = pyproj.CRS.from_wkt(crs.to_wkt()).name
    return crs.to_string() if name == "unknown" else name
