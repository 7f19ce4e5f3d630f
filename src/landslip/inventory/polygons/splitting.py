"""Landslides that touch, taken apart.

Landslides that touch, taken apart.

A landslide is cut at a neck: a line between two bays of its outline beyond whose ends both parts
go on. Which pixel belongs to which part is then found by a watershed on the distance from the
outline times the probability, flooded from both parts towards the line.

How long a neck may be depends on where the ground falls. Where it falls across the line, the
material of one part went on into the other: that is one landslide, as is a source area with its
track and its deposit. Where it falls along the line, two landslides lie side by side. Where no
height is known, or the ground is flat, only narrow necks are cut.
"""

import heapq
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import Grid
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inference.outlines import (
    Landslides,
    Outlines,
    concatenate_landslides,
    find_corners,
    trace_outlines,
)
from landslip.inventory.polygons.boundary import exterior_vertices
from landslip.inventory.polygons.constrictions import (
    Constriction,
    ConstrictionLimits,
    find_constrictions,
)

LARGEST_WINDOW_PX = 1 << 22
_SOLID = 0.95
_MOST_CUTS = 64


class ElevationSource(Protocol):
    """Where heights of the ground come from."""

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return metres at the centres of a grid's pixels (height, width); NaN where none is."""


class LevelReader(Protocol):
    """Where probabilities come from."""

    def __call__(self, window: Window) -> NDArray[np.uint8]:
        """Return steps of 1/250 at a window; 0 where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitContext:
    """What is needed to take landslides apart.

    Attributes:
        grid: of the raster of probabilities.
        steps: reads them.
        least: fewest steps of a landslide's pixels.
        seed: fewest steps of a part's surest pixel.
        least_px: pixels that a part has at least.
        heights: where the ground falls; None where that is not known.
    """

    grid: Grid
    steps: LevelReader
    least: int
    seed: int
    least_px: int
    heights: ElevationSource | None = None

    def constrictions(self, ring: NDArray[np.int64]) -> list[Constriction]:
        """Return the necks of a ring that can be cut if the ground and the probability agree."""
        widest, reach = (
            (_WIDEST, _REACH) if self.heights is None else (_WIDEST_BESIDE, _REACH_BESIDE)
        )
        return find_constrictions(
            ring, ConstrictionLimits(widest=_DOUBT * widest, reach=reach, least_px=self.least_px)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslidePixels:
    """Pixels of a landslide in a window that has an empty pixel on every side."""

    window: Window
    mask: NDArray[np.bool_]
    steps: NDArray[np.uint8]

    def cropped(self, mask: NDArray[np.bool_]) -> "LandslidePixels":
        """Return some of the pixels in a window of their own."""
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]) - 1, int(cols[0]) - 1
        bottom, right = int(rows[-1]) + 2, int(cols[-1]) + 2
        return LandslidePixels(
            window=Window(
                self.window.col_off + left, self.window.row_off + top, right - left, bottom - top
            ),
            mask=mask[top:bottom, left:right],
            steps=self.steps[top:bottom, left:right],
        )

    def landslide(self) -> Landslides:
        """Return them as one landslide."""
        labels = self.mask.astype(np.int32)
        corners, owners = find_corners(labels, self.window.row_off + 1)
        outlines = trace_outlines(corners, owners - 1, 1)
        places = outlines.points + np.array([self.window.col_off + 1, 0], dtype=np.int32)
        steps = self.steps[self.mask]
        return Landslides(
            outlines=Outlines(points=places, rings=outlines.rings, polygons=outlines.polygons),
            pixels=np.array([len(steps)]),
            probability_sums=np.array([steps.sum(dtype=np.int64)]),
            probability_maxima=np.array([steps.max()]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLandslides:
    """Landslides, the parts of one that was cut in a row.

    Attributes:
        parts: the landslides.
        region: int64, the index of the landslide that each was.
        too_large: how many were left alone as their windows are too large.
    """

    parts: Landslides
    region: NDArray[np.int64]
    too_large: int


def split_landslides(
    landslides: Landslides, splitting: SplitContext, *, progress: Progress = no_progress
) -> SplitLandslides:
    """Take landslides apart where they touch."""
    extents = _extents(landslides.outlines)
    likely = (landslides.pixels >= 2 * splitting.least_px) & _is_notched(landslides.outlines)
    fits = (extents[:, 2] + 2) * (extents[:, 3] + 2) <= LARGEST_WINDOW_PX
    cut: dict[int, Landslides] = {}
    chosen = np.flatnonzero(likely & fits).tolist()
    for done, index in enumerate(chosen):
        progress(done, len(chosen))
        ring = exterior_vertices(landslides.outlines, index)
        if splitting.constrictions(ring):
            parts = _apart(splitting, extents[index], ring[0])
            if len(parts) > 1:
                cut[index] = parts
    return _joined(landslides, cut, int(np.count_nonzero(likely & ~fits)))


def _joined(landslides: Landslides, cut: dict[int, Landslides], too_large: int) -> SplitLandslides:
    """Put the parts in the places of what was cut."""
    pieces, region, start = [], [], 0
    for index in [*sorted(cut), len(landslides)]:
        pieces.append(landslides.take(np.arange(start, index)))
        region.append(np.arange(start, index))
        if index < len(landslides):
            pieces.append(cut[index])
            region.append(np.full(len(cut[index]), index))
        start = index + 1
    return SplitLandslides(
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


def _apart(
    splitting: SplitContext, extent: NDArray[np.int64], first: NDArray[np.int64]
) -> Landslides:
    """Return the parts of a landslide; one where it stays whole."""
    whole = _whole(splitting, extent, first)
    waiting: list[LandslidePixels] = [whole]
    done: list[Landslides] = []
    while waiting:
        part = waiting.pop()
        two = cut_in_two(splitting, part) if len(done) + len(waiting) < _MOST_CUTS else None
        if two is None:
            done.append(part.landslide())
        else:
            waiting += two[::-1]
    return concatenate_landslides(done)


def _whole(
    splitting: SplitContext, extent: NDArray[np.int64], first: NDArray[np.int64]
) -> LandslidePixels:
    """Read a landslide's pixels: those that hang together with its first one."""
    col, row, width, height = extent.tolist()
    window = Window(col - 1, row - 1, width + 2, height + 2)
    inside = Window(col, row, width, height)
    steps = np.zeros(window.shape, dtype=np.uint8)
    steps[inside.slices_in(window)] = splitting.steps(inside)
    found = (steps >= splitting.least).astype(np.uint8)
    _, labels = cv2.connectedComponents(found, connectivity=4)
    label = labels[int(first[1]) - window.row_off, int(first[0]) - window.col_off]
    return LandslidePixels(window=window, mask=labels == label, steps=steps)


