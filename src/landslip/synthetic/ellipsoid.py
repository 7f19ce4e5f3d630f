"""Between geographic coordinates on WGS 84 and Cartesian ones that turn with the earth."""

import functools

import numpy as np
import pyproj
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
_CARTESIAN, _GEOGRAPHIC = 4978, 4979


def to_cartesian(lonlat_deg: Vectors, height_m: NDArray[np.float64] | float) -> Vectors:
    """Return earth-centred coordinates (n, 3) in metres.

    Args:
        lonlat_deg: (n, 2) longitude and latitude.
        height_m: (n,) or one height over the ellipsoid.
    """
    lon, lat = np.asarray(lonlat_deg, dtype=np.float64).T
    height = np.broadcast_to(np.asarray(height_m, dtype=np.float64), lon.shape)
    return np.column_stack(_transformer(_GEOGRAPHIC, _CARTESIAN).transform(lon, lat, height))


def to_geographic(places: Vectors) -> tuple[Vectors, NDArray[np.float64]]:
    """Return longitude and latitude (n, 2) and ellipsoidal heights (n,) of places (n, 3)."""
    x, y, z = places.T
    lon, lat, height = _transformer(_CARTESIAN, _GEOGRAPHIC).transform(x, y, z)
    return np.column_stack([lon, lat]), np.asarray(height, dtype=np.float64)


def local_axes(lonlat_deg: Vectors) -> Vectors:
    """Return the unit vectors (n, 3: east, north, up, 3) at points on the ellipsoid."""
    lon, lat = np.radians(lonlat_deg).T
    zero = np.zeros_like(lon)
    east = (-np.sin(lon), np.cos(lon), zero)
    north = (-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat))
    up = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    axes: Vectors = np.moveaxis(np.array([east, north, up]), -1, 0)
    return axes


@functools.lru_cache(maxsize=2)
def _transformer(source: int, target: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)
