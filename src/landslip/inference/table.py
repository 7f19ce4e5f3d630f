"""The GeoPackage of a scene's landslides: sorted on disk, a part in memory at a time.

Landslides are written to plain files in sorted runs. In the end all runs are cut at the same keys,
so that what is between two cuts fits into memory and is sorted there. pyarrow sorts in memory only.
"""

import itertools
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import shapely
from affine import Affine
from numpy.typing import DTypeLike, NDArray

from landslip.core.files import Closeable
from landslip.core.geometries import AreaMeasure
from landslip.core.grid import Grid, map_points
from landslip.inference.outlines import Landslides, Outlines, concatenate_landslides
from landslip.io.vector import gdal_crs, vector_writing
from landslip.models.engines.base import PROBABILITY_LEVELS

LAYER = "landslides"
_COUNT_INDEXED = "SELECT count(*) FROM rtree_landslides_geom"
_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("area_m2", pa.float64()),
        ("area_px", pa.int64()),
        ("mean_probability", pa.float64()),
        ("max_probability", pa.float64()),
        ("geom", pa.binary()),
    ]
)
_RUN_POINTS = 1 << 20
_BLOCK_POINTS = 1 << 12
_BATCH_POINTS = 1 << 19
_ROW_BITS = 28
_ROUNDING = 1e-6  # of the area of a polygon whose coordinates are large


@dataclass(slots=True, kw_only=True)
class TableTotals:
    """Sums over the table; ``area_m2`` is None without a coordinate system."""

    landslides: int = 0
    area_m2: float | None = 0.0
    area_px: int = 0


