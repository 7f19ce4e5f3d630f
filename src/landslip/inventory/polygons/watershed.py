"""Landslides that touch, split at constrictions of their outline.

Which pixel belongs to which part is found by a watershed on the distance from the outline times
the probability, flooded from both parts towards the constriction.

How long a constriction may be depends on the slope. Where the ground falls across it, the
material of one part went on into the other: that is one landslide, as is a source area with its
track and its deposit. Where the ground falls along it, two landslides are side by side. Where the
slope is unknown, or the ground is level, only narrow constrictions are cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from landslip.core.crs import axis_unit
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
from landslip.inventory.polygons.constrictions import Constriction, find_constrictions

MIN_PART_PX = 25
MAX_WINDOW_PX = 1 << 22
_MAX_SOLIDITY = 0.95  # area over that of the convex hull: more has no constriction
_MAX_CUTS = 64
_MAX_CANDIDATES = 8
# length of a constriction over its overhang, and where the ground falls along it
_MAX_ASPECT, _MAX_ASPECT_ALONG = 0.75, 2.0
_REACH, _REACH_ALONG = 1.0, 6.0
_DOUBT = 1.5  # a constriction may be so much longer where the probability is low in it
_MAX_ACROSS = 0.7071  # cosine of 45 degrees
_CORRIDOR_PX = 4.0
_MIN_SLOPE = 0.02
_MIN_SLOPE_RADIUS_PX = 15.0


class ElevationSource(Protocol):
    """Where elevations come from."""

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return metres at the centres of a grid's pixels (height, width); NaN where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitContext:
    """What is needed to split landslides.

    ``read_levels`` returns the levels of the probability in a window, 0 where there are no data;
    the low level is the lowest of a landslide's pixels, the high one that a part reaches somewhere.
    """

    grid: Grid
    read_levels: Callable[[Window], NDArray[np.uint8]]
    low_level: int
    high_level: int
    min_part_px: int
    elevation: ElevationSource | None = None

    def constrictions(self, ring: NDArray[np.int64]) -> list[Constriction]:
        """Return the constrictions of a ring that the slope and the probability may admit."""
        aspect, reach = (
            (_MAX_ASPECT, _REACH) if self.elevation is None else (_MAX_ASPECT_ALONG, _REACH_ALONG)
        )
        return find_constrictions(
            ring, max_aspect=_DOUBT * aspect, reach=reach, min_part_px=self.min_part_px
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLandslides:
    """Landslides, the parts of one that was split in a row, and the index of the one it was.

    ``too_large`` is how many were left whole as their windows are too large.
    """

    parts: Landslides
    region: NDArray[np.int64]
    too_large: int


def split_landslides(
    landslides: Landslides, context: SplitContext, *, progress: Progress = no_progress
) -> SplitLandslides:
    """Split landslides where they touch."""
    outlines = landslides.outlines
    if len(outlines) == 0:
        none = np.empty(0, dtype=np.int64)
        return SplitLandslides(parts=landslides, region=none, too_large=0)
    low = np.minimum.reduceat(outlines.points, outlines.starts).astype(np.int64)
    sizes = np.maximum.reduceat(outlines.points, outlines.starts) - low
    exteriors = shapely.polygons(shapely.get_exterior_ring(outlines.geometries()))
    hulls = shapely.area(shapely.convex_hull(exteriors))
    candidate = landslides.pixels >= 2 * context.min_part_px
    candidate &= shapely.area(exteriors) < _MAX_SOLIDITY * hulls
    fits = (sizes + 2).prod(axis=1) <= MAX_WINDOW_PX
    chosen = np.flatnonzero(candidate & fits).tolist()
    pieces, region, start = [], [], 0
    for done, index in enumerate(chosen):
        progress(done, len(chosen))
        ring = exterior_vertices(outlines, index)
        if not context.constrictions(ring):
            continue
        inside = Window(*low[index].tolist(), *sizes[index].tolist())
        pending = [_read_pixels(context, inside, ring[0])]
        parts: list[Landslides] = []
        while pending:
            part = pending.pop()
            halves = None
            if len(parts) + len(pending) < _MAX_CUTS:
                halves = split_in_two(context, part)
            if halves is None:
                parts.append(part.landslide())
            else:
                pending += halves[::-1]
        if len(parts) > 1:
            pieces += [landslides.take(np.arange(start, index)), *parts]
            region += [np.arange(start, index), np.full(len(parts), index)]
            start = index + 1
    rest = np.arange(start, len(landslides))
    return SplitLandslides(
        parts=concatenate_landslides([*pieces, landslides.take(rest)]),
        region=np.concatenate([*region, rest]),
        too_large=int(np.count_nonzero(candidate & ~fits)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslidePixels:
    """Pixels of a landslide in a window that has an empty pixel on every side."""

    window: Window
    mask: NDArray[np.bool_]
    levels: NDArray[np.uint8]

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
            levels=self.levels[top:bottom, left:right],
        )

    def landslide(self) -> Landslides:
        """Return them as one landslide."""
        labels = self.mask.astype(np.int32)
        corners, owners = find_corners(labels, self.window.row_off + 1)
        outlines = trace_outlines(corners, owners - 1, 1)
        points = outlines.points + np.array([self.window.col_off + 1, 0], dtype=np.int32)
        levels = self.levels[self.mask]
        return Landslides(
            outlines=Outlines(points=points, rings=outlines.rings, polygons=outlines.polygons),
            pixels=np.array([len(levels)]),
            probability_sums=np.array([levels.sum(dtype=np.int64)]),
            probability_maxima=np.array([levels.max()]),
        )


def _read_pixels(
    context: SplitContext, inside: Window, first: NDArray[np.int64]
) -> LandslidePixels:
    """Read a landslide's pixels: those connected with its first one."""
    window = Window(inside.col_off - 1, inside.row_off - 1, inside.width + 2, inside.height + 2)
    levels = np.zeros(window.shape, dtype=np.uint8)
    levels[inside.slices_in(window)] = context.read_levels(inside)
    candidates = (levels >= context.low_level).astype(np.uint8)
    _, labels = cv2.connectedComponents(candidates, connectivity=4)
    label = labels[int(first[1]) - window.row_off, int(first[0]) - window.col_off]
    return LandslidePixels(window=window, mask=labels == label, levels=levels)


