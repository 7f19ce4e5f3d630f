"""Masks: rasters of one class code a pixel."""

from pathlib import Path

import numpy as np
from rasterio.enums import ColorInterp, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster.opening import (
    colour_indexes,
    grid_of,
    open_raster,
    rasterio_window,
    reading,
)
from landslip.io.raster.scene import Stored, Valid


class Mask(Closeable):
    """An open raster of one class code a pixel (a label or mask); a context manager."""

    def __init__(self, path: Path, grid: Grid | None = None) -> None:
        """Open a mask, seen on ``grid`` by nearest neighbour if one is given.

        A mask or grid without a coordinate system matches by size, pixel on pixel. Where a mask
        calls 0 nodata, 0 is background all the same: a mask without background says nothing.

        Raises:
            InputError: it is no raster, or cannot be brought onto the grid.
        """
        self.path = path
        self._file = open_raster(path)
        self.is_lossy = self._file.driver == "JPEG"
        self._zero_is_nodata = self._file.nodata == 0
        self._view: DatasetReader | WarpedVRT = self._file
        if grid is not None and not _lies_on(self._file, grid):
            self._view = self._warped(grid)
        self.shape: tuple[int, int] = self._view.shape

    def read(self, window: Window | None = None) -> tuple[Stored, Valid]:
        """Read the codes (height, width) and where they are known.

        Raises:
            InputError: the file has several bands that differ, or cannot be read.
        """
        window = window or Window(0, 0, self.shape[1], self.shape[0])
        codes = np.zeros(window.shape, dtype=self._view.dtypes[0])
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.shape)
        if inside is None:
            return codes, valid
        rows, cols = inside.slices_in(window)
        with reading(self.path, inside):
            indexes = colour_indexes(self._file)
            bands = self._view.read(indexes, window=rasterio_window(inside))
            known = self._view.read_masks(indexes[0], window=rasterio_window(inside))
        if np.any(bands != bands[:1]):
            raise InputError(
                f"{self.path}: a mask has one band or equal bands; this one has {len(bands)} "
                "bands that differ. Save it as a single-band image"
            )
        codes[rows, cols] = bands[0]
        valid[rows, cols] = (known != 0) | (self._zero_is_nodata & (bands[0] == 0))
        return codes, valid

    def close(self) -> None:
        """Close the file."""
        if self._view is not self._file:
            self._view.close()
        self._file.close()

    def _warped(self, grid: Grid) -> WarpedVRT:
        if self._file.crs is None or grid.crs is None:
            self._file.close()
            raise InputError(
                f"{self.path}: a label raster without a coordinate system must have the scene's "
                f"size; it has {self._file.shape}, the scene {grid.shape}"
            )
        if self._zero_is_nodata:
            self._file.close()
            raise InputError(
                f"{self.path}: 0 is background in a mask and this one calls it nodata, so that "
                "its edge cannot be told from background once it is brought onto the scene's grid; "
                "remove the nodata tag (gdal_edit.py -unsetnodata)"
            )
        height, width = grid.shape
        return WarpedVRT(
            self._file,
            crs=grid.crs,
            transform=grid.transform,
            width=width,
            height=height,
            resampling=Resampling.nearest,
            # marks what the mask does not cover, which would read as 0, background
            add_alpha=ColorInterp.alpha not in self._file.colorinterp,
        )


def _lies_on(file: DatasetReader, grid: Grid) -> bool:
    """Whether pixel lies on pixel; where a coordinate system is missing, by size alone."""
    if file.crs is None or grid.crs is None:
        return bool(file.shape == grid.shape)
    return grid == grid_of(file)
