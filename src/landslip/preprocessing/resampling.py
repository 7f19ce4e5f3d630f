"""Looking arrays up at coordinates between their pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]


def bilinear(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an array (height, width) or (height, width, bands) seen at pixel coordinates.

    Args:
        values: what is looked up.
        col: (height, width) pixel coordinates, pixel centres at halves; beyond the edge, the
            edge's values hold.
        row: the same.
    """
    return _remap(values, col, row, cv2.INTER_LINEAR)


def cubic(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Do the same by cubic convolution."""
    return _remap(values, col, row, cv2.INTER_CUBIC)


def nearest(flags: Flags, col: Pixels, row: Pixels) -> Flags:
    """Return flags (height, width) at pixel coordinates; beyond the edge none is set."""
    seen = cv2.remap(
        flags.view(np.uint8),
        col - np.float32(0.5),
        row - np.float32(0.5),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(seen, dtype=np.bool_)


def _remap(values: Pixels, col: Pixels, row: Pixels, how: int) -> Pixels:
    half = np.float32(0.5)
    seen = cv2.remap(values, col - half, row - half, how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.float32)


SPLINE_MARGIN_PX = 10
_DOUBLINGS = 2
_AT_NODES = np.array([1, 4, 1], dtype=np.float32) / 6


def spline(values: Pixels, col: Pixels, row: Pixels) -> Pixels:
    """Return an image (height, width, bands) seen at pixel coordinates, through cubic splines.

    The spline through the pixels (Unser 1999, doi 10.1109/79.799930) is refined by its two-scale
    relation to four times the sampling, which is exact, and is linear between those samples.

    Args:
        values: the image; what is nearer than `SPLINE_MARGIN_PX` to its edge is less exact.
        col: (height, width) pixel coordinates, pixel centres at halves.
        row: the same.
    """
    knots = ndimage.spline_filter1d(values, 3, axis=0, output=np.float32, mode="mirror")
    knots = ndimage.spline_filter1d(knots, 3, axis=1, output=np.float32, mode="mirror")
    for _ in range(_DOUBLINGS):
        # its kernel, [1 4 6 4 1] / 8, is the two-scale relation of the cubic B-spline
        knots = np.asarray(cv2.pyrUp(knots))
    fine = np.asarray(cv2.sepFilter2D(knots, -1, _AT_NODES, _AT_NODES), dtype=np.float32)
    scale, half = np.float32(2**_DOUBLINGS), np.float32(0.5)
    return bilinear(fine, (col - half) * scale + half, (row - half) * scale + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLattice:
    """Evenly spaced nodes from edge to edge of an array.

    Attributes:
        shape: of the array (height, width).
        nodes: number of nodes (down, across), at least 2 each.
    """

    shape: tuple[int, int]
    nodes: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], step_px: int) -> "NodeLattice":
        """Return nodes at most ``step_px`` apart."""
        down, across = (-(-length // step_px) + 1 for length in shape)
        return cls(shape=shape, nodes=(down, across))

    @property
    def points(self) -> NDArray[np.float64]:
        """Pixel coordinates (n, 2: col, row) of the nodes, row by row."""
        rows = np.linspace(0, self.shape[0], self.nodes[0])
        cols = np.linspace(0, self.shape[1], self.nodes[1])
        col, row = np.meshgrid(cols, rows)
        return np.column_stack([col.ravel(), row.ravel()])

    def spread(self, values: NDArray[np.float64]) -> Pixels:
        """Return values at the nodes (n,) interpolated at all pixel centres (height, width)."""
        at_nodes = values.reshape(self.nodes).astype(np.float32)
        down, across = (
            _weights(length, count) for length, count in zip(self.shape, self.nodes, strict=True)
        )
        return np.asarray(down @ at_nodes @ across.T, dtype=np.float32)


def _weights(length: int, count: int) -> Pixels:
    """Return the weights (length, count) of nodes at each pixel's centre."""
    position = (np.arange(length) + 0.5) * (count - 1) / length
    distance = np.abs(position[:, np.newaxis] - np.arange(count))
    return np.asarray(np.maximum(1 - distance, 0), dtype=np.float32)