MIN_PART_PX = 25  # of a part
_WIDEST, _WIDEST_BESIDE = 0.75, 2.0  # a neck's length over its overhang
_REACH, _REACH_BESIDE = 1.0, 6.0
_DOUBT = 1.5  # a neck may be so much longer where the probability is low in it
_ACROSS = 0.7071  # cosine of 45 degrees
_CORRIDOR_PX = 4.0
_MOST_TRIED = 8


def cut_in_two(splitting: SplitContext, part: LandslidePixels) -> list[LandslidePixels] | None:
    """Cut at the first neck that may be cut; None where there is none."""
    if np.count_nonzero(part.mask) < 2 * splitting.least_px:
        return None
    ring = exterior_vertices(part.landslide().outlines, 0)
    for neck in splitting.constrictions(ring)[:_MOST_TRIED]:
        sides = _sides(part, neck)
        if sides is None or not all(_is_landslide(splitting, part, side) for side in sides):
            continue
        if _may_cut(splitting, part, neck, sides):
            return [part.cropped(side) for side in sides]
    return None


def _is_landslide(splitting: SplitContext, part: LandslidePixels, side: NDArray[np.bool_]) -> bool:
    """Return whether one side of a neck is large and sure enough by itself."""
    steps = part.steps[side]
    return len(steps) >= splitting.least_px and bool(steps.max() >= splitting.seed)


