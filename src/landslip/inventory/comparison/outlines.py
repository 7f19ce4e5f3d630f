"""Distances between the outlines of two landslides."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

_MAX_STEPS = 500
_CHUNK = 500_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutlineDistances:
    """Distances of the outlines of pairs, (k,) float64 in units of the coordinate system.

    ``hausdorff``: the largest from any point of either outline to the other; ``mean``: along both.
    """

    hausdorff: NDArray[np.float64]
    mean: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Samples:
    """Points (n, 2) along outlines, the ones before and after on the ring, and the pair (n,).

    ``length`` (n,) is of the outline that each represents.
    """

    points: NDArray[np.float64]
    pair: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    length: NDArray[np.float64]


def outline_distances(
    one: NDArray[np.object_], other: NDArray[np.object_], step: float
) -> OutlineDistances:
    """Measure the outlines, holes included, of pairs of polygons (k,) each.

    Distances are taken at all corners, and between them at least every ``step``, or every 500th
    of a long outline; from there to the nearest line of the other outline.
    """
    hausdorff, mean = np.zeros(len(one)), np.zeros(len(one))
    points = np.cumsum(_count(one, step) + _count(other, step))
    chunk = points // _CHUNK
    for some in np.split(np.arange(len(one)), np.flatnonzero(np.diff(chunk)) + 1):
        if len(some):
            hausdorff[some], mean[some] = _measured(one[some], other[some], step)
    return OutlineDistances(hausdorff=hausdorff, mean=mean)


def _count(polygons: NDArray[np.object_], step: float) -> NDArray[np.float64]:
    steps = np.minimum(shapely.length(polygons) / step, _MAX_STEPS)
    return steps + shapely.get_num_coordinates(polygons)


def _measured(
    one: NDArray[np.object_], other: NDArray[np.object_], step: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    middles = shapely.get_coordinates(shapely.centroid(one))
    ours, theirs = _samples(one, middles, step), _samples(other, middles, step)
    there, back = _distances(ours, theirs), _distances(theirs, ours)
    hausdorff = np.zeros(len(one))
    for samples, distances in ((ours, there), (theirs, back)):
        np.maximum.at(hausdorff, samples.pair, distances)
    pair = np.concatenate([ours.pair, theirs.pair])
    length = np.concatenate([ours.length, theirs.length])
    weighted = np.bincount(pair, weights=length * np.concatenate([there, back]))
    return hausdorff, weighted / np.bincount(pair, weights=length)


def _samples(polygons: NDArray[np.object_], middles: NDArray[np.float64], step: float) -> _Samples:
    """Return points along outlines, relative to a centre each."""
    steps = np.maximum(step, shapely.length(polygons) / _MAX_STEPS)
    parts, of_polygon = shapely.get_parts(polygons, return_index=True)
    rings, of_part = shapely.get_rings(parts, return_index=True)
    of_pair = of_polygon[of_part]
    dense = shapely.segmentize(rings, steps[of_pair])
    points, ring = shapely.get_coordinates(dense, return_index=True)
    points -= middles[of_pair[ring]]
    size = np.bincount(ring, minlength=len(rings))
    first = np.cumsum(size) - size
    unique = np.ones(len(points), dtype=np.bool_)
    unique[first + size - 1] = False  # the first point again
    before = points[np.arange(len(points)) - 1]
    before[first] = points[first + size - 2]
    after = points[np.minimum(np.arange(len(points)) + 1, len(points) - 1)]
    reach = np.hypot(*(points - before).T) + np.hypot(*(after - points).T)
    return _Samples(
        points=points[unique],
        pair=of_pair[ring][unique],
        before=before[unique],
        after=after[unique],
        length=reach[unique] / 2,
    )


def _distances(ours: _Samples, theirs: _Samples) -> NDArray[np.float64]:
    """Return the distance of our points to the nearest line of the other outline of their pair."""
    extent = 4 * max(np.abs(ours.points).max(), np.abs(theirs.points).max(), 1e-12)
    # a third axis keeps the pairs apart
    apart = [np.column_stack([side.points, side.pair * extent]) for side in (ours, theirs)]
    nearest = KDTree(apart[1]).query(apart[0])[1]
    corner = theirs.points[nearest]
    distance: NDArray[np.float64] = np.minimum(
        _to_line(ours.points, corner, theirs.before[nearest]),
        _to_line(ours.points, corner, theirs.after[nearest]),
    )
    return distance


def _to_line(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    along, to_point = end - start, points - start
    square = np.einsum("ij,ij->i", along, along)
    share = np.einsum("ij,ij->i", along, to_point) / np.where(square > 0, square, 1.0)
    off = to_point - np.clip(share, 0.0, 1.0)[:, None] * along
    distance: NDArray[np.float64] = np.hypot(off[:, 0], off[:, 1])
    return distance
