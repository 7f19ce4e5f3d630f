"""Where the ground falls at a neck between landslides."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inventory.polygons.necks import Neck
from landslip.inventory.polygons.pixel_size import metres_matrix

_FLAT = 0.02
_LEAST_RADIUS_PX = 15.0


class Heights(Protocol):
    """Where heights of the ground come from."""

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return metres at the centres of a grid's pixels (height, width); NaN where none is."""


def flow_across(heights: Heights | None, grid: Grid, neck: Neck) -> float | None:
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
    metres = metres_matrix(place)
    if metres is None:
        return None
    line = metres @ np.subtract(neck.end, neck.start)
    return share_across(heights.heights_on(place), metres, line)


def share_across(
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
