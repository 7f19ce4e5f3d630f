"""Pixel scores of two inventories, on a grid that only exists row by row."""

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.inventory.pixel_runs import PixelRuns, pixel_runs
from landslip.metrics.pixels import Counts

_PARTS_OF_SIDE = 10
_ROUND = (1.0, 2.0, 5.0)
_MOST_ROWS = 50_000_000

Spans = tuple[NDArray[np.int64], NDArray[np.int64]]


def count_pixels(
    inventory: NDArray[np.object_],
    reference: NDArray[np.object_],
    area: shapely.Geometry | None,
    resolution_m: float,
) -> Counts:
    """Count pixels whose centre lies in a landslide of one, the other, or both.

    Pixels begin at multiples of their side. What both leave out (tn) is counted within the area;
    without one it is not known and 0.

    Args:
        inventory: (n,) polygons, within the area.
        reference: (m,) polygons, within the area.
        area: what was searched.
        resolution_m: a pixel's side, in units of the coordinate system.

    Raises:
        InputError: pixels are so small that their rows do not fit into memory.
    """
    sides = [inventory, reference, np.array([] if area is None else [area], dtype=object)]
    _check_rows(np.concatenate(sides), resolution_m)
    runs = [pixel_runs(_in_pixels(polygons, resolution_m)) for polygons in sides]
    ours, theirs, searched = (_merged(spans) for spans in _spans(runs))
    both = _length(_merged(_appended(ours, theirs)))
    tp = _length(ours) + _length(theirs) - both
    return Counts(
        tp=tp,
        fp=_length(ours) - tp,
        fn=_length(theirs) - tp,
        tn=max(_length(searched) - both, 0),
    )


def resolution_for(reference_areas: NDArray[np.float64]) -> float:
    """Return a pixel's side: a tenth of that of a square landslide of median area, rounded down.

    Rounded to 1, 2 or 5 times a power of ten.
    """
    side = math.sqrt(float(np.median(reference_areas))) / _PARTS_OF_SIDE
    power = 10.0 ** math.floor(math.log10(side))
    return max(part * power for part in _ROUND if part * power <= side * (1 + 1e-9))


def _check_rows(polygons: NDArray[np.object_], resolution_m: float) -> None:
    _, bottom, _, top = shapely.bounds(polygons).T
    rows = float(np.nansum(top - bottom)) / resolution_m
    if rows > _MOST_ROWS:
        raise InputError(
            f"pixels of {resolution_m:g} would be {rows:.3g} rows over all polygons, more than "
            f"{_MOST_ROWS:,}; choose a longer --resolution"
        )


def _in_pixels(polygons: NDArray[np.object_], resolution_m: float) -> NDArray[np.object_]:
    step = np.array([resolution_m, -resolution_m])
    pixels: NDArray[np.object_] = shapely.transform(polygons, lambda points: points / step)
    return pixels


def _spans(sides: list[PixelRuns]) -> list[Spans]:
    """Return runs as stretches of one long line on which all rows lie one after the other."""
    left = min((int(runs.start.min()) for runs in sides if len(runs)), default=0)
    right = max((int(runs.stop.max()) for runs in sides if len(runs)), default=0)
    length = right - left + 1  # one more, so that rows do not touch
    return [
        (runs.row * length + runs.start - left, runs.row * length + runs.stop - left)
        for runs in sides
    ]


def _merged(spans: Spans) -> Spans:
    """Return stretches joined where they overlap or touch."""
    if len(spans[0]) == 0:
        return spans
    order = np.argsort(spans[0], kind="stable")
    start, stop = spans[0][order], np.maximum.accumulate(spans[1][order])
    begins = np.flatnonzero(np.append(True, start[1:] > stop[:-1]))
    return start[begins], stop[np.append(begins[1:], len(stop)) - 1]


def _appended(one: Spans, other: Spans) -> Spans:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def _length(spans: Spans) -> int:
    return int((spans[1] - spans[0]).sum())
