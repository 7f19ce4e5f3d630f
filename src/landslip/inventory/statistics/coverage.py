"""How much of square cells polygons cover, exact, in one pass over their edges."""

import numpy as np
import shapely
from numpy.typing import NDArray

Array = NDArray[np.float64]
_X, _Y = 0, 1


def covered_shares(
    polygons: NDArray[np.object_], corner: tuple[float, float], side: float, shape: tuple[int, int]
) -> Array:
    """Return the share of each cell (rows, cols) that polygons cover, 0 to 1.

    Ground that several share counts once. What lies right of each edge is added up along its row
    of cells (Green's theorem), so time grows with edges, not with polygons times cells.

    Args:
        polygons: (n,) valid ones; what lies beyond the cells is left out.
        corner: (left, top) of the first cell, in map coordinates.
        side: of a cell, in map units.
        shape: (rows, cols) of cells, rows from the top.
    """
    rows, cols = shape
    edges = (_edges(polygons) - corner) / (side, -side)
    edges = _cut(_cut(edges, _Y, rows), _X, cols)
    middles = edges.mean(axis=1)
    inside = (middles > 0)[:, _Y] & (middles < (cols, rows)).all(axis=1)
    fall, (x, y) = (edges[:, 1, _Y] - edges[:, 0, _Y])[inside], middles[inside].T
    col = np.maximum(np.floor(x), 0).astype(np.intp)
    own = fall * np.minimum(col + 1 - x, 1)
    cell = np.floor(y).astype(np.intp) * (cols + 1) + col
    count = rows * (cols + 1)
    sums = np.bincount(cell, own, count) + np.bincount(cell + 1, fall - own, count)
    shares: Array = np.clip(np.cumsum(sums.reshape(rows, cols + 1), axis=1)[:, :cols], 0, 1)
    return shares


def _edges(polygons: NDArray[np.object_]) -> Array:
    """Return the edges (m, start and end, xy) of what polygons cover; ground is on their left."""
    if len(polygons) == 0:
        return np.zeros((0, 2, 2))
    # of many copies of one polygon, each pair would be looked at
    _, once = np.unique(shapely.to_wkb(shapely.normalize(polygons)), return_index=True)
    union = shapely.disjoint_subset_union_all(polygons[once])
    parts = shapely.orient_polygons(shapely.get_parts(union))
    points, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
    begins = np.flatnonzero(ring[1:] == ring[:-1])
    return np.stack([points[begins], points[begins + 1]], axis=1)


def _cut(edges: Array, axis: int, count: int) -> Array:
    """Cut edges at the whole numbers from 0 to ``count`` of an axis."""
    start, end = edges[:, 0, axis], edges[:, 1, axis]
    first = np.clip(np.floor(np.minimum(start, end)) + 1, 0, count + 1)
    last = np.clip(np.ceil(np.maximum(start, end)) - 1, -1, count)
    cuts = np.maximum(last - first + 1, 0).astype(np.intp)
    crossing = np.repeat(np.arange(len(edges)), cuts)
    nth = np.arange(len(crossing)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    line = np.where((end > start)[crossing], first[crossing] + nth, last[crossing] - nth)
    way = (line - start[crossing]) / (end - start)[crossing]
    points = edges[crossing, 0] + way[:, np.newaxis] * (edges[crossing, 1] - edges[crossing, 0])
    points[:, axis] = line
    # a crossing is the end of one piece and the start of the next
    ends_at = np.cumsum(cuts + 1) - 1
    pieces = np.empty((len(edges) + len(crossing), 2, 2))
    is_last = np.zeros(len(pieces), dtype=np.bool_)
    is_last[ends_at] = True
    is_first = np.roll(is_last, 1)
    pieces[is_first, 0], pieces[~is_first, 0] = edges[:, 0], points
    pieces[is_last, 1], pieces[~is_last, 1] = edges[:, 1], points
    return pieces
