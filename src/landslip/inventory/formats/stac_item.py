"""``item.json``: an inventory as an item of a SpatioTemporal Asset Catalog, STAC 1.1.

The item is a dictionary written as JSON; tests read and validate it with pystac, which is not used
here, as it brings 22 distributions into the base installation to hold the same dictionary.
"""

import calendar
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.inventory import record as names
from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.formats.wgs84 import WGS84, Footprint, footprint, in_wgs84
from landslip.inventory.record import InventoryRecord
from landslip.inventory.statistics.result import InventoryStatistics

_EXTENSIONS = (
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/table/v1.2.0/schema.json",
)
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_DECIMALS = 7
_MODEL_TERMS = ("mlm:name", "mlm:architecture", "mlm:tasks", "mlm:framework")


class _Asset(NamedTuple):
    media_type: str
    title: str
    roles: tuple[str, ...]


_ASSETS = {
    names.GEOPACKAGE: _Asset(
        "application/geopackage+sqlite3", "All layers, with styles for QGIS", ("data",)
    ),
    names.PARQUET: _Asset("application/vnd.apache.parquet", "Landslides as GeoParquet", ("data",)),
    names.CSV: _Asset("text/csv", "Landslides as a table without outlines", ("data",)),
    names.GEOJSON: _Asset("application/geo+json", "Landslides in WGS 84", ("data",)),
    names.KMZ: _Asset("application/vnd.google-earth.kmz", "Landslides for the field", ("visual",)),
    names.RECORD: _Asset(
        "application/json", "What the inventory was made from and how", ("metadata",)
    ),
    names.STATISTICS: _Asset("application/json", "Statistics", ("metadata",)),
}


class TimeSpan(NamedTuple):
    """From when to when something was seen; both ends the same where that is a moment."""

    start: datetime
    end: datetime


def time_span(text: str | None) -> TimeSpan | None:
    """Return the span of a date (``2008``, ``2008-05``, ``2008-05-12``) or of a moment in ISO 8601.

    None where it is not known, or not a date. Dates and moments without a time zone are taken for
    UTC.
    """
    known = (text or "").strip()
    if (found := _DATE.fullmatch(known)) is None:
        return _moment(known)
    year, month, day = (None if part is None else int(part) for part in found.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    last_month = month or 12
    last_day = day or calendar.monthrange(first.year, last_month)[1]
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(first.year, last_month, last_day, tzinfo=UTC)
    return TimeSpan(start, end + timedelta(days=1, seconds=-1))


def _moment(text: str) -> TimeSpan | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return TimeSpan(moment, moment)


def write_stac_item(
    landslides: geopandas.GeoDataFrame,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
    files: list[str],
    path: Path,
) -> bool:
    """Write the item and return True, or, where the date is not known, False: STAC asks for one.

    Its geometry is the convex hull of the landslides, null where there are none. Dates become
    ``start_datetime`` and ``end_datetime``, since the time of day is not known.

    Args:
        landslides: in a known coordinate system.
        record: of the inventory.
        statistics: of the inventory, if there are any.
        files: names of the files beside it, which become its assets.
        path: of the file.
    """
    span = time_span(record.scene.date)
    if span is None:
        return False
    where = footprint(in_wgs84(landslides.geometry))
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": record.name,
        **_place(where),
        "properties": _times(span) | _properties(landslides, record, statistics),
        "links": [],
        "assets": _assets(files),
    }
    text = json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return True


def _place(where: Footprint | None) -> dict[str, Any]:
    if where is None:
        return {"geometry": None}
    rounded = shapely.orient_polygons(shapely.transform(where.geometry, _rounded))
    return {
        "geometry": json.loads(shapely.to_geojson(rounded)),
        "bbox": [round(side, _DECIMALS) for side in where.bounds],
    }


def _rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points.round(_DECIMALS)


def _times(span: TimeSpan) -> dict[str, Any]:
    start, end = (moment.isoformat().replace("+00:00", "Z") for moment in span)
    if span.start == span.end:
        return {"datetime": start}
    return {"datetime": None, "start_datetime": start, "end_datetime": end}


def _properties(
    landslides: geopandas.GeoDataFrame,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
) -> dict[str, Any]:
    code = landslides.crs.to_epsg()
    found = (
        {
            "title": f"Landslide inventory {record.name}",
            "description": f"{record.landslides} landslides",
            "gsd": record.scene.resolution_m,
            "processing:software": {"landslip": record.code_version},
            "proj:code": None if code is None else f"EPSG:{code}",
            "table:columns": _columns(landslides.geometry.name),
            "table:primary_geometry": landslides.geometry.name,
            "table:row_count": len(landslides),
            "landslip:landslides": record.landslides,
            "landslip:scene": record.scene.name,
        }
        | _areas(statistics)
        | _model(record)
    )
    return {
        name: value for name, value in found.items() if value is not None or name == "proj:code"
    }


def _columns(geometry: str) -> list[dict[str, str]]:
    types = {
        FieldKind.ID: "int64",
        FieldKind.NUMBER: "double",
        FieldKind.TEXT: "string",
        FieldKind.FLAG: "boolean",
    }
    columns = [
        {
            "name": field.name,
            "description": f"{field.meaning} [{field.unit}]" if field.unit else field.meaning,
            "type": types[field.kind],
        }
        for field in FIELDS
    ]
    outline = {"name": geometry, "description": "Outline of the landslide.", "type": "binary"}
    return [*columns, outline]


def _areas(statistics: InventoryStatistics | None) -> dict[str, Any]:
    if statistics is None:
        return {}
    areas: dict[str, Any] = {
        "landslip:area_m2": statistics.area_m2,
        "landslip:surface_m2": statistics.surface_m2,
        "landslip:mapped_m2": statistics.mapped_m2,
        "landslip:landslides_per_km2": statistics.landslides_per_km2,
    }
    if statistics.adjusted is not None:
        estimate = statistics.adjusted.adjusted_m2
        areas["landslip:area_adjusted_m2"] = estimate.value
        areas["landslip:area_adjusted_interval_m2"] = (
            None if estimate.low is None else [estimate.low, estimate.high]
        )
        areas["landslip:interval_level"] = statistics.adjusted.level
    if statistics.magnitude is not None:
        areas["landslip:magnitude"] = statistics.magnitude.from_count
    return areas


def _model(record: InventoryRecord) -> dict[str, Any]:
    """Return the model in terms of the extension MLM, whose schema is for items of models alone."""
    if record.model is None:
        return {}
    terms = {} if record.model_card is None else record.model_card.stac
    return {
        "mlm:name": record.model.name,
        **{name: terms[name] for name in _MODEL_TERMS if name in terms},
        "landslip:model_sha256": record.model.weights_sha256,
        "landslip:threshold": record.model.threshold,
        "landslip:calibration": record.model.calibration,
        "processing:lineage": (
            f"Landslides mapped with the model {record.model.name} "
            f"({record.model.engine}, {record.model.precision})"
        ),
    }


def _assets(files: list[str]) -> dict[str, Any]:
    in_degrees = {"proj:code": WGS84}
    return {
        name.replace(".", "-"): {
            "href": f"./{name}",
            "type": asset.media_type,
            "title": asset.title,
            "roles": list(asset.roles),
            **(in_degrees if name in {names.GEOJSON, names.KMZ} else {}),
        }
        for name, asset in _ASSETS.items()
        if name in files
    }
