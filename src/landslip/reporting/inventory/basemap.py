"""The image under outlines, a scene or a hillshade, and the frame that maps its pixels."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.crs import check_on_earth
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points
from landslip.core.map_distances import pixel_axes_m
from landslip.core.transformations import lonlat_of, transformation
from landslip.core.window import Window
from landslip.io.raster import SensorImage, Stored, Valid
from landslip.io.raster.readers import ElevationRaster
from landslip.io.visualization import RgbImage, rgb_composite

_STRIP_PX = 1024
_WHOLE = 0.999
_UNNAMED = ("first", "second", "third")
Points = NDArray[np.float64]
_WGS84 = pyproj.CRS.from_epsg(4326)
_GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFrame:
    """The extent of an image or map on the ground, and its size in pixels.

    ``transform`` leads from pixels (x, y) to map coordinates; ``crs`` is None where not known.
    """

    crs: pyproj.CRS | None
    transform: Affine
    width: int
    height: int

    @classmethod
    def of_grid(cls, grid: Grid) -> "MapFrame":
        """Return the frame of a raster."""
        crs = None if grid.crs is None else pyproj.CRS.from_user_input(grid.crs.to_wkt())
        return cls(crs=crs, transform=grid.transform, width=grid.shape[1], height=grid.shape[0])

    @classmethod
    def around(
        cls,
        bounds: tuple[float, float, float, float],
        crs: pyproj.CRS | None,
        longest_px: int,
        *,
        rows_down: bool = False,
    ) -> "MapFrame":
        """Return a frame of bounds (left, bottom, right, top) with a margin.

        Degrees of longitude are drawn as long as they are at the central latitude. The frame is at
        most three times as wide as high, or as high as wide. Its longer side is ``longest_px``;
        with ``rows_down`` y increases downwards, as rows of an image do.
        """
        left, bottom, right, top = bounds
        squeeze, point_extent = 1.0, 1000.0
        if crs is not None and crs.is_geographic:
            unit_deg = math.degrees(float(crs.axis_info[0].unit_conversion_factor))
            middle = math.radians((bottom + top) / 2 * unit_deg)
            squeeze, point_extent = max(math.cos(middle), 0.02), 0.01
        width, height = (right - left) * squeeze, top - bottom
        longest = max(width, height) or point_extent
        width, height = max(width, longest / 3), max(height, longest / 3)
        pad = 0.06 * longest
        width, height = width + 2 * pad, height + 2 * pad
        unit = max(width, height) / longest_px
        down = 1.0 if rows_down else -1.0
        x, y = (left + right) / 2 - width / squeeze / 2, (bottom + top) / 2 - down * height / 2
        return cls(
            crs=crs,
            transform=Affine(unit / squeeze, 0, x, 0, down * unit, y),
            width=max(round(width / unit), 1),
            height=max(round(height / unit), 1),
        )

    def scaled_to(self, width_px: float) -> "MapFrame":
        """Return a frame of the same extent with another width."""
        times = self.width / width_px
        transform = self.transform @ Affine.scale(times)
        height = max(round(self.height / times), 1)
        return replace(self, transform=transform, width=round(width_px), height=height)

    def pixels(self, points: Points) -> Points:
        """Return the pixels (n, 2) of points in map coordinates."""
        grid = Grid(crs=self.crs, transform=self.transform, shape=(self.height, self.width))
        return grid.pixels(points)

    def lonlat(self, pixels: Points) -> Points | None:
        """Return WGS 84 longitude and latitude of pixels; None without a CRS."""
        if self.crs is None:
            return None
        return lonlat_of(map_points(self.transform, pixels), self.crs)

    def pixels_of_lonlat(self, lonlat: Points) -> Points | None:
        """Return the pixels of WGS 84 longitudes and latitudes; None without a CRS."""
        if self.crs is None:
            return None
        return self.pixels(transformation(_WGS84, self.crs).points(lonlat))

    @property
    def metres_per_px(self) -> float | None:
        """Geodesic width of a pixel at the centre; None where unknown."""
        row = np.full(2, self.height / 2)
        ends = self.lonlat(np.column_stack([[0.25 * self.width, 0.75 * self.width], row]))
        if ends is None or not np.isfinite(ends).all():
            return None
        length_m = float(_GEOD.inv(*ends[0], *ends[1])[2])
        return length_m / (0.5 * self.width) if length_m > 0 else None

    @property
    def north_deg(self) -> float | None:
        """Direction of true north at the centre, degrees clockwise from up; None where unknown."""
        middle = self.lonlat(np.array([[self.width / 2, self.height / 2]]))
        if middle is None or not np.isfinite(middle).all():
            return None
        step = np.array([[0.0, 0.0], [0.0, 1e-4]])
        ends = self.pixels_of_lonlat(middle + step)
        if ends is None or not np.isfinite(ends).all():
            return None
        x, y = ends[1] - ends[0]
        return math.degrees(math.atan2(x, -y))


def to_pixels(
    geometries: NDArray[np.object_], crs: pyproj.CRS | None, frame: MapFrame
) -> NDArray[np.object_]:
    """Return geometries in pixels of a frame; far outside it where they cannot be projected."""
    change = None
    if crs is not None and frame.crs is not None and crs != frame.crs:
        change = transformation(crs, frame.crs)

    def pixels(points: Points) -> Points:
        if change is not None:
            points = change.points(points)
        return np.nan_to_num(frame.pixels(points), nan=1e12, posinf=1e12, neginf=-1e12)

    projected: NDArray[np.object_] = np.asarray(shapely.transform(geometries, pixels), dtype=object)
    return projected


def touches_frame(shapes: NDArray[np.object_], frame: MapFrame) -> NDArray[np.bool_]:
    """Return which shapes, in pixels, have bounds that touch the frame."""
    left, top, right, bottom = shapely.bounds(shapes).T
    with np.errstate(invalid="ignore"):
        inside = (right >= 0) & (bottom >= 0) & (left <= frame.width) & (top <= frame.height)
    return np.asarray(inside)


class Basemap(Protocol):
    """An image of the ground that outlines are drawn on."""

    grid: Grid

    def image(self, window: Window, longest_px: int) -> tuple[RgbImage, MapFrame]:
        """Return a window as an image (height, width, 3), and its frame."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class SceneBasemap(Closeable):
    """A scene in natural colours, or in the bands that it has."""

    def __init__(self, path: Path, stated: tuple[str, ...] | None = None) -> None:
        """Open a scene; ``stated`` names its bands where the file does not.

        Raises:
            InputError: not a raster.
        """
        self._raster = SensorImage(path)
        self.grid = self._raster.grid
        if self.grid.crs is not None:
            check_on_earth(self.grid.crs, path)
        bands = Bands.from_descriptions(self._raster.descriptions)
        if bands is None and stated is not None and len(stated) <= self._raster.count:
            bands = Bands(stated)
        # of a file without names, the bands that are shown get some
        unnamed = Bands(_UNNAMED[: min(self._raster.count, 3)])
        self._bands = unnamed if bands is None else bands

    def image(self, window: Window, longest_px: int) -> tuple[RgbImage, MapFrame]:
        """Return a window as an image (height, width, 3), and its frame."""
        if window == self.grid.window:
            stored, valid = self._raster.read_small(longest_px)
        else:
            stored, valid = _reduced(self._raster.read, window, longest_px)
        shown = rgb_composite(stored[: len(self._bands)], valid, self._bands)
        return _with_square_pixels(shown, self.grid, window)

    def close(self) -> None:
        """Close the file."""
        self._raster.close()


