"""Follows behind the network: blends finished rows of windows, writes rasters, finds polygons."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.inference.blend import NODATA, RowBlender, Steps
from landslip.inference.plan import BAND_PX, Plan
from landslip.inference.polygons import PolygonCollector
from landslip.inference.rasters import ResultRasters
from landslip.inference.result import LANDSLIDES
from landslip.inference.store import WindowStore
from landslip.inference.table import LandslideTable, Totals
from landslip.models.engines.base import PROBABILITY_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came out of a scene, counted.

    Attributes:
        landslide_px: pixels of the mask.
        valid_px: pixels with data.
        landslides: the polygons.
    """

    landslide_px: int
    valid_px: int
    landslides: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of a scene's probabilities.

    Attributes:
        grid: of the scene.
        threshold: probability from which a pixel is landslide.
        min_area_m2: of the polygons.
    """

    grid: Grid
    threshold: float
    min_area_m2: float

    @property
    def least_px(self) -> int:
        """Pixels that a polygon has at least; 1 where pixels differ in size on the ground."""
        pixel_m2 = self.grid.pixel_area_m2
        return 1 if pixel_m2 is None else max(1, math.ceil(self.min_area_m2 / pixel_m2 - 1e-6))


class Finisher:
    """Takes rows of finished windows from the store, in order; memory holds one row."""

    def __init__(self, plan: Plan, store: WindowStore, stage: Path, kept: Kept) -> None:
        """Begin the files of the result in a folder."""
        self._plan, self._store, self._stage = plan, store, stage
        self._least = least_steps(kept.threshold)
        self._blender = RowBlender(plan)
        self._rasters = ResultRasters(stage, kept.grid, self._least)
        self._collector = PolygonCollector(stage, min_px=kept.least_px)
        self._table = LandslideTable(stage, kept.grid, min_area_m2=kept.min_area_m2)
        self._row = 0
        self._landslide_px = self._valid_px = 0

    @property
    def next_row(self) -> int:
        """The row of windows that is to be taken next."""
        return self._row

    def take_row(self) -> None:
        """Take the next row of windows; all of it must be in the store.

        Raises:
            LandslipError: a window that was there has gone.
        """
        for col in range(self._plan.count[1]):
            steps = self._store.read((self._row, col))
            if steps is None:
                raise LandslipError(
                    f"{self._store.location}: the window at row {self._row}, column {col} was "
                    "written and is not there any more; run the same command again"
                )
            self._blender.add(steps, col)
        blended = self._blender.finish_row()
        height = max(1, BAND_PX // self._plan.shape[1])
        for top in range(0, len(blended), height):
            self._take_band(blended[top : top + height])
        self._row += 1

    def finish(self) -> Finished:
        """Write what is left to be written."""
        for landslides in self._collector.finish():
            self._table.append(landslides)
        totals = self._table.finish(self._stage / LANDSLIDES)
        self._rasters.finish()
        return Finished(landslide_px=self._landslide_px, valid_px=self._valid_px, landslides=totals)

    def close(self) -> None:
        """Close all files as they are."""
        self._rasters.close()
        self._table.close()

    def _take_band(self, steps: Steps) -> None:
        valid = steps != NODATA
        found = (steps >= self._least) & valid
        self._rasters.write(steps)
        self._collector.add(found, steps)
        for landslides in self._collector.take():
            self._table.append(landslides)
        self._landslide_px += int(np.count_nonzero(found))
        self._valid_px += int(np.count_nonzero(valid))


def least_steps(threshold: float) -> int:
    """Return the fewest steps of 1/250 whose probability reaches a threshold."""
    return math.ceil(threshold * PROBABILITY_STEPS - 1e-6)
