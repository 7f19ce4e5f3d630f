"""The file of a review's log, as GDAL creates it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas
import pyarrow as pa

from landslip.core.files import atomic_file
from landslip.inventory.formats.vector_files import (
    GEOMETRY_COLUMN,
    GEOPACKAGE_VERSION,
    arrow_table,
    write_layer,
)
from landslip.io.vector import gdal_crs
from landslip.review.record import CELLS, CHANGES, COVERAGE, RECORD_TABLE, ReviewRecord

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    CHANGES: {
        "seq": pa.int64(),
        "time": pa.timestamp("ms", tz="UTC"),
        "author": pa.string(),
        "action": pa.string(),
        "polygon": pa.int64(),
        "version_before": pa.int64(),
        "version": pa.int64(),
        "verdict": pa.string(),
        "provenance": pa.string(),
        "origin": pa.int64(),
        "outline": pa.int64(),
        "type": pa.string(),
        "note": pa.string(),
        "sources": pa.string(),
        "reason": pa.string(),
        "seconds": pa.float64(),
        "bulk": pa.string(),
        "of": pa.int64(),
    },
    COVERAGE: {
        "time": pa.timestamp("ms", tz="UTC"),
        "author": pa.string(),
        "column": pa.int64(),
        "row": pa.int64(),
        "looked_at": pa.bool_(),
    },
}
"""Columns of the layers that grow."""
_INDEXES = (
    f"CREATE UNIQUE INDEX changes_versions ON {CHANGES} (polygon, version)",
    f"CREATE UNIQUE INDEX changes_polygons ON {CHANGES} (seq, polygon)",
)


def create_log(path: Path, record: ReviewRecord, cells: geopandas.GeoDataFrame) -> None:
    """Write a log without changes; ``cells`` are those in the mapped area.

    Raises:
        OutputExistsError: ``path`` exists.
        LandslipError: it cannot be written.
    """
    crs = gdal_crs(cells.crs)
    with atomic_file(path, overwrite=False) as stage:
        for name, columns in COLUMNS.items():
            fields = [*columns.items(), (GEOMETRY_COLUMN, pa.binary())]
            write_layer(
                pa.schema(fields).empty_table(),
                stage,
                "GPKG",
                "Unknown" if name == CHANGES else "Polygon",
                layer=name,
                crs=crs,
                VERSION=GEOPACKAGE_VERSION,
                SPATIAL_INDEX="NO",
            )
        write_layer(
            arrow_table(cells),
            stage,
            "GPKG",
            "Polygon",
            layer=CELLS,
            crs=crs,
            VERSION=GEOPACKAGE_VERSION,
            SPATIAL_INDEX="NO",
        )
        write_layer(
            pa.table({"record": [record.model_dump_json()]}),
            stage,
            "GPKG",
            None,
            layer=RECORD_TABLE,
            ASPATIAL_VARIANT="GPKG_ATTRIBUTES",
        )
        with closing(sqlite3.connect(stage)) as file:
            for statement in _INDEXES:
                file.execute(statement)
            file.execute(
                "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? "
                "WHERE table_name IN (?, ?)",
                (*record.bounds, CHANGES, COVERAGE),
            )
            file.commit()
