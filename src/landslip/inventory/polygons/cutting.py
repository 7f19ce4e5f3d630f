"""Landslides that touch, taken apart.

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
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inference.outlines import Landslides, Outlines, find_corners, trace_outlines
from landslip.inventory.polygons.flow import Heights, flow_across
from landslip.inventory.polygons.necks import Limits, Neck, necks
from landslip.inventory.polygons.rings import outside

LEAST_PX = 25  # of a part
_WIDEST, _WIDEST_BESIDE = 0.75, 2.0  # a neck's length over its overhang
_REACH, _REACH_BESIDE = 1.0, 6.0
_DOUBT = 1.5  # a neck may be so much longer where the probability is low in it
_ACROSS = 0.7071  # cosine of 45 degrees
_CORRIDOR_PX = 4.0
_MOST_TRIED = 8


class Steps(Protocol):
    """Where probabilities come from."""

    def __call__(self, window: Window) -> NDArray[np.uint8]:
        """Return steps of 1/250 at a window; 0 where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
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
    steps: Steps
    least: int
    seed: int
    least_px: int
    heights: Heights | None = None

    def necks(self, ring: NDArray[np.int64]) -> list[Neck]:
        """Return the necks of a ring that can be cut if the ground and the probability agree."""
        widest, reach = (
            (_WIDEST, _REACH) if self.heights is None else (_WIDEST_BESIDE, _REACH_BESIDE)
        )
        return necks(ring, Limits(widest=_DOUBT * widest, reach=reach, least_px=self.least_px))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pixels of a landslide in a window that has an empty pixel on every side."""

    window: Window
    mask: NDArray[np.bool_]
    steps: NDArray[np.uint8]

    def cropped(self, mask: NDArray[np.bool_]) -> "Part":
        """Return some of the pixels in a window of their own."""
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left = int(rows[0]) - 1, int(cols[0]) - 1
        bottom, right = int(rows[-1]) + 2, int(cols[-1]) + 2
        return Part(
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


def cut_in_two(splitting: Splitting, part: Part) -> list[Part] | None:
    """Cut at the first neck that may be cut; None where there is none."""
    if np.count_nonzero(part.mask) < 2 * splitting.least_px:
        return None
    ring = outside(part.landslide().outlines, 0)
    for neck in splitting.necks(ring)[:_MOST_TRIED]:
        sides = _sides(part, neck)
        if sides is None or not all(_is_landslide(splitting, part, side) for side in sides):
            continue
        if _may_cut(splitting, part, neck, sides):
            return [part.cropped(side) for side in sides]
    return None


def _is_landslide(splitting: Splitting, part: Part, side: NDArray[np.bool_]) -> bool:
    """Return whether one side of a neck is large and sure enough by itself."""
    steps = part.steps[side]
    return len(steps) >= splitting.least_px and bool(steps.max() >= splitting.seed)


def _may_cut(
    splitting: Splitting, part: Part, neck: Neck, sides: tuple[NDArray[np.bool_], ...]
) -> bool:
    one, other = sides
    grown = ndimage.binary_dilation(one)
    seam = (grown & other) | (ndimage.binary_dilation(other) & one)
    doubt = part.steps[seam].mean() / min(part.steps[side].mean() for side in sides)
    length = neck.length_px * min(max(float(doubt), 1 / _DOUBT), 1.0)
    across = flow_across(splitting.heights, splitting.grid, neck)
    if across is not None and across > _ACROSS:
        return False
    if across is None:
        return length <= _WIDEST * neck.overhang_near_px
    return length <= _WIDEST_BESIDE * neck.overhang_px


def _sides(part: Part, neck: Neck) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
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


def _line(part: Part, neck: Neck) -> NDArray[np.bool_]:
    """Return the pixels on a neck's line and just beyond its ends; nothing passes between them."""
    start, end = (np.array(point) for point in (neck.start, neck.end))
    beyond = (end - start) / neck.length_px
    corner = np.array([part.window.col_off, part.window.row_off]) + 0.5
    ends = np.rint(np.stack([start - beyond, end + beyond]) - corner).astype(int)
    drawn = np.zeros(part.mask.shape, dtype=np.uint8)
    cv2.line(drawn, ends[0].tolist(), ends[1].tolist(), 1, lineType=cv2.LINE_8)
    return drawn.astype(np.bool_)


def _off(part: Part, neck: Neck) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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


def _flooded(markers: NDArray[np.int8], part: Part) -> NDArray[np.int8]:
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
