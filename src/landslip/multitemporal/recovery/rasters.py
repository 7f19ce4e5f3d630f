"""Recovery of each pixel: rasters of the rates on all dates, and of the classes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.progress import Progress
from landslip.core.window import Window
from landslip.inventory.pixel_runs import PixelRuns, pixel_runs
from landslip.io.raster import OutputBand, RasterOutput
from landslip.io.raster.output import raster_writing
from landslip.io.raster.pyramid import PyramidOutput, map_windows
from landslip.multitemporal.recovery.landslides import FailedSlopes
from landslip.multitemporal.recovery.measures import LandslideRecovery
from landslip.multitemporal.recovery.rates import (
    classes_of,
    latest,
    recovery_rates,
    relative_vegetation,
)
from landslip.multitemporal.series.folder import Series
from landslip.multitemporal.vegetation_index import read_ndvi

RATES, CLASSES = "recovery_rate.tif", "recovery_class.tif"
RATE_SCALE, RATE_NODATA = 0.001, -32768
CLASS_NODATA = 255
_LARGEST_RATE = 30.0
WINDOW_PX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _LandslideDates:
    """Of each landslide: neighbours (n, dates), before (n, dates) and start (n,)."""

    neighbours: NDArray[np.float64]
    before: NDArray[np.bool_]
    start: NDArray[np.int64]


def write_rasters(
    series: Series,
    landslides: FailedSlopes,
    measured: Sequence[LandslideRecovery],
    stage: Path,
    progress: Progress,
) -> NDArray[np.int64]:
    """Write rates (one band a date) and classes, and return the pixels of each class (5,).

    Where landslides overlap, a pixel is of the one that is later in the input.
    """
    layers = tuple(
        OutputBand(description=str(day), dtype="int16", nodata=RATE_NODATA, scale=RATE_SCALE)
        for day in series.days
    )
    of_class = (OutputBand(description="recovery class", nodata=CLASS_NODATA),)
    runs = pixel_runs(landslides.in_pixels)
    dates = _LandslideDates(
        neighbours=np.array([one.neighbours for one in measured]),
        before=np.array([one.before for one in measured]),
        start=np.array([len(series.days) if one.after is None else one.after for one in measured]),
    )
    rates = PyramidOutput(
        stage / f".{RATES}", series.grid, layers, WINDOW_PX, compression="deflate"
    )
    classes = RasterOutput(stage / f".{CLASSES}", series.grid, of_class)
    counts = np.zeros(5, dtype=np.int64)
    done, total = 0, math.prod(series.grid.shape)
    try:
        for window in map_windows(series.grid.shape):
            clipped = runs.clipped(window)
            if len(clipped):
                stored, codes = _window_recovery(series, clipped, dates, window)
                with raster_writing(stage / RATES):
                    rates.write(rates.levels_of(stored), window)
                    classes.write(codes, window)
                counts += np.bincount(codes[codes != CLASS_NODATA], minlength=5)
            done += window.width * window.height
            progress(done, total)
        rates.finish(stage / RATES)
        classes.finish(stage / CLASSES, overviews="mode")
    finally:
        rates.close()
        classes.close()
    return counts


def _window_recovery(
    series: Series, runs: PixelRuns, dates: _LandslideDates, window: Window
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    count = len(series.days)
    owner = np.full(window.shape, -1, dtype=np.int64)
    polygon, rows, cols = runs.pixels()
    owner[rows - window.row_off, cols - window.col_off] = polygon
    inside = owner >= 0
    landslide = owner[inside]
    ndvi = np.stack([read_ndvi(series, at, window)[0][inside] for at in range(count)], axis=1)
    relative = relative_vegetation(ndvi, dates.neighbours[landslide])
    rates = recovery_rates(relative, dates.before[landslide], dates.start[landslide])
    stored = np.full((count, *window.shape), RATE_NODATA, dtype=np.int16)
    bounded = np.clip(rates, -_LARGEST_RATE, _LARGEST_RATE) / RATE_SCALE
    known = np.isfinite(bounded)
    stored[:, inside] = np.where(known, np.rint(bounded), RATE_NODATA).astype(np.int16).T
    codes = np.full(window.shape, CLASS_NODATA, dtype=np.uint8)
    codes[inside] = classes_of(latest(rates)[0])
    return stored, codes