def split_in_two(context: SplitContext, pixels: LandslidePixels) -> list[LandslidePixels] | None:
    """Split at the first constriction that may be cut; None where there is none."""
    if np.count_nonzero(pixels.mask) < 2 * context.min_part_px:
        return None
    ring = exterior_vertices(pixels.landslide().outlines, 0)
    for constriction in context.constrictions(ring)[:_MAX_CANDIDATES]:
        sides = _sides(pixels, constriction)
        if sides is None:
            continue
        levels = [pixels.levels[side] for side in sides]
        too_small = min(map(len, levels)) < context.min_part_px
        if too_small or min(values.max() for values in levels) < context.high_level:
            continue
        # short enough for its overhang, by slope and probability?
        one, other = sides
        seam = (ndimage.binary_dilation(one) & other) | (ndimage.binary_dilation(other) & one)
        doubt = pixels.levels[seam].mean() / min(values.mean() for values in levels)
        length = constriction.length_px * min(max(float(doubt), 1 / _DOUBT), 1.0)
        across = slope_across(context.elevation, context.grid, constriction)
        if across is None:
            may_cut = length <= _MAX_ASPECT * constriction.overhang_near_px
        else:
            longest = _MAX_ASPECT_ALONG * constriction.overhang_px
            may_cut = across <= _MAX_ACROSS and length <= longest
        if may_cut:
            return [pixels.cropped(side) for side in sides]
    return None


