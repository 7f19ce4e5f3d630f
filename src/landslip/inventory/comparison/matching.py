"""Which landslide of one inventory is which of the other, one to one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.comparison.overlaps import Overlaps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matches:
    """Pairs, sorted by the inventory's landslide.

    Attributes:
        inventory: (k,) int64 numbers of landslides, from 0.
        reference: (k,) int64.
        shared: (k,) float64 area in both.
        iou: (k,) float64 intersection over union.
    """

    inventory: NDArray[np.int64]
    reference: NDArray[np.int64]
    shared: NDArray[np.float64]
    iou: NDArray[np.float64]


def match(
    found: Overlaps,
    areas: NDArray[np.float64],
    reference_areas: NDArray[np.float64],
    min_iou: float,
) -> Matches:
    """Pair landslides, the best first: by IoU, then by their order.

    From an IoU over 0.5 on no landslide has a second partner, where those of each inventory do not
    overlap each other, and the order of pairing does not matter.

    Args:
        found: pairs that overlap, (inventory, reference).
        areas: (n,) of the inventory's landslides.
        reference_areas: (m,) of the reference's.
        min_iou: pairs below are none.
    """
    iou = found.shared / (areas[found.one] + reference_areas[found.other] - found.shared)
    enough = np.flatnonzero(iou >= min_iou)
    best_first = enough[np.lexsort((found.other[enough], found.one[enough], -iou[enough]))]
    ours, theirs, taken = set[int](), set[int](), []
    pairs = zip(found.one[best_first].tolist(), found.other[best_first].tolist(), strict=True)
    for at, (one, other) in zip(best_first.tolist(), pairs, strict=True):
        if one not in ours and other not in theirs:
            ours.add(one)
            theirs.add(other)
            taken.append(at)
    chosen = np.sort(np.array(taken, dtype=np.intp))
    return Matches(
        inventory=found.one[chosen],
        reference=found.other[chosen],
        shared=found.shared[chosen],
        iou=iou[chosen],
    )
