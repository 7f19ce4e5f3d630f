"""Outlines of pixels, vertex by vertex: every corner of a pixel that a ring passes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.inference.outlines import Outlines, offsets, run_indices

_COL_BITS = 32
_DOWN = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryVertices:
    """The vertices of rings, one pixel's side apart; no ring repeats its first one at its end.

    ``rings`` and ``polygons`` are where each ring starts in the points, each polygon in ``rings``,
    and the end of the last.
    """

    cols: NDArray[np.int64]
    rows: NDArray[np.int64]
    rings: NDArray[np.int64]
    polygons: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.polygons) - 1

    @property
    def keys(self) -> NDArray[np.int64]:
        """One number for each place."""
        return self.rows << _COL_BITS | self.cols

    def after(self) -> NDArray[np.int64]:
        """Return the index of the point that follows each one on its ring."""
        follower = np.arange(1, len(self.cols) + 1)
        follower[self.rings[1:] - 1] = self.rings[:-1]
        return follower


def boundary_vertices(outlines: Outlines) -> BoundaryVertices:
    """Return all pixel corners on the rings of outlines."""
    last = np.zeros(len(outlines.points), dtype=np.bool_)
    last[outlines.rings[1:] - 1] = True
    points = outlines.points.astype(np.int64)
    first = np.flatnonzero(~last)
    along = points[first + 1] - points[first]
    lengths = np.abs(along).sum(axis=1)
    steps = run_indices(np.zeros(len(lengths), dtype=np.int64), lengths)
    every = np.repeat(points[first], lengths, axis=0)
    every += np.repeat(np.sign(along), lengths, axis=0) * steps[:, None]
    ring_of = np.cumsum(last)[first]
    sizes = np.bincount(ring_of, weights=lengths, minlength=len(outlines.rings) - 1)
    return BoundaryVertices(
        cols=every[:, 0],
        rows=every[:, 1],
        rings=offsets(sizes.astype(np.int64)),
        polygons=outlines.polygons,
    )


def shared_boundary(
    points: BoundaryVertices, region: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Find sides that polygons of one region have in common; only such may touch along a side.

    Returns:
        Which vertices are an end of a side that two polygons have, and which are fixed: other
        polygons begin or end to have a side in common there, or nothing but common sides makes up
        the ring, so that such points stay where they are.
    """
    count = len(points.cols)
    partner = np.full(count, -1, dtype=np.int64)
    owners = np.repeat(np.arange(len(points)), np.diff(points.rings[points.polygons]))
    several = np.bincount(region)[region] > 1
    sides = np.flatnonzero(several[owners])
    keys, follower = points.keys, points.after()
    # one number for the side from each point to the next, whichever its way
    down = np.where(points.cols[follower[sides]] == points.cols[sides], _DOWN, 0)
    ids = np.minimum(keys[sides], keys[follower[sides]]) | down
    order = np.argsort(ids, kind="stable")
    twice = np.flatnonzero(ids[order][1:] == ids[order][:-1])
    one, other = sides[order[twice]], sides[order[twice + 1]]
    partner[one], partner[other] = owners[other], owners[one]
    before = np.empty(count, dtype=np.int64)
    before[follower] = partner
    fixed = before != partner
    ring_of = np.repeat(np.arange(len(points.rings) - 1), np.diff(points.rings))
    loose = np.bincount(ring_of, weights=(partner < 0) | fixed, minlength=len(points.rings) - 1)
    return (partner >= 0) | (before >= 0), fixed | (loose[ring_of] == 0)


def ring_neighbours(values: NDArray[Any], rings: NDArray[np.int64], by: int) -> NDArray[Any]:
    """Return, for each point, the value of the next (``by`` 1) or previous (-1) on its ring."""
    there = np.roll(values, -by)
    first, last = rings[:-1], rings[1:] - 1
    if by > 0:
        there[last] = values[first]
    else:
        there[first] = values[last]
    return there


def exterior_vertices(outlines: Outlines, index: int) -> NDArray[np.int64]:
    """Return all vertices (n, 2) of the exterior of a polygon."""
    points = boundary_vertices(outlines.take(np.array([index])))
    end = points.rings[1]
    return np.column_stack([points.cols[:end], points.rows[:end]])
