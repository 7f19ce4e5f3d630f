"""Pixels of a raster on the grid of a tile.

rio-tiler reads a window of the raster, from the overview that fits, in the raster's own coordinate
system; OpenCV brings it to the tile. GDAL's warper takes several times as long where a nodata value
is declared.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import pyproj
from numpy.typing import NDArray
from rio_tiler import reader

from landslip.core.crs import transformation
from landslip.core.grid import Grid

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_RADIUS_M = 6_378_137.0
_HALF_WORLD_M = math.pi * _RADIUS_M
_MERCATOR = pyproj.CRS.from_epsg(3857)
_STEP_PX = 16  # between places that are transformed; those between are interpolated
_MARGIN_PX = 2
_MAX_READ_PX = 2048
_OUTSIDE = -1e6
_WHOLE_UP_TO = 1.5  # pixels of the raster in one of the tile: below, all are read
_LEAST_VALID = 0.5

Places = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePlan:
    """What to read for a tile.

    Attributes:
        window: rows and columns of the raster, first and last (exclusive).
        shape: height and width to read it at.
        columns: (side, side) places of the tile's pixels in what is read, in its pixels.
        rows: the same.
    """

    window: tuple[tuple[int, int], tuple[int, int]]
    shape: tuple[int, int]
    columns: Places
    rows: Places


def plan_tile(grid: Grid, tile: tuple[int, int, int], side: int) -> TilePlan | None:
    """Plan the reading of a tile (zoom, column, row); None where the raster does not reach it."""
    columns, rows = _places(grid, tile, side)
    height, width = grid.shape
    inside = (columns > -1) & (columns < width + 1) & (rows > -1) & (rows < height + 1)
    if not inside.any():
        return None
    ratio = _step(columns, rows)
    if ratio < _WHOLE_UP_TO:
        ratio = 1.0
    margin = _MARGIN_PX * ratio
    first_column, last_column = _range(columns[inside], margin, width)
    first_row, last_row = _range(rows[inside], margin, height)
    shape = (
        min(max(1, math.ceil((last_row - first_row) / ratio)), _MAX_READ_PX),
        min(max(1, math.ceil((last_column - first_column) / ratio)), _MAX_READ_PX),
    )
    row_scale = shape[0] / (last_row - first_row)
    column_scale = shape[1] / (last_column - first_column)
    return TilePlan(
        window=((first_row, last_row), (first_column, last_column)),
        shape=shape,
        columns=((columns - first_column) * column_scale - 0.5).astype(np.float32),
        rows=((rows - first_row) * row_scale - 0.5).astype(np.float32),
    )


def read_tile(
    source: "DatasetReader",
    plan: TilePlan,
    bands: tuple[int, ...],
    nodata: tuple[float | None, ...],
    method: Literal["bilinear", "nearest"],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return stored numbers (bands, side, side) and where they are valid (side, side).

    Args:
        source: an opened raster.
        plan: of the tile.
        bands: indexes from 1.
        nodata: of these bands; 0 marks what is missing only where all bands are 0.
        method: ``nearest`` for classes.
    """
    image = reader.read(
        source,
        window=plan.window,
        height=plan.shape[0],
        width=plan.shape[1],
        indexes=bands,
        resampling_method=method,
    )
    values = image.array.data
    masks = np.ma.getmaskarray(image.array)
    missing = np.asarray(masks.all(axis=0) if {*nodata} == {0.0} else masks.any(axis=0))
    if values.dtype.kind == "f":
        missing = missing | ~np.isfinite(values).all(axis=0)
    if method == "nearest":
        return _nearest(values, missing, plan)
    return _bilinear(values, missing, plan)


def _nearest(
    values: NDArray[Any], missing: NDArray[np.bool_], plan: TilePlan
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    height, width = missing.shape
    rows, columns = np.rint(plan.rows).astype(int), np.rint(plan.columns).astype(int)
    inside = _is_inside(plan, height, width)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    return values[:, rows, columns], inside & ~missing[rows, columns]


def _bilinear(
    values: NDArray[Any], missing: NDArray[np.bool_], plan: TilePlan
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Interpolate between valid pixels; a pixel is valid where most of its weight is."""
    height, width = missing.shape
    valid = _is_inside(plan, height, width)
    stacked = np.ascontiguousarray(np.moveaxis(values, 0, -1), dtype=np.float32)
    if missing.any():
        weights = np.where(missing, np.float32(0), np.float32(1))
        stacked *= weights[..., np.newaxis]
        stacked[missing] = 0  # also what is not finite
        weight = _remapped(weights, plan)
        valid &= weight >= _LEAST_VALID
        drawn = _remapped(stacked, plan).reshape(*weight.shape, -1)
        drawn /= np.maximum(weight, np.float32(1e-3))[..., np.newaxis]
    else:
        drawn = _remapped(stacked, plan).reshape(*valid.shape, -1)
    return np.moveaxis(drawn, -1, 0), valid


def _remapped(picture: NDArray[np.float32], plan: TilePlan) -> NDArray[np.float32]:
    drawn = cv2.remap(
        picture, plan.columns, plan.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(drawn, dtype=np.float32)


def _is_inside(plan: TilePlan, height: int, width: int) -> NDArray[np.bool_]:
    return np.asarray(
        (plan.columns >= -0.5)
        & (plan.columns < width - 0.5)
        & (plan.rows >= -0.5)
        & (plan.rows < height - 0.5)
    )


def _places(
    grid: Grid, tile: tuple[int, int, int], side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns and rows (side, side) of the raster at the middles of a tile's pixels."""
    zoom, x, y = tile
    extent = 2 * _HALF_WORLD_M / 2**zoom
    knots = np.arange(0, side + 1, _STEP_PX) / side
    east = x * extent - _HALF_WORLD_M + knots * extent
    north = _HALF_WORLD_M - y * extent - knots * extent
    points = np.stack(np.meshgrid(east, north), axis=-1).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        pixels = grid.pixels(transformation(_MERCATOR, grid.crs).points(points))
    pixels[~np.isfinite(pixels).all(axis=1)] = _OUTSIDE
    coarse = pixels.reshape(len(knots), len(knots), 2)
    middles = (np.arange(side) + 0.5) / _STEP_PX
    return _interpolated(coarse[..., 0], middles), _interpolated(coarse[..., 1], middles)


def _interpolated(coarse: NDArray[np.float64], middles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values between the knots of a square lattice."""
    at = np.minimum(middles.astype(int), len(coarse) - 2)
    share = middles - at
    rows = coarse[at] * (1 - share)[:, np.newaxis] + coarse[at + 1] * share[:, np.newaxis]
    return np.asarray(rows[:, at] * (1 - share) + rows[:, at + 1] * share)


def _step(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> float:
    """Return the width of a tile's pixel in pixels of the raster, in its middle."""
    at = len(columns) // 2
    along = np.hypot(columns[at, at] - columns[at, at - 1], rows[at, at] - rows[at, at - 1])
    down = np.hypot(columns[at, at] - columns[at - 1, at], rows[at, at] - rows[at - 1, at])
    return float(min(along, down))


def _range(places: NDArray[np.float64], margin: float, size: int) -> tuple[int, int]:
    first = max(0, math.floor(places.min() - margin))
    last = min(size, math.ceil(places.max() + margin) + 1)
    return min(first, size - 1), max(last, min(first, size - 1) + 1)
