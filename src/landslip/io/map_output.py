"""Maps written window by window, from several threads."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.progress import Progress
from landslip.core.resources import parallel_map
from landslip.core.window import Window, tile_windows
from landslip.io.raster.output import Layer
from landslip.io.raster.pyramid import PyramidOutput
from landslip.io.raster.scene import Stored

WINDOW_PX = 1024
Note = TypeVar("Note")


@dataclass(frozen=True, slots=True)
class Made(Generic[Note]):
    """One window: stored numbers (bands, height, width) or None where all is nodata, and a note."""

    stored: Stored | None
    note: Note


def write_map(
    path: Path,
    grid: Grid,
    layers: tuple[Layer, ...],
    make: Callable[[Window], Made[Note]],
    progress: Progress,
) -> list[Note]:
    """Write a Cloud-Optimized GeoTIFF and return the notes of its windows.

    Args:
        path: of the file; a folder beside it comes and goes.
        grid: of the map.
        layers: its bands.
        make: makes a window; called from several threads.
        progress: told of pixels.
    """
    output = PyramidOutput(path.with_name(f".{path.name}"), grid, layers, WINDOW_PX)
    total, done = math.prod(grid.shape), 0
    notes = []

    def work(window: Window) -> tuple[list[Stored] | None, Note]:
        made = make(window)
        return None if made.stored is None else output.levels_of(made.stored), made.note

    try:
        for window, (levels, note) in parallel_map(work, map_windows(grid.shape)):
            if levels is not None:
                output.write(levels, window)
            notes.append(note)
            done += window.width * window.height
            progress(done, total)
        output.finish(path)
    finally:
        output.close()
    return notes


def map_windows(shape: tuple[int, int]) -> list[Window]:
    """Return windows that cover a map, cut off at its edge."""
    clipped = (window.clipped(shape) for window in tile_windows(shape, WINDOW_PX))
    return [window for window in clipped if window is not None]


def stored_as(
    values: NDArray[np.float32], valid: NDArray[np.bool_], dtype: str, nodata: float
) -> Stored:
    """Return values (bands, height, width) in a data type, nodata where they are not valid.

    Whole numbers are rounded and held inside the type's range; a valid one that rounds to nodata
    is moved to the number next to it.
    """
    if not np.issubdtype(np.dtype(dtype), np.integer):
        return np.where(valid, values, nodata).astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.rint(values)
    least, most = rounded.min(), rounded.max()
    if not (least >= limits.min and most <= limits.max):  # also where one is NaN
        np.clip(rounded, limits.min, limits.max, out=rounded)
        least, most = limits.min, limits.max
    if not valid.all():
        rounded[:, ~valid] = nodata
    stored = rounded.astype(dtype)
    if not (least > nodata or most < nodata):
        beside = nodata + 1 if nodata < limits.max else nodata - 1
        stored[(stored == nodata) & valid] = beside
    return stored
