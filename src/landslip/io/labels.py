"""Labels: landslide polygons or masks, brought onto a scene's grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.io.vector import read_vector, repair_polygons

_NAMED = 5
_JPEG_MIDDLE = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolygons:
    """Valid polygons in a scene's coordinate system, and what was noticed on the way."""

    geometries: NDArray[np.object_]
    notes: tuple[str, ...]

    def covered(self, grid: Grid, window: Window) -> NDArray[np.bool_]:
        """Return which pixels (height, width) of a window have their centre in a polygon."""
        place = grid.at(window)
        frame = shapely.Polygon(grid.corners(window))
        near = shapely.STRtree(self.geometries).query(frame, predicate="intersects")
        if len(near) == 0:
            return np.zeros(window.shape, dtype=np.bool_)
        burnt = rasterize(
            self.geometries[near],
            out_shape=window.shape,
            transform=place.transform,
            all_touched=False,
            dtype="uint8",
        )
        covered: NDArray[np.bool_] = burnt.astype(np.bool_)
        return covered

    def corner_in(self, grid: Grid) -> tuple[int, int]:
        """Return the (row, col) nearest to the upper left corner of all in a grid."""
        frame = shapely.box(*shapely.total_bounds(self.geometries))
        corners = map_points(~grid.transform, shapely.get_coordinates(frame))
        col, row = np.rint(corners.min(axis=0)).astype(int).tolist()
        return row, col


def read_label_polygons(path: Path, grid: Grid, layer: str | None = None) -> LabelPolygons:
    """Read polygons and bring them onto a scene's coordinate system.

    Self-intersecting ones are repaired, empty ones and ones beside the scene left out; each is
    noted.

    Raises:
        InputError: nothing can be read, there is no polygon, something else than polygons, no
            coordinate system to go by, or nothing lies on the scene.
    """
    frame = _in_crs_of(read_vector(path, layer, "--layer"), grid, path)
    geometries = np.asarray(frame.geometry.values, dtype=object)
    empty = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    if empty.all():
        raise InputError(
            f"{path}: there is no polygon in it; draw the landslides, or give a raster mask of "
            "zeros for a scene without any"
        )
    notes, numbers = [], _Numbers(np.arange(1, len(geometries) + 1), len(geometries))
    if empty.any():
        notes.append(f"{path.name}: {numbers.of(empty)} with empty geometry left out")
    geometries, numbers = shapely.force_2d(geometries[~empty]), numbers.without(empty)
    _check_polygons(geometries, path)
    on_repair = _notes_on_repair(geometries, numbers, path)
    geometries = repair_polygons(geometries)
    on_scene = shapely.intersects(geometries, shapely.Polygon(grid.corners(grid.window)))
    if not on_scene.any():
        raise InputError(
            f"{path}: no polygon lies on the scene; they span {_extent(geometries)} and the scene "
            f"{_extent(shapely.Polygon(grid.corners(grid.window)))}, in the scene's coordinates"
        )
    if not on_scene.all():
        notes.append(f"{path.name}: {numbers.of(~on_scene)} beside the scene left out")
    return LabelPolygons(geometries=geometries[on_scene], notes=(*notes, *on_repair))


def mask_to_label(codes: NDArray[Any], *, lossy: bool, path: Path) -> NDArray[np.uint8]:
    """Turn mask codes into labels 0 and 1; codes from a JPEG, which blurs them, are cut at 127.

    Raises:
        InputError: the codes are other than 0 and 1, or 0 and 255.
    """
    if lossy:
        return (codes > _JPEG_MIDDLE).astype(np.uint8)
    found = np.unique(codes)
    if not (np.isin(found, (0, 1)).all() or np.isin(found, (0, 255)).all()):
        shown = ", ".join(str(value) for value in found[:8])
        raise InputError(
            f"{path}: a mask holds 0 and 1, or 0 and 255; this one holds {shown}"
            f"{', ...' if len(found) > 8 else ''}"
        )
    label: NDArray[np.uint8] = (codes != 0).astype(np.uint8)
    return label


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What polygons are called in notes: their numbers in the file, from 1."""

    numbers: NDArray[np.intp]
    in_file: int

    def without(self, which: NDArray[np.bool_]) -> "_Numbers":
        return _Numbers(self.numbers[~which], self.in_file)

    def of(self, which: NDArray[np.bool_]) -> str:
        numbers = self.numbers[which].tolist()
        shown = ", ".join(str(number) for number in numbers[:_NAMED])
        more = ", ..." if len(numbers) > _NAMED else ""
        return f"{len(numbers)} of {self.in_file} polygons (number {shown}{more})"


def _in_crs_of(frame: geopandas.GeoDataFrame, grid: Grid, path: Path) -> geopandas.GeoDataFrame:
    if (frame.crs is None) != (grid.crs is None):
        without, other = ("polygons", "scene") if frame.crs is None else ("scene", "polygons")
        raise InputError(
            f"{path}: both scene and polygons need a coordinate system, or neither; the {without} "
            f"have none and the {other} one. Assign it to the {without}"
        )
    if grid.crs is None:
        return frame
    try:
        return frame.to_crs(grid.crs.to_wkt())
    except pyproj.exceptions.ProjError as error:
        raise InputError(
            f"{path}: cannot be brought from {frame.crs.name} onto the scene's coordinate system "
            f"({error})"
        ) from error


def _check_polygons(geometries: NDArray[np.object_], path: Path) -> None:
    kinds = {str(geometry.geom_type) for geometry in geometries}
    others = sorted(kinds - {"Polygon", "MultiPolygon"})
    if others:
        raise InputError(f"{path}: landslides are polygons; there are also {', '.join(others)}")
    if not all(np.isfinite(shapely.get_coordinates(geometry)).all() for geometry in geometries):
        raise InputError(
            f"{path}: a polygon has coordinates that are not finite in the scene's coordinate "
            "system; it lies outside the area where that system is defined"
        )


def _notes_on_repair(geometries: NDArray[np.object_], numbers: _Numbers, path: Path) -> list[str]:
    """Return which polygons have to be made valid."""
    invalid = ~shapely.is_valid(geometries)
    if not invalid.any():
        return []
    first = int(np.flatnonzero(invalid)[0])
    reason = shapely.is_valid_reason(geometries[first])
    first_number = numbers.numbers[first]
    note = (
        f"{path.name}: {numbers.of(invalid)} invalid and repaired (number {first_number}: {reason})"
    )
    return [note]


def _extent(geometries: Any) -> str:
    left, bottom, right, top = shapely.total_bounds(geometries)
    return f"x {left:.8g} to {right:.8g}, y {bottom:.8g} to {top:.8g}"
