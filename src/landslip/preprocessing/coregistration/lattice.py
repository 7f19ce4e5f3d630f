"""Grids that share the corners of each other's pixels, and the way from one grid to another."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.grid import Grid, map_points
from landslip.core.window import Window

Points = NDArray[np.float64]
Displacement = Callable[[Points], Points]
_ROUNDS = 3  # displacements change by far less than a pixel from pixel to pixel
_SIDE_POINTS = 33
# pixels of nearly one size count as equal
_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where to look in a scene: ``displacement`` further on than its georeferencing says.

    Attributes:
        frame: the grid in whose pixel coordinates displacements are given and measured.
        displacement: shifts (n, 2) at points (n, 2); None for none.
    """

    frame: Grid
    displacement: Displacement | None = None

    def done(self, points: Points) -> Points:
        """Return where things at points (n, 2) of the frame are said to be."""
        return points if self.displacement is None else points + self.displacement(points)

    def undone(self, said: Points) -> Points:
        """Return where things are that are said to be at points (n, 2) of the frame."""
        points = said
        for _ in range(_ROUNDS if self.displacement is not None else 0):
            points = said - (self.done(points) - points)
        return points


class PixelMap:
    """The way from pixel coordinates of one grid to those of another one."""

    def __init__(self, source: Grid, target: Grid) -> None:
        """Both grids have a coordinate system, or neither has."""
        self._there = source.transform
        self._back = ~target.transform
        self._between = None
        if source.crs is not None and target.crs is not None and source.crs != target.crs:
            here, there = (pyproj.CRS(crs.to_wkt()) for crs in (source.crs, target.crs))
            self._between = pyproj.Transformer.from_crs(here, there, always_xy=True)

    def __call__(self, points: Points) -> Points:
        """Map (n, 2) pixel coordinates (column, row); not finite where there is no way."""
        ground = map_points(self._there, points)
        if self._between is not None:
            ground = np.column_stack(self._between.transform(ground[:, 0], ground[:, 1]))
        with np.errstate(invalid="ignore"):  # of what has no place: infinite
            return map_points(self._back, ground)


def pixel_ratio(moving: Grid, reference: Grid) -> float:
    """Return how many pixels of the reference are as wide as one of the moving grid's centre."""
    middle = np.array(moving.shape[::-1]) / 2
    steps = np.array([[0, 0], [1, 0], [0, 1]], dtype=np.float64)
    origin, right, down = PixelMap(moving, reference)(middle + steps)
    a, c = right - origin
    b, d = down - origin
    return math.sqrt(abs(float(a * d - b * c)))


def matching_grid(moving: Grid, reference: Grid) -> Grid:
    """Return the reference's grid, coarsened by a whole number where the moving one is coarser."""
    return reference.coarser(_whole_times(pixel_ratio(moving, reference)), covering=True)


def output_grid(moving: Grid, reference: Grid, moved: Moved | None = None) -> Grid:
    """Return a grid on the reference's lattice that covers the moving grid, once it is moved.

    Its pixels are the reference's where the two are of one size. Where the moving grid is finer,
    each of the reference's pixels is divided into a whole number of them; where it is coarser, they
    are a whole number of the reference's: always the largest that are not coarser than the moving
    grid's by more than a tenth.
    """
    ratio = pixel_ratio(moving, reference)
    if ratio >= 1:
        lattice = reference.coarser(_whole_times(ratio), covering=True)
    else:
        lattice = reference.finer(max(math.ceil(1 / ratio - _TOLERANCE), 1))
    return lattice.at(footprint(moving, lattice, moved))


def footprint(grid: Grid, lattice: Grid, moved: Moved | None = None) -> Window:
    """Return the smallest window of another grid that holds a grid's outline, once it is moved."""
    moved = moved or Moved(frame=lattice)
    height, width = grid.shape
    along = np.linspace(0, 1, _SIDE_POINTS)
    zero, one = np.zeros_like(along), np.ones_like(along)
    cols = np.concatenate([along, along, zero, one]) * width
    rows = np.concatenate([zero, one, along, along]) * height
    said = PixelMap(grid, moved.frame)(np.column_stack([cols, rows]))
    said = said[np.all(np.isfinite(said), axis=1)]
    if len(said) == 0:
        return Window(-1, -1, 1, 1)  # nowhere on the lattice
    seen = map_points(~lattice.transform @ moved.frame.transform, moved.undone(said))
    # outlines on a pixel's edge, but for rounding, do not reach into the next pixel
    low, high = np.floor(seen.min(axis=0) + 1e-6), np.ceil(seen.max(axis=0) - 1e-6)
    size = np.maximum(high - low, 1)
    return Window(int(low[0]), int(low[1]), int(size[0]), int(size[1]))


def _whole_times(ratio: float) -> int:
    return max(math.floor(ratio + _TOLERANCE), 1)
