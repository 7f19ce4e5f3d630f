"""Refuses polygons that lie on each other in such numbers that every pair cannot be looked at."""

from itertools import combinations_with_replacement

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.inventory.comparison.sides import Side, Sides

MOST_PAIRS = 5_000_000
_AT_ONCE = 500


def refuse_crowds(sides: Sides) -> None:
    """Stop where too many pairs of landslides overlap, in one inventory or between the two.

    Raises:
        InputError: there are more than 5 million pairs of overlapping bounding boxes.
    """
    for one, other in combinations_with_replacement((sides.inventory, sides.reference), 2):
        if _pairs(one.polygons, other.polygons) > MOST_PAIRS:
            raise InputError(
                f"{_names(one, other)}: more than {MOST_PAIRS:,} pairs of landslides lie on each "
                "other; remove those that are there several times"
            )


def _pairs(one: NDArray[np.object_], other: NDArray[np.object_]) -> int:
    """Return how many pairs of bounding boxes overlap; counting ends beyond the limit."""
    tree, pairs = shapely.STRtree(other), 0
    for start in range(0, len(one), _AT_ONCE):
        pairs += tree.query(one[start : start + _AT_ONCE]).shape[1]
        if pairs > MOST_PAIRS:
            break
    return pairs


def _names(one: Side, other: Side) -> str:
    return one.place if one is other else f"{one.place} and {other.place}"
