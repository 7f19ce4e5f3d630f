"""Shapes of pixels, and ground under them."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Landslides, Outlines, concatenate_landslides

Mask = NDArray[np.bool_]
SIDE = 80
_Y, _X = np.mgrid[:SIDE, :SIDE] + 0.5


def disc(x: float, y: float, radius: float) -> Mask:
    """Return the pixels of a disc."""
    inside: Mask = np.hypot(_X - x, _Y - y) < radius
    return inside


def box(left: int, right: int, top: int, bottom: int) -> Mask:
    """Return the pixels of a rectangle."""
    columns, rows = np.clip(_X, left, right) == _X, np.clip(_Y, top, bottom) == _Y
    inside: Mask = columns & rows
    return inside


def winding() -> Mask:
    """Return one tongue that winds."""
    inside: Mask = (np.abs(_X - 40 - 18 * np.sin(_Y / 10)) < 6) & (_Y > 5) & (_Y < 75)
    return inside


TONGUE = box(30, 42, 10, 70)
TONGUES = box(20, 34, 10, 70) | box(36, 50, 10, 70) | box(34, 36, 35, 45)
BRIDGED = box(20, 32, 10, 70) | box(20, 60, 38, 41) | box(48, 60, 10, 70)
HOURGLASS = disc(40, 24, 15) | disc(40, 56, 15) | box(37, 43, 30, 50)
RING = disc(40, 40, 25) & ~disc(40, 40, 15)
ANGLE = box(20, 32, 10, 70) | box(20, 60, 58, 70)
HORSESHOE = ANGLE | box(48, 60, 10, 70)
CROSS = box(10, 70, 34, 46) | box(34, 46, 10, 70)
DISCS = disc(16, 40, 12) | disc(38, 40, 12) | disc(60, 40, 12)
LONG_NECK = disc(40, 18, 12) | disc(40, 64, 10) | box(37, 43, 18, 64)


def landslides_of(mask: Mask) -> Landslides:
    """Return what an extraction makes of a mask."""
    collector = Polygonizer()
    collector.add(mask, np.full(mask.shape, 200, dtype=np.uint8))
    return concatenate_landslides(collector.finish())


def outlines_of(mask: Mask) -> Outlines:
    """Return the outlines of a mask's groups of pixels."""
    return landslides_of(mask).outlines


class Slope:
    """A plane that rises east and north by so many metres a metre."""

    def __init__(self, east: float, north: float) -> None:
        self.rise = (east, north)

    def heights_on(self, grid: Grid) -> NDArray[np.float32]:
        """Return heights at the centres of pixels."""
        rows, cols = np.mgrid[: grid.shape[0], : grid.shape[1]] + 0.5
        a, b, c, d, e, f = grid.transform[:6]
        x, y = a * cols + b * rows + c, d * cols + e * rows + f
        east, north = self.rise
        heights = 1000 + east * (x - 500_000) + north * (y - 4_000_000)
        return np.asarray(heights, dtype=np.float32)
