"""Labels: landslide polygons or masks, on a scene's grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize

from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.grid import Grid, map_points
from landslip.core.messages import sentences
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.io.vector import read_polygon_file, repair_polygons

_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolygons:
    """Valid polygons in a scene's coordinate system, and notes on those repaired or left out."""

    geometries: NDArray[np.object_]
    notes: tuple[str, ...]

    def rasterize(self, grid: Grid, window: Window) -> NDArray[np.bool_]:
        """Return which pixels (height, width) of a window have their centre in a polygon."""
        frame = shapely.Polygon(grid.corners(window))
        near = shapely.STRtree(self.geometries).query(frame, predicate="intersects")
        if len(near) == 0:
            return np.zeros(window.shape, dtype=np.bool_)
        mask = rasterize(
            self.geometries[near],
            out_shape=window.shape,
            transform=grid.at(window).transform,
            all_touched=False,
            dtype="uint8",
        )
        return np.asarray(mask, dtype=np.bool_)

    def corner_in(self, grid: Grid) -> tuple[int, int]:
        """Return the (row, col) nearest to the upper left corner of all in a grid."""
        frame = shapely.box(*shapely.total_bounds(self.geometries))
        corners = map_points(~grid.transform, shapely.get_coordinates(frame))
        col, row = np.rint(corners.min(axis=0)).astype(int).tolist()
        return row, col


def read_label_polygons(path: Path, grid: Grid, layer: str | None = None) -> LabelPolygons:
    """Read polygons and bring them into a scene's coordinate system.

    Self-intersecting ones are repaired; empty ones and ones outside the scene are left out; each
    is noted.

    Raises:
        InputError: nothing can be read, there is no polygon, something else than polygons, only
            one of scene and polygons has a coordinate system, or nothing is on the scene.
    """
    opened = read_polygon_file(path, layer, may_be_empty=True)
    frame = opened.frame
    if len(frame) == 0:
        raise InputError(
            f"{path}: contains no polygon; draw the landslides, or give a raster mask of zeros for "
            "a scene without any"
        )
    if (frame.crs is None) != (grid.crs is None):
        without, other = ("polygons", "scene") if frame.crs is None else ("scene", "polygons")
        raise InputError(
            f"{path}: both scene and polygons need a coordinate system, or neither; the {without} "
            f"have none and the {other} one. Assign it to the {without}"
        )
    geometries, shift = np.asarray(frame.geometry.values, dtype=object), None
    if grid.crs is not None:
        try:
            own = CRS.from_wkt(frame.crs.to_wkt())
            shift = datum_note(path.name, own, grid.crs, geometries)
            moved = reproject(geometries, own, grid.crs, grid.middle[0])
            geometries = repair_polygons(moved)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    scene = shapely.Polygon(grid.corners(grid.window))
    outside = ~shapely.intersects(geometries, scene)
    if outside.all():
        raise InputError(
            f"{path}: no polygon is on the scene; they span {_extent(geometries)} and the scene "
            f"{_extent(scene)}, in the scene's coordinates"
        )
    notes = sentences((*opened.notes, *([] if shift is None else [shift])))
    if outside.any():
        numbers = opened.numbers[outside].tolist()
        listed = ", ".join(map(str, numbers[:_LISTED]))
        more = ", ..." if len(numbers) > _LISTED else ""
        note = (
            f"{len(numbers)} of {opened.total} polygons (number {listed}{more}) outside the scene"
        )
        notes += (f"{path.name}: {note} left out",)
    return LabelPolygons(geometries=geometries[~outside], notes=notes)


def _extent(geometries: Any) -> str:
    left, bottom, right, top = shapely.total_bounds(geometries)
    return f"x {left:.8g} to {right:.8g}, y {bottom:.8g} to {top:.8g}"
