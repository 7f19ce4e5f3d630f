"""Reading an inventory's polygons as a table in longitude and latitude."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from landslip.core.choices import Language
from landslip.core.errors import InputError
from landslip.inventory.fields import FIELDS_BY_NAME, FieldKind, InventoryField
from landslip.inventory.formats.wgs84 import in_wgs84
from landslip.io.vector import read_polygon_file
from landslip.multitemporal.tracking.fields import TRACK_FIELDS
from landslip.review.words import PRESENT, PROVENANCES, REVIEW_COLUMNS
from landslip.server.catalogue.vector_safety import require_safe
from landslip.server.polygon_table import (
    AREA,
    CONFIDENCE,
    PolygonTable,
    areas_m2,
    numbers_of,
    texts_of,
)
from landslip.server.schemas import Bounds, Field

MAX_POLYGONS = 2_000_000
_TRACKED = {field.name: field for fields in TRACK_FIELDS.values() for field in fields}
_MEAN_PROBABILITY = "mean_probability"
_OWN_LABELS = {
    "area_px": ("px", "Pixels", "像元数"),
    _MEAN_PROBABILITY: (None, "Mean probability", "平均概率"),
    "max_probability": (None, "Highest probability", "最高概率"),
}
_OF_REVIEWS = {
    "inventory_verdict": ("Verdict in the file", "文件中的结论"),
    "inventory_provenance": ("Origin in the file", "文件中的轮廓来源"),
    "inventory_type": ("Type in the file", "文件中的类型"),
    "inventory_note": ("Note in the file", "文件中的备注"),
    "reviewer": ("Reviewer", "审核者"),
    "reviewed": ("Reviewed at", "审核时间"),
    "reason": ("Reason of the verdict", "结论理由"),
    "sources": ("Made of the polygons", "来源图斑"),
}
_RECORDED = {
    "verdict": "inventory_verdict",
    "provenance": "inventory_provenance",
    "type": "inventory_type",
    "note": "inventory_note",
    "author": "reviewer",
    "changed": "reviewed",
}
"""Columns of a review, and those of a corrected inventory that state them."""
_RESERVED = {"id", "bounds", "centroid", "geometry", "original", "history", *REVIEW_COLUMNS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InventoryPolygons:
    """Polygons of a file.

    ``bounds`` are None without polygons; ``crs`` is the file's.
    """

    table: PolygonTable
    fields: tuple[Field, ...]
    bounds: Bounds | None
    crs: str | None


def read_polygons(root: Path, path: Path, layer: str | None = None) -> InventoryPolygons:
    """Read a vector file of the served folder.

    Ids are the file's own where it has an integer column ``id`` without repetitions, else
    their numbers in the file, from 1. A column that is called as one of the review has
    ``inventory_`` before it; of a corrected inventory it is what the table has until a review of
    it begins. Area and confidence are added where they can be known.

    Raises:
        InputError: it is not a file that is opened, or holds no polygons with a place on the map.
    """
    require_safe(root, path)
    read = read_polygon_file(path, layer, may_be_empty=True, layer_argument=None)
    frame = read.frame
    if frame.crs is None:
        raise InputError(
            f"{path}: has no coordinate system, so that its place on the map is not known; assign "
            "it and write the file again"
        )
    if len(frame) > MAX_POLYGONS:
        raise InputError(
            f"{path}: at most {MAX_POLYGONS:,} polygons are shown; it has {len(frame):,}"
        )
    lonlat = in_wgs84(frame.geometry) if len(frame) else np.empty(0, dtype=object)
    placed = ~shapely.is_missing(lonlat) if len(frame) else np.empty(0, dtype=np.bool_)
    ids = _ids(frame, read.numbers)
    columns = _own_columns(frame, lonlat)
    columns.index = pd.Index(ids, name="id")
    table = PolygonTable.of(columns[placed], lonlat[placed], _recorded(columns[placed]))
    return InventoryPolygons(
        table=table,
        fields=_fields(table),
        bounds=_bounds(table.bounds),
        crs=_crs_name(frame),
    )


def _ids(frame: geopandas.GeoDataFrame, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    if "id" in frame:
        ids = pd.to_numeric(frame["id"], errors="coerce")
        if ids.notna().all() and ids.is_unique and (ids % 1 == 0).all() and (ids >= 0).all():
            return np.asarray(numbers_of(ids), dtype=np.int64)
    return numbers


def _own_columns(frame: geopandas.GeoDataFrame, lonlat: NDArray[np.object_]) -> pd.DataFrame:
    columns = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    columns = columns.drop(columns="id", errors="ignore")
    columns.columns = pd.Index(
        [f"inventory_{name}" if str(name) in _RESERVED else str(name) for name in columns]
    )
    columns = columns.loc[:, ~columns.columns.duplicated()]
    if AREA not in columns or not pd.api.types.is_numeric_dtype(columns[AREA]):
        columns[AREA] = areas_m2(lonlat)
    if CONFIDENCE not in columns and _MEAN_PROBABILITY in columns:
        columns[CONFIDENCE] = columns[_MEAN_PROBABILITY]
    first = [name for name in (AREA, CONFIDENCE) if name in columns]
    return columns[[*first, *(name for name in columns if name not in first)]]


def _recorded(columns: pd.DataFrame) -> pd.DataFrame | None:
    """Return the review that a corrected inventory states; None where it states none."""
    for name, words in (("verdict", PRESENT), ("provenance", PROVENANCES)):
        if _RECORDED[name] not in columns or not columns[_RECORDED[name]].isin([*words]).all():
            return None
    return pd.DataFrame(
        {
            name: texts_of(columns[stated])
            for name, stated in _RECORDED.items()
            if stated in columns
        },
        index=columns.index,
        dtype=object,
    )


def _fields(table: PolygonTable) -> tuple[Field, ...]:
    return (
        Field(
            name="id",
            kind="id",
            unit=None,
            label_en=FIELDS_BY_NAME["id"].english,
            label_zh=FIELDS_BY_NAME["id"].chinese,
            minimum=float(table.rows.index.min()) if len(table) else None,
            maximum=float(table.rows.index.max()) if len(table) else None,
        ),
        *(_field(name, table.rows[name]) for name in table.names),
    )


def _field(name: str, column: pd.Series) -> Field:
    known = FIELDS_BY_NAME.get(name) or _TRACKED.get(name)
    unit, english, chinese = _labels(name, known)
    numbers = np.empty(0)
    if pd.api.types.is_bool_dtype(column) or (known and known.kind is FieldKind.FLAG):
        kind = "flag"
    elif pd.api.types.is_numeric_dtype(column):
        kind = "number"
        numbers = numbers_of(column)
        numbers = numbers[np.isfinite(numbers)]
    else:
        kind = "text"
    return Field.model_validate(
        {
            "name": name,
            "kind": kind,
            "unit": unit,
            "label_en": english,
            "label_zh": chinese,
            "minimum": float(numbers.min()) if len(numbers) else None,
            "maximum": float(numbers.max()) if len(numbers) else None,
        }
    )


def _labels(name: str, known: InventoryField | None) -> tuple[str | None, str, str]:
    if known is not None:
        return known.unit or None, known.label(Language.ENGLISH), known.label(Language.CHINESE)
    if name in _OF_REVIEWS:
        return None, *_OF_REVIEWS[name]
    return _OWN_LABELS.get(name, (None, name, name))


def _bounds(bounds: NDArray[np.float64]) -> Bounds | None:
    if len(bounds) == 0:
        return None
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    return west, south, east, north


def _crs_name(frame: geopandas.GeoDataFrame) -> str:
    code = frame.crs.to_epsg()
    return str(frame.crs.name) if code is None else f"EPSG:{code}"
