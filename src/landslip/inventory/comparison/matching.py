"""Overlaps of two inventories, exact and not by pixels: landslides detected, false, and matched.

Half of a landslide's own area decides, by what the whole of the other inventory covers, as in
`landslip.metrics.objects`:

- a landslide of the reference is detected where the inventory covers at least half of it, else it
  is missed;
- a landslide of the inventory is false where less than half of it is on landslides of the
  reference.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.geometries import polygonal_part
from landslip.inventory.comparison.inventories import ComparedInventory

SIZES_M2 = (0.0, 400.0, 1600.0, 6400.0, 25_600.0)
_MAX_POINTS = 256
_CHUNK = 100_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlaps:
    """Pairs (k,) of polygons, by number from 0, that share some area (over 0), sorted."""

    one: NDArray[np.int64]
    other: NDArray[np.int64]
    shared: NDArray[np.float64]

    def flipped(self) -> "Overlaps":
        """Return the same pairs with the sides swapped."""
        return Overlaps(one=self.other, other=self.one, shared=self.shared).sorted()

    def sorted(self) -> "Overlaps":
        """Return the pairs in their order."""
        order = np.lexsort((self.other, self.one))
        return Overlaps(one=self.one[order], other=self.other[order], shared=self.shared[order])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoveredArea:
    """What polygons (n,) cover together, in patches (m,) that do not overlap.

    ``patch_of`` (n,) is the patch that each polygon is part of.
    """

    patches: NDArray[np.object_]
    patch_of: NDArray[np.int64]
    areas: NDArray[np.float64]


def overlaps(one: NDArray[np.object_], other: NDArray[np.object_]) -> Overlaps:
    """Return all pairs of two sets of valid polygons that share some area."""
    near, to_near = (np.unique(side) for side in shapely.STRtree(other).query(one))
    first, of_first = _pieces(one, near)
    second, of_second = _pieces(other, to_near)
    at, to = shapely.STRtree(second).query(first, predicate="intersects")
    return _shared(one, other, (first, of_first, at), (second, of_second, to))


def overlaps_by_patch(
    pairs: Overlaps, covered: CoveredArea, other: NDArray[np.object_]
) -> Overlaps:
    """Return overlaps of polygons with others as those of the patches they are part of."""
    sizes = np.bincount(covered.patch_of, minlength=len(covered.patches))
    patch = covered.patch_of[pairs.one]
    alone, joined = sizes[patch] == 1, np.flatnonzero(sizes > 1)
    more = overlaps(covered.patches[joined], other)
    return Overlaps(
        one=np.concatenate([patch[alone], joined[more.one]]),
        other=np.concatenate([pairs.other[alone], more.other]),
        shared=np.concatenate([pairs.shared[alone], more.shared]),
    ).sorted()


def covered_area(polygons: NDArray[np.object_]) -> CoveredArea:
    """Join polygons that overlap; others, those that only touch too, stay as they are."""
    pieces, of_polygon = _pieces(polygons, np.arange(len(polygons)))
    at, to = shapely.STRtree(pieces).query(pieces, predicate="intersects")
    once = of_polygon[at] < of_polygon[to]
    sides = (pieces, of_polygon, at[once]), (pieces, of_polygon, to[once])
    found = _shared(polygons, polygons, *sides)
    areas = shapely.area(polygons)
    real = found.shared > _ROUNDING * np.minimum(areas[found.one], areas[found.other])
    patch_of = connected_groups(len(polygons), found.one[real], found.other[real])
    order, sizes = np.argsort(patch_of, kind="stable"), np.bincount(patch_of)
    first = np.cumsum(sizes) - sizes
    patches = polygons[order[first]] if len(sizes) else polygons
    for patch in np.flatnonzero(sizes > 1).tolist():
        members = order[first[patch] : first[patch] + sizes[patch]]
        patches[patch] = shapely.union_all(polygons[members])
    return CoveredArea(patches=patches, patch_of=patch_of, areas=shapely.area(patches))


def connected_groups(
    count: int, one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the connected component (count,) of each node, from 0, given the edges."""
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


_Pieces = tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.intp]]


def _shared(
    one: NDArray[np.object_], other: NDArray[np.object_], first: _Pieces, second: _Pieces
) -> Overlaps:
    """Return what polygons share, from the candidate pairs of their pieces."""
    (pieces, of_one, at), (other_pieces, of_other, to) = first, second
    shared = np.zeros(len(at))
    for start in range(0, len(at), _CHUNK):
        some = slice(start, start + _CHUNK)
        shared[some] = shapely.area(shapely.intersection(pieces[at[some]], other_pieces[to[some]]))
    real = shared > 0
    pairs = of_one[at[real]] * max(len(other), 1) + of_other[to[real]]
    pair, place = np.unique(pairs, return_inverse=True)
    ours, theirs = np.divmod(pair, max(len(other), 1))
    areas = np.zeros(len(pair))
    np.add.at(areas, place, shared[real])
    for whole in (shapely.area(one)[ours], shapely.area(other)[theirs]):
        # a polygon inside the other is shared entirely, without the rounding of a sum
        areas = np.where(areas >= whole * (1 - _ROUNDING), whole, areas)
    return Overlaps(one=ours, other=theirs, shared=areas)


