"""What outlines are drawn on: the scene, or else shaded relief."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import SensorImage
from landslip.io.raster.readers import ElevationRaster
from landslip.io.visualization import RgbImage, rgb_composite
from landslip.reporting.inventory.view import View

_STRIP_PX = 1024
_PLAIN = ("first", "second", "third")


class Backdrop(Protocol):
    """Something that has a picture of the ground."""

    grid: Grid

    def picture(self, window: Window, longest_px: int) -> tuple[RgbImage, View]:
        """Return a window as a picture (height, width, 3), and where its pixels lie."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class SceneBackdrop(Closeable):
    """A scene in natural colours, or what comes nearest."""

    def __init__(self, path: Path, stated: tuple[str, ...] | None = None) -> None:
        """Open a scene.

        Args:
            path: of the file.
            stated: names of its bands, where the file has none.

        Raises:
            InputError: it is no raster.
        """
        self._image = SensorImage(path)
        self.grid = self._image.grid
        self._bands = _bands_of(self._image, stated)

    def picture(self, window: Window, longest_px: int) -> tuple[RgbImage, View]:
        """Return a window as a picture (height, width, 3), and where its pixels lie."""
        if window == self.grid.window:
            stored = self._image.read_small(longest_px)
        else:
            stored = _reduced(self._image.read, window, longest_px)
        valid = self._image.valid(stored)
        shown = rgb_composite(stored[: len(self._bands)], valid, self._bands)
        return _evened(shown, self.grid, window)

    def close(self) -> None:
        """Close the file."""
        self._image.close()


class ReliefBackdrop(Closeable):
    """An elevation model as relief under light from the north-west."""

    def __init__(self, path: Path) -> None:
        """Open an elevation model.

        Raises:
            InputError: it is none.
        """
        self._heights = ElevationRaster(path)
        self.grid = self._heights.grid

    def picture(self, window: Window, longest_px: int) -> tuple[RgbImage, View]:
        """Return a window as a picture (height, width, 3), and where its pixels lie."""

        def read(part: Window) -> NDArray[np.float32]:
            return self._heights.read(part)[np.newaxis]

        heights = _reduced(read, window, longest_px)[0]
        side_m = (self.grid.resolution_m or 1.0) * window.width / heights.shape[1]
        return _evened(hillshade(heights, side_m), self.grid, window)

    def close(self) -> None:
        """Close the file."""
        self._heights.close()


def hillshade(heights: NDArray[np.float32], side_m: float) -> RgbImage:
    """Return relief (height, width, 3) of heights in metres, white where there are none."""
    if min(heights.shape) < 2:
        return np.full((*heights.shape, 3), 235, dtype=np.uint8)
    south, east = np.gradient(heights.astype(np.float64), side_m)
    zenith, azimuth = math.radians(45), math.radians(315)
    light = np.array(
        [math.sin(azimuth) * math.sin(zenith), math.cos(azimuth) * math.sin(zenith)],
    )
    lit = (math.cos(zenith) - east * light[0] + south * light[1]) / np.sqrt(1 + east**2 + south**2)
    grey = 70 + 175 * np.clip(np.nan_to_num(lit, nan=0.0), 0.0, 1.0)
    grey[~np.isfinite(lit + heights)] = 255
    shaded: RgbImage = np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    return shaded


def _bands_of(image: SensorImage, stated: tuple[str, ...] | None) -> Bands:
    """Return names for the bands that are looked at, the first of the file."""
    named = Bands.from_descriptions(image.descriptions)
    if named is not None:
        return named
    if stated is not None and len(stated) <= image.count:
        return Bands(stated)
    return Bands(_PLAIN[: min(image.count, 3)])


def _reduced(
    read: Callable[[Window], NDArray[Any]], window: Window, longest_px: int
) -> NDArray[Any]:
    """Read a window (bands, height, width) strip by strip, averaged to a size."""
    times = max(1, math.ceil(max(window.shape) / longest_px))
    if times == 1:
        return read(window)
    rows = max(times, _STRIP_PX // times * times)
    strips = []
    for top in range(window.row_off, window.row_end, rows):
        height = min(rows, window.row_end - top)
        stored = read(Window(window.col_off, top, window.width, height))
        size = (max(window.width // times, 1), max(height // times, 1))
        strips.append([_shrunk(band, size) for band in stored])
    return np.concatenate([np.stack(strip) for strip in strips], axis=1)


def _shrunk(band: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    kind = band.dtype if band.dtype in (np.uint8, np.uint16, np.float32) else np.dtype(np.float32)
    shrunk = cv2.resize(band.astype(kind, copy=False), size, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk)


def _evened(picture: RgbImage, grid: Grid, window: Window) -> tuple[RgbImage, View]:
    """Return a picture whose pixels are as wide as high on the ground, and its view."""
    height, width = picture.shape[:2]
    place = View.of_grid(grid.at(window))
    stretch = _width_over_height(place) * window.width / width * height / window.height
    if not 0.99 < stretch < 1.01:
        width = max(round(width * stretch), 1)
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    scale = Affine.scale(window.width / width, window.height / height)
    view = View(crs=place.crs, transform=place.transform @ scale, width=width, height=height)
    return picture, view


def _width_over_height(view: View) -> float:
    """Return how much wider than high a pixel is; only degrees make it differ on the ground."""
    a, b, _, d, e, _ = view.transform[:6]
    width, height = math.hypot(a, d), math.hypot(b, e)
    if view.crs is None or not view.crs.is_geographic:
        return width / height
    middle = view.lonlat(np.array([[view.width / 2, view.height / 2]]))
    latitude = 0.0 if middle is None else float(middle[0, 1])
    return width / height * max(math.cos(math.radians(latitude)), 0.05)
