"""Rasters written with overviews of our own making, window by window.

GDAL's overviews of several bands with nodata take several times as long as all else that is done to
a Cloud-Optimized GeoTIFF.
"""

import shutil
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray
from rasterio.shutil import copy as copy_raster

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster.output import COG_OPTIONS, Layer, RasterOutput, writing
from landslip.io.raster.scene import Stored

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]
_SMALLEST_PX = 512
_RESIZED = (np.uint8, np.uint16, np.float32)


class PyramidOutput:
    """A raster of whole numbers or floats with nodata, and its overviews by averaging.

    Windows are written once each; their offsets are multiples of a power of two, and so are their
    sizes but at the right and lower edge. Overviews are made as far as that power goes.
    """

    def __init__(self, path: Path, grid: Grid, layers: tuple[Layer, ...], window_px: int) -> None:
        """Create files in a folder ``path`` that is removed in the end.

        Args:
            path: of the folder.
            grid: of the raster.
            layers: its bands; all have a nodata value.
            window_px: side of the windows to come, a power of two.
        """
        self._folder = path
        path.mkdir()
        self._nodata = layers[0].nodata
        grids = [grid]
        while max(grids[-1].shape) > _SMALLEST_PX and 2 ** len(grids) <= window_px:
            grids.append(grids[-1].coarser(2, covering=True))
        self._paths = [path / f"{level}.tif" for level in range(len(grids))]
        self._levels = [
            RasterOutput(file, one, layers) for file, one in zip(self._paths, grids, strict=True)
        ]

    def levels_of(self, stored: Stored) -> list[Stored]:
        """Return numbers (bands, height, width) and their averages for each overview.

        Several threads may do this at once.
        """
        levels = [stored]
        while len(levels) < len(self._levels):
            levels.append(averaged(levels[-1], self._nodata))
        return levels

    def write(self, levels: list[Stored], window: Window) -> None:
        """Write a window, as `levels_of` gave it."""
        for file, stored in zip(self._levels, levels, strict=True):
            height, width = stored.shape[1:]
            file.write(stored, Window(window.col_off, window.row_off, width, height))
            window = Window(window.col_off // 2, window.row_off // 2, width, height)

    def finish(
        self, cog: Path, *, compress: Literal["zstd", "deflate"] = "zstd", level: int = 1
    ) -> None:
        """Write all as a Cloud-Optimized GeoTIFF.

        By default zstd at its lowest level: several times as fast as deflate for files as large.
        """
        self.close()
        both = self._folder / "all.vrt"
        copy_raster(self._paths[0], both, driver="VRT")
        tree = ElementTree.parse(both)  # noqa: S314 - written by GDAL just now
        for band in tree.getroot().iter("VRTRasterBand"):
            for path in self._paths[1:]:
                overview = ElementTree.SubElement(band, "Overview")
                source = ElementTree.SubElement(overview, "SourceFilename", relativeToVRT="1")
                source.text = path.name
                ElementTree.SubElement(overview, "SourceBand").text = band.get("band")
        tree.write(both)
        with writing(cog):
            copy_raster(both, cog, compress=compress, level=level, **COG_OPTIONS)
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """Close the files as they are."""
        for level in self._levels:
            level.close()


def averaged(stored: Stored, nodata: float | None) -> Stored:
    """Return means of blocks of 2 x 2 numbers (bands, height, width) that are not nodata.

    Odd sizes are rounded up. Where all four are nodata, so is the mean; a mean that would be
    nodata is moved to the number beside it.
    """
    _, height, width = stored.shape
    size = -(-width // 2), -(-height // 2)
    means = np.empty((len(stored), size[1], size[0]), dtype=stored.dtype)
    is_even = not (height % 2 or width % 2)
    can_hit_nodata = not _is_beyond_means(nodata, stored.dtype)
    for band, mean in zip(stored, means, strict=True):
        known = _known(band, nodata)
        if known.all() and is_even and not can_hit_nodata and stored.dtype in _RESIZED:
            mean[:] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        else:
            mean[:] = _means_of_known(band, known, nodata, size)
    return means


def _is_beyond_means(nodata: float | None, dtype: np.dtype[Any]) -> bool:
    """Whether no mean of other numbers can be nodata, which is the lowest or highest there is."""
    if nodata is None or np.isnan(nodata):
        return True
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    return nodata in (limits.min, limits.max)


def _means_of_known(
    band: Stored, known: Flags, nodata: float | None, size: tuple[int, int]
) -> Pixels:
    share = _blocks(known.astype(np.float32), size)
    sums = _blocks(np.where(known, band, 0).astype(np.float32), size)
    values = np.asarray(sums / np.maximum(share, np.float32(0.25)), dtype=np.float32)
    if np.issubdtype(band.dtype, np.integer):
        np.rint(values, out=values)
        if nodata is not None:
            values[values == nodata] += 1 if nodata < np.iinfo(band.dtype).max else -1
    if nodata is not None:
        values[share == 0] = nodata
    return values


def _known(band: Stored, nodata: float | None) -> Flags:
    if nodata is None:
        return np.ones(band.shape, dtype=np.bool_)
    return np.asarray(~np.isnan(band) if np.isnan(nodata) else band != nodata)


def _blocks(values: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a quarter of the sums of blocks of 2 x 2, zeros beyond the edge."""
    height, width = values.shape
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