def _may_cut(
    splitting: SplitContext,
    part: LandslidePixels,
    neck: Constriction,
    sides: tuple[NDArray[np.bool_], ...],
) -> bool:
    one, other = sides
    grown = ndimage.binary_dilation(one)
    seam = (grown & other) | (ndimage.binary_dilation(other) & one)
    doubt = part.steps[seam].mean() / min(part.steps[side].mean() for side in sides)
    length = neck.length_px * min(max(float(doubt), 1 / _DOUBT), 1.0)
    across = slope_across(splitting.heights, splitting.grid, neck)
    if across is not None and across > _ACROSS:
        return False
    if across is None:
        return length <= _WIDEST * neck.overhang_near_px
    return length <= _WIDEST_BESIDE * neck.overhang_px


def _sides(
    part: LandslidePixels, neck: Constriction
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return the pixels on both sides of a neck; None where the landslide goes around it."""
    line = _line(part, neck)
    _, labels = cv2.connectedComponents((part.mask & ~line).astype(np.uint8), connectivity=4)
    distance, across = _off(part, neck)
    near = part.mask & (distance <= 3)
    names = [
        np.bincount(labels[near & (across * sign > 0)], minlength=labels.max() + 1)
        for sign in (1, -1)
    ]
    for counts in names:
        counts[0] = 0
    one, other = (int(counts.argmax()) for counts in names)
    if one == other or min(names[0].max(), names[1].max()) == 0:
        return None
    corridor = distance <= min(_CORRIDOR_PX, neck.length_px / 2)
    markers = np.zeros(labels.shape, dtype=np.int8)
    for name, label in ((1, one), (2, other)):
        markers[_largest((labels == label) & ~corridor)] = name
        if not (markers == name).any():
            markers[labels == label] = name
    flooded = _flooded(markers, part)
    return flooded == 1, flooded == 2


def _line(part: LandslidePixels, neck: Constriction) -> NDArray[np.bool_]:
    """Return the pixels on a neck's line and just beyond its ends; nothing passes between them."""
    start, end = (np.array(point) for point in (neck.start, neck.end))
    beyond = (end - start) / neck.length_px
    corner = np.array([part.window.col_off, part.window.row_off]) + 0.5
    ends = np.rint(np.stack([start - beyond, end + beyond]) - corner).astype(int)
    drawn = np.zeros(part.mask.shape, dtype=np.uint8)
    cv2.line(drawn, ends[0].tolist(), ends[1].tolist(), 1, lineType=cv2.LINE_8)
    return drawn.astype(np.bool_)


def _off(
    part: LandslidePixels, neck: Constriction
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each pixel's distance from a neck's line, and on which side it lies, by sign."""
    (x, y), (end_x, end_y) = neck.start, neck.end
    rows, cols = np.ogrid[: part.window.height, : part.window.width]
    to_x, to_y = cols + part.window.col_off + 0.5 - x, rows + part.window.row_off + 0.5 - y
    unit_x, unit_y = (end_x - x) / neck.length_px, (end_y - y) / neck.length_px
    along = to_x * unit_x + to_y * unit_y
    across = to_y * unit_x - to_x * unit_y
    beyond = along - np.clip(along, 0, neck.length_px)
    return np.hypot(across, beyond), across


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest group of pixels that hang together."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    largest: NDArray[np.bool_] = mask & (labels == counts.argmax())
    return largest


def _flooded(markers: NDArray[np.int8], part: LandslidePixels) -> NDArray[np.int8]:
    """Return markers grown over all pixels of a part, where the landslide is surest first."""
    inside = cv2.distanceTransform(part.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    sure = inside * cv2.GaussianBlur(part.steps.astype(np.float32), (0, 0), 1.0)
    names = markers.ravel().copy()
    free = (part.mask & (markers == 0)).ravel()
    level = sure.ravel()
    width = part.mask.shape[1]
    around = (-width, -1, 1, width)
    edge = ndimage.binary_dilation(free.reshape(part.mask.shape)).ravel() & (names > 0)
    waiting = [(-float(level[at]), int(at)) for at in np.flatnonzero(edge)]
    heapq.heapify(waiting)
    while waiting:
        height, at = heapq.heappop(waiting)
        for step in around:
            to = at + step
            if free[to]:
                free[to] = False
                names[to] = names[at]
                heapq.heappush(waiting, (max(height, -float(level[to])), to))
    return names.reshape(markers.shape)


_FLAT = 0.02
_LEAST_RADIUS_PX = 15.0


def slope_across(heights: ElevationSource | None, grid: Grid, neck: Constriction) -> float | None:
    """Return how much of the ground's fall goes across a neck, 0 to 1; None: not known or flat."""
    if heights is None:
        return None
    radius = max(1.5 * neck.length_px, _LEAST_RADIUS_PX)
    middle = (np.array(neck.start) + np.array(neck.end)) / 2
    low = np.floor(middle - radius).astype(int)
    side = int(np.ceil(2 * radius)) + 1
    window = Window(int(low[0]), int(low[1]), side, side).clipped(grid.shape)
    if window is None:
        return None
    place = grid.at(window)
    metres = pixel_to_metres(place)
    if metres is None:
        return None
    line = metres @ np.subtract(neck.end, neck.start)
    return fraction_across(heights.heights_on(place), metres, line)


def fraction_across(
    heights: NDArray[np.float32], metres: NDArray[np.float64], line: NDArray[np.float64]
) -> float | None:
    """Return the share of the ground's fall, a plane by least squares, that goes across a line.

    Args:
        heights: in metres (height, width), NaN where none is known.
        metres: matrix (2, 2) from columns and rows to metres.
        line: its direction in metres (2,).

    Returns:
        From 0, all along the line, to 1, square to it; None where the ground is flat or less than
        half of its heights are known.
    """
    rows, cols = np.nonzero(np.isfinite(heights))
    if len(rows) < heights.size / 2:
        return None
    places = np.column_stack([cols, rows]) @ metres.T
    known = heights[rows, cols].astype(np.float64)
    fall, *_ = np.linalg.lstsq(places - places.mean(axis=0), known - known.mean(), rcond=None)
    steepness = float(np.hypot(*fall))
    if steepness < _FLAT:
        return None
    crossed = fall[0] * line[1] - fall[1] * line[0]
    return float(abs(crossed) / (steepness * np.hypot(*line)))


def pixel_to_metres(grid: Grid) -> NDArray[np.float64] | None:
    """Return the matrix (2, 2) from columns and rows to metres east and north, at the middle.

    None without a coordinate system. Degrees are converted on a sphere: good to half a percent.
    """
    side_m = grid.resolution_m
    if side_m is None or grid.crs is None:
        return None
    a, b, _, d, e, _ = grid.transform[:6]
    matrix: NDArray[np.float64] = np.array([[a, b], [d, e]]) * (side_m / abs(a * e - b * d) ** 0.5)
    if grid.crs.is_geographic:
        shrinking = max(float(np.cos(np.radians(_middle_latitude(grid)))), 1e-6)
        matrix *= np.array([[shrinking**0.5], [shrinking**-0.5]])
    return matrix


def max_pixel_side_m(grid: Grid) -> float | None:
    """Return how far on the ground a step of one pixel's side leads at most, whichever its way."""
    matrix = pixel_to_metres(grid)
    if matrix is None or grid.crs is None:
        return None
    if grid.crs.is_geographic:  # as at the equator, where a degree of longitude is longest
        matrix[0] /= max(float(np.cos(np.radians(_middle_latitude(grid)))), 1e-6)
    return float(np.linalg.norm(matrix, 2))


def _middle_latitude(grid: Grid) -> float:
    return float(grid.corners(grid.window)[:4, 1].mean())
