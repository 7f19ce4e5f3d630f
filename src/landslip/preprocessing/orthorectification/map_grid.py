"""The grid that a scene is orthorectified onto, around the image's outline on the ground."""

import math
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from affine import Affine
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from rasterio.crs import CRS
from rasterio.errors import CRSError

from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.grid import Grid, edge_points
from landslip.core.rpc import RPC
from landslip.core.transformations import datum_note, transformation
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.resampling import Points

_LARGEST_SIDE_PX = 200_000
_POINTS_PER_SIDE = 41
_MAX_ITERATIONS = 40
_CONVERGED_M = 0.01
_EARTH_RADIUS_M = 6_371_000.0


def locate_at_height(rpc: RPC, points: Points, height_m: float) -> Points:
    """Return the longitudes and latitudes (n, 2) of image points on ground of one height.

    Raises:
        InputError: the camera model cannot be inverted there.
    """
    lonlat = rpc.locate(points, np.full(len(points), height_m))
    if not np.all(np.isfinite(lonlat)):
        raise InputError(
            f"the RPC cannot be inverted at the image's edge at a height of {height_m:.0f} m; "
            "it does not belong to an image of this size"
        )
    return lonlat


def locate_on_ground(rpc: RPC, points: Points, elevation: Elevation) -> Points:
    """Return the longitudes and latitudes (n, 2) where the rays of image points meet the ground.

    Beyond the elevation model its edge's heights hold. Where the ground is so steep that rays meet
    it twice, one of the two places is returned.
    """
    height_m = np.full(len(points), float(np.median(elevation.height_m)))
    lonlat = locate_at_height(rpc, points, float(height_m[0]))
    for iteration in range(_MAX_ITERATIONS):
        below = elevation.at(lonlat)
        if np.abs(below - height_m).max() < _CONVERGED_M:
            break
        # damped after a few iterations: on steep ground the plain iteration oscillates
        height_m = below if iteration < 8 else (height_m + below) / 2
        lonlat = rpc.locate(points, height_m)
    return lonlat


def image_edge(shape: tuple[int, int]) -> Points:
    """Return pixel coordinates (n, 2) along the edge of an image (height, width)."""
    return edge_points(shape, _POINTS_PER_SIDE)


def image_outline(rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> Points:
    """Return longitudes and latitudes (n, 2) of an image's edge on the ground."""
    return locate_on_ground(rpc, image_edge(shape), elevation)


def own_resolution_m(rpc: RPC, shape: tuple[int, int], elevation: Elevation) -> float:
    """Return the side of a pixel at the image's centre, as a square of its area on the ground."""
    height, width = shape
    step = 50.0
    corners = np.array([width / 2, height / 2]) + np.array([[0, 0], [step, 0], [0, step]])
    lon, lat = np.radians(locate_on_ground(rpc, corners, elevation)).T
    # metres from the first point, on a sphere
    east = (lon - lon[0]) * np.cos(lat[0]) * _EARTH_RADIUS_M
    north = (lat - lat[0]) * _EARTH_RADIUS_M
    area = (east[1] - east[0]) * (north[2] - north[0]) - (east[2] - east[0]) * (north[1] - north[0])
    return float(math.sqrt(abs(area)) / step)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRequest:
    """The side of a pixel in metres, the projection (None for the UTM zone of the scene's centre).

    With ``clip``, the grid ends where the elevation model ends.
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


def plan_grid(request: GridRequest, outline: Points, elevation: Elevation) -> Grid:
    """Return a grid around an outline (n, 2: longitude, latitude), on multiples of the resolution.

    So grids of several scenes in one coordinate system align pixel by pixel.

    Raises:
        InputError: nothing is left inside the elevation model, or the grid is far too large.
    """
    crs = request.crs or utm_crs(*outline.mean(axis=0).tolist())
    projection = GridProjection(Grid(crs=crs, transform=Affine.identity(), shape=(1, 1)))
    points = projection.map_of(outline)
    low, high = points.min(axis=0), points.max(axis=0)
    if request.clip:
        edge = image_edge(elevation.grid.shape)
        edge = projection.map_of(GridProjection(elevation.grid).lonlat_of(edge))
        low, high = np.maximum(low, edge.min(axis=0)), np.minimum(high, edge.max(axis=0))
        if np.any(low >= high):
            raise InputError(
                "the elevation model and the scene do not meet; nothing is left to map"
            )
    step = request.resolution_m / crs.linear_units_factor[1]
    # a hundredth of a pixel more is rounding, not ground
    left, bottom = (math.floor(value / step + 0.01) for value in low.tolist())
    right, top = (math.ceil(value / step - 0.01) for value in high.tolist())
    shape = max(top - bottom, 1), max(right - left, 1)
    if max(shape) > _LARGEST_SIDE_PX:
        raise InputError(
            f"a scene has at most {_LARGEST_SIDE_PX} px a side; at this resolution it would have "
            f"{shape[1]} x {shape[0]}: the camera model or the resolution is wrong"
        )
    return Grid(crs=crs, transform=Affine(step, 0, left * step, 0, -step, top * step), shape=shape)


def utm_crs(lon_deg: float, lat_deg: float) -> CRS:
    """Return the UTM zone (WGS 84) of a place.

    Raises:
        InputError: the place is too near to a pole.
    """
    place = AreaOfInterest(lon_deg, lat_deg, lon_deg, lat_deg)
    zones = query_utm_crs_info(datum_name="WGS 84", area_of_interest=place)
    if not zones:
        raise InputError(
            f"no UTM zone holds longitude {lon_deg:.3f}, latitude {lat_deg:.3f}; choose the map's "
            f"coordinate system with {argument('crs')}"
        )
    return CRS.from_epsg(int(zones[0].code))


def map_datum_notes(grid: Grid) -> tuple[str, ...]:
    """Return a note where the map's datum is only taken as that of the camera, WGS 84."""
    wgs84 = pyproj.CRS.from_epsg(4326)
    middle = transformation(grid.crs, wgs84).points(np.array([grid.middle]))
    name = argument("crs", grid.crs)
    note = datum_note(name, wgs84, grid.crs, np.array([shapely.Point(*middle[0])], dtype=object))
    return () if note is None else (note.text(),)


def parse_crs(text: str | None) -> CRS | None:
    """Read a coordinate system such as ``EPSG:32648``.

    Raises:
        InputError: the text names none.
    """
    if text is None:
        return None
    try:
        known = pyproj.CRS.from_user_input(text)  # GDAL would open files and addresses
        code = known.to_epsg(min_confidence=100)
        crs = CRS.from_wkt(known.to_wkt()) if code is None else CRS.from_epsg(code)
        check_on_earth(crs, argument("crs", text))
    except (CRSError, pyproj.exceptions.CRSError, ValueError) as error:
        raise InputError(
            f"a coordinate system is written like EPSG:32648; got {argument('crs')} {text!r}"
        ) from error
    return crs
