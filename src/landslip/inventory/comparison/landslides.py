"""Landslides found, missed and false, by area; the rules of `landslip.metrics.objects`.

Half of a landslide's own area decides, by what the whole of the other inventory covers:

- a landslide of the reference is detected where the inventory covers at least half of it, else it
  is missed;
- a landslide of the inventory is false where less than half of it lies on landslides of the
  reference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.comparison.overlaps import (
    Ground,
    Overlaps,
    by_patch,
    covered_ground,
    overlaps,
)
from landslip.inventory.comparison.sides import Sides

SIZES_M2 = (0.0, 400.0, 1600.0, 6400.0, 25_600.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Two inventories, judged by area.

    Attributes:
        pairs: landslides (inventory, reference) that share some area.
        on_reference: (n,) share of each landslide of the inventory that lies on the reference's.
        covered: (m,) share of each landslide of the reference that the inventory covers.
        grounds: what the inventory covers, and the reference.
        shared_ground: patches of both grounds that share some area.
    """

    pairs: Overlaps
    on_reference: NDArray[np.float64]
    covered: NDArray[np.float64]
    grounds: tuple[Ground, Ground]
    shared_ground: Overlaps

    @property
    def false(self) -> NDArray[np.bool_]:
        """Which landslides of the inventory are false, (n,)."""
        return self.on_reference < 0.5

    @property
    def detected(self) -> NDArray[np.bool_]:
        """Which landslides of the reference are detected, (m,)."""
        return self.covered >= 0.5


def judge(sides: Sides) -> Judged:
    """Find out what lies on what."""
    ours, theirs = sides.inventory, sides.reference
    pairs = overlaps(ours.polygons, theirs.polygons)
    our_ground, their_ground = covered_ground(ours.polygons), covered_ground(theirs.polygons)
    by_ours = by_patch(pairs, our_ground, theirs.polygons)
    by_theirs = by_patch(pairs.flipped(), their_ground, ours.polygons)
    both = by_patch(by_ours.flipped(), their_ground, our_ground.patches).flipped()
    return Judged(
        pairs=pairs,
        on_reference=_shares(by_theirs.other, by_theirs.shared, ours.areas),
        covered=_shares(by_ours.other, by_ours.shared, theirs.areas),
        grounds=(our_ground, their_ground),
        shared_ground=both,
    )


def size_class(areas_m2: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each area's class in `SIZES_M2`."""
    return np.searchsorted(SIZES_M2, areas_m2, side="right").astype(np.int64) - 1


def _shares(
    number: NDArray[np.int64], shared: NDArray[np.float64], areas: NDArray[np.float64]
) -> NDArray[np.float64]:
    covered = np.zeros(len(areas))
    np.add.at(covered, number, shared)
    return np.minimum(covered / areas, 1.0)