class LandslideTable(Closeable):
    """Collects landslides in any order and writes them as a GeoPackage, the largest first.

    Memory holds about a million points at a time, in all about 200 MB. A landslide is written in
    one piece, at about 140 bytes for each of its points at that moment: this is not bounded.
    """

    def __init__(self, folder: Path, grid: Grid, *, min_area_m2: float = 0.0) -> None:
        """Start a table with temporary files in a folder; without a CRS no minimum area applies."""
        self._folder = tempfile.TemporaryDirectory(prefix=".landslides-", dir=folder)
        self._grid = grid
        self._min_area_m2 = min_area_m2
        self._sorter = LandslideSorter(Path(self._folder.name))

    def close(self) -> None:
        """Remove the temporary files."""
        self._folder.cleanup()

    def append(self, landslides: Landslides) -> None:
        """Add landslides."""
        self._sorter.append(landslides)

    def finish(self, path: Path) -> TableTotals:
        """Write the layer ``landslides`` and return its totals.

        Columns: ``id`` from 1, ``area_m2`` (empty without a coordinate system), ``area_px``,
        ``mean_probability`` and ``max_probability``. Rows are sorted by pixels, the most first,
        then by the top row and the left column. The same landslides give the same bytes, in
        whatever order they were added.

        Raises:
            LandslipError: the file cannot be written.
        """
        crs = self._grid.crs
        totals = TableTotals(area_m2=None if crs is None else 0.0)
        with vector_writing(path, "the table of landslides"):
            pyogrio.write_arrow(
                pa.RecordBatchReader.from_batches(_SCHEMA, self._batches(totals)),
                path,
                layer=LAYER,
                driver="GPKG",
                geometry_name="geom",
                geometry_type="Polygon",
                crs=None if crs is None else gdal_crs(pyproj.CRS.from_wkt(crs.to_wkt())),
            )
            if _indexed_rows(path) != totals.landslides:
                raise RuntimeError("its spatial index is not complete")
        return totals

    def _batches(self, totals: TableTotals) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order and add them to the totals."""
        measure = AreaMeasure(self._grid.crs)
        for landslides in self._sorter.sorted():
            polygons = to_map_polygons(landslides.outlines, self._grid.transform)
            areas_m2 = measure.areas_m2(polygons)
            large = ~(areas_m2 < self._min_area_m2 * (1 - _ROUNDING))
            areas_m2, pixels = areas_m2[large], landslides.pixels[large]
            columns = [
                np.arange(totals.landslides + 1, totals.landslides + len(pixels) + 1),
                pa.array(areas_m2, from_pandas=True),  # NaN is null
                pixels,
                landslides.probability_sums[large] / (PROBABILITY_LEVELS * pixels),
                landslides.probability_maxima[large] / PROBABILITY_LEVELS,
                pa.array(shapely.to_wkb(polygons[large], byte_order=1), type=pa.binary()),
            ]
            totals.landslides += len(pixels)
            totals.area_px += int(pixels.sum())
            if totals.area_m2 is not None:
                totals.area_m2 += float(areas_m2.sum())
            yield pa.record_batch([pa.array(column) for column in columns], schema=_SCHEMA)


def _indexed_rows(path: Path) -> int:
    """Return the rows in the spatial index, which GDAL writes last and without an error."""
    try:
        with closing(sqlite3.connect(path)) as file:
            return int(file.execute(_COUNT_INDEXED).fetchone()[0])
    except sqlite3.Error:
        return -1


def to_map_polygons(outlines: Outlines, transform: Affine) -> NDArray[np.object_]:
    """Return polygons in map coordinates, their exteriors counter-clockwise there."""
    oriented = outlines.reversed() if transform.determinant < 0 else outlines
    return oriented.geometries(map_points(transform, oriented.points.astype(np.float64)))


class LandslideSorter:
    """An external sort: takes landslides in any order and returns them sorted.

    Order: by pixels, the most first, then by the top row, the left column and the first pixel.
    Memory holds about a million points at a time, or one landslide where it has more, and 16 bytes
    for every 4096 points; the folder holds 8 to 17 bytes for each.
    """

    def __init__(self, folder: Path) -> None:
        """Start empty, with a file for each column in a folder."""
        self._pixels = _Column(folder / "pixels", np.int64)
        self._sums = _Column(folder / "sums", np.int64)
        self._maxima = _Column(folder / "maxima", np.uint8)
        self._keys = _Column(folder / "keys", np.int64)
        self._polygons = _Column(folder / "polygons", np.int64)
        self._rings = _Column(folder / "rings", np.int64)
        self._points = _Column(folder / "points", np.int32)
        self._polygons.append(np.zeros(1, np.int64))
        self._rings.append(np.zeros(1, np.int64))
        self._run_ends = [0]
        self._blocks: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._pending: list[Landslides] = []
        self._pending_points = 0

    def append(self, landslides: Landslides) -> None:
        """Add landslides."""
        self._pending.append(landslides)
        self._pending_points += len(landslides.outlines.points)
        if self._pending_points >= _RUN_POINTS:
            self._write_run()

    def sorted(self) -> Iterator[Landslides]:
        """Yield all landslides in order, in batches that do not depend on how they were added."""
        self._write_run()
        return _rebatch(self._merged())

    def _write_run(self) -> None:
        """Sort what is pending and append it to the files."""
        run = concatenate_landslides(self._pending)
        self._pending, self._pending_points = [], 0
        if not len(run):
            return
        run = _largest_first(run)
        outlines = run.outlines
        # rises as pixels fall and, within one count, with the top row
        keys = outlines.points[outlines.starts, 1].astype(np.int64) - (run.pixels << _ROW_BITS)
        starts = np.flatnonzero(np.diff(outlines.starts // _BLOCK_POINTS, prepend=-1))
        block_ends = np.append(outlines.starts[starts[1:]], len(outlines.points))
        self._blocks.append((keys[starts], block_ends - outlines.starts[starts]))
        self._run_ends.append(self._run_ends[-1] + len(run))
        self._polygons.append(outlines.polygons[1:] + self._rings.length - 1)
        self._rings.append(outlines.rings[1:] + self._points.length // 2)
        self._points.append(outlines.points.ravel())
        self._pixels.append(run.pixels)
        self._sums.append(run.probability_sums)
        self._maxima.append(run.probability_maxima)
        self._keys.append(keys)

    def _merged(self) -> Iterator[Landslides]:
        """Yield all landslides in order, in batches that fit into memory."""
        splits, ends = self._splits(), self._run_ends
        cuts = [
            first + np.searchsorted(self._keys.read(first, end), splits)
            for first, end in itertools.pairwise(ends)
        ]
        bounds = np.column_stack([ends[:-1], *np.transpose(cuts), ends[1:]])
        for at in range(len(splits) + 1):
            ranges = [(int(run[at]), int(run[at + 1])) for run in bounds]
            batch = concatenate_landslides(
                [self._read(*part) for part in ranges if part[0] < part[1]]
            )
            if len(batch):
                yield _largest_first(batch)

    def _splits(self) -> NDArray[np.int64]:
        """Return keys with about as many points between them as memory may hold."""
        if not self._blocks:
            return np.empty(0, dtype=np.int64)
        keys = np.concatenate([keys for keys, _ in self._blocks])
        order = np.argsort(keys, kind="stable")
        points = np.cumsum(np.concatenate([points for _, points in self._blocks])[order])
        return np.unique(keys[order][np.flatnonzero(np.diff(points // _RUN_POINTS)) + 1])

    def _read(self, first: int, end: int) -> Landslides:
        polygons = self._polygons.read(first, end + 1)
        rings = self._rings.read(int(polygons[0]), int(polygons[-1]) + 1)
        points = self._points.read(2 * int(rings[0]), 2 * int(rings[-1]))
        return Landslides(
            outlines=Outlines(
                points=points.reshape(-1, 2),
                rings=rings - rings[0],
                polygons=polygons - polygons[0],
            ),
            pixels=self._pixels.read(first, end),
            probability_sums=self._sums.read(first, end),
            probability_maxima=self._maxima.read(first, end),
        )


class _Column:
    """A growing array in a file."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self.length = 0

    def append(self, values: NDArray[Any]) -> None:
        with self._path.open("ab") as file:
            values.astype(self._dtype, copy=False).tofile(file)
        self.length += len(values)

    def read(self, first: int, end: int) -> NDArray[Any]:
        offset = first * self._dtype.itemsize
        return np.fromfile(self._path, self._dtype, end - first, offset=offset)


def _largest_first(landslides: Landslides) -> Landslides:
    """Sort by pixels, the most first, then by top row, left column, and the first pixel."""
    outlines = landslides.outlines
    first_col, top = outlines.points[outlines.starts].T
    left = np.minimum.reduceat(outlines.points[:, 0], outlines.starts)
    return landslides.take(np.lexsort((first_col, left, top, -landslides.pixels)))


def _rebatch(batches: Iterator[Landslides]) -> Iterator[Landslides]:
    """Cut the same landslides into the same batches, however they arrive."""
    key, before = 0, 0
    pending: list[Landslides] = []
    for landslides in batches:
        ends = before + np.append(landslides.outlines.starts[1:], len(landslides.outlines.points))
        keys = ends // _BATCH_POINTS
        cuts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
        for first, end in itertools.pairwise(cuts):
            if keys[first] != key and pending:
                yield concatenate_landslides(pending)
                pending = []
            key = int(keys[first])
            pending.append(landslides.take(np.arange(first, end)))
        before = int(ends[-1])
    if pending:
        yield concatenate_landslides(pending)
