"""The coverage: a grid of cells, and which of them somebody has looked at."""

import math
import sqlite3
from collections.abc import Iterable

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.geometries import AreaMeasure
from landslip.review import log
from landslip.review.log import CellRow
from landslip.review.record import COVERAGE, CoverageGrid

CELL_PX = 256
_DEFAULT_CELLS = 24  # along the longer side, without a scene
_MOST_CELLS = 40_000
_LEAST_SHARE = 0.005  # of a cell that is mapped


def plan_grid(
    bounds: tuple[float, float, float, float],
    crs: CRS | None,
    resolution_m: float | None,
    cell_m: float | None = None,
) -> CoverageGrid:
    """Return a grid over what was mapped; cells have about 256 pixels of the scene on a side.

    Args:
        bounds: left, bottom, right and top, in ``crs``.
        crs: coordinate system.
        resolution_m: of the scene.
        cell_m: side of a cell in metres; None: by the resolution.

    Raises:
        InputError: cells are too small, or a size in metres is stated without a CRS.
    """
    left, bottom, right, top = bounds
    width, height = right - left, top - bottom
    middle = np.array([shapely.box(left, bottom, right, top)], dtype=object)
    area_m2 = float(AreaMeasure(crs).areas_m2(middle)[0])
    unit_m = math.sqrt(area_m2 / (width * height)) if np.isfinite(area_m2) else None
    if cell_m is None:
        cell = max(width, height) / _DEFAULT_CELLS
        if resolution_m is not None and unit_m:
            cell = CELL_PX * resolution_m / unit_m
        least = math.sqrt(width * height / _MOST_CELLS * 1.1)
        cell = max(cell, least)
    elif unit_m is None:
        raise InputError("cell needs a coordinate system: it is in metres; leave it out")
    else:
        cell = cell_m / unit_m
    columns, rows = (max(math.ceil(side / cell - 1e-9), 1) for side in (width, height))
    if columns * rows > 2 * _MOST_CELLS:
        raise InputError(
            f"cell must be so large that there are at most {2 * _MOST_CELLS:,} cells; "
            f"{cell_m:g} m makes {columns * rows:,}"
        )
    return CoverageGrid(
        left=left,
        top=top,
        cell=cell,
        cell_m=None if unit_m is None else cell * unit_m,
        columns=columns,
        rows=rows,
    )


def cell_outlines(grid: CoverageGrid, places: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return the squares of cells, given as column and row (n, 2)."""
    left = grid.left + places[:, 0] * grid.cell
    top = grid.top - places[:, 1] * grid.cell
    return np.asarray(shapely.box(left, top - grid.cell, left + grid.cell, top), dtype=object)


def cells_in(
    grid: CoverageGrid, area: shapely.Geometry | None, crs: str | None
) -> geopandas.GeoDataFrame:
    """Return the cells that have a part in the mapped area; all where that is not known."""
    column, row = np.meshgrid(np.arange(grid.columns), np.arange(grid.rows))
    places = np.column_stack([column.ravel(), row.ravel()]).astype(np.int64)
    outlines = cell_outlines(grid, places)
    if area is not None and not shapely.is_empty(area):
        shapely.prepare(area)
        near = shapely.intersects(area, outlines)
        whole = near & shapely.covers(area, outlines)
        crossing = np.flatnonzero(near & ~whole)
        share = whole.astype(np.float64)
        share[crossing] = (
            shapely.area(shapely.intersection(outlines[crossing], area)) / grid.cell**2
        )
        inside = share > _LEAST_SHARE
        places, outlines = places[inside], outlines[inside]
    return geopandas.GeoDataFrame(
        {"column": places[:, 0], "row": places[:, 1]}, geometry=outlines, crs=crs
    )


class CoverageState:
    """Which cells of the mapped area were looked at, folded from the log."""

    def __init__(self, grid: CoverageGrid, places: NDArray[np.int64]) -> None:
        """Start with cells (n, 2), column and row, that nobody has looked at."""
        self.grid, self.places = grid, places
        self.outlines = cell_outlines(grid, places)
        self._index = {(int(column), int(row)): at for at, (column, row) in enumerate(places)}
        self._clear()

    def _clear(self) -> None:
        self.fid = 0
        self.looked_at = np.zeros(len(self.places), dtype=np.bool_)
        self.author = np.full(len(self.places), None, dtype=object)
        self.time = np.full(len(self.places), None, dtype=object)

    def refresh(self, file: sqlite3.Connection) -> None:
        """Apply what was written since."""
        newest = log.last_fid(file, COVERAGE)
        if newest < self.fid:
            self._clear()
        for row in log.cells_since(file, self.fid) if newest > self.fid else ():
            at = self._index.get((row.column, row.row))
            self.fid = row.fid
            if at is None:
                continue
            self.looked_at[at] = bool(row.looked_at)
            self.author[at], self.time[at] = (
                (row.author, row.time) if row.looked_at else (None, None)
            )

    def rows(
        self, cells: Iterable[tuple[int, int]], author: str, time: str, *, looked_at: bool
    ) -> tuple[list[CellRow], NDArray[np.object_]]:
        """Return the rows that say that cells were looked at, and their squares.

        Raises:
            InputError: one is not a cell of the mapped area.
        """
        wanted = list(dict.fromkeys((int(column), int(row)) for column, row in cells))
        for column, row in wanted:
            if (column, row) not in self._index:
                raise InputError(
                    f"there is no cell in column {column}, row {row} of the mapped area"
                )
        at = np.array([self._index[one] for one in wanted], dtype=np.int64)
        rows = [
            CellRow(fid=0, time=time, author=author, column=one[0], row=one[1], looked_at=looked_at)
            for one in wanted
        ]
        return rows, self.outlines[at]


class CellCounts:
    """In which cells polygons are, so that those left to judge can be counted fast."""

    def __init__(self, cells: NDArray[np.object_]) -> None:
        """Count in cells, which are squares (n,)."""
        self._cells = len(cells)
        self._tree = shapely.STRtree(cells)
        self._pairs = pd.DataFrame({"polygon": [], "cell": []}, dtype=np.int64)
        self._outline = np.zeros(0, dtype=np.int64)

    def count(
        self,
        geometry: NDArray[np.object_],
        outline: NDArray[np.int64],
        wanted: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Return how many wanted polygons (n,) each cell has a part of.

        ``outline`` (n,) are numbers that change with an outline.
        """
        known = len(self._outline)
        moved = np.flatnonzero(
            np.r_[self._outline != outline[:known], np.ones(len(outline) - known, dtype=np.bool_)]
        )
        if len(moved):
            there = ~shapely.is_missing(geometry[moved])
            found = self._tree.query(geometry[moved[there]], predicate="intersects")
            added = pd.DataFrame({"polygon": moved[there][found[0]], "cell": found[1]})
            kept = self._pairs[~np.isin(self._pairs["polygon"], moved)]
            self._pairs = pd.concat([kept, added], ignore_index=True).astype(np.int64)
            self._outline = outline.copy()
        chosen = wanted[self._pairs["polygon"].to_numpy()]
        counts = np.bincount(self._pairs["cell"].to_numpy()[chosen], minlength=self._cells)
        return np.asarray(counts, dtype=np.int64)
