"""How long pixels are on the ground."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid


def metres_matrix(grid: Grid) -> NDArray[np.float64] | None:
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


def longest_step_m(grid: Grid) -> float | None:
    """Return how far on the ground a step of one pixel's side leads at most, whichever its way."""
    matrix = metres_matrix(grid)
    if matrix is None or grid.crs is None:
        return None
    if grid.crs.is_geographic:  # as at the equator, where a degree of longitude is longest
        matrix[0] /= max(float(np.cos(np.radians(_middle_latitude(grid)))), 1e-6)
    return float(np.linalg.norm(matrix, 2))


def _middle_latitude(grid: Grid) -> float:
    return float(grid.corners(grid.window)[:4, 1].mean())
