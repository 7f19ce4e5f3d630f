"""Array lookups between pixels, and coarse lattices that save exact coordinates at every pixel."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]
Points = NDArray[np.float64]
Array = NDArray[Any]

SPLINE_MARGIN_PX = 10
_DOUBLINGS = 2
_SPLINE_BLOCK_PX = 256
_KNOT_REACH = 4  # knots on each side of a place that its value depends on, and one more
_AT_NODES = np.array([1, 4, 1], dtype=np.float32) / 6


def bilinear(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an array (height, width) or (height, width, bands) at pixel coordinates.

    Pixel centres are at halves; beyond the edge, the edge's values hold.
    """
    return _remap(values, col, row, cv2.INTER_LINEAR)


def cubic(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Do the same by cubic convolution."""
    return _remap(values, col, row, cv2.INTER_CUBIC)


def nearest(flags: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return flags (height, width) at pixel coordinates; False beyond the edge."""
    sampled = cv2.remap(
        flags.view(np.uint8),
        col - np.float32(0.5),
        row - np.float32(0.5),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(sampled, dtype=np.bool_)


def bilinear_at(values: Array, corner: NDArray[np.intp], offset: Points) -> NDArray[np.float64]:
    """Return values (n, layers) of an array (height, width, layers) at single places, in float64.

    `bilinear` looks up in float32, and rounds coordinates to a 32nd of a pixel. ``corner`` (n, 2)
    is the column and row of the value up and left of each place, and ``offset`` (n, 2) how far the
    place is right of it and below, 0 to 1.
    """
    (col, row), (right, down) = corner.T, offset.T[..., np.newaxis]
    beside = np.minimum(col + 1, values.shape[1] - 1)
    below = np.minimum(row + 1, values.shape[0] - 1)
    upper = values[row, col] * (1 - right) + values[row, beside] * right
    lower = values[below, col] * (1 - right) + values[below, beside] * right
    return np.asarray(upper * (1 - down) + lower * down)


def spline(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an image (height, width, bands) at pixel coordinates, through cubic splines.

    The spline through the pixels (Unser 1999, doi 10.1109/79.799930) is refined by its two-scale
    relation to four times the sampling, which is exact, and is linear between those samples.
    `scipy.ndimage.map_coordinates` is exact everywhere, and many times slower. Pixels nearer than
    `SPLINE_MARGIN_PX` to the image's edge are less exact.
    """
    knots = ndimage.spline_filter1d(values, 3, axis=0, output=np.float32, mode="mirror")
    knots = ndimage.spline_filter1d(knots, 3, axis=1, output=np.float32, mode="mirror")
    out = np.empty((*col.shape, *values.shape[2:]), dtype=np.float32)
    # in blocks whose fine samples stay in the processor's cache
    for top, left in product(*(range(0, length, _SPLINE_BLOCK_PX) for length in col.shape)):
        block = np.s_[top : top + _SPLINE_BLOCK_PX, left : left + _SPLINE_BLOCK_PX]
        _sample_spline(knots, col[block], row[block], out[block])
    return out


def _sample_spline(knots: Pixels, col: Pixels, row: Pixels, out: Pixels) -> None:
    """Write the spline of some knots (height, width, bands) at pixel coordinates to ``out``."""
    spans, places = [], []
    for at, length in zip((row, col), knots.shape, strict=False):
        start = min(max(int(at.min()) - _KNOT_REACH, 0), length - 1)
        spans.append(slice(start, max(int(at.max()) + 1 + _KNOT_REACH, start + 1)))
        scale = np.float32(2**_DOUBLINGS)
        # pixel centres are at halves, and the first fine sample is at the first pixel's centre
        places.append((at - np.float32(start + 0.5)) * scale)
    fine = knots[tuple(spans)]
    for _ in range(_DOUBLINGS):
        # its kernel, [1 4 6 4 1] / 8, is the two-scale relation of the cubic B-spline
        fine = np.asarray(cv2.pyrUp(fine))
    fine = np.asarray(cv2.sepFilter2D(fine, -1, _AT_NODES, _AT_NODES))
    down, across = places
    cv2.remap(fine, across, down, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)


def _remap(values: Pixels, col: Pixels, row: Pixels, interpolation: int) -> Pixels:
    half = np.float32(0.5)
    sampled = cv2.remap(
        values, col - half, row - half, interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(sampled, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLattice:
    """Evenly spaced nodes (down, across) from edge to edge of an array (height, width).

    There are at least 2 along each axis, and linear interpolation between them.
    """

    shape: tuple[int, int]
    nodes: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], step_px: int) -> "NodeLattice":
        """Return nodes at most ``step_px`` apart."""
        down, across = (-(-length // step_px) + 1 for length in shape)
        return cls(shape=shape, nodes=(down, across))

    @property
    def points(self) -> Points:
        """Pixel coordinates (n, 2: col, row) of the nodes, row by row."""
        rows = np.linspace(0, self.shape[0], self.nodes[0])
        cols = np.linspace(0, self.shape[1], self.nodes[1])
        col, row = np.meshgrid(cols, rows)
        return np.column_stack([col.ravel(), row.ravel()])

    def interpolate(self, values: Points, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """Return values at the nodes (n,), row by row, interpolated at all pixel centres.

        float32 is for what is within a few thousand of 0.
        """
        out = np.empty(self.shape, dtype=dtype)
        for rows, (part,) in self.interpolate_rows(values[np.newaxis], dtype):
            out[rows] = part
        return out

    def interpolate_rows(
        self, values: Points, dtype: type[np.floating[Any]] = np.float32
    ) -> Iterator[tuple[slice, list[Array]]]:
        """Do the same for several values at the nodes (k, n), some rows at a time.

        Yields the rows, all in all each once, and k arrays of them (rows, width). Rows between two
        lines of nodes stay in the processor's cache for what is done with them.
        """
        nodes = values.reshape(-1, *self.nodes).astype(dtype)
        lines = nodes @ self._weights(1).astype(dtype).T
        place = self._places(0)
        first = np.searchsorted(place, np.arange(self.nodes[0]))
        first[-1] = self.shape[0]
        for at, (start, end) in enumerate(pairwise(first.tolist())):
            share = (place[start:end] - at).astype(dtype)[:, np.newaxis]
            parts = []
            for upper, lower in zip(lines[:, at], lines[:, at + 1], strict=True):
                part = share * (lower - upper)
                part += upper
                parts.append(part)
            yield slice(start, end), parts

    def _weights(self, axis: int) -> NDArray[np.float64]:
        """Return the weights (length, count) of an axis' nodes at each pixel's centre."""
        distance = np.abs(self._places(axis)[:, np.newaxis] - np.arange(self.nodes[axis]))
        return np.asarray(np.maximum(1 - distance, 0))

    def _places(self, axis: int) -> NDArray[np.float64]:
        """Return where each pixel's centre (length,) is among an axis' nodes."""
        length, count = self.shape[axis], self.nodes[axis]
        return np.asarray((np.arange(length) + 0.5) * (count - 1) / length)