def _sides(
    pixels: LandslidePixels, constriction: Constriction
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return the pixels on both sides of a constriction; None where they connect around it."""
    # a barrier on the constriction and just beyond its ends, without gaps
    start, end = (np.array(point) for point in (constriction.start, constriction.end))
    beyond = (end - start) / constriction.length_px
    corner = np.array([pixels.window.col_off, pixels.window.row_off]) + 0.5
    ends = np.rint(np.stack([start - beyond, end + beyond]) - corner).astype(int)
    separate = pixels.mask.astype(np.uint8)
    cv2.line(separate, ends[0].tolist(), ends[1].tolist(), 0, lineType=cv2.LINE_8)
    _, labels = cv2.connectedComponents(separate, connectivity=4)
    distance, across = _offsets(pixels, constriction)
    near = pixels.mask & (distance <= 3)
    counts = [
        np.bincount(labels[near & (across * sign > 0)], minlength=labels.max() + 1)
        for sign in (1, -1)
    ]
    for count in counts:
        count[0] = 0
    one, other = (int(count.argmax()) for count in counts)
    if one == other or min(count.max() for count in counts) == 0:
        return None
    corridor = distance <= min(_CORRIDOR_PX, constriction.length_px / 2)
    markers = np.zeros(labels.shape, dtype=np.int8)
    for marker, label in ((1, one), (2, other)):
        side = labels == label
        _, cores = cv2.connectedComponents((side & ~corridor).astype(np.uint8), connectivity=4)
        areas = np.bincount(cores.ravel())
        # the largest one, if any
        markers[side if len(areas) == 1 else cores == areas[1:].argmax() + 1] = marker
    inside = cv2.distanceTransform(pixels.mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    confidence = cv2.GaussianBlur(pixels.levels.astype(np.float32), (0, 0), 1.0)
    basins = watershed(-inside * confidence, markers, mask=pixels.mask)
    return basins == 1, basins == 2


def _offsets(
    pixels: LandslidePixels, constriction: Constriction
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each pixel's distance from a constriction, and its side of it, by sign."""
    (x, y), (end_x, end_y) = constriction.start, constriction.end
    length, window = constriction.length_px, pixels.window
    rows, cols = np.ogrid[: window.height, : window.width]
    to_x, to_y = cols + window.col_off + 0.5 - x, rows + window.row_off + 0.5 - y
    unit_x, unit_y = (end_x - x) / length, (end_y - y) / length
    along = to_x * unit_x + to_y * unit_y
    across = to_y * unit_x - to_x * unit_y
    return np.hypot(across, along - np.clip(along, 0, length)), across


def slope_across(
    elevation: ElevationSource | None, grid: Grid, constriction: Constriction
) -> float | None:
    """Return the fraction of the slope that goes across a constriction; None: unknown or level."""
    if elevation is None:
        return None
    radius = max(1.5 * constriction.length_px, _MIN_SLOPE_RADIUS_PX)
    middle = (np.array(constriction.start) + np.array(constriction.end)) / 2
    low = np.floor(middle - radius).astype(int)
    side = int(np.ceil(2 * radius)) + 1
    window = Window(int(low[0]), int(low[1]), side, side).clipped(grid.shape)
    if window is None:
        return None
    place = grid.at(window)
    metres = pixel_to_metres(place)
    if metres is None:
        return None
    line = metres @ np.subtract(constriction.end, constriction.start)
    return fraction_across(elevation.heights_on(place), metres, line)


def fraction_across(
    heights: NDArray[np.float32], metres: NDArray[np.float64], line: NDArray[np.float64]
) -> float | None:
    """Return the fraction of the slope, of a plane by least squares, that goes across a line.

    It is from 0, all along the line, to 1, perpendicular to it; None where the ground is level or
    less than half of its heights are known. The matrix (2, 2) is from columns and rows to metres.
    """
    rows, cols = np.nonzero(np.isfinite(heights))
    if len(rows) < heights.size / 2:
        return None
    points = np.column_stack([cols, rows]) @ metres.T
    known = heights[rows, cols].astype(np.float64)
    slope, *_ = np.linalg.lstsq(points - points.mean(axis=0), known - known.mean(), rcond=None)
    steepness = float(np.hypot(*slope))
    if steepness < _MIN_SLOPE:
        return None
    crossed = slope[0] * line[1] - slope[1] * line[0]
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
        matrix *= _parallel_scale(grid) ** np.array([[0.5], [-0.5]])
    return matrix


def max_pixel_side_m(grid: Grid) -> float | None:
    """Return how far on the ground a step of one pixel's side leads at most, whichever its way."""
    matrix = pixel_to_metres(grid)
    if matrix is None or grid.crs is None:
        return None
    if grid.crs.is_geographic:  # as at the equator, where a degree of longitude is longest
        matrix[0] /= _parallel_scale(grid)
    return float(np.linalg.norm(matrix, 2))


def _parallel_scale(grid: Grid) -> float:
    """Return the length of a parallel in the grid's middle over that of the equator."""
    latitude = float(grid.corners(grid.window)[:4, 1].mean()) * axis_unit(grid.crs)
    return max(float(np.cos(latitude)), 1e-6)
