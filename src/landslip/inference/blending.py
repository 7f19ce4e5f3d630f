"""Blends overlapping windows of probability without seams, one row of windows at a time.

All arithmetic is in whole levels, so that the same windows give the same bytes in whatever order
they were computed.
"""

import numpy as np
from numpy.typing import NDArray

from landslip.inference.plan import WindowPlan
from landslip.inference.store import NODATA, ProbabilityLevels

_CHUNK_COLS = 2**15


class RowBlender:
    """Joins windows and returns the finished rows of the scene; memory holds one row of windows.

    Where two windows overlap, the weight of the later one rises from 0 to 1 over the middle half of
    the overlap: the outermost pixels of a window have the least context and are not used.
    """

    def __init__(self, plan: WindowPlan, first_row: int = 0) -> None:
        """Start at the top of the scene, or at a later row of windows."""
        self._plan = plan
        height, _ = plan.window
        self._strip: ProbabilityLevels = np.full((height, plan.shape[1]), NODATA, dtype=np.uint8)
        self._above: ProbabilityLevels | None = None
        self._row = first_row

    def add(self, levels: ProbabilityLevels, col: int) -> None:
        """Add the next window (height, width) of the row, from left to right."""
        plan = self._plan
        window = plan.window_at(self._row, col)
        start, end = max(window.col_off, 0), min(window.col_end, plan.shape[1])
        inside = levels[:, start - window.col_off : end - window.col_off]
        overlap = 0 if col == 0 else plan.overlap
        both = slice(start, start + overlap)
        self._strip[:, both] = blend(
            self._strip[:, both], inside[:, :overlap], blend_weights(overlap), overlap
        )
        self._strip[:, start + overlap : end] = inside[:, overlap:]

    def finish_row(self) -> ProbabilityLevels:
        """Return the finished rows (rows, width of the scene) and move down; 255 is nodata.

        The returned array is overwritten by the next row.
        """
        plan, overlap = self._plan, self._plan.overlap
        if self._above is not None:
            weights = blend_weights(overlap)[:, np.newaxis]
            for col in range(0, plan.shape[1], _CHUNK_COLS):
                part = (slice(overlap), slice(col, col + _CHUNK_COLS))
                self._strip[part] = blend(self._above[part], self._strip[part], weights, overlap)
        first, end = plan.finished_rows(self._row)
        offset = plan.row_offs[self._row]
        self._above = self._strip[plan.window[0] - overlap :].copy()
        self._row += 1
        return self._strip[first - offset : end - offset]


def blend_weights(overlap: int) -> NDArray[np.uint32]:
    """Return the later window's weight at each pixel of an overlap, in units of 1/(2 * overlap)."""
    middle = max(overlap - 2 * (overlap // 4), 1)
    positions = np.arange(overlap, dtype=np.int64) - overlap // 4
    weights = np.clip(2 * positions + 1, 0, 2 * middle) * overlap // middle
    return weights.astype(np.uint32)


def blend(
    earlier: ProbabilityLevels, later: ProbabilityLevels, weights: NDArray[np.uint32], overlap: int
) -> ProbabilityLevels:
    """Return weighted means, rounded; both windows have nodata at the same pixels.

    The later window's weights are in units of ``1 / (2 * overlap)`` and are broadcast.
    """
    if overlap == 0:
        return earlier
    total = np.uint32(2 * overlap)
    sums = earlier * (total - weights) + later * weights + total // 2
    return np.where(earlier == NODATA, earlier, (sums // total).astype(np.uint8))