def _pieces(
    polygons: NDArray[np.object_], chosen: NDArray[np.intp]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return some polygons, those of many points divided, and whose piece each is."""
    large = shapely.get_num_coordinates(polygons[chosen]) > _MAX_POINTS
    pieces, of_polygon = [polygons[chosen[~large]]], [chosen[~large]]
    for number in chosen[large].tolist():
        divided = _divided(polygons[number])
        pieces.append(np.array(divided, dtype=object))
        of_polygon.append(np.full(len(divided), number))
    return np.concatenate(pieces), np.concatenate(of_polygon)


def _divided(polygon: shapely.Geometry) -> list[shapely.Geometry]:
    """Halve a polygon's box along its longer side, and so on, until no piece has many points."""
    waiting, done = [(polygon, 0)], []
    while waiting:
        piece, depth = waiting.pop()
        if shapely.get_num_coordinates(piece) <= _MAX_POINTS or depth > 40:
            done.append(piece)
            continue
        left, bottom, right, top = shapely.bounds(piece).tolist()
        x, y = (left + right) / 2, (bottom + top) / 2
        wide = right - left > top - bottom
        halves = (
            ((left, bottom, x, top), (x, bottom, right, top))
            if wide
            else ((left, bottom, right, y), (left, y, right, top))
        )
        for box in halves:
            clipped = shapely.clip_by_rect(piece, *box)
            half: shapely.Geometry = clipped
            if not clipped.is_valid or clipped.geom_type not in {"Polygon", "MultiPolygon"}:
                half = polygonal_part(shapely.intersection(piece, shapely.box(*box)))
            if shapely.area(half) > 0:
                waiting.append((half, depth + 1))
    return done


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaDetections:
    """Landslides of two inventories, detected and false by area.

    Attributes:
        pairs: landslides (inventory, reference) that share some area.
        on_reference: (n,) fraction of each landslide of the inventory that is on the reference's.
        covered: (m,) fraction of each landslide of the reference that the inventory covers.
        covered_areas: of the inventory, and of the reference.
        shared: patches of both covered areas that share some area.
    """

    pairs: Overlaps
    on_reference: NDArray[np.float64]
    covered: NDArray[np.float64]
    covered_areas: tuple[CoveredArea, CoveredArea]
    shared: Overlaps

    @property
    def false(self) -> NDArray[np.bool_]:
        """Which landslides of the inventory are false, (n,)."""
        return self.on_reference < 0.5

    @property
    def detected(self) -> NDArray[np.bool_]:
        """Which landslides of the reference are detected, (m,)."""
        return self.covered >= 0.5


def detect_by_area(inventory: ComparedInventory, reference: ComparedInventory) -> AreaDetections:
    """Find out by how much the landslides of each inventory are on those of the other."""
    pairs = overlaps(inventory.polygons, reference.polygons)
    ours, theirs = covered_area(inventory.polygons), covered_area(reference.polygons)
    by_ours = overlaps_by_patch(pairs, ours, reference.polygons)
    by_theirs = overlaps_by_patch(pairs.flipped(), theirs, inventory.polygons)
    return AreaDetections(
        pairs=pairs,
        on_reference=_covered_fractions(by_theirs, inventory.areas),
        covered=_covered_fractions(by_ours, reference.areas),
        covered_areas=(ours, theirs),
        shared=overlaps_by_patch(by_ours.flipped(), theirs, ours.patches).flipped(),
    )


def size_class(areas_m2: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each area's class in `SIZES_M2`."""
    return np.searchsorted(SIZES_M2, areas_m2, side="right").astype(np.int64) - 1


def _covered_fractions(pairs: Overlaps, areas: NDArray[np.float64]) -> NDArray[np.float64]:
    covered = np.bincount(pairs.other, weights=pairs.shared, minlength=len(areas))
    return np.minimum(covered / areas, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandslideMatches:
    """Pairs (k,) of landslides, by number from 0, sorted by the inventory's.

    ``shared`` is the area in both, ``iou`` intersection over union.
    """

    inventory: NDArray[np.int64]
    reference: NDArray[np.int64]
    shared: NDArray[np.float64]
    iou: NDArray[np.float64]


def match_landslides(
    pairs: Overlaps,
    areas: NDArray[np.float64],
    reference_areas: NDArray[np.float64],
    min_iou: float,
) -> LandslideMatches:
    """Pair landslides greedily, by descending IoU, then by their order.

    Over an IoU of 0.5 no landslide has a second candidate, where those of each inventory do not
    overlap each other, so that the order does not matter. Pairs below ``min_iou`` do not match.
    """
    iou = pairs.shared / (areas[pairs.one] + reference_areas[pairs.other] - pairs.shared)
    enough = np.flatnonzero(iou >= min_iou)
    best_first = enough[np.lexsort((pairs.other[enough], pairs.one[enough], -iou[enough]))]
    ours, theirs, taken = set[int](), set[int](), []
    for at in best_first.tolist():
        one, other = int(pairs.one[at]), int(pairs.other[at])
        if one not in ours and other not in theirs:
            ours.add(one)
            theirs.add(other)
            taken.append(at)
    chosen = np.sort(np.array(taken, dtype=np.intp))
    return LandslideMatches(
        inventory=pairs.one[chosen],
        reference=pairs.other[chosen],
        shared=pairs.shared[chosen],
        iou=iou[chosen],
    )