class ReliefBasemap(Closeable):
    """A hillshade of an elevation model, lit from the north-west."""

    def __init__(self, path: Path) -> None:
        """Open an elevation model.

        Raises:
            InputError: not an elevation model.
        """
        self._heights = ElevationRaster(path)
        self.grid = self._heights.grid

    def image(self, window: Window, longest_px: int) -> tuple[RgbImage, MapFrame]:
        """Return a window as an image (height, width, 3), and its frame."""

        def read(part: Window) -> tuple[NDArray[np.float32], Valid]:
            heights = self._heights.read(part)
            return heights[np.newaxis], np.isfinite(heights)

        (heights,), _ = _reduced(read, window, longest_px)
        times = np.divide(window.shape[::-1], heights.shape[::-1])
        axes = pixel_axes_m(self.grid.at(window))
        axes = np.diag([1.0, -1.0]) if axes is None else axes
        shaded = hillshade(heights, axes * times[:, np.newaxis])
        return _with_square_pixels(shaded, self.grid, window)

    def close(self) -> None:
        """Close the file."""
        self._heights.close()


def hillshade(heights: NDArray[np.float32], axes_m: NDArray[np.float64]) -> RgbImage:
    """Return the hillshade (height, width, 3) of heights in metres; white where missing.

    The axes (2, 2) are how far east and north, in metres, a column and a row lead.
    """
    if min(heights.shape) < 2:
        return np.full((*heights.shape, 3), 235, dtype=np.uint8)
    for_row, for_column = np.gradient(heights.astype(np.float64))
    east, north = np.tensordot(np.linalg.inv(axes_m), np.stack([for_column, for_row]), axes=1)
    zenith, azimuth = math.radians(45), math.radians(315)
    to_east, to_north = (math.sin(zenith) * part(azimuth) for part in (math.sin, math.cos))
    towards_light = math.cos(zenith) - east * to_east - north * to_north
    cosine = towards_light / np.sqrt(1 + east**2 + north**2)
    grey = 70 + 175 * np.clip(np.nan_to_num(cosine, nan=0.0), 0.0, 1.0)
    grey[~np.isfinite(cosine + heights)] = 255
    shaded: RgbImage = np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    return shaded


