"""Valleys cut by running water, on a coarse grid."""

import functools
import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_AREA_EXPONENT = 0.45
_HILLSLOPE_CELLS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Drainage:
    """Where the water of each cell goes; cells are numbered row by row.

    Attributes:
        order: all cells, each after the one it drains to.
        receiver: the cell that each cell drains to; base cells drain to themselves.
    """

    order: list[int]
    receiver: list[int]

    def drained_cells(self) -> list[int]:
        """Return how many cells drain through each cell, itself included."""
        drained = [1] * len(self.order)
        for cell in reversed(self.order):
            if self.receiver[cell] != cell:
                drained[self.receiver[cell]] += drained[cell]
        return drained

    def streams(self, least_cells: int) -> list[list[int]]:
        """Return the way of the water from each spring, where ``least_cells`` come together."""
        drained = self.drained_cells()
        wet = [cell for cell in self.order if drained[cell] >= least_cells]
        fed = {self.receiver[cell] for cell in wet}
        return [self._way_down(cell) for cell in wet if cell not in fed]

    def _way_down(self, cell: int) -> list[int]:
        way = [cell]
        while self.receiver[way[-1]] != way[-1]:
            way.append(self.receiver[way[-1]])
        return way


def drainage(height: NDArray[np.float64], base: NDArray[np.bool_]) -> Drainage:
    """Find where water runs on a surface (height, width), given the cells that it runs to.

    Cells are flooded from the base upwards, so that water leaves pits over their lowest rim:
    priority-flood of Barnes, Lehman & Mulla (2014), doi 10.1016/j.cageo.2013.04.024.
    """
    neighbours = _neighbours(*height.shape)
    level = height.ravel().tolist()
    seen = base.ravel().tolist()
    receiver = list(range(height.size))
    heap = [(level[cell], cell) for cell in np.flatnonzero(base).tolist()]
    heapq.heapify(heap)
    order = []
    while heap:
        flood, cell = heapq.heappop(heap)
        order.append(cell)
        for other in neighbours[cell]:
            if not seen[other]:
                seen[other] = True
                receiver[other] = cell
                heapq.heappush(heap, (max(level[other], flood), other))
    return Drainage(order=order, receiver=receiver)


def eroded(
    start: NDArray[np.float64],
    base: NDArray[np.bool_],
    softness: NDArray[np.float64],
    *,
    steps: int = 30,
) -> tuple[NDArray[np.float64], Drainage]:
    """Raise a surface (height, width) and let water cut into it until both are in balance.

    Base cells stay at 0. Erosion goes with softness, slope, and drained area to the power of 0.45,
    solved implicitly: Braun & Willett (2013), doi 10.1016/j.geomorph.2012.10.008, eq. 22; each step
    also smooths slopes a little, as creep does.

    Returns:
        Height in units of the rise of a step, and where its water runs.
    """
    height = np.where(base, 0.0, start)
    for _ in range(steps):
        paths = drainage(height, base)
        drained = np.array(paths.drained_cells(), dtype=np.float64)
        cut = _cut(height + ~base, paths, softness.ravel() * drained**_AREA_EXPONENT)
        height = np.where(base, 0.0, ndimage.gaussian_filter(cut, _HILLSLOPE_CELLS))
    return height, paths


def _cut(
    height: NDArray[np.float64], paths: Drainage, strength: NDArray[np.float64]
) -> NDArray[np.float64]:
    level, power = height.ravel().tolist(), strength.tolist()
    for cell in paths.order:
        below = paths.receiver[cell]
        if below != cell:
            level[cell] = (level[cell] + power[cell] * level[below]) / (1 + power[cell])
    return np.array(level).reshape(height.shape)


@functools.lru_cache(maxsize=1)
def _neighbours(rows: int, cols: int) -> Sequence[Sequence[int]]:
    """Return the cells around each cell, and itself."""
    return [
        [
            near_row * cols + near_col
            for near_row in range(max(row - 1, 0), min(row + 2, rows))
            for near_col in range(max(col - 1, 0), min(col + 2, cols))
        ]
        for row in range(rows)
        for col in range(cols)
    ]
