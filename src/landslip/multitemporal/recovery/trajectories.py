"""NDVI of landslides and of their neighbours on every date of a series."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.progress import Progress
from landslip.core.window import Window, tile_windows
from landslip.inventory.pixel_runs import PixelRuns, pixel_runs
from landslip.multitemporal.recovery.landslides import FailedSlopes
from landslip.multitemporal.series.folder import Series
from landslip.multitemporal.vegetation_index import read_ndvi

GAP_PX = 2.0
"""Between a landslide and its neighbours: mixed pixels, and the error of registration."""
RING_PX, RING_M = 5.0, 30.0
"""Width of the ring of neighbours: the larger of both."""
LEAST_NEIGHBOURS_PX = 20
_TILE_PX = 512
_MOST_PX = 4000  # of a landslide or of its ring that are kept; of more, every second or third
_BLOCK_PX = 8
_MOST_LANDSLIDES = 500  # at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectories:
    """NDVI of landslides; ``landslide`` (p,) ascending is that of each pixel.

    Attributes:
        landslide: (p,) int64, from 0.
        ndvi: (p, dates) float32, NaN where not seen.
        block: (p,) int64, number of a square of 8 px on the grid.
        neighbours: (n, dates) median NDVI of the undisturbed ring; NaN with under 20 seen pixels.
        pixels: (n,) of each landslide, all.
    """

    landslide: NDArray[np.int64]
    ndvi: NDArray[np.float32]
    block: NDArray[np.int64]
    neighbours: NDArray[np.float64]
    pixels: NDArray[np.int64]


def neighbouring(in_pixels: NDArray[np.object_]) -> list[NDArray[np.int64]]:
    """Return the numbers of polygons (n,) in portions of 500 that are near each other."""
    left, top, right, bottom = shapely.bounds(in_pixels).T
    tile_cols, tile_rows = ((left + right) // 2 // _TILE_PX, (top + bottom) // 2 // _TILE_PX)
    order = np.lexsort((tile_cols, tile_rows))
    return np.split(order, range(_MOST_LANDSLIDES, len(order), _MOST_LANDSLIDES))


def read_trajectories(series: Series, landslides: FailedSlopes, progress: Progress) -> Trajectories:
    """Read a series tile by tile, and only where there are landslides.

    Of landslides of more than 4,000 pixels every second, third, ... pixel is kept, and so of rings:
    memory grows with the number of landslides, so give some of them at a time.
    """
    count, dates = len(landslides.ids), len(series.days)
    resolution_m = series.grid.resolution_m
    width_px = max(RING_PX, RING_PX if resolution_m is None else RING_M / resolution_m)
    inside = pixel_runs(landslides.in_pixels)
    beside = shapely.buffer(landslides.in_pixels, GAP_PX, quad_segs=4)
    around = shapely.buffer(landslides.in_pixels, GAP_PX + width_px, quad_segs=4)
    ring = pixel_runs(shapely.difference(around, beside))
    extent = shapely.box(*shapely.total_bounds(around))
    beside_them = landslides.disturbed[shapely.intersects(landslides.disturbed, extent)]
    disturbed = pixel_runs(shapely.buffer(beside_them, GAP_PX, quad_segs=4))
    pixels, ring_pixels = (
        np.bincount(runs.polygon, runs.stop - runs.start, count).astype(np.int64)
        for runs in (inside, ring)
    )
    strides, ring_strides = (
        np.maximum(-(-sizes // _MOST_PX), 1) for sizes in (pixels, ring_pixels)
    )
    found: list[tuple[NDArray[np.int64], ...]] = []
    values: list[NDArray[np.float32]] = []
    beyond: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    tiles = list(_tiles(series, (inside, ring)))
    for done, (tile, (own, near)) in enumerate(tiles):
        ndvi = np.stack([read_ndvi(series, at, tile)[0] for at in range(dates)])
        mask = np.zeros(tile.shape, dtype=np.bool_)
        _, rows, cols = disturbed.clipped(tile).pixels()
        mask[rows - tile.row_off, cols - tile.col_off] = True
        landslide, rows, cols = _thinned(own, strides)
        found.append((landslide, rows, cols))
        values.append(ndvi[:, rows - tile.row_off, cols - tile.col_off].T)
        landslide, rows, cols = _thinned(near, ring_strides)
        kept = ~mask[rows - tile.row_off, cols - tile.col_off]
        rows, cols = rows[kept] - tile.row_off, cols[kept] - tile.col_off
        beyond.append((landslide[kept], ndvi[:, rows, cols].T))
        progress(done + 1, len(tiles))
    landslide, rows, cols = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(landslide, kind="stable")
    wide = -(-series.grid.shape[1] // _BLOCK_PX)
    blocks = rows // _BLOCK_PX * wide + cols // _BLOCK_PX
    return Trajectories(
        landslide=landslide[order],
        ndvi=np.concatenate(values)[order],
        block=blocks[order],
        neighbours=_medians(beyond, count, dates),
        pixels=pixels,
    )


def _tiles(series: Series, sets: tuple[PixelRuns, ...]) -> Iterator[tuple[Window, list[PixelRuns]]]:
    """Yield the tiles of a series that hold runs of any set, with those."""
    for square in tile_windows(series.grid.shape, _TILE_PX):
        tile = square.clipped(series.grid.shape)
        if tile is not None and any(map(len, parts := [runs.clipped(tile) for runs in sets])):
            yield tile, parts


def _thinned(
    runs: PixelRuns, strides: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return polygon, row and column of every so many pixels of each polygon."""
    polygon, rows, cols = runs.pixels()
    kept = (rows + cols) % strides[polygon] == 0
    return polygon[kept], rows[kept], cols[kept]


def _medians(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]], count: int, dates: int
) -> NDArray[np.float64]:
    medians: NDArray[np.float64] = np.full((count, dates), np.nan)
    owner = np.concatenate([part[0] for part in parts])
    order = np.argsort(owner, kind="stable")
    values = np.concatenate([part[1] for part in parts])[order]
    limits = np.searchsorted(owner[order], np.arange(count + 1))
    for at, (start, stop) in enumerate(itertools.pairwise(limits.tolist())):
        enough = np.isfinite(values[start:stop]).sum(axis=0) >= LEAST_NEIGHBOURS_PX
        medians[at, enough] = np.nanmedian(values[start:stop, enough], axis=0)
    return medians
