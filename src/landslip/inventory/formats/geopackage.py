"""``inventory.gpkg``: all layers, what their columns mean, and how QGIS draws them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import geopandas
import numpy as np
import pandas
import pyarrow as pa

from landslip.core.choices import Language
from landslip.inventory.formats.layer_fields import LAYER_FIELDS
from landslip.inventory.formats.qgis_style import layer_style
from landslip.inventory.formats.vector import GEOMETRY, WHAT, arrow_table, one_type, write_layer
from landslip.inventory.label import label_with_unit
from landslip.inventory.layers import Layers
from landslip.inventory.record import CROWNS, DENSITY, LANDSLIDES, TOES
from landslip.io.vector import FIXED_DATE, gdal_crs, write_error

_VERSION = "1.2"  # programs of a few years ago warn of later ones
_STYLE_NAMES: dict[Language, str] = {
    Language.ENGLISH: "landslip",
    Language.CHINESE: "landslip 中文",
}
_DATA_COLUMNS = """
CREATE TABLE gpkg_data_columns (
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  name TEXT,
  title TEXT,
  description TEXT,
  mime_type TEXT,
  constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name)
);
CREATE TABLE gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL,
  constraint_type TEXT NOT NULL,
  value TEXT,
  min NUMERIC,
  min_is_inclusive BOOLEAN,
  max NUMERIC,
  max_is_inclusive BOOLEAN,
  description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
);
INSERT INTO gpkg_extensions VALUES
  ('gpkg_data_columns', NULL, 'gpkg_schema',
   'http://www.geopackage.org/spec121/#extension_schema', 'read-write'),
  ('gpkg_data_column_constraints', NULL, 'gpkg_schema',
   'http://www.geopackage.org/spec121/#extension_schema', 'read-write');
"""
_INSERT_COLUMN = """
INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description)
VALUES (?, ?, ?, ?, ?)
"""


class _Table(NamedTuple):
    name: str
    frame: geopandas.GeoDataFrame
    geometry_type: str


def write_geopackage(layers: Layers, path: Path, language: Language = Language.ENGLISH) -> None:
    """Write the layers ``landslides``, ``crowns``, ``toes`` and ``density``.

    Each has a spatial index, labels for its columns, and its default style in the table
    ``layer_styles``, where QGIS looks for it. Landslides are Polygon, or, where one has several
    parts, all MultiPolygon. The same layers give the same bytes.

    Args:
        layers: what to write.
        path: of the file, which is not there yet.
        language: of labels and of the style that is the default one.

    Raises:
        LandslipError: it could not be written.
    """
    tables = _tables(layers)
    for table in tables:
        geometries, kind = one_type(np.asarray(table.frame.geometry.values))
        write_layer(
            arrow_table(table.frame.set_geometry(geometries, crs=table.frame.crs)),
            path,
            "GPKG",
            kind if table.geometry_type == "Polygon" else table.geometry_type,
            layer=table.name,
            crs=gdal_crs(table.frame.crs),
            VERSION=_VERSION,
        )
    write_layer(
        _styles(tables, language),
        path,
        "GPKG",
        None,
        layer="layer_styles",
        FID="id",
        ASPATIAL_VARIANT="GPKG_ATTRIBUTES",
        DATETIME_PRECISION="MILLISECOND",
    )
    _finish(path, tables, language)


def _tables(layers: Layers) -> tuple[_Table, ...]:
    return (
        _Table(LANDSLIDES, layers.landslides, "Polygon"),
        _Table(CROWNS, layers.crowns, "Point"),
        _Table(TOES, layers.toes, "Point"),
        _Table(DENSITY, layers.density, "Polygon"),
    )


def _styles(tables: tuple[_Table, ...], default: Language) -> pa.Table:
    """Return the rows of ``layer_styles``, one for each layer and language."""
    cases = [(table, language) for table in tables for language in _STYLE_NAMES]
    moment = pandas.Timestamp(FIXED_DATE)
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": table.name,
            "f_geometry_column": GEOMETRY,
            "styleName": _STYLE_NAMES[language],
            "styleQML": layer_style(table.name, table.frame, language),
            "styleSLD": "",
            "useAsDefault": language == default,
            "description": "",
            "owner": "",
            "ui": "",
            "update_time": moment,
        }
        for table, language in cases
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    times = pa.array(columns.pop("update_time"), type=pa.timestamp("ms", tz="UTC"))
    return pa.table(columns | {"update_time": times})


def _finish(path: Path, tables: tuple[_Table, ...], language: Language) -> None:
    """Add what columns mean, once the spatial indexes are seen to be complete.

    GDAL reads name and description as a column's alternative name and comment.
    """
    rows = [
        (table.name, field.name, *2 * (label_with_unit(field, language),), field.meaning)
        for table in tables
        for field in LAYER_FIELDS[table.name]
    ]
    try:
        with closing(sqlite3.connect(path)) as file:
            for table in tables:
                _check_index(file, table)
            file.executescript(_DATA_COLUMNS)
            file.executemany(_INSERT_COLUMN, rows)
            file.commit()
    except sqlite3.Error as error:
        raise write_error(path, WHAT, error) from error


def _check_index(file: sqlite3.Connection, table: _Table) -> None:
    query = f"SELECT count(*) FROM rtree_{table.name}_{GEOMETRY}"  # noqa: S608 - our own names
    indexed = file.execute(query).fetchone()[0]
    geometries = table.frame.geometry
    if indexed != int((geometries.notna() & ~geometries.is_empty).sum()):
        raise sqlite3.DatabaseError(f"the spatial index of {table.name} is not complete")
