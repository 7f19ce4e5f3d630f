"""Density of landslides in square cells, exact coverage included."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.geometries import clip_polygons, metric_crs, reproject
from landslip.io.vector import repair_polygons

_CLASSES = 5
_CELLS_ALONG = 25
_MIN_MAPPED = 0.25  # of a cell; one landslide on a sliver is no density
_MAX_CELLS = 250_000
_LONLAT = pyproj.CRS.from_epsg(4326)
_ZONE_DEG = 6.0
_EDGE_PARTS = 100

Array = NDArray[np.float64]
Geometries = NDArray[np.object_]


def density_cells(
    polygons: Geometries,
    crs: Any,
    area: shapely.Geometry | Sequence[float] | None = None,
    cell_m: float | None = None,
) -> geopandas.GeoDataFrame:
    """Return square cells with their number of landslides and fraction of landslide area.

    Cells are in the inventory's coordinate system where that is in metres and true to scale, else
    in a UTM zone, or over more than one in an equal-area projection. Corners are at multiples of
    the cell's side. Number and area are those in the mapped part of the cell, over its area;
    overlaps of landslides count once.

    Args:
        polygons: (n,) valid landslides.
        crs: their coordinate system (rasterio's or pyproj's); None gives no cell.
        area: the mapped area, as polygon or as bounds (left, bottom, right, top) in ``crs``; by
            default the bounds of the landslides.
        cell_m: side of a cell; by default a round length, about a 25th of the longer side.

    Returns:
        ``cell`` (int64, from 1, rows from the top), ``landslides`` (int64: those whose point inside
        is in the cell), ``per_km2`` and ``area_share`` (0 to 1; both are NaN where less than a
        quarter of the cell was mapped), and squares, of all cells that touch the mapped area.

    Raises:
        InputError: the side is not over 0, or so short that there are more than 250,000 cells; or
            something is outside the area where its coordinate system is defined.
    """
    if cell_m is not None and not 0 < cell_m < np.inf:
        raise InputError(f"the side of a density cell is over 0 m; got {cell_m:g}")
    mapped: shapely.Geometry | None = None
    if isinstance(area, shapely.Geometry):
        mapped = area
    elif area is not None or len(polygons):
        mapped = shapely.box(*(shapely.total_bounds(polygons) if area is None else area))
    if crs is None or mapped is None or shapely.is_empty(mapped):
        return _frame(np.zeros(0, dtype=object), [np.zeros(0)] * 3, None)
    source = pyproj.CRS.from_user_input(crs.to_wkt() if hasattr(crs, "to_wkt") else crs)
    # bounds in degrees go around the Earth where landslides are on both sides of 180 degrees
    target = _metric(source, polygons if area is None else np.array([mapped], dtype=object))
    polygons = repair_polygons(reproject(polygons, source, target))
    if area is None:
        mapped = shapely.box(*shapely.total_bounds(polygons))
    elif source != target:  # straight edges are bent there
        left, bottom, right, top = shapely.bounds(mapped)
        step = max(right - left, top - bottom) / _EDGE_PARTS
        bent = np.array([shapely.segmentize(mapped, step)], dtype=object)
        mapped = reproject(bent, source, target)[0]
    polygons = clip_polygons(polygons, mapped)
    polygons = polygons[shapely.area(polygons) > 0]
    return _counted(polygons, mapped, _CellGrid.over(mapped, cell_m), target)


def density_limits(per_km2: Array) -> list[float]:
    """Return the limits of up to five classes of density, for maps.

    They begin at 0 and are round; each is twice the one before, and the last is at least the
    largest density. Empty where there is none over 0. NaN is left out.
    """
    largest = float(np.nanmax(per_km2, initial=0.0))
    if not largest > 0:
        return []
    unit = largest / 2 ** (_CLASSES - 1)
    power = 10.0 ** np.floor(np.log10(unit))
    step = next(power * digit for digit in (1, 2, 2.5, 5, 10) if power * digit >= unit * 0.999999)
    limits = [0.0, *(step * 2**times for times in range(_CLASSES))]
    return [float(f"{limit:.6g}") for limit in limits]


def _counted(
    polygons: Geometries, area: shapely.Geometry, cells: "_CellGrid", crs: pyproj.CRS
) -> geopandas.GeoDataFrame:
    squares = cells.squares()
    mapped_m2 = np.where(shapely.contains_properly(area, squares), cells.side_m**2, np.nan)
    cut = np.isnan(mapped_m2)
    mapped_m2[cut] = shapely.area(shapely.intersection(squares[cut], area))
    counts = np.bincount(cells.of(shapely.point_on_surface(polygons)), minlength=len(squares))
    corner = (cells.left, cells.top)
    fractions = covered_fractions(polygons, corner, cells.side_m, cells.shape).ravel()
    covered = np.minimum(fractions * cells.side_m**2, mapped_m2)
    touched = (mapped_m2 > 0) | (counts > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [counts, counts / (mapped_m2 / 1e6), covered / mapped_m2]
    enough = mapped_m2 >= _MIN_MAPPED * cells.side_m**2
    columns[1:] = [np.where(enough, one, np.nan) for one in columns[1:]]
    return _frame(squares[touched], [one[touched] for one in columns], crs)


def _frame(
    squares: Geometries, columns: Sequence[NDArray[Any]], crs: pyproj.CRS | None
) -> geopandas.GeoDataFrame:
    landslides, per_km2, share = columns
    return geopandas.GeoDataFrame(
        {
            "cell": np.arange(1, len(squares) + 1, dtype=np.int64),
            "landslides": np.asarray(landslides, dtype=np.int64),
            "per_km2": np.asarray(per_km2, dtype=np.float64),
            "area_share": np.asarray(share, dtype=np.float64),
        },
        geometry=squares,
        crs=crs,
    )


def _metric(source: pyproj.CRS, area: Geometries) -> pyproj.CRS:
    """Return a system in metres in which areas are exact, or nearly."""
    target = pyproj.CRS.from_wkt(metric_crs(source, area).to_wkt())
    if target == source:
        return source
    left, bottom, right, top = shapely.total_bounds(reproject(area, source, _LONLAT))
    if right - left <= _ZONE_DEG and bottom >= -80 and top <= 84:
        zone = int(np.clip(((left + right) / 2 + 180) // 6 + 1, 1, 60))
        return pyproj.CRS.from_epsg((32600 if bottom + top >= 0 else 32700) + zone)
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class _CellGrid:
    """A block of square cells, numbered in rows from the top left one."""

    left: float
    top: float
    side_m: float
    shape: tuple[int, int]

    @classmethod
    def over(cls, area: shapely.Geometry, side_m: float | None) -> "_CellGrid":
        left, bottom, right, top = shapely.bounds(area)
        # by default the nearest of 1, 2 and 5 times a power of ten, at least 10 m
        length = max(max(right - left, top - bottom, 1.0) / _CELLS_ALONG, 10.0)
        choices = 10.0 ** np.floor(np.log10(length)) * np.array([1.0, 2.0, 5.0, 10.0])
        side = side_m or float(choices[np.argmin(np.abs(np.log(choices / length)))])
        first, last = np.floor(left / side), max(np.ceil(right / side), np.floor(left / side) + 1)
        low, high = np.floor(bottom / side), max(np.ceil(top / side), np.floor(bottom / side) + 1)
        if (last - first) * (high - low) > _MAX_CELLS:
            raise InputError(
                f"cells of {side:g} m would be {(last - first) * (high - low):.3g} in this area, "
                f"over {_MAX_CELLS}; choose longer ones"
            )
        shape = (int(high - low), int(last - first))
        return cls(left=float(first * side), top=float(high * side), side_m=side, shape=shape)

    def squares(self) -> Geometries:
        """Return all cells as polygons (rows * columns,)."""
        rows, cols = np.indices(self.shape).reshape(2, -1)
        left, top = self.left + cols * self.side_m, self.top - rows * self.side_m
        squares: Geometries = shapely.box(left, top - self.side_m, left + self.side_m, top)
        return squares

    def of(self, points: Geometries) -> NDArray[np.intp]:
        """Return the cell of each point; those outside the block belong to its nearest cell."""
        places = shapely.get_coordinates(points)
        rows = np.clip((self.top - places[:, 1]) // self.side_m, 0, self.shape[0] - 1)
        cols = np.clip((places[:, 0] - self.left) // self.side_m, 0, self.shape[1] - 1)
        return (rows * self.shape[1] + cols).astype(np.intp)


_X, _Y = 0, 1


def covered_fractions(
    polygons: NDArray[np.object_], corner: tuple[float, float], side: float, shape: tuple[int, int]
) -> Array:
    """Return the fraction of each cell (rows, cols) that polygons cover, 0 to 1.

    Overlaps count once. What is right of each edge is added up along its row of cells (Green's
    theorem), so time grows with edges, not with polygons times cells. ``corner`` is (left, top) of
    the first cell in map coordinates; what is outside the cells is left out.
    """
    rows, cols = shape
    edges = (_edges(polygons) - corner) / (side, -side)
    edges = _cut(_cut(edges, _Y, rows), _X, cols)
    middles = edges.mean(axis=1)
    inside = (middles > 0)[:, _Y] & (middles < (cols, rows)).all(axis=1)
    fall, (x, y) = (edges[:, 1, _Y] - edges[:, 0, _Y])[inside], middles[inside].T
    col = np.maximum(np.floor(x), 0).astype(np.intp)
    own = fall * np.minimum(col + 1 - x, 1)
    cell = np.floor(y).astype(np.intp) * (cols + 1) + col
    count = rows * (cols + 1)
    sums = np.bincount(cell, own, count) + np.bincount(cell + 1, fall - own, count)
    fractions: Array = np.clip(np.cumsum(sums.reshape(rows, cols + 1), axis=1)[:, :cols], 0, 1)
    return fractions


def _edges(polygons: NDArray[np.object_]) -> Array:
    """Return the edges (m, start and end, xy) of what polygons cover, which is on their left."""
    if len(polygons) == 0:
        return np.zeros((0, 2, 2))
    # of many copies of one polygon, each pair would be intersected
    _, once = np.unique(shapely.to_wkb(shapely.normalize(polygons)), return_index=True)
    union = shapely.disjoint_subset_union_all(polygons[once])
    parts = shapely.orient_polygons(shapely.get_parts(union))
    points, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
    begins = np.flatnonzero(ring[1:] == ring[:-1])
    return np.stack([points[begins], points[begins + 1]], axis=1)


def _cut(edges: Array, axis: int, count: int) -> Array:
    """Cut edges at the whole numbers from 0 to ``count`` of an axis."""
    start, end = edges[:, 0, axis], edges[:, 1, axis]
    first = np.clip(np.floor(np.minimum(start, end)) + 1, 0, count + 1)
    last = np.clip(np.ceil(np.maximum(start, end)) - 1, -1, count)
    cuts = np.maximum(last - first + 1, 0).astype(np.intp)
    crossing = np.repeat(np.arange(len(edges)), cuts)
    nth = np.arange(len(crossing)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    line = np.where((end > start)[crossing], first[crossing] + nth, last[crossing] - nth)
    way = (line - start[crossing]) / (end - start)[crossing]
    points = edges[crossing, 0] + way[:, np.newaxis] * (edges[crossing, 1] - edges[crossing, 0])
    points[:, axis] = line
    # a crossing is the end of one piece and the start of the next
    ends_at = np.cumsum(cuts + 1) - 1
    pieces = np.empty((len(edges) + len(crossing), 2, 2))
    is_last = np.zeros(len(pieces), dtype=np.bool_)
    is_last[ends_at] = True
    is_first = np.roll(is_last, 1)
    pieces[is_first, 0], pieces[~is_first, 0] = edges[:, 0], points
    pieces[is_last, 1], pieces[~is_last, 1] = edges[:, 1], points
    return pieces
