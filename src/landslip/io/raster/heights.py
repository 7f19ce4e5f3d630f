"""Rasters of heights: elevation models and geoids."""

from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.fill import fillnodata

from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster.opening import grid_of, open_raster, rasterio_window, reading

LOWEST_M, HIGHEST_M = -500.0, 9000.0
_UNFILLED_M = -1e6


class HeightMap(Closeable):
    """An open raster of metres with one band; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a height map.

        Raises:
            InputError: it is no raster, has several bands, or lies nowhere.
        """
        self.path = path
        self._file = open_raster(path)
        self.grid: Grid = grid_of(self._file)
        problem = None
        if self._file.count != 1:
            problem = f"a height map has one band; this one has {self._file.count}"
        elif self.grid.crs is None:
            problem = "a height map needs a coordinate system and this one has none"
        if problem is not None:
            self._file.close()
            raise InputError(f"{path}: {problem}; assign or choose it with GDAL's gdal_translate")

    @property
    def vertical_epsg(self) -> int | None:
        """EPSG code of the heights' own coordinate system; None where the file does not say."""
        crs = pyproj.CRS.from_user_input(self.grid.crs.to_wkt()) if self.grid.crs else None
        if crs is None or not crs.is_compound:
            return None
        code: int | None = crs.sub_crs_list[-1].to_epsg()
        return code

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return heights in metres (height, width) at a window inside; NaN where there is none.

        None means declared nodata, not finite, or no height on Earth (below -500 m or above
        9000 m), such as a -32768 that nobody declared.
        """
        with reading(self.path, window):
            stored = self._file.read(1, window=rasterio_window(window))
            known = self._file.read_masks(1, window=rasterio_window(window)) != 0
        heights: NDArray[np.float32] = stored.astype(np.float32)
        scale, offset = self._file.scales[0], self._file.offsets[0]
        if (scale, offset) != (1.0, 0.0):
            heights = heights * np.float32(scale) + np.float32(offset)
        with np.errstate(invalid="ignore"):
            known &= (heights >= LOWEST_M) & (heights <= HIGHEST_M)
        heights[~known] = np.nan
        return heights

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def fill_gaps(heights: NDArray[np.float32], reach_px: int) -> NDArray[np.float32]:
    """Return heights with NaN replaced by inverse-distance means of what is around.

    Args:
        heights: (height, width); gaps are NaN.
        reach_px: gaps farther than this from any height stay NaN.
    """
    known = np.isfinite(heights)
    # what is too far away keeps what it had
    blank = np.where(known, heights, np.float32(_UNFILLED_M))
    filled: NDArray[np.float32] = fillnodata(
        blank, mask=known.astype(np.uint8), max_search_distance=reach_px, smoothing_iterations=0
    )
    filled[filled == np.float32(_UNFILLED_M)] = np.nan
    return filled
