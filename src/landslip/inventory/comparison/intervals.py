"""Bootstrap intervals of a comparison.

What is drawn, with replacement, are groups: landslides of both inventories that overlap each other
belong to one group, and one that overlaps nothing is a group of its own. Groups lie apart, so that
one tells little of another; where landslides come in clusters on the ground, intervals are too
narrow rather than too wide.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.comparison.landslides import SIZES_M2, Judged, size_class
from landslip.inventory.comparison.overlaps import groups
from landslip.inventory.statistics.bootstrap import percentile_estimate
from landslip.inventory.statistics.result import Estimate

LEVEL = 0.95
_CLASSES = len(SIZES_M2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupTable:
    """Sums over each group of landslides, (groups, ...) float64.

    Attributes:
        areas: (groups, 3) area shared, of the inventory, of the reference.
        landslides: (groups, 4) landslides of the inventory, false of them, matched of them, and
            the reference's landslides.
        known: (groups, classes) landslides of the reference by size.
        detected: (groups, classes) of them, those detected.
    """

    areas: NDArray[np.float64]
    landslides: NDArray[np.float64]
    known: NDArray[np.float64]
    detected: NDArray[np.float64]

    @property
    def whole(self) -> NDArray[np.float64]:
        """All columns side by side."""
        return np.hstack([self.areas, self.landslides, self.known, self.detected])


def group_table(
    judged: Judged, reference_m2: NDArray[np.float64], matched: NDArray[np.int64]
) -> GroupTable:
    """Sum over groups.

    Args:
        judged: both inventories.
        reference_m2: (m,) areas of the reference's landslides.
        matched: numbers of the inventory's landslides that have a partner.
    """
    ours, theirs = judged.grounds
    patches = len(ours.patches)
    both = judged.shared_ground
    group = groups(patches + len(theirs.patches), both.one, both.other + patches)
    count = int(group.max()) + 1 if len(group) else 0
    of_our_patch, of_their_patch = group[:patches], group[patches:]
    of_ours, of_theirs = of_our_patch[ours.patch_of], of_their_patch[theirs.patch_of]
    areas = [
        _summed(of_our_patch[both.one], count, both.shared),
        _summed(of_our_patch, count, ours.areas),
        _summed(of_their_patch, count, theirs.areas),
    ]
    numbers = [
        _summed(of_ours, count),
        _summed(of_ours[judged.false], count),
        _summed(of_ours[matched], count),
        _summed(of_theirs, count),
    ]
    place = of_theirs * _CLASSES + size_class(reference_m2)
    return GroupTable(
        areas=np.column_stack(areas),
        landslides=np.column_stack(numbers),
        known=_summed(place, count * _CLASSES).reshape(count, _CLASSES),
        detected=_summed(place[judged.detected], count * _CLASSES).reshape(count, _CLASSES),
    )


def estimates(table: GroupTable, *, draws: int, seed: int) -> dict[str, Estimate]:
    """Return the scores by name, of all groups, with intervals where there are two or more."""
    rows = table.whole
    points = _scores(rows.sum(axis=0)[None])
    if draws == 0 or len(rows) < 2:
        return {name: Estimate(value=_known(values[0])) for name, values in points.items()}
    drawn = _scores(_drawn_sums(rows, draws, seed))
    return {
        name: percentile_estimate(float(values[0]), drawn[name], LEVEL)
        for name, values in points.items()
    }


def detection_name(place: int) -> str:
    """Return the name of a size class's detection rate."""
    return f"detection_rate_{place}"


def _summed(
    group: NDArray[np.int64], count: int, values: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    return np.bincount(group, weights=values, minlength=count).astype(np.float64)


def _drawn_sums(rows: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    sums = np.empty((draws, rows.shape[1]))
    for draw in range(draws):
        picked = generator.integers(len(rows), size=len(rows))
        sums[draw] = np.bincount(picked, minlength=len(rows)) @ rows
    return sums


def _scores(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return scores (draws,) of sums (draws, columns); NaN where there is nothing to divide by."""
    ours, theirs, found, false, matched, known = sums.T[1:7]
    shared = np.minimum(sums[:, 0], np.minimum(ours, theirs))  # but for rounding
    by_class, detected = sums[:, 7 : 7 + _CLASSES], sums[:, 7 + _CLASSES :]
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = {
            "precision": shared / ours,
            "recall": shared / theirs,
            "f1": 2 * shared / (ours + theirs),
            "iou": shared / (ours + theirs - shared),
            "error_index": 1 - shared / (ours + theirs - shared),
            "false_share": false / found,
            "matched_precision": matched / found,
            "matched_recall": matched / known,
            "matched_f1": 2 * matched / (found + known),
            "detection_rate": detected.sum(axis=1) / known,
        }
        rates = detected / by_class
    return scores | {detection_name(place): rates[:, place] for place in range(_CLASSES)}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
