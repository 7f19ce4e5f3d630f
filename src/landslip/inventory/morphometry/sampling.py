"""Points on the outlines of many polygons at once, and points spread inside them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.map_distances import MapPlane, Points
from landslip.inference.outlines import run_indices

Values = NDArray[np.float64]
Indices = NDArray[np.intp]

_MIN_ROWS, _MAX_ROWS = 24, 400
_POLYGON_COST, _BATCH_COST = 300, 2**19  # in vertices


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonEdges:
    """The straight lines that all rings of polygons are made of, holes too.

    The owner (m,) is the position of the polygon, ascending. Starts (m, 2) are all vertices, each
    once. Some of the polygons, of which the number is given, may own no edge.
    """

    owner: Indices
    starts: Values
    ends: Values
    polygons: int

    @classmethod
    def of(cls, polygons: NDArray[np.object_]) -> "PolygonEdges":
        """Return the edges of polygons (n,), which may have several parts."""
        parts, part_owner = shapely.get_parts(polygons, return_index=True)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        begins = np.flatnonzero(ring[1:] == ring[:-1])
        return cls(
            owner=part_owner[ring_part[ring[begins]]],
            starts=points[begins],
            ends=points[begins + 1],
            polygons=len(polygons),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePoints:
    """Points (m, 2) inside polygons; weight is the area that each represents, in map units."""

    owner: Indices
    points: Values
    weight: Values


def sums(owner: Indices, values: Values, count: int) -> Values:
    """Return sums (count,) of values (m,) by owner."""
    return np.asarray(np.bincount(owner, values, count), dtype=np.float64)


def outline_points(edges: PolygonEdges, steps: Values) -> tuple[Indices, Values]:
    """Return owners (m,) and points (m, 2): all vertices, and points between them.

    Edges are divided into an even number of equal segments, so that their middles are among the
    points: on a plane, the highest point of a rectangle is the middle of its upper side. Steps
    (n, 2) are the largest segment along x and along y for each polygon, in map units.
    """
    spans = np.hypot(*((edges.ends - edges.starts) / steps[edges.owner]).T)
    segments = (2 * np.maximum(np.ceil(spans / 2), 1)).astype(np.intp)
    edge, number = _repeated(segments)
    fraction = (number / segments[edge])[:, np.newaxis]
    return edges.owner[edge], edges.starts[edge] * (1 - fraction) + edges.ends[edge] * fraction


def inner_points(edges: PolygonEdges, steps: Values) -> SamplePoints:
    """Spread points inside polygons: on equally spaced rows, at the middles of equal segments.

    Each interval of a row that is inside has at least one point, so slivers have points too. A
    polygon has from 24 to 400 rows, so that the staircase of pixels in an outline averages out;
    one without area has no points. Inside is decided by the even-odd rule. Steps (n, 2) are the
    distance of points along x and along y for each polygon, in map units.
    """
    lowest, highest = np.full((2, edges.polygons), np.inf)
    np.minimum.at(lowest, edges.owner, edges.starts[:, 1])
    np.minimum.at(highest, edges.owner, -edges.starts[:, 1])
    with np.errstate(invalid="ignore"):
        height = -highest - lowest
        count = np.clip(np.rint(height / steps[:, 1]), _MIN_ROWS, _MAX_ROWS)
    row_step = np.where(height > 0, height / count, 1.0)
    begin, end = (
        np.ceil((y - lowest[edges.owner]) / row_step[edges.owner] - 0.5).astype(np.intp)
        for y in (edges.starts[:, 1], edges.ends[:, 1])
    )
    edge, number = _repeated(np.abs(end - begin))
    owner, row = edges.owner[edge], np.minimum(begin, end)[edge] + number
    y = lowest[owner] + (row + 0.5) * row_step[owner]
    run, rise = (edges.ends - edges.starts)[edge].T
    x = edges.starts[edge, 0] + (y - edges.starts[edge, 1]) / rise * run
    # a closed ring crosses a row an even number of times: neighbours in order are pairs
    order = np.lexsort((x, row, owner))
    left, right = x[order[0::2]], x[order[1::2]]
    owner, row = owner[order[0::2]], row[order[0::2]]
    width = right - left
    segments = np.clip(np.rint(width / steps[owner, 0]), 1, _MAX_ROWS).astype(np.intp)
    interval, number = _repeated(segments)
    segment, of_point = width / segments, owner[interval]
    x = left[interval] + (number + 0.5) * segment[interval]
    y = lowest[of_point] + (row[interval] + 0.5) * row_step[of_point]
    return SamplePoints(
        owner=of_point,
        points=np.column_stack([x, y]),
        weight=(segment * row_step[owner])[interval],
    )


def _repeated(counts: Indices) -> tuple[Indices, Indices]:
    """Return, for each of ``counts`` repeats of each item, the item and its number from 0."""
    return np.repeat(np.arange(len(counts)), counts), run_indices(np.zeros_like(counts), counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonBatch:
    """Polygons (n,) and how they are measured.

    Each is measured at its origin (n, 2), the centre of its bounds, NaN of what is empty; there a
    unit of x and of y is as many metres as the scale (n, 2).
    """

    polygons: NDArray[np.object_]
    edges: PolygonEdges
    plane: MapPlane
    origins: Points
    scale: Points

    @classmethod
    def of(cls, polygons: NDArray[np.object_], plane: MapPlane) -> "PolygonBatch":
        """Prepare polygons (n,)."""
        origins = centres(polygons)
        return cls(
            polygons=polygons,
            edges=PolygonEdges.of(polygons),
            plane=plane,
            origins=origins,
            scale=plane.metres_per_unit(origins),
        )


def centres(polygons: NDArray[np.object_]) -> Points:
    """Return the centres (n, 2) of bounds; NaN of what is empty.

    Centroids of slivers can be far away, by rounding errors.
    """
    left, bottom, right, top = shapely.bounds(polygons).T
    return np.column_stack([(left + right) / 2, (bottom + top) / 2])


def valid_rows(polygons: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the rows (m,) of polygons that exist, have finite coordinates, and are not empty."""
    # of coordinates that are not finite, neither is the length
    with np.errstate(invalid="ignore"):
        return np.flatnonzero(np.isfinite(shapely.length(polygons)) & ~shapely.is_empty(polygons))


def batches(polygons: NDArray[np.object_], order: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of polygons in an order, in batches that bound memory."""
    cost = _POLYGON_COST + shapely.get_num_coordinates(polygons[order])
    cuts = np.flatnonzero(np.diff(np.cumsum(cost) // _BATCH_COST)) + 1
    yield from (rows for rows in np.split(order, cuts) if len(rows))
