"""Scores of a comparison: by pixels, and by landslides and areas with bootstrap intervals.

Pixels are counted on a grid of which only runs along rows are ever held.

Landslides of both inventories that overlap each other belong to one group, and one that overlaps
nothing is a group of its own. Groups near each other are alike as well: the same slopes, one scene,
one interpreter. So what the bootstrap draws, with replacement, are square blocks of ground with the
groups whose centres they hold (Lahiri 2003, Resampling Methods for Dependent Data, chapter 12).
Intervals allow for few blocks; see `landslip.metrics.bootstrap`.
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
from landslip.metrics.bootstrap import (
    IntervalEstimate,
    bootstrap_sums,
    effective_units,
    interval_estimate,
)
from landslip.metrics.pixels import PixelCounts

LEVEL = 0.95
_CLASSES = len(SIZES_M2)
_PIXELS_PER_SIDE = 10
_ROUND = (1.0, 2.0, 5.0)
_MAX_ROWS = 50_000_000
MIN_BLOCKS = 20
_SMALLER = math.sqrt(2)

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
    """Sums over each group of landslides, or block of groups, (groups, ...) float64.

    Attributes:
        centres: (groups, 2) x, y of the centre of the area that either inventory covers.
        areas: (groups, 3) area shared, of the inventory, of the reference.
        landslides: (groups, 4) landslides of the inventory, false and matched ones among them, and
            landslides of the reference.
        known: (groups, classes) landslides of the reference by size.
        detected: (groups, classes) those of them that are detected.
    """

    centres: NDArray[np.float64]
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

    patches_of_both = np.append(ours.patches, theirs.patches)
    weights = np.append(ours.areas, theirs.areas)
    points = shapely.centroid(patches_of_both)
    places = np.column_stack([shapely.get_x(points), shapely.get_y(points)])

    def summed(
        groups: NDArray[np.int64], values: NDArray[np.float64] | None = None, count: int = count
    ) -> NDArray[np.float64]:
        return np.bincount(groups, weights=values, minlength=count).astype(np.float64)

    moments = np.column_stack([summed(group, weights * part) for part in places.T])
    return GroupSums(
        centres=moments / summed(group, weights)[:, None],
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """The block of each group (groups,), from 0, and their side in map units; 0: single groups."""

    of_group: NDArray[np.int64]
    side: float

    @property
    def number(self) -> int:
        """How many there are."""
        return int(self.of_group.max()) + 1 if len(self.of_group) else 0


def blocks_of_groups(centres: NDArray[np.float64], side: float | None = None) -> Blocks:
    """Return the square blocks of ground that groups are drawn by.

    Blocks start at the lower left corner of the centres (groups, 2). Without a ``side``, they are
    as large as possible while at least as many have groups as the square root of the number of
    groups, and at least 20; 20 groups and fewer are drawn one by one, as with side 0.
    """
    groups = len(centres)
    if side == 0 or (side is None and groups <= MIN_BLOCKS):
        return Blocks(of_group=np.arange(groups), side=0.0)
    corner = centres.min(axis=0, initial=np.inf)

    def blocks(side: float) -> Blocks:
        cells = np.floor((centres - corner) / side)
        numbers = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
        return Blocks(of_group=numbers.astype(np.int64), side=side)

    if side is not None:
        return blocks(side)
    largest = float(np.ptp(centres, axis=0).max())
    distinct = len(np.unique(centres, axis=0))
    needed = min(max(MIN_BLOCKS, math.sqrt(groups)), distinct)
    found = blocks(largest or 1.0)
    while found.number < needed:
        found = blocks(found.side / _SMALLER)
    return found


def bootstrap_scores(
    sums: GroupSums, *, draws: int, seed: int, blocks: Blocks | None = None
) -> dict[str, IntervalEstimate]:
    """Return the scores by name, of all groups, with intervals where two or more are drawn.

    What is drawn are ``blocks``; None: single groups.
    """
    rows = np.hstack([sums.areas, sums.landslides, sums.known, sums.detected])
    if blocks is not None:
        columns = (np.bincount(blocks.of_group, column, blocks.number) for column in rows.T)
        rows = np.column_stack([*columns])
    points = _scores(rows.sum(axis=0)[None])
    drawn = dict.fromkeys(points, np.zeros(0))
    if draws > 0 and len(rows) > 1:
        drawn = _scores(bootstrap_sums(rows, draws, np.random.default_rng(seed)))
    sizes = {name: whole for name, (_, whole) in _parts(rows).items()}
    return {
        name: interval_estimate(float(values[0]), drawn[name], LEVEL, effective_units(sizes[name]))
        for name, values in points.items()
    }


def detection_name(place: int) -> str:
    """Return the name of a size class's detection rate."""
    return f"detection_rate_{place}"


def _scores(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return scores (draws,) of sums (draws, columns); NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {name: part / whole for name, (part, whole) in _parts(sums).items()}


def _parts(
    sums: NDArray[np.float64],
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return numerators and denominators (draws,) of the scores of sums (draws, columns)."""
    ours, theirs, found, false, matched, known = sums.T[1:7]
    shared = np.minimum(sums[:, 0], np.minimum(ours, theirs))  # but for rounding
    by_class, detected = sums[:, 7 : 7 + _CLASSES], sums[:, 7 + _CLASSES :]
    either = ours + theirs - shared
    parts = {
        "precision": (shared, ours),
        "recall": (shared, theirs),
        "f1": (2 * shared, ours + theirs),
        "iou": (shared, either),
        "error_index": (either - shared, either),
        "false_share": (false, found),
        "matched_precision": (matched, found),
        "matched_recall": (matched, known),
        "matched_f1": (2 * matched, found + known),
        "detection_rate": (detected.sum(axis=1), known),
    }
    rates = {
        detection_name(place): (detected[:, place], by_class[:, place]) for place in range(_CLASSES)
    }
    return parts | rates
