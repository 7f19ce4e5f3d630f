"""Joins overlapping windows of probability without seams, a row of windows at a time.

Everything is in whole steps of probability, so that the same windows give the same bytes whatever
order they were computed in.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.inference.connected_components import Polygonizer
from landslip.inference.plan import BAND_PX, WindowPlan
from landslip.inference.rasters import ResultRasters
from landslip.inference.result import LANDSLIDES
from landslip.inference.store import NODATA, ProbabilityLevels, WindowStore
from landslip.inference.table import LandslideTable, TableTotals
from landslip.models.engines.base import PROBABILITY_LEVELS

_COLUMNS = 2**15


class RowBlender:
    """Puts windows side by side and gives back the rows that are finished; holds one row of them.

    Where two windows overlap, the share of the later one rises from 0 to 1 over the middle half of
    the overlap: the outermost pixels of a window have seen least around them and are left out.
    """

    def __init__(self, plan: WindowPlan, first_row: int = 0) -> None:
        """Begin at the top of the scene, or at a later row of windows."""
        self._plan = plan
        height, _ = plan.window
        self._strip: ProbabilityLevels = np.full((height, plan.shape[1]), NODATA, dtype=np.uint8)
        self._above: ProbabilityLevels | None = None
        self._row = first_row

    def add(self, steps: ProbabilityLevels, col: int) -> None:
        """Add the next window (height, width) of the row, from left to right."""
        plan = self._plan
        window = plan.window_at(self._row, col)
        start, end = max(window.col_off, 0), min(window.col_end, plan.shape[1])
        inside = steps[:, start - window.col_off : end - window.col_off]
        shared = 0 if col == 0 else plan.overlap
        both = slice(start, start + shared)
        self._strip[:, both] = blend(
            self._strip[:, both], inside[:, :shared], blend_weights(shared), shared
        )
        self._strip[:, start + shared : end] = inside[:, shared:]

    def finish_row(self) -> ProbabilityLevels:
        """Return the finished rows (rows, width of the scene) and move down; 255 is nodata.

        What is returned is overwritten by the next row.
        """
        plan, overlap = self._plan, self._plan.overlap
        if self._above is not None:
            shares = blend_weights(overlap)[:, np.newaxis]
            for col in range(0, plan.shape[1], _COLUMNS):
                part = (slice(overlap), slice(col, col + _COLUMNS))
                self._strip[part] = blend(self._above[part], self._strip[part], shares, overlap)
        first, end = plan.finished_rows(self._row)
        offset = plan.row_offs[self._row]
        self._above = self._strip[plan.window[0] - overlap :].copy()
        self._row += 1
        return self._strip[first - offset : end - offset]


def blend_weights(overlap: int) -> NDArray[np.uint32]:
    """Return the later window's share at each pixel of an overlap, in parts of ``2 * overlap``."""
    middle = max(overlap - 2 * (overlap // 4), 1)
    places = np.arange(overlap, dtype=np.int64) - overlap // 4
    parts = np.clip(2 * places + 1, 0, 2 * middle) * overlap // middle
    return parts.astype(np.uint32)


def blend(
    earlier: ProbabilityLevels, later: ProbabilityLevels, shares: NDArray[np.uint32], overlap: int
) -> ProbabilityLevels:
    """Return weighted means, rounded; nodata where the earlier window has nodata.

    Args:
        earlier: steps of one window.
        later: steps of its neighbour at the same pixels, as valid as the first.
        shares: the neighbour's, in parts of ``2 * overlap``; broadcast against both.
        overlap: of the windows.
    """
    if overlap == 0:
        return earlier
    whole = np.uint32(2 * overlap)
    sums = earlier * (whole - shares) + later * shares + whole // 2
    return np.where(earlier == NODATA, earlier, (sums // whole).astype(np.uint8))


@dataclass(frozen=True, slots=True, kw_only=True)
class MapStatistics:
    """What came out of a scene, counted.

    Attributes:
        landslide_px: pixels of the mask.
        valid_px: pixels with data.
        landslides: the polygons.
    """

    landslide_px: int
    valid_px: int
    landslides: TableTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonCriteria:
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


class Postprocessor:
    """Takes rows of finished windows from the store, in order; memory holds one row."""

    def __init__(
        self, plan: WindowPlan, store: WindowStore, stage: Path, kept: PolygonCriteria
    ) -> None:
        """Begin the files of the result in a folder."""
        self._plan, self._store, self._stage = plan, store, stage
        self._least = threshold_level(kept.threshold)
        self._blender = RowBlender(plan)
        self._rasters = ResultRasters(stage, kept.grid, self._least)
        self._collector = Polygonizer(stage, min_px=kept.least_px)
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

    def finish(self) -> MapStatistics:
        """Write what is left to be written."""
        for landslides in self._collector.finish():
            self._table.append(landslides)
        totals = self._table.finish(self._stage / LANDSLIDES)
        self._rasters.finish()
        return MapStatistics(
            landslide_px=self._landslide_px, valid_px=self._valid_px, landslides=totals
        )

    def close(self) -> None:
        """Close all files as they are."""
        self._rasters.close()
        self._table.close()

    def _take_band(self, steps: ProbabilityLevels) -> None:
        valid = steps != NODATA
        found = (steps >= self._least) & valid
        self._rasters.write(steps)
        self._collector.add(found, steps)
        for landslides in self._collector.take():
            self._table.append(landslides)
        self._landslide_px += int(np.count_nonzero(found))
        self._valid_px += int(np.count_nonzero(valid))


def threshold_level(threshold: float) -> int:
    """Return the fewest steps of 1/250 whose probability reaches a threshold."""
    return math.ceil(threshold * PROBABILITY_LEVELS - 1e-6)
