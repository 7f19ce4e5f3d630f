"""Follows behind the network: blends finished rows of windows, writes rasters, traces polygons."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.inference.blending import RowBlender
from landslip.inference.connected_components import Polygonizer
from landslip.inference.plan import BAND_PX, WindowPlan
from landslip.inference.plausibility import MapCounts, MinimumArea
from landslip.inference.rasters import ResultRasters
from landslip.inference.result import LANDSLIDES
from landslip.inference.store import NODATA, WindowStore
from landslip.inference.table import LandslideTable, TableTotals
from landslip.models.calibration.levels import LevelTable
from landslip.models.engines.base import threshold_level


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStatistics:
    """Counts of a finished map, and totals of its polygons."""

    counts: MapCounts
    polygons: TableTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputScale:
    """The scale of probability in the files.

    Attributes:
        threshold: probability from which a pixel is landslide, on this scale.
        calibration: level that is written for each level of the windows; None: the same.
    """

    threshold: float
    calibration: LevelTable | None = None


class Postprocessor:
    """Takes rows of finished windows from the store, in order; memory holds one row."""

    def __init__(
        self,
        plan: WindowPlan,
        store: WindowStore,
        folder: Path,
        *,
        grid: Grid,
        scale: OutputScale,
        min_area: MinimumArea,
    ) -> None:
        """Create the files of the result in a folder."""
        self._plan, self._store, self._folder = plan, store, folder
        self._threshold, self._calibration = threshold_level(scale.threshold), scale.calibration
        self._blender = RowBlender(plan)
        with ExitStack() as opened:
            self._rasters = ResultRasters(folder, grid, self._threshold)
            opened.callback(self._rasters.close)
            self._polygonizer = Polygonizer(folder, min_px=min_area.px)
            self._table = LandslideTable(folder, grid, min_area_m2=min_area.m2)
            opened.pop_all()
        self._row = 0
        self._pixels = np.zeros(256, dtype=np.int64)

    def process(self, finished: NDArray[np.bool_]) -> None:
        """Process the next rows of windows, as far as ``finished`` (rows, columns) is True.

        Raises:
            LandslipError: a finished window is missing.
        """
        while self._row < len(finished) and finished[self._row].all():
            for col in range(self._plan.count[1]):
                levels = self._store.read((self._row, col))
                if levels is None:
                    raise LandslipError(
                        f"{self._store.location}: the window at row {self._row}, column {col} was "
                        "written and is missing; run the same command again"
                    )
                self._blender.add(levels, col)
            blended = self._blender.finish_row()
            height = max(1, BAND_PX // self._plan.shape[1])
            for top in range(0, len(blended), height):
                band = blended[top : top + height]
                if self._calibration is not None:
                    band = self._calibration[band]
                mask = (band >= self._threshold) & (band != NODATA)
                self._rasters.write(band)
                self._polygonizer.add(mask, band)
                for landslides in self._polygonizer.take():
                    self._table.append(landslides)
                histogram = cv2.calcHist([band], [0], None, [256], [0, 256])  # exact below 2 ** 24
                self._pixels += histogram.ravel().astype(np.int64)
            self._row += 1

    def finish(self) -> MapStatistics:
        """Complete the files, after the last row."""
        for landslides in self._polygonizer.finish():
            self._table.append(landslides)
        totals = self._table.finish(self._folder / LANDSLIDES)
        self._rasters.finish()
        counts = MapCounts(
            pixels=self._pixels,
            threshold_level=self._threshold,
            regions=self._polygonizer.regions,
            single_px=self._polygonizer.single_px,
        )
        return MapStatistics(counts=counts, polygons=totals)

    def close(self) -> None:
        """Close all files as they are."""
        self._rasters.close()
        self._table.close()
