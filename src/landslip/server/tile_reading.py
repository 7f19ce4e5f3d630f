"""Pixels of a raster on the grid of a tile.

The tile's window of the level that fits is put together from decoded blocks, in the raster's own
coordinate system; OpenCV brings it to the tile. GDAL's warper takes several times as long where a
nodata value is declared.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.transformations import transformation
from landslip.server.raster_blocks import Level, Pixels, Span, choose_level, reduced

_RADIUS_M = 6_378_137.0
_HALF_WORLD_M = math.pi * _RADIUS_M
_MERCATOR = pyproj.CRS.from_epsg(3857)
_STEP_PX = 32  # between places that are transformed; those between are interpolated
_MARGIN_PX = 2
_MAX_READ_PX = 2048
_OUTSIDE = -1e6
_LEAST_VALID = 0.5

Places = NDArray[np.float32]
Numbers = NDArray[Any]
Valid = NDArray[np.bool_] | None
"""Where a tile has data; None: everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """What to read for a tile.

    Attributes:
        level: of the raster.
        rows: of the level, that are read.
        columns: the same.
        y: (side, side) places of the tile's pixels in what is read, in its pixels.
        x: the same.
        inside: whether all places are in the raster.
    """

    level: Level
    rows: Span
    columns: Span
    y: Places
    x: Places
    inside: bool

    @property
    def full_pixels(self) -> int:
        """How many pixels of the file are decoded, about."""
        count = (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])
        return count * self.level.reduction**2


def plan_tile(
    grid: Grid, shapes: tuple[tuple[int, int], ...], tile: tuple[int, int, int], side: int
) -> TilePlan | None:
    """Plan the reading of a tile (zoom, column, row); None where the raster does not reach it.

    Args:
        grid: of the raster.
        shapes: height and width of it and its overviews.
        tile: of the Web Mercator grid.
        side: of the tile, in pixels.
    """
    places = _places(grid, tile, side)
    height, width = grid.shape
    least, most = places.min(axis=(0, 1)), places.max(axis=(0, 1))
    if not (most > -1).all() or least[0] >= width + 1 or least[1] >= height + 1:
        return None
    level = choose_level(shapes, _step(places))
    while True:
        scale = np.array([level.shape[1] / width, level.shape[0] / height])
        columns, rows = (
            _range(least[axis] * scale[axis], most[axis] * scale[axis], size)
            for axis, size in ((0, level.shape[1]), (1, level.shape[0]))
        )
        if max(columns[1] - columns[0], rows[1] - rows[0]) <= _MAX_READ_PX:
            break
        at = 0 if level.overview is None else level.overview + 1
        level = reduced(shapes, at, level.reduction * 2)
    x, y = (
        _interpolated((places[..., axis] * scale[axis] - first - 0.5).astype(np.float32))
        for axis, first in ((0, columns[0]), (1, rows[0]))
    )
    return TilePlan(
        level=level,
        rows=rows,
        columns=columns,
        x=x,
        y=y,
        inside=bool((least >= 0).all() and most[0] < width and most[1] < height),
    )


def resampled(pixels: Pixels, plan: TilePlan) -> tuple[Numbers, Valid]:
    """Interpolate between valid pixels; a place is valid where most of its weight is.

    Returns:
        Numbers (side, side, bands), and where they are valid.
    """
    valid = _inside(plan)
    stacked = pixels.values.astype(np.float32)
    if pixels.missing is None:
        return _remapped(stacked, plan, cv2.INTER_LINEAR), valid
    stacked[pixels.missing] = 0  # also what is not finite
    weights = np.where(pixels.missing, np.float32(0), np.float32(1))
    weight = _remapped(weights, plan, cv2.INTER_LINEAR)
    known = weight[..., 0] >= _LEAST_VALID
    drawn = _remapped(stacked, plan, cv2.INTER_LINEAR)
    drawn /= np.maximum(weight, np.float32(1e-3))
    return drawn, known if valid is None else known & valid


def nearest(pixels: Pixels, plan: TilePlan) -> tuple[Numbers, Valid]:
    """Return the numbers (side, side, bands) of the nearest pixels, and where they are valid."""
    valid = _inside(plan)
    values = _remapped(pixels.values, plan, cv2.INTER_NEAREST)
    if pixels.missing is None:
        return values, valid
    missing = _remapped(pixels.missing.view(np.uint8), plan, cv2.INTER_NEAREST)
    known = missing[..., 0] == 0
    return values, known if valid is None else known & valid


def _remapped(picture: Numbers, plan: TilePlan, method: int) -> Numbers:
    drawn = cv2.remap(picture, plan.x, plan.y, method, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn).reshape(*plan.x.shape, -1)


def _inside(plan: TilePlan) -> Valid:
    """Return which places are in the raster."""
    if plan.inside:
        return None
    x, y = plan.x, plan.y
    height, width = plan.level.shape
    return np.asarray(
        (x >= -0.5 - plan.columns[0])
        & (x < width - 0.5 - plan.columns[0])
        & (y >= -0.5 - plan.rows[0])
        & (y < height - 0.5 - plan.rows[0])
    )


def _places(grid: Grid, tile: tuple[int, int, int], side: int) -> NDArray[np.float64]:
    """Return x and y in pixels of the raster (n, n, 2) at knots of a tile, from edge to edge."""
    zoom, x, y = tile
    extent = 2 * _HALF_WORLD_M / 2**zoom
    knots = np.arange(0, side + 1, _STEP_PX) / side
    east = x * extent - _HALF_WORLD_M + knots * extent
    north = _HALF_WORLD_M - y * extent - knots * extent
    points = np.stack(np.meshgrid(east, north), axis=-1).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        pixels = grid.pixels(transformation(_MERCATOR, grid.crs).points(points))
    pixels[~np.isfinite(pixels).all(axis=1)] = _OUTSIDE
    return pixels.reshape(len(knots), len(knots), 2)


def _interpolated(knots: Places) -> Places:
    """Return values (side, side) in the middles of a tile's pixels, between knots (n, n).

    A product with a matrix of weights is slower: its threads wait for each other on busy cores.
    """
    count = len(knots) - 1
    after = ((np.arange(_STEP_PX, dtype=np.float32) + 0.5) / _STEP_PX)[:, np.newaxis]
    down = knots[:-1, np.newaxis] * (1 - after) + knots[1:, np.newaxis] * after
    down = down.reshape(count * _STEP_PX, count + 1)
    along = down[:, :-1, np.newaxis] * (1 - after.T) + down[:, 1:, np.newaxis] * after.T
    return np.asarray(along.reshape(count * _STEP_PX, -1))


def _step(places: NDArray[np.float64]) -> float:
    """Return the width of a tile's pixel in pixels of the raster, in its middle."""
    at = len(places) // 2
    along = math.hypot(*(places[at, at] - places[at, at - 1]))
    down = math.hypot(*(places[at, at] - places[at - 1, at]))
    return min(along, down) / _STEP_PX


def _range(least: float, most: float, size: int) -> Span:
    first = min(max(0, math.floor(least) - _MARGIN_PX), size - 1)
    last = min(size, math.ceil(most) + _MARGIN_PX + 1)
    return first, max(last, first + 1)
