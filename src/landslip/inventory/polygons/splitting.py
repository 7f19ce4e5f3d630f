"""Landslides that touch, taken apart."""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.outlines import Landslides, Outlines, concatenate_landslides
from landslip.inventory.polygons.cutting import Part, Splitting, cut_in_two
from landslip.inventory.polygons.rings import outside

LARGEST_WINDOW_PX = 1 << 22
_SOLID = 0.95
_MOST_CUTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Landslides, the parts of one that was cut in a row.

    Attributes:
        parts: the landslides.
        region: int64, the index of the landslide that each was.
        too_large: how many were left alone as their windows are too large.
    """

    parts: Landslides
    region: NDArray[np.int64]
    too_large: int


def split(
    landslides: Landslides, splitting: Splitting, *, progress: Progress = no_progress
) -> Split:
    """Take landslides apart where they touch."""
    extents = _extents(landslides.outlines)
    likely = (landslides.pixels >= 2 * splitting.least_px) & _is_notched(landslides.outlines)
    fits = (extents[:, 2] + 2) * (extents[:, 3] + 2) <= LARGEST_WINDOW_PX
    cut: dict[int, Landslides] = {}
    chosen = np.flatnonzero(likely & fits).tolist()
    for done, index in enumerate(chosen):
        progress(done, len(chosen))
        ring = outside(landslides.outlines, index)
        if splitting.necks(ring):
            parts = _apart(splitting, extents[index], ring[0])
            if len(parts) > 1:
                cut[index] = parts
    return _joined(landslides, cut, int(np.count_nonzero(likely & ~fits)))


def _joined(landslides: Landslides, cut: dict[int, Landslides], too_large: int) -> Split:
    """Put the parts in the places of what was cut."""
    pieces, region, start = [], [], 0
    for index in [*sorted(cut), len(landslides)]:
        pieces.append(landslides.take(np.arange(start, index)))
        region.append(np.arange(start, index))
        if index < len(landslides):
            pieces.append(cut[index])
            region.append(np.full(len(cut[index]), index))
        start = index + 1
    return Split(
        parts=concatenate_landslides(pieces), region=np.concatenate(region), too_large=too_large
    )


def _extents(outlines: Outlines) -> NDArray[np.int64]:
    """Return column and row offset, width and height of each polygon (n, 4)."""
    if len(outlines) == 0:
        return np.empty((0, 4), dtype=np.int64)
    low = np.minimum.reduceat(outlines.points, outlines.starts)
    high = np.maximum.reduceat(outlines.points, outlines.starts)
    return np.column_stack([low, high - low]).astype(np.int64)


def _is_notched(outlines: Outlines) -> NDArray[np.bool_]:
    """Return whether polygons fill their convex hulls so little that they may have necks."""
    outsides = shapely.polygons(shapely.get_exterior_ring(outlines.geometries()))
    hulls = shapely.area(shapely.convex_hull(outsides))
    notched: NDArray[np.bool_] = shapely.area(outsides) < _SOLID * hulls
    return notched


def _apart(splitting: Splitting, extent: NDArray[np.int64], first: NDArray[np.int64]) -> Landslides:
    """Return the parts of a landslide; one where it stays whole."""
    whole = _whole(splitting, extent, first)
    waiting: list[Part] = [whole]
    done: list[Landslides] = []
    while waiting:
        part = waiting.pop()
        two = cut_in_two(splitting, part) if len(done) + len(waiting) < _MOST_CUTS else None
        if two is None:
            done.append(part.landslide())
        else:
            waiting += two[::-1]
    return concatenate_landslides(done)


def _whole(splitting: Splitting, extent: NDArray[np.int64], first: NDArray[np.int64]) -> Part:
    """Read a landslide's pixels: those that hang together with its first one."""
    col, row, width, height = extent.tolist()
    window = Window(col - 1, row - 1, width + 2, height + 2)
    inside = Window(col, row, width, height)
    steps = np.zeros(window.shape, dtype=np.uint8)
    steps[inside.slices_in(window)] = splitting.steps(inside)
    found = (steps >= splitting.least).astype(np.uint8)
    _, labels = cv2.connectedComponents(found, connectivity=4)
    label = labels[int(first[1]) - window.row_off, int(first[0]) - window.col_off]
    return Part(window=window, mask=labels == label, steps=steps)
