"""Joins overlapping windows of probability without seams, a row of windows at a time.

Everything is in whole steps of probability, so that the same windows give the same bytes whatever
order they were computed in.
"""

import numpy as np
from numpy.typing import NDArray

from landslip.inference.plan import Plan

NODATA = 255
_COLUMNS = 2**15

Steps = NDArray[np.uint8]


class RowBlender:
    """Puts windows side by side and gives back the rows that are finished; holds one row of them.

    Where two windows overlap, the share of the later one rises from 0 to 1 over the middle half of
    the overlap: the outermost pixels of a window have seen least around them and are left out.
    """

    def __init__(self, plan: Plan, first_row: int = 0) -> None:
        """Begin at the top of the scene, or at a later row of windows."""
        self._plan = plan
        height, _ = plan.window
        self._strip: Steps = np.full((height, plan.shape[1]), NODATA, dtype=np.uint8)
        self._above: Steps | None = None
        self._row = first_row

    def add(self, steps: Steps, col: int) -> None:
        """Add the next window (height, width) of the row, from left to right."""
        plan = self._plan
        window = plan.window_at(self._row, col)
        start, end = max(window.col_off, 0), min(window.col_end, plan.shape[1])
        inside = steps[:, start - window.col_off : end - window.col_off]
        shared = 0 if col == 0 else plan.overlap
        both = slice(start, start + shared)
        self._strip[:, both] = mixed(
            self._strip[:, both], inside[:, :shared], later_shares(shared), shared
        )
        self._strip[:, start + shared : end] = inside[:, shared:]

    def finish_row(self) -> Steps:
        """Return the finished rows (rows, width of the scene) and move down; 255 is nodata.

        What is returned is overwritten by the next row.
        """
        plan, overlap = self._plan, self._plan.overlap
        if self._above is not None:
            shares = later_shares(overlap)[:, np.newaxis]
            for col in range(0, plan.shape[1], _COLUMNS):
                part = (slice(overlap), slice(col, col + _COLUMNS))
                self._strip[part] = mixed(self._above[part], self._strip[part], shares, overlap)
        first, end = plan.finished_rows(self._row)
        offset = plan.row_offs[self._row]
        self._above = self._strip[plan.window[0] - overlap :].copy()
        self._row += 1
        return self._strip[first - offset : end - offset]


def later_shares(overlap: int) -> NDArray[np.uint32]:
    """Return the later window's share at each pixel of an overlap, in parts of ``2 * overlap``."""
    middle = max(overlap - 2 * (overlap // 4), 1)
    places = np.arange(overlap, dtype=np.int64) - overlap // 4
    parts = np.clip(2 * places + 1, 0, 2 * middle) * overlap // middle
    return parts.astype(np.uint32)


def mixed(earlier: Steps, later: Steps, shares: NDArray[np.uint32], overlap: int) -> Steps:
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
