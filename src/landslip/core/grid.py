"""Grids: where pixels are on the ground, and how large they are."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import DEGREE_M, axis_unit, is_stretched, whole_turn
from landslip.core.errors import InputError
from landslip.core.transformations import transformation
from landslip.core.window import Window

MAX_COORDINATE = 1e11  # past the Moon, in millimetres
_LEAST_REACH, _LEAST_STEP = 1e-3, 1e-12  # floats of 64 bits have 16 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Coordinate system (or None), pixel-to-map transform, and shape of a raster."""

    crs: CRS | None
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise InputError(f"a grid has at least one row and column; got shape {self.shape}")
        numbers = tuple(self.transform)[:6]
        if not all(map(math.isfinite, numbers)) or self.transform.determinant == 0:
            raise InputError(f"a grid's transform maps pixels to an area; got {numbers}")
        a, b, x, d, e, y = numbers
        reach, pixel = max(abs(x), abs(y)), min(math.hypot(a, d), math.hypot(b, e))
        extent = max(math.hypot(a, d) * self.shape[1], math.hypot(b, e) * self.shape[0])
        if max(reach, extent) > MAX_COORDINATE or pixel < max(reach, _LEAST_REACH) * _LEAST_STEP:
            raise InputError(
                "a grid's pixels are larger than what coordinates can tell apart, and within "
                f"{MAX_COORDINATE:g} of the origin; got the transform {numbers}"
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
        side = math.sqrt(abs(self.transform.determinant)) * axis_unit(self.crs)
        if not self.crs.is_geographic:
            return side
        latitude = self.middle[1] * axis_unit(self.crs)
        return math.degrees(side) * DEGREE_M * math.sqrt(max(math.cos(latitude), 1e-6))

    @property
    def pixel_area_m2(self) -> float | None:
        """Area of a pixel; None where it is unknown or varies over the grid."""
        if self.crs is None or is_stretched(self.crs):
            return None
        return float(abs(self.transform.determinant)) * axis_unit(self.crs) ** 2

    @property
    def middle(self) -> tuple[float, float]:
        """The map coordinates (x, y) of the middle."""
        centre = np.array([[self.shape[1] / 2, self.shape[0] / 2]])
        x, y = map_points(self.transform, centre)[0].tolist()
        return x, y

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the pixel coordinates (n, 2) of map coordinates (n, 2).

        Longitudes may be whole turns off: -175 degrees is on a grid from 170 to 190.
        """
        turn = whole_turn(self.crs)
        if turn is not None:
            turns = np.round((self.middle[0] - points[:, 0]) / turn)
            points = np.column_stack([points[:, 0] + turn * turns, points[:, 1]])
        return map_points(~self.transform, points)

    def at(self, window: Window) -> "Grid":
        """Return the grid of a window of this one."""
        a, b, _, d, e, _ = self.transform[:6]
        corner = np.array([[window.col_off, window.row_off]], dtype=np.float64)
        x, y = map_points(self.transform, corner)[0].tolist()
        return Grid(crs=self.crs, transform=Affine(a, b, x, d, e, y), shape=window.shape)

    def finer(self, times: int) -> "Grid":
        """Return the grid of the same extent with pixels a ``times``-th as wide."""
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


class PixelTransform:
    """From pixel coordinates of one grid to those of another one."""

    def __init__(self, source: Grid, target: Grid) -> None:
        """Both grids have a coordinate system, or neither has."""
        self._to_map = source.transform
        self._target = target
        self._between = None
        if source.crs is not None and target.crs is not None and source.crs != target.crs:
            self._between = transformation(source.crs, target.crs)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (n, 2) pixel coordinates (column, row); not finite where there is no way."""
        places = map_points(self._to_map, points)
        if self._between is not None:
            places = self._between.points(places)
        with np.errstate(invalid="ignore"):  # of what has no place: infinite
            return self._target.pixels(places)


def map_points(transform: Affine, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the map coordinates (n, 2) of pixel coordinates (column, row) of the same shape."""
    matrix = np.reshape(transform[:6], (2, 3))
    mapped: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def window_around(points: NDArray[np.float64], margin_px: int) -> Window:
    """Return the smallest window around pixel coordinates (n, 2), with a margin on each side."""
    left, top = np.floor(points.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(points.max(axis=0)).astype(int).tolist()
    return Window(left, top, right - left, bottom - top).padded(margin_px)


def edge_points(shape: tuple[int, int], count: int) -> NDArray[np.float64]:
    """Return pixel coordinates (n, 2) around the edge of an image (height, width).

    They run clockwise from the first pixel's outer corner, ``count`` from corner to corner.
    """
    along = np.linspace(0, 1, count)[:-1]
    zero, one = np.zeros_like(along), np.ones_like(along)
    cols = np.concatenate([along, one, 1 - along, zero]) * shape[1]
    rows = np.concatenate([zero, along, one, 1 - along]) * shape[0]
    return np.column_stack([cols, rows])


def erode_valid(valid: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    """Return where everything within ``reach_px`` along the axes and inside the image is valid."""
    if valid.all():
        return valid
    square = np.ones((2 * reach_px + 1,) * 2, dtype=np.uint8)
    return np.asarray(cv2.erode(valid.astype(np.uint8), square), dtype=np.bool_)
