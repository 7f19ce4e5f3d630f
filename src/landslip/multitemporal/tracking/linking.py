"""Which polygons of a date are landslides that were known before, as pure functions of arrays."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory.comparison.matching import overlaps

_WITHIN_TOLERANCE = 0.75
_ARC_SEGMENTS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """Pairs (k,) of earlier and later polygons, by number from 0, that may be one landslide.

    ``weight`` is the area that they share; ``share`` is that of the smaller one's area.
    """

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Links":
        """Return some of the pairs."""
        return Links(
            earlier=self.earlier[chosen],
            later=self.later[chosen],
            weight=self.weight[chosen],
            share=self.share[chosen],
        )


def find_links(
    earlier: NDArray[np.object_],
    later: NDArray[np.object_],
    min_overlap: float,
    tolerance: float = 0.0,
) -> Links:
    """Link polygons that share enough of the smaller one's area.

    What is linked to nothing is tried once more with the larger polygon of a pair wider by
    ``tolerance``, in map units, which then has to cover three quarters of the smaller one.
    """
    areas, later_areas = shapely.area(earlier), shapely.area(later)
    pairs = overlaps(earlier, later)
    share = pairs.shared / np.minimum(areas[pairs.one], later_areas[pairs.other])
    enough = share >= min_overlap
    links = Links(
        earlier=pairs.one[enough],
        later=pairs.other[enough],
        weight=pairs.shared[enough],
        share=share[enough],
    )
    if tolerance <= 0:
        return links
    lone = np.setdiff1d(np.arange(len(earlier)), links.earlier)
    later_lone = np.setdiff1d(np.arange(len(later)), links.later)
    to, at = shapely.STRtree(earlier[lone]).query(
        later[later_lone], predicate="dwithin", distance=tolerance
    )
    at, to = lone[at], later_lone[to]
    is_larger = (areas[at] >= later_areas[to])[:, np.newaxis]
    both = np.column_stack([earlier[at], later[to]])
    larger, smaller = np.where(is_larger, both, both[:, ::-1]).T
    wide = shapely.buffer(larger, tolerance, quad_segs=_ARC_SEGMENTS)
    shared = shapely.area(shapely.intersection(wide, smaller))
    share = shared / shapely.area(smaller)
    enough = share >= max(_WITHIN_TOLERANCE, min_overlap)
    return Links(
        earlier=np.concatenate([links.earlier, at[enough]]),
        later=np.concatenate([links.later, to[enough]]),
        weight=np.concatenate([links.weight, shared[enough]]),
        share=np.concatenate([links.share, share[enough]]),
    )


def assign(links: Links) -> NDArray[np.intp]:
    """Return the links (by number) that pair one to one, of the largest weight first."""
    left = np.lexsort((links.later, links.earlier, -links.weight))
    chosen = []
    while len(left):
        best = np.zeros(len(left), dtype=np.bool_)
        best[np.unique(links.earlier[left], return_index=True)[1]] = True
        of_later = np.zeros(len(left), dtype=np.bool_)
        of_later[np.unique(links.later[left], return_index=True)[1]] = True
        taken = left[best & of_later]
        chosen.append(taken)
        left = left[
            ~np.isin(links.earlier[left], links.earlier[taken])
            & ~np.isin(links.later[left], links.later[taken])
        ]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.intp)


def heaviest(group: NDArray[np.int64], links: Links) -> NDArray[np.intp]:
    """Return the link (by number) of the largest weight of each group (k,), in its order."""
    order = np.lexsort((links.later, links.earlier, -links.weight, group))
    first = np.unique(group[order], return_index=True)[1]
    return np.asarray(order[first])
