"""Cloud shadow: dark ground where the sun throws the outline of a cloud.

The height of a cloud is not known, so its outline is moved away from the sun, for one height after
the other, and the shadow is where it covers most dark ground (Zhu and Woodcock 2012, doi
10.1016/j.rse.2011.10.028, section 3.2). Shadows of clouds outside the scene are missed.
"""

import math

import numpy as np
import pyproj
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import reconstruction

from landslip.core.grid import Grid
from landslip.core.transformations import lonlat_of, transformation
from landslip.preprocessing.resampling import Flags, Pixels

_GEOD = pyproj.Geod(ellps="WGS84")
_WGS84 = pyproj.CRS.from_epsg(4326)
_HEIGHTS_M = 200.0, 12_000.0
_LEAST_DARKER = 0.02  # reflectance in near infrared
_BACKGROUND_PERCENT = 17.5
_LOW, _BRIGHT_PERCENT = 0.5, 75
_LEAST_DARK_SHARE = 0.5
_MOST_COMPARED_PX = 4000
_LOWEST_SUN_DEG = 5.0


def detect_cloud_shadows(
    nir: Pixels, valid: Flags, cloudy: Flags, grid: Grid, sun_deg: tuple[float, float]
) -> Flags:
    """Return where the clouds of a scene, or of an overview of it, throw shadows: (height, width).

    A cloud has none where at no height half of its outline covers dark ground.

    Args:
        nir: reflectance in near infrared (height, width).
        valid: where it is known.
        cloudy: the clouds, as they are: a margin around them has no shadow.
        grid: of the three.
        sun_deg: azimuth, clockwise from north, and elevation over the horizon.
    """
    shadow = np.zeros_like(cloudy)
    azimuth, elevation = sun_deg
    if elevation < _LOWEST_SUN_DEG or not cloudy.any():
        return shadow
    clear = valid & ~cloudy
    dark = _dark_ground(nir, clear)
    # pixels (columns, rows) by which the shadow moves for each metre of height
    step = _pixels_per_m(grid, azimuth + 180) / math.tan(math.radians(elevation))
    lengths = np.arange(*(height * np.abs(step).max() for height in _HEIGHTS_M))
    moves = np.rint(np.outer(lengths, step / np.abs(step).max())).astype(np.intp)
    regions, _ = ndimage.label(cloudy, structure=np.ones((3, 3)))
    for number, part in enumerate(ndimage.find_objects(regions), start=1):
        rows, cols = np.nonzero(regions[part] == number)
        rows, cols = rows + part[0].start, cols + part[1].start
        every = -(-len(rows) // _MOST_COMPARED_PX)
        shares = [
            _dark_share(dark, clear, rows[::every] + row, cols[::every] + col) for col, row in moves
        ]
        if not shares or max(shares) < _LEAST_DARK_SHARE:
            continue
        col, row = moves[int(np.argmax(shares))]
        inside = _inside(rows + row, cols + col, shadow.shape)
        shadow[(rows + row)[inside], (cols + col)[inside]] = True
    return shadow & clear


def _dark_ground(nir: Pixels, clear: Flags) -> Flags:
    """Return the clear ground that is darker than all around it, or than most of the scene.

    The former is a flood-fill (equation 21), which misses shadows that reach the edge or a cloud.
    """
    if not clear.any():
        return np.zeros_like(clear)
    background = np.float32(np.percentile(nir[clear], _BACKGROUND_PERCENT))
    ground = np.where(clear, nir, background)
    seed = np.full_like(ground, ground.max())
    edge = np.ones_like(clear)
    edge[1:-1, 1:-1] = False
    seed[edge] = np.maximum(background, ground[edge])
    filled = reconstruction(np.maximum(seed, ground), ground, method="erosion")
    is_low = nir < _LOW * np.float32(np.percentile(nir[clear], _BRIGHT_PERCENT))
    return np.asarray(clear & ((filled - ground > _LEAST_DARKER) | is_low))


def _dark_share(dark: Flags, clear: Flags, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> float:
    """Return which share of pixels is dark of those that are clear; 0 where these are too few."""
    inside = _inside(rows, cols, dark.shape)
    known = clear[rows[inside], cols[inside]]
    if np.count_nonzero(known) < len(rows) / 4:
        return 0.0
    return float(dark[rows[inside], cols[inside]][known].mean())


def _inside(
    rows: NDArray[np.intp], cols: NDArray[np.intp], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    return np.asarray((rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1]))


def _pixels_per_m(grid: Grid, azimuth_deg: float, reach_m: float = 1000.0) -> NDArray[np.float64]:
    """Return the pixels (columns, rows) of a metre in a direction, in the middle of a grid."""
    start = np.array([grid.middle])
    (lon, lat), *_ = lonlat_of(start, grid.crs).tolist()
    end_lon, end_lat, _ = _GEOD.fwd(lon, lat, azimuth_deg, reach_m)
    end = transformation(_WGS84, grid.crs).points(np.array([[end_lon, end_lat]]))
    return np.asarray((grid.pixels(end) - grid.pixels(start))[0] / reach_m)
