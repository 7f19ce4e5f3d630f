"""Blocks of reviewed ground, which are never divided between folds."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.datasets.splits.spatial import BLOCK_TILES
from landslip.review.ground import Outlines

_WANTED_BLOCKS = 12


def blocks_of_ground(
    footprints: Outlines, landslide: Sequence[bool], least: int = _WANTED_BLOCKS
) -> list[str]:
    """Return the name of the block of ground that each tile is in.

    Tiles that touch are one block, also across scenes, unless fewer than ``least`` blocks would
    have landslides then: what is wider than a square of 4 tiles a side is cut into such squares, if
    need be into those of 2 tiles, or of one.

    Args:
        footprints: rectangles (tiles,) on one plane.
        landslide: whether each tile has a landslide.
        least: number of blocks with landslides to aim at.
    """
    side = float(np.sqrt(np.median(shapely.area(footprints))))
    one, other = shapely.STRtree(footprints).query(
        footprints, predicate="dwithin", distance=side * 1e-3
    )
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(footprints),) * 2)
    _, component = connected_components(graph, directed=False)
    names = [f"{number}" for number in component]
    for tiles in (BLOCK_TILES, BLOCK_TILES // 2, 1):
        if _with_landslides(names, landslide) >= least:
            break
        names = _cut(footprints, component, tiles * side)
    return names


def _with_landslides(names: Sequence[str], landslide: Sequence[bool]) -> int:
    return len({name for name, has in zip(names, landslide, strict=True) if has})


def _cut(footprints: Outlines, component: NDArray[np.integer], side: float) -> list[str]:
    """Cut components that are wider than a square of a side into squares, from their corner."""
    centres = shapely.get_coordinates(shapely.centroid(footprints))
    names = [""] * len(footprints)
    for number in np.unique(component):
        members = np.flatnonzero(component == number)
        left, bottom, right, top = shapely.total_bounds(footprints[members])
        is_small = max(right - left, top - bottom) <= side * 1.01
        for at in members:
            col, row = (centres[at] - (left, bottom)) // side
            names[at] = f"{number}" if is_small else f"{number} r{row:.0f} c{col:.0f}"
    return names
