"""Polygons as runs of pixels: which pixels of each row have their centre inside.

Memory grows with the length of the outlines, not with the area inside, and overlapping polygons
have their pixels each: `rasterio.features.rasterize` needs the area, and a pixel of its raster
belongs to one polygon.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.window import Window
from landslip.inference.outlines import run_indices
from landslip.inventory.morphometry.sampling import PolygonEdges

_MAX_CROSSINGS = 2_000_000
_MAX_POINTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelRuns:
    """Runs of pixels, each (n,) int64: polygon from 0, row, first column, one past the last.

    Those of `pixel_runs` are sorted by polygon, row and first column.
    """

    polygon: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def of(self, which: slice | NDArray[np.bool_] | NDArray[np.intp]) -> "PixelRuns":
        """Return some of the runs."""
        return PixelRuns(**{one.name: getattr(self, one.name)[which] for one in fields(self)})

    def clipped(self, window: Window) -> "PixelRuns":
        """Return the parts in a window, in the same rows and columns."""
        inside = self.of((self.row >= window.row_off) & (self.row < window.row_end))
        start = np.maximum(inside.start, window.col_off)
        cut = replace(inside, start=start, stop=np.minimum(inside.stop, window.col_end))
        return cut.of(cut.start < cut.stop)

    def pixels(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return polygon, row and column of every pixel."""
        lengths = self.stop - self.start
        cols = run_indices(self.start, lengths)
        return np.repeat(self.polygon, lengths), np.repeat(self.row, lengths), cols


def pixel_runs(polygons: NDArray[np.object_]) -> PixelRuns:
    """Return the pixels of polygons in pixel coordinates (column, row), which may be anywhere.

    A pixel belongs to a polygon where its centre does; on an edge, where the polygon is to its
    right or below, so that polygons that share an edge share no pixel. The polygons (n,), which may
    have several parts, are valid; empty ones have no pixels.
    """
    points = np.cumsum(shapely.get_num_coordinates(polygons))
    portion = np.flatnonzero(np.diff(points // _MAX_POINTS)) + 1
    starts = [0, *portion.tolist(), len(polygons)]
    parts = [
        _runs(edges)
        for start, stop in itertools.pairwise(starts)
        for edges in _in_portions(_edges(polygons[start:stop], start))
    ]
    return joined(parts)


def joined(parts: Sequence[PixelRuns]) -> PixelRuns:
    """Return runs one after the other, as they are."""
    none = np.zeros(0, dtype=np.int64)
    columns = {
        one.name: np.concatenate([none, *(getattr(part, one.name) for part in parts)])
        for one in fields(PixelRuns)
    }
    return PixelRuns(**columns)


class _Edges(NamedTuple):
    """Edges that cross the middle of a row, from their upper to their lower end.

    Of the polygon (n,), ascending: x and y of the upper, x and y of the lower end (n, 4), the first
    row that is crossed (n,), and how many are (n,).
    """

    polygon: NDArray[np.int64]
    ends: NDArray[np.float64]
    first_row: NDArray[np.int64]
    rows: NDArray[np.int64]

    def of(self, which: slice | NDArray[np.bool_]) -> "_Edges":
        return _Edges(
            self.polygon[which], self.ends[which], self.first_row[which], self.rows[which]
        )


def _edges(polygons: NDArray[np.object_], first_number: int) -> _Edges:
    edges = PolygonEdges.of(polygons)
    here, there = edges.starts, edges.ends
    down = here[:, 1] < there[:, 1]
    # always from above, so that two polygons see the same crossing with an edge that they share
    ends = np.where(down[:, None], np.hstack([here, there]), np.hstack([there, here]))
    first_row, end = (np.ceil(ends[:, at] - 0.5).astype(np.int64) for at in (1, 3))
    owner = edges.owner.astype(np.int64) + first_number
    return _Edges(owner, ends, first_row, end - first_row).of(end > first_row)


def _in_portions(edges: _Edges) -> Iterator[_Edges]:
    """Give the edges of some whole polygons at a time."""
    if len(edges.rows) == 0:
        return
    last = np.flatnonzero(np.diff(edges.polygon, append=edges.polygon[-1] + 1))
    portions = (np.cumsum(edges.rows)[last] - 1) // _MAX_CROSSINGS
    begin = 0
    for end in (last[np.flatnonzero(np.diff(portions, append=portions[-1] + 1))] + 1).tolist():
        yield edges.of(slice(begin, end))
        begin = end


def _runs(edges: _Edges) -> PixelRuns:
    row = run_indices(edges.first_row, edges.rows)
    polygon = np.repeat(edges.polygon, edges.rows)
    x0, y0, x1, y1 = np.repeat(edges.ends, edges.rows, axis=0).T
    x = x0 + (row + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
    order = np.lexsort((x, row, polygon))
    # outlines are closed: in every row a polygon is entered as often as it is left
    cols = np.ceil(x[order] - 0.5).astype(np.int64)
    runs = PixelRuns(
        polygon=polygon[order][::2], row=row[order][::2], start=cols[::2], stop=cols[1::2]
    )
    return runs.of(runs.start < runs.stop)
