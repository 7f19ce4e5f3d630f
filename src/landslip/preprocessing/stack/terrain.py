"""Terrain bands on a scene's grid, derived from an elevation model of any grid and system.

With p and q the rises in metres for a metre east and north of the map (Horn 1981, doi
10.1109/PROC.1981.11918):

- ``slope``: atan(sqrt(p² + q²)), degrees;
- ``eastness``, ``northness``: -p and -q over sqrt(1 + p² + q²), the sine of the slope times the
  sine and cosine of the aspect (Amatulli et al. 2020, doi 10.1038/s41597-020-0479-6). They are the
  horizontal part of the ground's normal: continuous where the ground is level and the aspect is
  not, and turned as a vector is where an image is turned;
- ``curvature``: minus the sum of the second derivatives to east and north, per metre, by least
  squares over 3 x 3 heights (Evans 1980): positive on ridges, negative in hollows, whichever way
  an image is turned;
- ``elevation``: metres over the model's own vertical datum.

A hillshade is not among them: it is shaded from one direction, so that images of it must not be
flipped or turned, and slope, eastness and northness hold all of it.

Derivatives are computed on the model's own pixels and are bilinear in between, so that no steps of
interpolated heights show. A model finer than the scene is averaged first, to pixels not coarser
than the scene's.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points, window_around
from landslip.core.map_distances import MapPlane
from landslip.core.messages import Message, message
from landslip.core.transformations import datum_note
from landslip.core.window import Window, tile_windows
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.coregistration.displaced_scene import block_means
from landslip.preprocessing.elevation_model import ModelTransform, horn_rises
from landslip.preprocessing.resampling import NodeLattice, Pixels

_NODE_PX = 32
_MARGIN_PX = 2
_READ_PX = 2048
_SIZE_TOLERANCE = 0.1  # pixels of nearly one size count as equal
_PROBES = 33


def derivatives(heights: Pixels) -> Pixels:
    """Return derivatives of heights (height, width) by column and row, (5, height - 2, width - 2).

    They are d/dc, d/dr, d²/dc², d²/dcdr and d²/dr², in units of a pixel; NaN where one of the 3 x 3
    heights is.
    """
    by_column, by_row = horn_rises(heights)
    rows = heights[:-2] + heights[1:-1] + heights[2:]
    cols = heights[:, :-2] + heights[:, 1:-1] + heights[:, 2:]
    bent_cols = (rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]) / 3
    bent_rows = (cols[:-2] - 2 * cols[1:-1] + cols[2:]) / 3
    corners = heights[2:, 2:] + heights[:-2, :-2] - heights[2:, :-2] - heights[:-2, 2:]
    found = np.stack([by_column, by_row, bent_cols, corners / 4, bent_rows])
    found[:, np.isnan(found).any(axis=0)] = np.nan
    return found


def terrain_values(
    heights: Pixels, derived: NDArray[np.floating], jacobians: NDArray[np.float64]
) -> dict[str, Pixels]:
    """Return all terrain bands (height, width) by name.

    Args:
        heights: (height, width) in metres.
        derived: (5, height, width), as `derivatives` returns them.
        jacobians: (2, 2, height, width), d(column, row) / d(east, north) in pixels per metre.
    """
    by_column, by_row, cc, cr, rr = derived
    (col_east, col_north), (row_east, row_north) = jacobians
    east = by_column * col_east + by_row * row_east
    north = by_column * col_north + by_row * row_north
    steepness = np.hypot(east, north)
    length = np.hypot(1.0, steepness)
    bend = (
        cc * (col_east**2 + col_north**2)
        + 2 * cr * (col_east * row_east + col_north * row_north)
        + rr * (row_east**2 + row_north**2)
    )
    values = {
        "slope": np.degrees(np.arctan(steepness)),
        "northness": -north / length,
        "eastness": -east / length,
        "curvature": -bend,
        "elevation": heights,
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


class TerrainBands(Closeable):
    """An elevation model, read as terrain bands on a scene's grid; a context manager."""

    def __init__(self, path: Path, grid: Grid) -> None:
        """Open a raster of heights.

        Raises:
            InputError: it is none, the grid has no coordinate system, or it covers nothing of it.
        """
        if grid.crs is None:
            raise InputError(
                f"{path}: terrain cannot be read for a scene that has no coordinate system; assign "
                f"one, or leave {argument('dem')} out"
            )
        self.path, self._scene = path, grid
        self._file = ElevationRaster(path)
        try:
            own = self._file.grid
            plane = MapPlane.of(own.crs)
            if plane is None:
                raise InputError(
                    f"{path}: an elevation model needs a projected or geographic coordinate system"
                )
            fine, coarse = own.resolution_m, grid.resolution_m
            ratio = coarse / fine if fine and coarse else 1.0
            self._times = max(math.floor(ratio + _SIZE_TOLERANCE), 1)
            self._grid = own.coarser(self._times)
            self._transform = ModelTransform.between(grid.crs, plane, self._grid)
            self.notes = tuple(self._survey())
        except InputError:
            self._file.close()
            raise

    def _survey(self) -> list[Message]:
        """Return notes on datum and coverage; refuse a model that is elsewhere."""
        (height, width), notes = self._scene.shape, []
        rows, cols = (np.linspace(0.5, side - 0.5, _PROBES) for side in (height, width))
        places = np.column_stack([axis.ravel() for axis in np.meshgrid(cols, rows)])
        pixels = self._transform.pixels(map_points(self._scene.transform, places))
        last = np.array(self._grid.shape[::-1])
        covered = float(np.mean(((pixels >= 0) & (pixels <= last)).all(axis=1)))
        if covered == 0:
            raise InputError(
                f"{self.path}: the elevation model covers nothing of the scene; choose one that "
                f"does, or leave {argument('dem')} out"
            )
        if covered < 1:
            notes.append(message("stack.dem_part", file=self.path.name, share=covered))
        place = np.array([shapely.Point(self._scene.middle)], dtype=object)
        shift = datum_note(self.path.name, self._file.grid.crs, self._scene.crs, place)
        return notes if shift is None else [*notes, shift]

    def read(self, window: Window, names: Sequence[str]) -> Pixels:
        """Return terrain bands (bands, height, width) at a window; NaN where unknown.

        The window may reach beyond the scene.
        """
        # nodes at fixed places of the scene, so that a pixel does not depend on its window
        left, top = (start // _NODE_PX * _NODE_PX for start in (window.col_off, window.row_off))
        right, bottom = (-(-end // _NODE_PX) * _NODE_PX for end in (window.col_end, window.row_end))
        lattice = NodeLattice.over((bottom - top, right - left), _NODE_PX)
        inner = (
            slice(window.row_off - top, window.row_end - top),
            slice(window.col_off - left, window.col_end - left),
        )

        def at_pixels(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(lattice.interpolate(values, np.float64)[inner])

        nodes = map_points(self._scene.transform, np.add(lattice.points, (left, top)))
        pixels = self._transform.pixels(nodes)
        unknown = np.full((len(names), *window.shape), np.nan, dtype=np.float32)
        if not np.isfinite(pixels).all():
            return unknown
        source = window_around(pixels, _MARGIN_PX).clipped(self._grid.shape)
        if source is None:
            return unknown
        around = source.padded(1)
        heights = self._heights(around)
        places = np.stack([at_pixels(pixels[:, 1]), at_pixels(pixels[:, 0])])
        places -= np.array([source.row_off + 0.5, source.col_off + 0.5])[:, None, None]

        def bilinear(layer: Pixels) -> Pixels:
            return np.asarray(ndimage.map_coordinates(layer, places, order=1, cval=np.nan))

        derived = np.stack([bilinear(layer) for layer in derivatives(heights)])
        turned = self._transform.jacobians(nodes)
        jacobians = np.array(
            [[at_pixels(turned[:, row, col]) for col in range(2)] for row in range(2)]
        )
        found = terrain_values(bilinear(heights[1:-1, 1:-1]), derived, jacobians)
        return np.stack([found[name] for name in names])

    def _heights(self, window: Window) -> Pixels:
        """Return heights (height, width) at a window of the averaged model; NaN where unknown."""
        heights = np.full(window.shape, np.nan, dtype=np.float32)
        for tile in tile_windows(window.shape, max(_READ_PX // self._times, 1)):
            block = tile.clipped(window.shape) or tile
            fine = block.translated(window.col_off, window.row_off).scaled(self._times)
            held = fine.clipped(self._file.grid.shape)
            if held is None:
                continue
            found = np.full(fine.shape, np.nan, dtype=np.float32)
            found[held.slices_in(fine)] = self._file.read(held)
            if self._times > 1:
                means, known = block_means(found[np.newaxis], np.isfinite(found), self._times)
                found = np.where(known, means[0], np.float32(np.nan))
            heights[block.slices_in(Window(0, 0, window.width, window.height))] = found
        return heights

    def close(self) -> None:
        """Close the file."""
        self._file.close()
