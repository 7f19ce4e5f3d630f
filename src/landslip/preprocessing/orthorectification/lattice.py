"""Coarse lattices of nodes over a window, and linear interpolation between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.preprocessing.orthorectification.resample import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Evenly spaced nodes from edge to edge of an array.

    Attributes:
        shape: of the array (height, width).
        nodes: number of nodes (down, across), at least 2 each.
    """

    shape: tuple[int, int]
    nodes: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], step_px: int) -> "Lattice":
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
