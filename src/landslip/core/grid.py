"""Where pixels lie on the ground, and how large they are."""

import math
from dataclasses import dataclass

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.window import Window

_DEGREE_LENGTH_M = 111_195.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A raster's frame: coordinate system (or None), pixel-to-map transform, and shape."""

    crs: CRS | None
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise InputError(f"a grid has at least one row and column; got shape {self.shape}")
        if self.transform.determinant == 0:
            raise InputError(
                f"a grid's transform maps pixels to an area; got {tuple(self.transform)[:6]}"
            )

    @property
    def window(self) -> Window:
        """The window of all pixels."""
        return Window(0, 0, self.shape[1], self.shape[0])

    @property
    def resolution_m(self) -> float | None:
        """Side of a square pixel of the same area in metres; None without a coordinate system.

        Degrees are converted at the grid's centre latitude, on a sphere: good to half a percent.
        """
        if self.crs is None:
            return None
        side = math.sqrt(abs(self.transform.determinant)) * _unit(_horizontal(self.crs))
        if not self.crs.is_geographic:
            return side
        centre = np.array([[self.shape[1] / 2, self.shape[0] / 2]])
        latitude = float(map_points(self.transform, centre)[0, 1]) * _unit(_horizontal(self.crs))
        return math.degrees(side) * _DEGREE_LENGTH_M * math.sqrt(max(math.cos(latitude), 1e-6))

    @property
    def pixel_area_m2(self) -> float | None:
        """Area of a pixel; None where it is not known or differs from place to place."""
        if AreaMeasure(self.crs).method != "planimetric" or self.crs is None:
            return None
        return float(abs(self.transform.determinant)) * _unit(_horizontal(self.crs)) ** 2

    def at(self, window: Window) -> "Grid":
        """Return the grid of a window of this one."""
        a, b, _, d, e, _ = self.transform[:6]
        corner = np.array([[window.col_off, window.row_off]], dtype=np.float64)
        x, y = map_points(self.transform, corner)[0].tolist()
        return Grid(crs=self.crs, transform=Affine(a, b, x, d, e, y), shape=window.shape)

    def finer(self, times: int) -> "Grid":
        """Return the grid of the same ground with pixels a ``times``-th as wide."""
        if times == 1:
            return self
        height, width = self.shape
        transform = self.transform @ Affine.scale(1 / times)
        return Grid(crs=self.crs, transform=transform, shape=(height * times, width * times))

    def coarser(self, times: float, *, covering: bool = False) -> "Grid":
        """Return a grid with pixels ``times`` as wide from the same corner, or itself up to 1.

        It ends within this one, or, with ``covering``, beyond it.
        """
        if times <= 1:
            return self
        whole = math.ceil if covering else math.floor
        height, width = (max(whole(side / times), 1) for side in self.shape)
        transform = self.transform @ Affine.scale(times)
        return Grid(crs=self.crs, transform=transform, shape=(height, width))

    def corners(self, window: Window) -> NDArray[np.float64]:
        """Return the map coordinates (x, y) of a window's corners, as a closed ring of 5 points."""
        cols = (window.col_off, window.col_end, window.col_end, window.col_off, window.col_off)
        rows = (window.row_off, window.row_off, window.row_end, window.row_end, window.row_off)
        return map_points(self.transform, np.column_stack([cols, rows]).astype(np.float64))


def map_points(transform: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the map coordinates (n, 2) of pixel coordinates (column, row) of the same shape."""
    matrix = np.reshape(transform[:6], (2, 3))
    mapped: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


@dataclass(frozen=True, slots=True)
class AreaMeasure:
    """How areas in one coordinate system are turned into square metres.

    Areas are planimetric in the coordinate system, save where it stretches them: in geographic
    systems and in Mercator projections they are geodesic, on the ellipsoid.
    """

    crs: CRS | None

    @property
    def method(self) -> str | None:
        """``planimetric``, ``geodesic``, or None where no coordinate system is known."""
        if self.crs is None:
            return None
        return "geodesic" if self._stretches else "planimetric"

    @property
    def _stretches(self) -> bool:
        if self.crs is None or self.crs.is_geographic:
            return True
        operation = _horizontal(self.crs).coordinate_operation
        method = operation.method_name.lower() if operation is not None else ""
        return "mercator" in method and "transverse" not in method

    def areas_m2(self, geometries: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return the areas of polygons, holes taken off; NaN without a coordinate system."""
        if self.crs is None:
            return np.full(len(geometries), np.nan)
        if not self._stretches:
            unit_m = _unit(_horizontal(self.crs))
            return np.asarray(shapely.area(geometries), dtype=np.float64) * unit_m**2
        source = _horizontal(self.crs)
        geographic = source.geodetic_crs or pyproj.CRS.from_epsg(4326)
        to_angles = pyproj.Transformer.from_crs(source, geographic, always_xy=True)
        geod = geographic.get_geod() or pyproj.Geod(ellps="WGS84")

        def unproject(points: NDArray[np.float64]) -> NDArray[np.float64]:
            lonlat = np.column_stack(to_angles.transform(points[:, 0], points[:, 1]))
            return lonlat * math.degrees(_unit(geographic))

        lonlat = shapely.transform(geometries, unproject)
        oriented = shapely.orient_polygons(lonlat)
        return np.array([abs(geod.geometry_area_perimeter(geometry)[0]) for geometry in oriented])


def _horizontal(crs: CRS) -> pyproj.CRS:
    """Return a coordinate system without its heights."""
    whole = pyproj.CRS.from_user_input(crs.to_wkt())
    return whole.sub_crs_list[0] if whole.is_compound else whole


def _unit(crs: pyproj.CRS) -> float:
    """Return what one unit of the axes is, in metres or radians."""
    return float(crs.axis_info[0].unit_conversion_factor)
