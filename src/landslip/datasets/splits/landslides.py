"""Which tiles show parts of one landslide."""

from functools import lru_cache, partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.window import Window
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.splits.windows import touching_windows, window_of

_EIGHT = np.ones((3, 3), dtype=np.bool_)
_KEPT = 256

Parts = NDArray[np.int32]


def shared_landslides(dataset: TileDataset) -> list[NDArray[np.intp]]:
    """Return, for each landslide that several tiles of a scene show, the tiles' positions.

    A landslide is a set of labelled pixels that touch (8-neighbourhood), within a tile or across
    the edge of neighbouring or overlapping tiles of the same scene.
    """
    numbers = np.array([_parts(dataset, at).max(initial=0) for at in range(len(dataset))])
    first = np.concatenate([[0], np.cumsum(numbers, dtype=np.intp)])
    parts = lru_cache(maxsize=_KEPT)(partial(_parts, dataset))
    links = [
        (first[one] + here - 1, first[other] + there - 1)
        for one, other in _neighbours(dataset)
        for here, there in _touching(
            (window_of(dataset, one), window_of(dataset, other)), (parts(one), parts(other))
        )
    ]
    tile_of = np.repeat(np.arange(len(dataset)), numbers)
    rows, cols = np.array(links, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(first[-1], first[-1]))
    _, landslide_of = connected_components(graph, directed=False)
    order = np.argsort(landslide_of, kind="stable")
    ends = np.flatnonzero(np.diff(landslide_of[order])) + 1
    shown = [np.unique(tile_of[part]) for part in np.split(order, ends)]
    return [tiles for tiles in shown if len(tiles) > 1]


def _parts(dataset: TileDataset, position: int) -> Parts:
    """Number a tile's landslides from 1, (height, width)."""
    parts: Parts = ndimage.label(dataset.tile(position).label == LANDSLIDE, _EIGHT)[0]
    return parts


def _neighbours(dataset: TileDataset) -> list[tuple[int, int]]:
    """Return pairs of tiles with landslide that touch in their scene."""
    pairs, _ = touching_windows(dataset)
    shows = dataset.column("landslide_px")
    return [(one, other) for one, other in pairs.tolist() if shows[one] and shows[other]]


def _touching(windows: tuple[Window, Window], parts: tuple[Parts, Parts]) -> set[tuple[int, int]]:
    """Return which landslides of two tiles touch or overlap."""
    seam = _common(_wider(windows[0]), _wider(windows[1]))
    here, there = (_within(seam, *tile) for tile in zip(windows, parts, strict=True))
    found: set[tuple[int, int]] = set()
    height, width = seam.shape
    padded = np.pad(there, 1)
    for row, col in product(range(3), repeat=2):
        moved = padded[row : row + height, col : col + width]
        both = (here > 0) & (moved > 0)
        found |= set(zip(here[both].tolist(), moved[both].tolist(), strict=True))
    return found


def _within(seam: Window, window: Window, part: Parts) -> Parts:
    """Lay a tile's numbers (height, width) onto a seam; 0 beyond the tile."""
    laid = np.zeros(seam.shape, dtype=np.int32)
    covered = _common(seam, window)
    laid[covered.slices_in(seam)] = part[covered.slices_in(window)]
    return laid


def _wider(window: Window) -> Window:
    """Return a window with one pixel more on every side."""
    col, row = window.col_off - 1, window.row_off - 1
    return Window(col, row, window.width + 2, window.height + 2)


def _common(one: Window, other: Window) -> Window:
    """Return what two windows share; they do."""
    col, row = max(one.col_off, other.col_off), max(one.row_off, other.row_off)
    col_end, row_end = min(one.col_end, other.col_end), min(one.row_end, other.row_end)
    return Window(col, row, col_end - col, row_end - row)
