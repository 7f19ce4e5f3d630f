"""The layers as GeoPackage, GeoParquet, CSV and GeoJSON."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray

from landslip.core.choices import Language
from landslip.inventory.attributes import own_names
from landslip.inventory.fields import (
    CSV_FIELDS,
    FIELDS,
    LAYER_FIELDS,
    FieldKind,
    InventoryField,
)
from landslip.inventory.formats.qgis_style import layer_style
from landslip.inventory.formats.wgs84 import WGS84, in_wgs84, points_in_wgs84
from landslip.inventory.layers import InventoryLayers
from landslip.inventory.record import (
    DENSITY,
    HIGHEST_POINTS,
    LANDSLIDES,
    LOWEST_POINTS,
    MAPPED_AREA,
    PROVENANCE,
    InventoryRecord,
)
from landslip.io.vector import FIXED_DATE, gdal_crs, vector_writing, write_error

GEOMETRY_COLUMN = "geom"
LAYERS_TEXT = "the layers of the inventory"
GEOJSON_DECIMALS = 7
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def arrow_table(frame: geopandas.GeoDataFrame) -> pa.Table:
    """Return a layer's columns and, as ``geom``, its geometry in WKB; what is empty is null."""
    columns = {str(name): _array(frame[name]) for name in frame.columns.drop(frame.geometry.name)}
    wkb = shapely.to_wkb(np.asarray(frame.geometry.values), byte_order=1)
    return pa.table(columns | {GEOMETRY_COLUMN: pa.array(wkb, type=pa.binary())})


def _array(column: "pandas.Series[str]") -> pa.Array:
    kinds = (
        (pandas.api.types.is_bool_dtype, pa.bool_()),
        (pandas.api.types.is_integer_dtype, pa.int64()),
        (pandas.api.types.is_float_dtype, pa.float64()),
    )
    kind = next((kind for is_kind, kind in kinds if is_kind(column.dtype)), None)
    values = pa.array(column, type=kind, from_pandas=True)
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("ms", tz=values.type.tz), safe=False)
    is_list = pa.types.is_list(values.type)
    plain = values.type.value_type if is_list else values.type
    if pa.types.is_null(plain) or pa.types.is_large_string(plain):
        return values.cast(pa.string())
    if pa.types.is_nested(plain) or pa.types.is_binary(plain) or pa.types.is_duration(plain):
        return pa.array(column.map(_as_text, na_action="ignore"), type=pa.string())
    return values


def _as_text(value: Any) -> str:
    """Return a value that few formats hold as text: lists and mappings as JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, default=str)


def as_one_type(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.object_], str]:
    """Return polygons and ``Polygon``, or, where there is any multipolygon, all as such."""
    if not (shapely.get_type_id(geometries) == shapely.GeometryType.MULTIPOLYGON).any():
        return geometries, "Polygon"
    single = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON
    promoted = geometries.copy()
    promoted[single] = shapely.multipolygons(geometries[single][:, np.newaxis])
    return promoted, "MultiPolygon"


def write_layer(
    table: pa.Table, path: Path, driver: str, geometry_type: str | None, **options: str | None
) -> None:
    """Write a table with GDAL, as a file or as a further layer of a GeoPackage.

    Without a geometry type it has no geometry; ``options`` are ``layer``, ``crs`` and the driver's.
    """
    geometry = {} if geometry_type is None else {"geometry_name": GEOMETRY_COLUMN}
    with vector_writing(path, LAYERS_TEXT):
        pyogrio.write_arrow(
            table, path, driver=driver, geometry_type=geometry_type, **geometry, **options
        )


def write_parquet(landslides: geopandas.GeoDataFrame, path: Path) -> None:
    """Write the landslides as GeoParquet, in their own coordinate system."""
    # a column of text without any text would else have no type
    texts = {field.name: "string" for field in FIELDS if field.kind is FieldKind.TEXT}
    typed = landslides.astype({name: texts[name] for name in landslides if name in texts})
    typed.to_parquet(path, index=False, compression="zstd")


def write_csv(layers: InventoryLayers, path: Path) -> None:
    """Write the landslides as comma-separated values: all columns, no outlines.

    Highest and lowest points are given as longitude and latitude besides. The text is UTF-8 and
    begins with a byte order mark, without which spreadsheets do not see that. Texts that a
    spreadsheet would take for a formula get an apostrophe in front: notes are written by others.
    """
    plain = pandas.DataFrame(layers.landslides.drop(columns=layers.landslides.geometry.name))
    places = [
        _places(layers.highest_points, plain["id"]),
        _places(layers.lowest_points, plain["id"]),
    ]
    for name in own_names(layers.landslides):
        if plain[name].map(pandas.api.types.is_list_like).any():
            plain[name] = plain[name].map(_as_text, na_action="ignore")
    for column in plain.select_dtypes(["object", "string"]):
        plain[column] = plain[column].map(_as_no_formula, na_action="ignore")
    for field, values in zip(CSV_FIELDS, np.hstack(places).T, strict=True):
        plain[field.name] = values
    plain.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


def _as_no_formula(value: object) -> object:
    """Return a text as a spreadsheet shows it instead of calculating it; others as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _places(points: geopandas.GeoDataFrame, ids: "pandas.Series[int]") -> np.ndarray:
    """Return longitude and latitude (n, 2) of the points of some landslides, NaN without one."""
    lonlat = pandas.DataFrame(points_in_wgs84(points.geometry), index=points["id"].to_numpy())
    return lonlat.reindex(ids.to_numpy()).to_numpy(dtype=np.float64)