def _reduced(
    read: Callable[[Window], tuple[Stored, Valid]], window: Window, longest_px: int
) -> tuple[Stored, Valid]:
    """Read a window (bands, height, width) in strips, averaged to at most ``longest_px``.

    An average is valid where all that it is of is.
    """
    times = max(1, math.ceil(max(window.shape) / longest_px))
    if times == 1:
        return read(window)
    rows = max(times, _STRIP_PX // times * times)
    strips, masks = [], []
    for top in range(window.row_off, window.row_end, rows):
        height = min(rows, window.row_end - top)
        stored, valid = read(Window(window.col_off, top, window.width, height))
        size = (max(window.width // times, 1), max(height // times, 1))
        is_resizable = stored.dtype in (np.uint8, np.uint16, np.float32)
        stored = stored if is_resizable else stored.astype(np.float32)
        strips.append([cv2.resize(band, size, interpolation=cv2.INTER_AREA) for band in stored])
        share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        masks.append(np.asarray(share) > _WHOLE)
    return np.concatenate([np.stack(strip) for strip in strips], axis=1), np.concatenate(masks)


def _with_square_pixels(image: RgbImage, grid: Grid, window: Window) -> tuple[RgbImage, MapFrame]:
    """Return an image whose pixels are square on the ground, and its frame."""
    height, width = image.shape[:2]
    window_frame = MapFrame.of_grid(grid.at(window))
    a, b, _, d, e, _ = window_frame.transform[:6]
    aspect = math.hypot(a, d) / math.hypot(b, e)
    if window_frame.crs is not None and window_frame.crs.is_geographic:
        middle = window_frame.lonlat(np.array([[window.width / 2, window.height / 2]]))
        latitude = 0.0 if middle is None else float(middle[0, 1])
        aspect *= max(math.cos(math.radians(latitude)), 0.05)
    stretch = aspect * window.width / width * height / window.height
    if not 0.99 < stretch < 1.01:
        width = max(round(width * stretch), 1)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    scale = Affine.scale(window.width / width, window.height / height)
    transform = window_frame.transform @ scale
    return image, replace(window_frame, transform=transform, width=width, height=height)
