"""Outlines of labelled pixels: first their corners, then their rings.

A corner is a point between pixels where the outline of a label turns. It follows from the four
pixels around it, so the corners of a tall raster are found band by band. Rings are traced once all
corners of a label are known: along a row or a column of points each corner is joined to the next.

Labels are connected through sides. Where two pixels of different labels touch at a corner, each
label has its own corner there; where they have one label, its rings are led so that none of them
passes a point twice, which makes every polygon valid. Libraries trace whole arrays only
(rasterio.features.shapes), or give rings that touch themselves (OpenCV).
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

# a corner is a number: its row, its column, and three bits on the two edges that meet there
_ROW_SHIFT, _COL_SHIFT = 33, 3
_COL_MASK = (1 << (_ROW_SHIFT - _COL_SHIFT)) - 1
_RIGHT, _DOWN, _LEAVES_ALONG_ROW = 1, 2, 4
_QUADRANTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """Polygons as flat arrays, in pixel coordinates.

    Attributes:
        points: int32 (n, 2), (column, row); each ring ends with the point that it starts with.
        rings: int64, where each ring starts in `points`, and the end of the last.
        polygons: int64, where each polygon starts in `rings`, and the end of the last. The first
            ring of a polygon is its exterior, which turns from columns to rows; others are holes.
    """

    points: NDArray[np.int32]
    rings: NDArray[np.int64]
    polygons: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.polygons) - 1

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each polygon starts in `points`."""
        return self.rings[self.polygons[:-1]]

    def take(self, order: NDArray[np.int64]) -> "Outlines":
        """Return the polygons at these indices, in their order."""
        ring_counts = np.diff(self.polygons)[order]
        rings = run_indices(self.polygons[:-1][order], ring_counts)
        sizes = np.diff(self.rings)[rings]
        return Outlines(
            points=self.points[run_indices(self.rings[:-1][rings], sizes)],
            rings=offsets(sizes),
            polygons=offsets(ring_counts),
        )

    def reversed(self) -> "Outlines":
        """Return the same polygons with all rings reversed, each from the same point."""
        sizes = np.diff(self.rings)
        ends = np.repeat(self.rings[:-1] + self.rings[1:] - 1, sizes)
        points = self.points[ends - np.arange(len(ends))]
        return Outlines(points=points, rings=self.rings, polygons=self.polygons)

    def geometries(self, points: NDArray[np.float64] | None = None) -> NDArray[np.object_]:
        """Return shapely polygons; ``points`` (n, 2) replaces the pixel coordinates."""
        coordinates = self.points.astype(np.float64) if points is None else points
        polygons: NDArray[np.object_] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, coordinates, (self.rings, self.polygons)
        )
        return polygons


def concatenate_outlines(parts: list[Outlines]) -> Outlines:
    """Return the polygons of all parts, in order."""
    return Outlines(
        points=np.concatenate([np.empty((0, 2), np.int32), *(part.points for part in parts)]),
        rings=offsets(np.concatenate([_NONE, *(np.diff(part.rings) for part in parts)])),
        polygons=offsets(np.concatenate([_NONE, *(np.diff(part.polygons) for part in parts)])),
    )


_NONE = np.empty(0, dtype=np.int64)


def offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where consecutive runs of these sizes start, and where the last one ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def run_indices(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the concatenated indices of runs with these starts and sizes."""
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) + np.repeat(starts - ends + sizes, sizes)


def _corner_tables() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each combination of four labelled pixels, the number of corners and the corners.

    Pixels count as bits: upper left 1, upper right 2, lower left 4, lower right 8. The second and
    third table hold the bits of a corner and one pixel that it belongs to; from 16 on, they hold
    the second corners of the two diagonal cases.
    """
    counts = np.zeros(16, dtype=np.uint8)
    bits, pixels = np.zeros(32, dtype=np.int64), np.zeros(32, dtype=np.int64)
    for quadrant in range(_QUADRANTS):
        right, down = quadrant & 1, quadrant >> 1
        edges = _RIGHT * right | _DOWN * down
        alone, missing = 1 << quadrant, 15 ^ (1 << quadrant)
        counts[[alone, missing]] = 1
        bits[alone] = edges | _LEAVES_ALONG_ROW * (right == down)
        bits[missing] = edges | _LEAVES_ALONG_ROW * (right != down)
        pixels[alone], pixels[missing] = quadrant, _QUADRANTS - 1 - quadrant
    for first, second in ((4, 2), (1, 8)):
        counts[first + second] = 2
        bits[[first + second, 16 + first + second]] = bits[[first, second]]
        pixels[[first + second, 16 + first + second]] = pixels[[first, second]]
    return counts, bits, pixels


_COUNTS, _BITS, _PIXELS = _corner_tables()


def find_corners(
    labels: NDArray[np.int32], row: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the corners between the rows of a band, sorted by position, and the label of each.

    Args:
        labels: (rows + 1, width + 2), 0 is background. The first row is the one above the band;
            the first and the last column are 0.
        row: of the raster in which the band starts, which is `labels[1]`.
    """
    width = labels.shape[1]
    inside = (labels > 0).view(np.uint8)
    code = inside[:-1, :-1] | inside[:-1, 1:] << 1 | inside[1:, :-1] << 2 | inside[1:, 1:] << 3
    at = np.flatnonzero(_COUNTS[code])
    at = np.repeat(at, _COUNTS[code.ravel()[at]])
    again = np.zeros(len(at), dtype=np.int64)
    again[1:] = at[1:] == at[:-1]
    kind = code.ravel()[at] + 16 * again
    down, right = np.divmod(at, width - 1)
    pixel = _PIXELS[kind]
    label = labels.ravel()[(down + (pixel >> 1)) * width + right + (pixel & 1)]
    return (down + row) << _ROW_SHIFT | right << _COL_SHIFT | _BITS[kind], label


def trace_outlines(corners: NDArray[np.int64], owners: NDArray[np.int32], count: int) -> Outlines:
    """Return the ``count`` polygons that all of these sorted corners belong to."""
    order, sizes, ring_owners = _in_ring_order(_followers(corners, owners), owners)
    ends = np.cumsum(sizes)
    closed = corners[np.insert(order, ends, order[ends - sizes])]
    points = np.stack([(closed >> _COL_SHIFT) & _COL_MASK, closed >> _ROW_SHIFT], axis=1)
    return Outlines(
        points=points.astype(np.int32),
        rings=offsets(sizes + 1),
        polygons=offsets(np.bincount(ring_owners, minlength=count)),
    )


def _followers(corners: NDArray[np.int64], owners: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the next corner of each one on its ring."""
    right = (corners & _RIGHT) > 0
    down = (corners & _DOWN) > 0
    along_row = (corners & _LEAVES_ALONG_ROW) > 0
    position = corners >> _COL_SHIFT
    touching = np.flatnonzero((position[1:] == position[:-1]) & (owners[1:] == owners[:-1]))
    # two pixels of one label at a corner: rings cross over instead of turning back
    down[touching] ^= True
    down[touching + 1] ^= True
    follower = np.empty(len(corners), dtype=np.int32)
    _join_ends(follower, np.flatnonzero(right), np.flatnonzero(~right), along_row)
    cols = (position & _COL_MASK).astype(np.int32)
    shape = (1, int(cols.max()) + 1)
    one_row = sparse.csr_array((np.arange(len(cols)), cols, np.array([0, len(cols)])), shape)
    by_col = one_row.tocsc().data  # the stable order by column: a counting sort
    downward = down[by_col]
    _join_ends(follower, by_col[downward], by_col[~downward], ~along_row)
    return follower


def _join_ends(
    follower: NDArray[np.int32],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    leaves: NDArray[np.bool_],
) -> None:
    """Join the two ends of each edge, in the direction from the one that leaves along it."""
    forward = leaves[first]
    follower[np.where(forward, first, second)] = np.where(forward, second, first)


def _in_ring_order(
    follower: NDArray[np.int32], owners: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Return the corners ring by ring, the size of each ring and its owner.

    Rings start at their first corner and are sorted by owner, then by that corner.
    """
    count, ring = csgraph.connected_components(_graph(follower), connection="strong")
    backwards = np.arange(len(ring) - 1, -1, -1)
    start = np.empty(count, dtype=np.int64)
    start[ring[::-1]] = backwards
    rings = np.lexsort((start, owners[start]))
    is_start = np.zeros(len(ring), dtype=np.bool_)
    is_start[start] = True
    last = np.empty(count, dtype=np.int64)
    lasts = np.flatnonzero(is_start[follower])
    last[ring[lasts]] = lasts
    # one path through all rings, so that following it once gives them all
    follower[last[rings[:-1]]] = start[rings[1:]]
    order = csgraph.depth_first_order(_graph(follower), start[rings[0]], return_predecessors=False)
    return order, np.bincount(ring, minlength=count)[rings], owners[start[rings]]


def _graph(follower: NDArray[np.int32]) -> sparse.csr_array:
    count = len(follower)
    ends = np.arange(count + 1, dtype=np.int32)
    return sparse.csr_array((np.ones(count), follower, ends), (count, count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Landslides:
    """Finished landslides as columns, in pixel coordinates.

    Attributes:
        outlines: their polygons.
        pixels: int64, number of pixels of each.
        probability_sums: int64, over those pixels, in levels of 1/250.
        probability_maxima: uint8, in levels of 1/250.
    """

    outlines: Outlines
    pixels: NDArray[np.int64]
    probability_sums: NDArray[np.int64]
    probability_maxima: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, order: NDArray[np.int64]) -> "Landslides":
        """Return the landslides at these indices, in their order."""
        return Landslides(
            outlines=self.outlines.take(order),
            pixels=self.pixels[order],
            probability_sums=self.probability_sums[order],
            probability_maxima=self.probability_maxima[order],
        )


def concatenate_landslides(parts: list[Landslides]) -> Landslides:
    """Return the landslides of all parts, in order."""
    few = np.empty(0, dtype=np.uint8)
    return Landslides(
        outlines=concatenate_outlines([part.outlines for part in parts]),
        pixels=np.concatenate([_NONE, *(part.pixels for part in parts)]),
        probability_sums=np.concatenate([_NONE, *(part.probability_sums for part in parts)]),
        probability_maxima=np.concatenate([few, *(part.probability_maxima for part in parts)]),
    )