def write_geojson(landslides: geopandas.GeoDataFrame, path: Path) -> None:
    """Write the landslides as GeoJSON (RFC 7946): WGS 84, 7 decimals, about a centimetre.

    Raises:
        LandslipError: it could not be written.
    """
    geometries, kind = as_one_type(in_wgs84(landslides.geometry))
    write_layer(
        arrow_table(landslides.set_geometry(geometries, crs=WGS84)),
        path,
        "GeoJSON",
        kind,
        layer=LANDSLIDES,
        crs=WGS84,
        RFC7946="YES",
        COORDINATE_PRECISION=str(GEOJSON_DECIMALS),
    )


GEOPACKAGE_VERSION = "1.2"  # programs of a few years ago warn of later ones
STYLE_NAMES = {Language.ENGLISH: "landslip", Language.CHINESE: "landslip 中文"}
_SCHEMA = files("landslip.inventory.formats") / "templates" / "gpkg_schema.sql"
_INSERT_COLUMN = """
INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description)
VALUES (?, ?, ?, ?, ?)
"""


def write_geopackage(
    layers: InventoryLayers,
    path: Path,
    language: Language = Language.ENGLISH,
    record: InventoryRecord | None = None,
) -> None:
    """Write the layers ``landslides``, ``highest_points``, ``lowest_points`` and ``density``.

    A further layer is the mapped area, whose only feature holds the inventory's record too, by
    which a corrected copy of the file knows where it is from.

    Each has a spatial index, labels for its columns, and its default style in the table
    ``layer_styles``, where QGIS looks for it. Landslides are Polygon, or, where one has several
    parts, all MultiPolygon. The same layers give the same bytes.

    Raises:
        LandslipError: it could not be written.
    """
    tables = {
        LANDSLIDES: layers.landslides,
        HIGHEST_POINTS: layers.highest_points,
        LOWEST_POINTS: layers.lowest_points,
        DENSITY: layers.density,
    }
    for name, frame in tables.items():
        geometries, kind = as_one_type(np.asarray(frame.geometry.values))
        write_layer(
            arrow_table(frame.set_geometry(geometries, crs=frame.crs)),
            path,
            "GPKG",
            "Point" if name in {HIGHEST_POINTS, LOWEST_POINTS} else kind,
            layer=name,
            crs=gdal_crs(frame.crs),
            VERSION=GEOPACKAGE_VERSION,
        )
    if record is not None:
        area = layers.mapped_area
        geometries = np.asarray(area.geometry.values)
        parts = shapely.get_parts(shapely.get_parts(geometries))  # a collection's too
        whole = shapely.MultiPolygon([one for one in parts if one.geom_type == "Polygon"])
        wkb = [None if not len(parts) else shapely.to_wkb(whole, byte_order=1)]
        columns = {
            PROVENANCE: pa.array([record.model_dump_json()]),
            GEOMETRY_COLUMN: pa.array(wkb, type=pa.binary()),
        }
        crs = gdal_crs(area.crs)
        write_layer(
            pa.table(columns),
            path,
            "GPKG",
            "MultiPolygon",
            layer=MAPPED_AREA,
            crs=crs,
            VERSION=GEOPACKAGE_VERSION,
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
    describe_columns(path, tables, LAYER_FIELDS, language)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleRow:
    """A style of a layer for QGIS, as the text of a QML file."""

    layer: str
    name: str
    qml: str
    is_default: bool


def _styles(tables: dict[str, geopandas.GeoDataFrame], default: Language) -> pa.Table:
    """Return the rows of ``layer_styles``, one for each layer and language."""
    return styles_table(
        [
            StyleRow(
                layer=name,
                name=style,
                qml=layer_style(name, frame, language),
                is_default=language == default,
            )
            for name, frame in tables.items()
            for language, style in STYLE_NAMES.items()
        ]
    )


def styles_table(rows: Sequence[StyleRow]) -> pa.Table:
    """Return the table ``layer_styles``, where QGIS looks for the styles of a GeoPackage."""
    count = len(rows)
    moments = [pandas.Timestamp(FIXED_DATE)] * count
    return pa.table(
        {
            "f_table_catalog": [""] * count,
            "f_table_schema": [""] * count,
            "f_table_name": [row.layer for row in rows],
            "f_geometry_column": [GEOMETRY_COLUMN] * count,
            "styleName": [row.name for row in rows],
            "styleQML": [row.qml for row in rows],
            "styleSLD": [""] * count,
            "useAsDefault": [row.is_default for row in rows],
            "description": [""] * count,
            "owner": [""] * count,
            "ui": [""] * count,
            "update_time": pa.array(moments, type=pa.timestamp("ms", tz="UTC")),
        }
    )


def describe_columns(
    path: Path,
    tables: Mapping[str, geopandas.GeoDataFrame],
    fields: Mapping[str, Sequence[InventoryField]],
    language: Language,
) -> None:
    """Check that the spatial indexes of layers are complete, and add what their columns mean.

    GDAL reads name and description as a column's alternative name and comment.
    """
    rows = [
        (name, field.name, *2 * (field.label_with_unit(language),), field.meaning)
        for name in tables
        for field in fields[name]
    ]
    try:
        with closing(sqlite3.connect(path)) as file:
            for name, frame in tables.items():
                index = f"rtree_{name}_{GEOMETRY_COLUMN}"
                indexed = file.execute(f"SELECT count(*) FROM {index}").fetchone()[0]  # noqa: S608
                if indexed != int((frame.geometry.notna() & ~frame.geometry.is_empty).sum()):
                    raise sqlite3.DatabaseError(f"{index} is incomplete")
            file.executescript("BEGIN;" + _SCHEMA.read_text("utf-8"))  # one transaction
            file.executemany(_INSERT_COLUMN, rows)
            file.commit()
    except sqlite3.Error as error:
        raise write_error(path, LAYERS_TEXT, error) from error
