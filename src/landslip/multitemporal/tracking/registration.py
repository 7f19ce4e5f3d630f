"""Displacement between the outlines of two dates, measured on landslides that did not change."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

MIN_PAIRS = 6
_LEAST_AREA_RATIO = 0.75
_SIGNIFICANT = 3.0
_TO_STANDARD = 1.4826  # of a normal distribution, over its median absolute deviation
_ERROR_OF_MEDIAN = 1.2533  # of a normal distribution, over its standard error
_REACH_OF_SIDE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Displacement:
    """By how much a date's outlines are displaced from earlier ones, in map units.

    Attributes:
        x: eastwards; 0 where it is not significant or could not be measured.
        y: northwards.
        pairs: unchanged landslides it was measured on.
        spread: of a landslide, on either axis, about the median; None: fewer than `MIN_PAIRS`.
    """

    x: float = 0.0
    y: float = 0.0
    pairs: int = 0
    spread: float | None = None


def measure_displacement(
    earlier: NDArray[np.object_], later: NDArray[np.object_], reach: float | None
) -> Displacement:
    """Measure the median displacement of centroids of landslides of nearly equal area.

    Pairs are nearest to each other of those within reach. ``reach`` None is half the side of a
    square of the median area. What is under 3 standard errors counts as none.
    """
    if len(earlier) == 0 or len(later) == 0:
        return Displacement()
    areas, later_areas = shapely.area(earlier), shapely.area(later)
    if reach is None:
        reach = _REACH_OF_SIDE * float(np.sqrt(np.median(later_areas)))
    places, later_places = (
        shapely.get_coordinates(shapely.centroid(polygons)) for polygons in (earlier, later)
    )
    points = np.asarray(shapely.points(places), dtype=object)
    at, to = shapely.STRtree(points).query(
        np.asarray(shapely.points(later_places), dtype=object), predicate="dwithin", distance=reach
    )[::-1]
    ratio = areas[at] / later_areas[to]
    alike = (ratio >= _LEAST_AREA_RATIO) & (ratio <= 1 / _LEAST_AREA_RATIO)
    at, to = at[alike], to[alike]
    moved = later_places[to] - places[at]
    distance = np.hypot(*moved.T)
    mutual = _is_least(at, distance, len(earlier)) & _is_least(to, distance, len(later))
    moved = moved[mutual]
    if len(moved) < MIN_PAIRS:
        return Displacement(pairs=len(moved))
    middle = np.median(moved, axis=0)
    spread = float(_TO_STANDARD * np.median(np.abs(moved - middle), axis=0).max())
    error = _ERROR_OF_MEDIAN * spread / np.sqrt(len(moved))
    if np.hypot(*middle) <= _SIGNIFICANT * error:
        middle = np.zeros(2)
    return Displacement(x=float(middle[0]), y=float(middle[1]), pairs=len(moved), spread=spread)


def _is_least(
    group: NDArray[np.int64], distance: NDArray[np.float64], count: int
) -> NDArray[np.bool_]:
    """Return which pairs (k,) are the shortest of their group."""
    least = np.full(count, np.inf)
    np.minimum.at(least, group, distance)
    return np.asarray(distance == least[group])
