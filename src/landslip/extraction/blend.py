"""Joins overlapping windows of probability without seams, a row of windows at a time."""

import numpy as np
from numpy.typing import NDArray

from landslip.extraction.plan import Plan
from landslip.window import Window


def ramp(tile: int, overlap: int) -> NDArray[np.float32]:
    """Return one axis of a window's weight: 1 inside, linear to 0 over the overlap at both ends.

    Where two windows overlap their weights add up to 1.
    """
    weight = np.ones(tile, dtype=np.float32)
    slope = (np.arange(overlap, dtype=np.float32) + 0.5) / max(overlap, 1)
    weight[:overlap] = slope
    weight[tile - overlap :] = np.minimum(weight[tile - overlap :], slope[::-1])
    return weight


def axis_weights(
    length: int, offsets: tuple[int, ...], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the summed weights of all windows along one axis of a scene."""
    summed = np.zeros(length, dtype=np.float32)
    for offset in offsets:
        start, end = max(offset, 0), min(offset + len(weight), length)
        summed[start:end] += weight[start - offset : end - offset]
    return summed


class RowBlender:
    """Adds windows up and gives back the rows that are finished; holds one row of windows."""

    def __init__(self, plan: Plan) -> None:
        """Begin at the top of the scene."""
        self._plan = plan
        weight = ramp(plan.tile, plan.overlap)
        self._window_weight = weight[:, None] * weight[None, :]
        self._row_weights = axis_weights(plan.shape[0], plan.row_offs, weight)
        self._col_weights = axis_weights(plan.shape[1], plan.col_offs, weight)
        self._top = plan.row_offs[0]
        self._sums = np.zeros((plan.tile, plan.shape[1]), dtype=np.float32)

    def add(self, probability: NDArray[np.float32], window: Window) -> None:
        """Add a window (tile, tile) of the row that begins at the blender's top."""
        inside = Window(0, self._top, self._plan.shape[1], self._plan.tile)
        start, end = max(window.col_off, 0), min(window.col_end, inside.width)
        part = slice(start - window.col_off, end - window.col_off)
        self._sums[:, start:end] += probability[:, part] * self._window_weight[:, part]

    def finish_row(self) -> NDArray[np.float32]:
        """Return the finished rows of probability (rows, width of the scene) and move down."""
        first, end = self._plan.finished_rows(self._top)
        sums = self._sums[first - self._top : end - self._top]
        weights = self._row_weights[first:end, None] * self._col_weights[None, :]
        blended: NDArray[np.float32] = np.clip(sums / weights, 0.0, 1.0)
        step = self._plan.tile - self._plan.overlap
        rest = self._sums[step:].copy()
        self._sums[: len(rest)] = rest
        self._sums[len(rest) :] = 0.0
        self._top += step
        return blended
