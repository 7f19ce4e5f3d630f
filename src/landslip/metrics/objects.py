"""Landslides as connected objects: detected ones by size, and false ones of the prediction.

An object is a set of counted pixels of a tile that touch by a side or a corner. One rule holds for
both sides, half of an object's own pixels:

- a landslide of the label is detected where at least half of its pixels are in the result;
- an object of the result is false where less than half of its pixels are on landslides.

Nothing is matched one to one: a single object of the result may detect several landslides, and
a landslide found in several parts is one detected. A landslide found within an object more than
twice as large is detected, and the object is false all the same. Objects count however small, so
that a result of scattered pixels has many false ones.

What the edge of a tile, or of what is counted, cuts apart are several objects, each of the size of
its part. Numbers are therefore those of parts: more and smaller ones than on the ground, alike for
all methods that are scored on the same tiles.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIZES_PX = (1, 100, 400, 1600, 6400)
_TOUCH = np.ones((3, 3), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class SizeClassCounts:
    """Objects from ``at_least_px`` to under ``under_px`` pixels (None: no limit), by their size."""

    at_least_px: int
    under_px: int | None
    landslides: int
    detected: int
    found: int
    false: int

    @property
    def detection_rate(self) -> float | None:
        """Detected / landslides; None where there is none."""
        return self.detected / self.landslides if self.landslides else None

    @property
    def precision(self) -> float | None:
        """(found - false) / found; None where nothing was found."""
        return (self.found - self.false) / self.found if self.found else None

    def as_dict(self) -> dict[str, int | float | None]:
        """Return counts and ratios by name, ready for JSON."""
        ratios = {"detection_rate": self.detection_rate, "precision": self.precision}
        return asdict(self) | ratios


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCounts:
    """Objects of one tile or of several.

    Attributes:
        landslides: objects of the label, by size class from `SIZES_PX` on.
        detected: of them, those detected.
        found_by_size: objects of the result, by their own size.
        false_by_size: of them, those false.
        searched_px: pixels that were counted.
    """

    landslides: tuple[int, ...] = (0,) * len(SIZES_PX)
    detected: tuple[int, ...] = (0,) * len(SIZES_PX)
    found_by_size: tuple[int, ...] = (0,) * len(SIZES_PX)
    false_by_size: tuple[int, ...] = (0,) * len(SIZES_PX)
    searched_px: int = 0

    @property
    def found(self) -> int:
        """Objects of the result, of all sizes."""
        return sum(self.found_by_size)

    @property
    def false(self) -> int:
        """False objects of the result, of all sizes."""
        return sum(self.false_by_size)

    def by_size(self) -> list["SizeClassCounts"]:
        """Return the counts of each size class."""
        columns = (self.landslides, self.detected, self.found_by_size, self.false_by_size)
        return [
            SizeClassCounts(*limits, *counts)
            for limits, *counts in zip(size_classes_px(), *columns, strict=True)
        ]

    def __add__(self, other: "ObjectCounts") -> "ObjectCounts":
        return ObjectCounts(
            landslides=_added(self.landslides, other.landslides),
            detected=_added(self.detected, other.detected),
            found_by_size=_added(self.found_by_size, other.found_by_size),
            false_by_size=_added(self.false_by_size, other.false_by_size),
            searched_px=self.searched_px + other.searched_px,
        )


def count_objects(
    predicted: NDArray[np.bool_], landslide: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> ObjectCounts:
    """Count the objects of one tile, all arguments (height, width); see the rules above.

    ``counted`` pixels are valid and labelled; the others belong to no object.
    """
    result, known = predicted & counted, landslide & counted
    known_px, known_shared_px = _objects(known, result)
    result_px, result_shared_px = _objects(result, known)
    detected = 2 * known_shared_px >= known_px
    return ObjectCounts(
        landslides=_by_size(known_px),
        detected=_by_size(known_px[detected]),
        found_by_size=_by_size(result_px),
        false_by_size=_by_size(result_px[2 * result_shared_px < result_px]),
        searched_px=int(counted.sum()),
    )


def right_object_maxima(
    probability: NDArray[np.floating],
    threshold: float,
    landslide: NDArray[np.bool_],
    counted: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the highest probability (n,) of each object of the result that is not false.

    The object is of counted pixels whose probability (height, width) reaches the threshold.
    """
    numbers, count = ndimage.label((probability >= threshold) & counted, structure=_TOUCH)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    shared = np.bincount(numbers[landslide & counted], minlength=count + 1)
    right = 1 + np.flatnonzero(2 * shared[1:] >= sizes[1:])
    return np.asarray(ndimage.maximum(probability, numbers, right), dtype=np.float64)


def whole_object_sizes(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the pixels (n,) of each object of a tile that the tile's edge does not cut."""
    numbers, count = ndimage.label(mask, structure=_TOUCH)
    is_cut = np.zeros(count + 1, dtype=np.bool_)
    for edge in (numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]):
        is_cut[edge] = True
    return np.bincount(numbers.ravel(), minlength=count + 1)[1:][~is_cut[1:]]


def size_classes_px() -> list[tuple[int, int | None]]:
    """Return each size class as (at least, under); the last has no end."""
    return list(zip(SIZES_PX, (*SIZES_PX[1:], None), strict=True))


def area_m2(size_px: int, resolution_m: float) -> float:
    """Return the area of that many square pixels."""
    return size_px * resolution_m**2


def searched_km2(searched_px: int, resolution_m: float) -> float:
    """Return the mapped area, from the side of a square pixel."""
    return area_m2(searched_px, resolution_m) / 1e6


def _objects(
    mask: NDArray[np.bool_], other: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the size of each object of a mask, and how much of it is in another mask."""
    numbers, count = ndimage.label(mask, structure=_TOUCH)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    shared = np.bincount(numbers[other], minlength=count + 1)
    return sizes[1:], shared[1:]


def size_class(sizes_px: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the index in `SIZES_PX` of the class of each size (n,), of at least one pixel."""
    return np.searchsorted(SIZES_PX, sizes_px, side="right") - 1


def _by_size(sizes_px: NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(np.bincount(size_class(sizes_px), minlength=len(SIZES_PX)).tolist())


def _added(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(first, second, strict=True))
