"""Rasters of one lattice put together: where several are valid, the highest number is taken."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import rasterio

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid, map_points
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.io.raster.opening import rasterio_window
from landslip.io.raster.output import raster_writing
from landslip.io.raster.readers import SensorImage

_TILE_PX = 1024
_OFF_LATTICE_PX = 0.01


def offset_on_lattice(grid: Grid, other: Grid) -> tuple[int, int] | None:
    """Return column and row of another grid's first pixel, in pixels of a grid.

    None where the pixels of the two do not coincide: another coordinate system, size or direction
    of pixels, or a shift by a part of one, of a hundredth or more.
    """
    if grid.crs != other.crs:
        return None
    corners = np.array([[0.0, 0.0], [other.shape[1], other.shape[0]]])
    first, last = map_points(~grid.transform, map_points(other.transform, corners))
    if np.abs(last - first - corners[1]).max() > _OFF_LATTICE_PX:
        return None
    whole = np.rint(first)
    if np.abs(first - whole).max() > _OFF_LATTICE_PX:
        return None
    return int(whole[0]), int(whole[1])


def write_highest(
    paths: Sequence[Path], nodata: int, out: Path, progress: Progress = no_progress
) -> tuple[Grid, int]:
    """Write one band of 8-bit numbers of several rasters of one lattice as one raster.

    A pixel is the highest valid number of those that have it. Memory does not grow with the
    rasters; between them nothing is stored.

    Returns:
        The grid that covers all, and how many of its pixels are valid.

    Raises:
        LandslipError: it cannot be written.
    """
    with ExitStack() as stack:
        images = [SensorImage(path) for path in paths]
        for image in images:
            stack.callback(image.close)
        first = images[0].grid
        windows = []
        for image in images:
            offset = offset_on_lattice(first, image.grid)
            if offset is None:
                raise LandslipError(f"{image.path}: its pixels are not those of {paths[0]}")
            windows.append(Window(*offset, image.shape[1], image.shape[0]))
        left, top = (min(getattr(one, side) for one in windows) for side in ("col_off", "row_off"))
        width = max(one.col_end for one in windows) - left
        height = max(one.row_end for one in windows) - top
        grid = first.at(Window(left, top, width, height))
        stack.enter_context(raster_writing(out))
        file = stack.enter_context(
            rasterio.open(
                out,
                "w",
                driver="GTiff",
                width=width,
                height=height,
                count=1,
                dtype="uint8",
                nodata=nodata,
                crs=grid.crs,
                transform=grid.transform,
                tiled=True,
                blockxsize=512,
                blockysize=512,
                compress="deflate",
                zlevel=1,
                sparse_ok=True,
                bigtiff="if_safer",
            )
        )
        valid_px = 0
        tiles = [*tile_windows(grid.shape, _TILE_PX)]
        for done, tile in enumerate(tiles):
            inside = tile.clipped(grid.shape)
            if inside is None:
                continue
            highest = np.full(inside.shape, -1, dtype=np.int16)
            for image, window in zip(images, windows, strict=True):
                at = Window(
                    inside.col_off + left - window.col_off,
                    inside.row_off + top - window.row_off,
                    *inside.shape[::-1],
                )
                part = at.clipped(image.shape)
                if part is not None:
                    (stored,), known = image.read(part)
                    values = np.where(known, stored, np.int16(-1))
                    place = highest[part.slices_in(at)]
                    np.maximum(place, values, out=place)
            valid = highest >= 0
            if valid.any():
                valid_px += int(valid.sum())
                merged = np.where(valid, highest, nodata).astype(np.uint8)
                file.write(merged, 1, window=rasterio_window(inside))
            progress(done + 1, len(tiles))
    return grid, valid_px
