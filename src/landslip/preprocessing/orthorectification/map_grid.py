"""Where the edge of a sensor image lies on the ground."""

import math
from dataclasses import dataclass

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from rasterio.crs import CRS
from rasterio.errors import CRSError

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection, Points

_EDGE_POINTS = 41
_ROUNDS = 40
_CLOSE_ENOUGH_M = 0.01


@dataclass(frozen=True, slots=True)
class Ring:
    """Points (n, 2) along an image's edge, in pixel coordinates."""

    points: Points

    def on_level(self, rpc: RPC, height_m: float) -> Points:
        """Return the longitudes and latitudes (n, 2) of the ring on ground of one height.

        Raises:
            InputError: the camera model cannot be inverted there.
        """
        lonlat = rpc.locate(self.points, np.full(len(self.points), height_m))
        if not np.all(np.isfinite(lonlat)):
            raise InputError(
                f"the RPC cannot be inverted at the image's edge at a height of {height_m:.0f} m; "
                "it does not belong to an image of this size"
            )
        return lonlat


@dataclass(frozen=True, slots=True)
class Outline:
    """Longitudes and latitudes (n, 2) along an image's edge, on the ground."""

    lonlat_deg: Points

    @staticmethod
    def ring(shape: tuple[int, int]) -> Ring:
        """Return points along the edge of an image of a shape (height, width)."""
        height, width = shape
        along = np.linspace(0, 1, _EDGE_POINTS)[:-1]
        zero, one = np.zeros_like(along), np.ones_like(along)
        cols = np.concatenate([along, one, 1 - along, zero]) * width
        rows = np.concatenate([zero, along, one, 1 - along]) * height
        return Ring(np.column_stack([cols, rows]))


def image_outline(rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> Outline:
    """Return where an image's edge meets the ground.

    Beyond the elevation model its edge's heights hold. Where the ground is so steep that rays meet
    it twice, one of the two places is returned.
    """
    return Outline(on_ground(rpc, Outline.ring(shape).points, elevation))


def on_ground(rpc: RPC, points: Points, elevation: Elevation) -> Points:
    """Return the longitudes and latitudes (n, 2) where the rays of image points meet the ground."""
    height_m = np.full(len(points), float(np.median(elevation.height_m)))
    lonlat = Ring(points).on_level(rpc, float(height_m[0]))
    for turn in range(_ROUNDS):
        found = elevation.at(lonlat)
        if np.abs(found - height_m).max() < _CLOSE_ENOUGH_M:
            break
        # damped after a few turns: on steep ground the plain iteration swings
        height_m = found if turn < 8 else (height_m + found) / 2
        lonlat = rpc.locate(points, height_m)
    return lonlat


_LARGEST_SIDE_PX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRequest:
    """What a grid is to be like.

    Attributes:
        resolution_m: side of a pixel in metres.
        crs: None chooses the UTM zone of the scene's centre.
        clip: whether it ends where the elevation model ends.
    """

    resolution_m: float
    crs: CRS | None = None
    clip: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.resolution_m) and self.resolution_m > 0):
            raise InputError(f"the resolution is over 0 m; got {self.resolution_m}")
        if self.crs is not None and self.crs.is_geographic:
            raise InputError(
                f"the map's coordinate system is projected, in metres; got {self.crs}; choose a "
                "projected one, or none for the UTM zone of the scene"
            )


def plan_grid(request: GridRequest, outline: Outline, elevation: Elevation) -> Grid:
    """Return a grid around an outline whose lines lie on multiples of the resolution.

    So grids of several scenes in one coordinate system lie pixel on pixel.

    Raises:
        InputError: nothing is left inside the elevation model, or the grid is far too large.
    """
    crs = request.crs or utm_crs(*outline.lonlat_deg.mean(axis=0).tolist())
    frame = GridProjection(Grid(crs=crs, transform=Affine.identity(), shape=(1, 1)))
    unit_m = crs.linear_units_factor[1]
    step = request.resolution_m / unit_m
    points = frame.map_of(outline.lonlat_deg)
    low, high = points.min(axis=0), points.max(axis=0)
    if request.clip:
        edge = frame.map_of(
            GridProjection(elevation.grid).lonlat_of(Outline.ring(elevation.grid.shape).points)
        )
        low, high = np.maximum(low, edge.min(axis=0)), np.minimum(high, edge.max(axis=0))
        if np.any(low >= high):
            raise InputError(
                "the elevation model and the scene do not meet; nothing is left to map"
            )
    return _snapped(low, high, step, crs)


def utm_crs(lon_deg: float, lat_deg: float) -> CRS:
    """Return the UTM zone (WGS 84) of a place."""
    place = AreaOfInterest(lon_deg, lat_deg, lon_deg, lat_deg)
    zones = query_utm_crs_info(datum_name="WGS 84", area_of_interest=place)
    if not zones:
        raise InputError(
            f"no UTM zone holds longitude {lon_deg:.3f}, latitude {lat_deg:.3f}; choose the map's "
            "coordinate system with --crs"
        )
    return CRS.from_epsg(int(zones[0].code))


def parse_crs(text: str | None) -> CRS | None:
    """Read a coordinate system such as ``EPSG:32648``.

    Raises:
        InputError: it is none.
    """
    if text is None:
        return None
    try:
        crs = CRS.from_user_input(text)
        pyproj.CRS.from_user_input(crs.to_wkt())
    except (CRSError, pyproj.exceptions.CRSError, ValueError) as error:
        raise InputError(
            f"a coordinate system is written like EPSG:32648; got --crs {text!r}"
        ) from error
    return crs


def _snapped(low: NDArray[np.float64], high: NDArray[np.float64], step: float, crs: CRS) -> Grid:
    # a hundredth of a pixel more is rounding, not ground
    left, bottom = (math.floor(value / step + 0.01) for value in low.tolist())
    right, top = (math.ceil(value / step - 0.01) for value in high.tolist())
    shape = max(top - bottom, 1), max(right - left, 1)
    if max(shape) > _LARGEST_SIDE_PX:
        raise InputError(
            f"a scene has at most {_LARGEST_SIDE_PX} px a side; at this resolution it would have "
            f"{shape[1]} x {shape[0]}: the camera model or the resolution is wrong"
        )
    transform = Affine(step, 0, left * step, 0, -step, top * step)
    return Grid(crs=crs, transform=transform, shape=shape)
