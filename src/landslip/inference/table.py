"""The GeoPackage of all landslides of a scene, written without holding them in memory."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.core.crs import AreaMeasure
from landslip.core.files import Closeable
from landslip.core.grid import Grid, map_points
from landslip.inference.landslides import Landslides
from landslip.inference.outlines import Outlines
from landslip.inference.sorting import LandslideSorter
from landslip.io.vector import gdal_crs, vector_writing
from landslip.models.engines.base import PROBABILITY_STEPS

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


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums over the table.

    Attributes:
        landslides: how many there are.
        area_m2: of all; None without a coordinate system.
        area_px: of all.
    """

    landslides: int = 0
    area_m2: float | None = 0.0
    area_px: int = 0


class LandslideTable(Closeable):
    """Gathers landslides, in any order, and writes them as a GeoPackage, the largest first.

    Memory holds about a million points at a time, in all about 200 MB. A landslide is written in
    one piece, at about 140 bytes for each of its points at that moment: this is not bounded.
    """

    def __init__(self, folder: Path, grid: Grid, *, min_area_m2: float = 0.0) -> None:
        """Begin an empty table.

        Args:
            folder: where files lie until the end.
            grid: of the scene.
            min_area_m2: smaller landslides are left out; without a coordinate system none are.
        """
        self._folder = tempfile.TemporaryDirectory(prefix=".landslides-", dir=folder)
        self._grid = grid
        self._min_area_m2 = min_area_m2
        self._sorter = LandslideSorter(Path(self._folder.name))

    def close(self) -> None:
        """Remove the files that wait in the folder."""
        self._folder.cleanup()

    def append(self, landslides: Landslides) -> None:
        """Take landslides in."""
        self._sorter.append(landslides)

    def finish(self, path: Path) -> Totals:
        """Write the layer ``landslides`` and return its totals.

        Columns: ``id`` from 1, ``area_m2`` (empty without a coordinate system), ``area_px``,
        ``mean_probability`` and ``max_probability``. Rows are sorted by pixels, the most first,
        then by the top row and the left column. The same landslides give the same bytes, however
        they came.

        Raises:
            LandslipError: it could not be written.
        """
        totals = Totals(area_m2=None if self._grid.crs is None else 0.0)
        rows = pa.RecordBatchReader.from_batches(_SCHEMA, self._rows(totals))
        with vector_writing(path, "the table of landslides"):
            pyogrio.write_arrow(
                rows,
                path,
                layer=LAYER,
                driver="GPKG",
                geometry_name="geom",
                geometry_type="Polygon",
                crs=_crs(self._grid),
            )
            if _indexed(path) != totals.landslides:
                raise RuntimeError("its spatial index is not complete")
        return totals

    def _rows(self, totals: Totals) -> Iterator[pa.RecordBatch]:
        measure = AreaMeasure(self._grid.crs)
        for landslides in self._sorter.sorted():
            polygons = placed(landslides.outlines, self._grid.transform)
            areas = measure.areas_m2(polygons)
            kept = ~(areas < self._min_area_m2)
            yield _batch(_Rows(landslides, polygons, areas), kept, totals)


def _indexed(path: Path) -> int:
    """Return how many rows are in the spatial index, which is written last, without an error."""
    try:
        with closing(sqlite3.connect(path)) as file:
            return int(file.execute(_COUNT_INDEXED).fetchone()[0])
    except sqlite3.Error:
        return -1


def placed(outlines: Outlines, transform: Affine) -> NDArray[np.object_]:
    """Return polygons in map coordinates, their outsides counter-clockwise there."""
    there = outlines.turned() if transform.determinant < 0 else outlines
    return there.geometries(map_points(transform, there.points.astype(np.float64)))


class _Rows(NamedTuple):
    """Landslides with what the table says of them besides."""

    landslides: Landslides
    polygons: NDArray[np.object_]
    areas_m2: NDArray[np.float64]


def _batch(rows: _Rows, kept: NDArray[np.bool_], totals: Totals) -> pa.RecordBatch:
    """Return the rows that are kept as a part of the table, and count them in."""
    pixels, areas_m2 = rows.landslides.pixels[kept], rows.areas_m2[kept]
    ids = np.arange(totals.landslides + 1, totals.landslides + len(pixels) + 1)
    totals.landslides += len(pixels)
    totals.area_px += int(pixels.sum())
    if totals.area_m2 is not None:
        totals.area_m2 += float(areas_m2.sum())
    columns = [
        ids,
        pa.array(areas_m2, from_pandas=True),
        pixels,
        rows.landslides.probability_sums[kept] / (PROBABILITY_STEPS * pixels),
        rows.landslides.probability_maxima[kept] / PROBABILITY_STEPS,
        pa.array(shapely.to_wkb(rows.polygons[kept], byte_order=1), type=pa.binary()),
    ]
    return pa.record_batch([pa.array(column) for column in columns], schema=_SCHEMA)


def _crs(grid: Grid) -> str | None:
    if grid.crs is None:
        return None
    return gdal_crs(pyproj.CRS.from_wkt(grid.crs.to_wkt()))
