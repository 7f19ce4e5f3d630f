"""Polygons of a mask that arrives in bands of rows, from top to bottom.

Pixels that share a side belong together. All geometry is in integer pixel coordinates until the
end, so that parts from different rows join exactly.
"""

from dataclasses import dataclass, field

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage
from shapely import Polygon

from landslip.grid import map_points


@dataclass(slots=True)
class _Open:
    """A landslide that may go on below: its parts so far and their sums."""

    parts: list[Polygon] = field(default_factory=list)
    pixels: int = 0
    probability_sum: float = 0.0
    probability_max: float = 0.0

    def take(self, other: "_Open") -> None:
        """Join another one into this."""
        self.parts += other.parts
        self.pixels += other.pixels
        self.probability_sum += other.probability_sum
        self.probability_max = max(self.probability_max, other.probability_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landslide:
    """A finished landslide, in pixel coordinates (column, row)."""

    polygon: Polygon
    pixels: int
    mean_probability: float
    max_probability: float


class PolygonCollector:
    """Turns rows of a mask into landslides; holds the landslides and one row of the mask."""

    def __init__(self) -> None:
        """Begin at the top of the scene."""
        self._row = 0
        self._last: NDArray[np.int32] | None = None
        self._open: dict[int, _Open] = {}
        self._done: list[Landslide] = []

    def add(self, found: NDArray[np.bool_], probability: NDArray[np.float32]) -> None:
        """Add the next rows (rows, width) of the mask and of the probability under it."""
        labels, count = ndimage.label(found, output=np.int32)
        pieces = _pieces(labels, count, probability, self._row)
        joined = self._join(labels, pieces)
        last = np.array([0, *(joined[label] for label in range(1, count + 1))], dtype=np.int32)
        self._last = last[labels[-1]]
        going_on = set(np.unique(self._last).tolist()) - {0}
        for key in set(self._open) - going_on:
            self._close(self._open.pop(key))
        self._row += len(found)

    def finish(self) -> list[Landslide]:
        """Return all landslides, the largest first."""
        for landslide in self._open.values():
            self._close(landslide)
        self._open = {}
        return sorted(self._done, key=_by_size_then_place)

    def _join(self, labels: NDArray[np.int32], pieces: list[_Open]) -> dict[int, int]:
        """Join new pieces with open ones above them; return the new key of each label."""
        first_key = max(self._open, default=0)
        key_of = {label: first_key + label for label in range(1, len(pieces) + 1)}
        for label, piece in enumerate(pieces, start=1):
            self._open[key_of[label]] = piece
        parent = {key: key for key in self._open}
        for above, label in self._touching(labels):
            low, high = sorted((_root(parent, above), _root(parent, key_of[label])))
            parent[high] = low
        for key in sorted(self._open, reverse=True):
            root = _root(parent, key)
            if root != key:
                self._open[root].take(self._open.pop(key))
        return {label: _root(parent, key) for label, key in key_of.items()}

    def _touching(self, labels: NDArray[np.int32]) -> list[tuple[int, int]]:
        if self._last is None:
            return []
        both = (self._last > 0) & (labels[0] > 0)
        pairs = np.unique(np.stack([self._last[both], labels[0][both]]), axis=1)
        return [(int(above), int(label)) for above, label in pairs.T]

    def _close(self, found: _Open) -> None:
        self._done.append(
            Landslide(
                polygon=_whole(found.parts),
                pixels=found.pixels,
                mean_probability=found.probability_sum / found.pixels,
                max_probability=found.probability_max,
            )
        )


def to_map(landslides: list[Landslide], transform: Affine) -> NDArray[np.object_]:
    """Return the polygons in map coordinates."""
    polygons = np.array([landslide.polygon for landslide in landslides], dtype=object)
    placed: NDArray[np.object_] = shapely.transform(
        polygons, lambda points: map_points(transform, points)
    )
    return placed


def _pieces(
    labels: NDArray[np.int32], count: int, probability: NDArray[np.float32], row: int
) -> list[_Open]:
    """Return a piece for each label, in their order."""
    if count == 0:
        return []
    inside = labels > 0
    members, values = labels[inside], probability[inside]
    pixels = np.bincount(members, minlength=count + 1)
    sums = np.bincount(members, weights=values, minlength=count + 1)
    highest = ndimage.maximum(probability, labels, index=np.arange(1, count + 1))
    pieces = [
        _Open([], int(pixels[at]), float(sums[at]), float(highest[at - 1]))
        for at in range(1, count + 1)
    ]
    moved = Affine.translation(0, row)
    for geometry, label in shapes(labels, mask=inside, connectivity=4, transform=moved):
        pieces[int(label) - 1].parts.append(Polygon(*_rings(geometry["coordinates"])))
    return pieces


Ring = list[tuple[float, float]]


def _rings(coordinates: list[Ring]) -> tuple[Ring, list[Ring]]:
    return coordinates[0], coordinates[1:]


def _whole(parts: list[Polygon]) -> Polygon:
    """Join the parts of one landslide, without the points that lie along straight edges."""
    if len(parts) == 1:
        return parts[0]
    whole = shapely.simplify(shapely.union_all(parts), 0.0)
    if not isinstance(whole, Polygon):
        raise TypeError(f"parts that share sides join to one polygon, not to a {whole.geom_type}")
    return whole


def _root(parent: dict[int, int], key: int) -> int:
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def _by_size_then_place(landslide: Landslide) -> tuple[float, ...]:
    left, top, _, _ = landslide.polygon.bounds
    return (-landslide.pixels, top, left)
