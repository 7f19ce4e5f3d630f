"""Reviewed ground as labels; ground that nobody looked at is not labelled.

A pixel's label follows from four kinds of outlines, the later over the earlier:

1. Nothing is known: the pixel is not labelled.
2. A cell that was looked at: background.
3. A rim of `RIM_PX` around each judged polygon: background. Who judges an outline sees what is
   beside it.
4. A rejected polygon: background.
5. A polygon that nobody judged, with a margin of `MARGIN_PX`: not labelled, also in cells that were
   looked at.
6. An accepted, corrected or drawn polygon: landslide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import Grid
from landslip.core.labels import BACKGROUND, IGNORE, LANDSLIDE
from landslip.core.window import Window
from landslip.io.labels import LabelPolygons
from landslip.io.raster import SceneOptions
from landslip.preprocessing.stack.scene import StackSources

MARGIN_PX, RIM_PX = 2, 3
Outlines = NDArray[np.object_]


def no_outlines() -> Outlines:
    """Return an empty array of outlines."""
    return np.empty(0, dtype=object)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewedScene:
    """What people decided about a scene; all outlines are in its coordinate system.

    Attributes:
        scene: the file.
        landslides: polygons (n,) that were accepted, corrected or drawn, as they are now.
        rejected: polygons (n,) that are no landslide.
        unjudged: polygons (n,) of the map that nobody judged.
        looked_at: cells (n,) in which somebody looked for what is missing.
        options: what is stated about the scene.
        sources: of bands besides the scene's own.
    """

    scene: Path
    landslides: Outlines = field(default_factory=no_outlines)
    rejected: Outlines = field(default_factory=no_outlines)
    unjudged: Outlines = field(default_factory=no_outlines)
    looked_at: Outlines = field(default_factory=no_outlines)
    options: SceneOptions = field(default_factory=SceneOptions)
    sources: StackSources = field(default_factory=StackSources)

    @cached_property
    def judged(self) -> Outlines:
        """All polygons (n,) that somebody judged."""
        return np.concatenate([self.landslides, self.rejected])

    def label(self, grid: Grid, window: Window) -> NDArray[np.uint8]:
        """Return the label (height, width) of a window of the scene's grid; see the module."""
        near = window.padded(RIM_PX)
        judged = self._covered("judged", grid, near)
        unjudged = self._covered("unjudged", grid, near)
        inside = window.slices_in(near)
        label = np.full(window.shape, IGNORE, dtype=np.uint8)
        label[self._covered("looked_at", grid, window)] = BACKGROUND
        label[_within(judged, RIM_PX)[inside]] = BACKGROUND
        label[_within(unjudged, MARGIN_PX)[inside]] = IGNORE
        label[self._covered("landslides", grid, window)] = LANDSLIDE
        return label

    @cached_property
    def _trees(self) -> dict[str, shapely.STRtree]:
        names = ("judged", "unjudged", "looked_at", "landslides")
        return {name: shapely.STRtree(getattr(self, name)) for name in names}

    def _covered(self, name: str, grid: Grid, window: Window) -> NDArray[np.bool_]:
        """Return which pixels (height, width) of a window have their centre in an outline."""
        outlines = getattr(self, name)
        near = self._trees[name].query(shapely.Polygon(grid.corners(window)))
        return LabelPolygons(geometries=outlines[near], notes=()).rasterize(grid, window)

    def reached(self, grid: Grid, tile: int) -> list[Window]:
        """Return the tiles of the scene that its labels reach, row by row."""
        known = [one for one in (self.judged, self.looked_at) if len(one)]
        if not known:
            return []
        shapes = np.concatenate(known)
        bounds = shapely.bounds(shapes)
        corners = np.concatenate([bounds[:, [x, y]] for x in (0, 2) for y in (1, 3)])
        cols, rows = grid.pixels(corners).T.reshape(2, 4, len(shapes))
        (height, width), reached = grid.shape, set()
        for left, right, top, bottom in zip(
            cols.min(axis=0), cols.max(axis=0), rows.min(axis=0), rows.max(axis=0), strict=True
        ):
            first_col, last_col = max(left - RIM_PX, 0) // tile, min(right + RIM_PX, width - 1)
            first_row, last_row = max(top - RIM_PX, 0) // tile, min(bottom + RIM_PX, height - 1)
            for row in range(int(first_row), int(last_row // tile) + 1):
                reached |= {(row, col) for col in range(int(first_col), int(last_col // tile) + 1)}
        return [Window(col * tile, row * tile, tile, tile) for row, col in sorted(reached)]


def _within(mask: NDArray[np.bool_], distance_px: float) -> NDArray[np.bool_]:
    """Return which pixels are in a mask or at most that far from it."""
    if not mask.any():
        return mask
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~mask) <= distance_px
    return near


def combined_label(labels: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the label of several reviews of one window; not labelled where they disagree."""
    each = np.stack(labels)
    is_landslide, is_background = ((each == kind).any(axis=0) for kind in (LANDSLIDE, BACKGROUND))
    label = np.where(is_landslide, np.uint8(LANDSLIDE), np.uint8(BACKGROUND))
    label[is_landslide == is_background] = IGNORE
    return label
