"""Scores of a comparison: by pixels, and by landslides and areas with bootstrap intervals.

Pixels are counted on a grid of which only runs along rows are ever held.

What the bootstrap draws, with replacement, are groups: landslides of both inventories that overlap
each other belong to one group, and one that overlaps nothing is a group of its own. Groups are
apart, so that one says little about another; where landslides come in clusters on the ground,
intervals are too narrow rather than too wide.
"""

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.inventory.comparison.matching import (
    SIZES_M2,
    AreaDetections,
    connected_groups,
    size_class,
)
from landslip.inventory.pixel_runs import pixel_runs
from landslip.metrics.bootstrap import IntervalEstimate, bootstrap_sums, interval_estimate
from landslip.metrics.pixels import PixelCounts

LEVEL = 0.95
_CLASSES = len(SIZES_M2)
_PIXELS_PER_SIDE = 10
_ROUND = (1.0, 2.0, 5.0)
_MAX_ROWS = 50_000_000

PixelSpans = tuple[NDArray[np.int64], NDArray[np.int64]]


def count_inventory_pixels(
    inventory: NDArray[np.object_],
    reference: NDArray[np.object_],
    area: shapely.Geometry | None,
    resolution_m: float,
) -> PixelCounts:
    """Count pixels whose centre is in a landslide of one, the other, or both.

    Pixels begin at multiples of their side. What both leave out (tn) is counted within the area;
    without one it is not known and 0. All polygons are within it, and ``resolution_m`` is in units
    of the coordinate system.

    Raises:
        InputError: pixels are so small that their rows do not fit into memory.
    """
    layers = [inventory, reference, np.array([] if area is None else [area], dtype=object)]
    _, bottom, _, top = shapely.bounds(np.concatenate(layers)).T
    rows = float(np.nansum(top - bottom)) / resolution_m
    if rows > _MAX_ROWS:
        raise InputError(
            f"pixels of {resolution_m:g} would be {rows:.3g} rows over all polygons, more than "
            f"{_MAX_ROWS:,}; choose a larger {argument('resolution')}"
        )
    step = np.array([resolution_m, -resolution_m])
    runs = [
        pixel_runs(shapely.transform(polygons, lambda points: points / step)) for polygons in layers
    ]
    left = min((int(one.start.min()) for one in runs if len(one)), default=0)
    right = max((int(one.stop.max()) for one in runs if len(one)), default=0)
    length = right - left + 1  # one more, so that rows do not touch
    # as intervals of one long line of all rows, one after the other
    ours, theirs, mapped = (
        _merged((one.row * length + one.start - left, one.row * length + one.stop - left))
        for one in runs
    )
    both = _length(_merged((np.append(ours[0], theirs[0]), np.append(ours[1], theirs[1]))))
    tp = _length(ours) + _length(theirs) - both
    return PixelCounts(
        tp=tp,
        fp=_length(ours) - tp,
        fn=_length(theirs) - tp,
        tn=max(_length(mapped) - both, 0),
    )


def resolution_for(reference_areas: NDArray[np.float64]) -> float:
    """Return a pixel's side: a tenth of that of a square landslide of median area, rounded down.

    Rounded to 1, 2 or 5 times a power of ten.
    """
    side = math.sqrt(float(np.median(reference_areas))) / _PIXELS_PER_SIDE
    power = 10.0 ** math.floor(math.log10(side))
    return max(part * power for part in _ROUND if part * power <= side * (1 + 1e-9))


def _merged(spans: PixelSpans) -> PixelSpans:
    """Return intervals joined where they overlap or touch."""
    if len(spans[0]) == 0:
        return spans
    order = np.argsort(spans[0], kind="stable")
    start, stop = spans[0][order], np.maximum.accumulate(spans[1][order])
    begins = np.flatnonzero(np.append(True, start[1:] > stop[:-1]))
    return start[begins], stop[np.append(begins[1:], len(stop)) - 1]


def _length(spans: PixelSpans) -> int:
    return int((spans[1] - spans[0]).sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupSums:
    """Sums over each group of landslides, (groups, ...) float64.

    Attributes:
        areas: (groups, 3) area shared, of the inventory, of the reference.
        landslides: (groups, 4) landslides of the inventory, false and matched ones among them, and
            landslides of the reference.
        known: (groups, classes) landslides of the reference by size.
        detected: (groups, classes) those of them that are detected.
    """

    areas: NDArray[np.float64]
    landslides: NDArray[np.float64]
    known: NDArray[np.float64]
    detected: NDArray[np.float64]


def sum_groups(
    detections: AreaDetections, reference_m2: NDArray[np.float64], matched: NDArray[np.int64]
) -> GroupSums:
    """Sum over groups; ``matched`` are the inventory's landslides that have a partner."""
    ours, theirs = detections.covered_areas
    patches, shared = len(ours.patches), detections.shared
    group = connected_groups(patches + len(theirs.patches), shared.one, shared.other + patches)
    count = int(group.max()) + 1 if len(group) else 0
    group_of_ours, group_of_theirs = (
        group[:patches][ours.patch_of],
        group[patches:][theirs.patch_of],
    )
    by_class = group_of_theirs * _CLASSES + size_class(reference_m2)

    def summed(
        groups: NDArray[np.int64], values: NDArray[np.float64] | None = None, count: int = count
    ) -> NDArray[np.float64]:
        return np.bincount(groups, weights=values, minlength=count).astype(np.float64)

    return GroupSums(
        areas=np.column_stack(
            [
                summed(group[:patches][shared.one], shared.shared),
                summed(group[:patches], ours.areas),
                summed(group[patches:], theirs.areas),
            ]
        ),
        landslides=np.column_stack(
            [
                summed(group_of_ours),
                summed(group_of_ours[detections.false]),
                summed(group_of_ours[matched]),
                summed(group_of_theirs),
            ]
        ),
        known=summed(by_class, count=count * _CLASSES).reshape(count, _CLASSES),
        detected=summed(by_class[detections.detected], count=count * _CLASSES).reshape(
            count, _CLASSES
        ),
    )


def bootstrap_scores(sums: GroupSums, *, draws: int, seed: int) -> dict[str, IntervalEstimate]:
    """Return the scores by name, of all groups, with intervals where there are two or more."""
    rows = np.hstack([sums.areas, sums.landslides, sums.known, sums.detected])
    points = _scores(rows.sum(axis=0)[None])
    drawn = dict.fromkeys(points, np.zeros(0))
    if draws > 0 and len(rows) > 1:
        drawn = _scores(bootstrap_sums(rows, draws, np.random.default_rng(seed)))
    return {
        name: interval_estimate(float(values[0]), drawn[name], LEVEL)
        for name, values in points.items()
    }


def detection_name(place: int) -> str:
    """Return the name of a size class's detection rate."""
    return f"detection_rate_{place}"


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
