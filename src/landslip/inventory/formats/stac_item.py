"""``item.json``: an inventory as an item of a SpatioTemporal Asset Catalog, STAC 1.1.

The item is a dictionary written as JSON; tests read and validate it with pystac, which is not used
here, as it brings 22 distributions into the base installation to hold the same dictionary.
"""

import json
from calendar import monthrange
from pathlib import Path
from typing import Any

import geopandas
import shapely

from landslip.inventory import record as names
from landslip.inventory.attributes import own_names
from landslip.inventory.fields import FIELDS, FieldKind
from landslip.inventory.formats.wgs84 import WGS84, footprint, in_wgs84
from landslip.inventory.record import InventoryRecord
from landslip.inventory.statistics.result import InventoryStatistics

_EXTENSIONS = (
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/table/v1.2.0/schema.json",
)
_DECIMALS = 7
_MODEL_TERMS = ("mlm:name", "mlm:architecture", "mlm:tasks", "mlm:framework")


# media type, title, role
_ASSETS = {
    names.GEOPACKAGE: (
        "application/geopackage+sqlite3",
        "All layers, with styles for QGIS",
        "data",
    ),
    names.PARQUET: ("application/vnd.apache.parquet", "Landslides as GeoParquet", "data"),
    names.CSV: ("text/csv", "Landslides as a table without outlines", "data"),
    names.GEOJSON: ("application/geo+json", "Landslides in WGS 84", "data"),
    names.KMZ: ("application/vnd.google-earth.kmz", "Landslides for the field", "visual"),
    names.RECORD: ("application/json", "What the inventory was made from and how", "metadata"),
    names.STATISTICS: ("application/json", "Statistics", "metadata"),
}
_COLUMN_TYPES = {
    FieldKind.ID: "int64",
    FieldKind.NUMBER: "double",
    FieldKind.TEXT: "string",
    FieldKind.FLAG: "boolean",
}


def write_stac_item(
    landslides: geopandas.GeoDataFrame,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
    files: list[str],
    path: Path,
) -> bool:
    """Write the item and return True, or, without a date, False: STAC needs one.

    Its geometry is the convex hull of the landslides, null where there are none. The first and
    last date of the landslides become ``start_datetime`` and ``end_datetime``.
    The landslides are in a known coordinate system; the files beside it become its assets.
    """
    first, last = record.dates or (record.scene.date, record.scene.date)
    if first is None or last is None:
        return False
    geometry, bbox = None, {}
    where = footprint(in_wgs84(landslides.geometry))
    if where is not None:
        hull, bounds = where
        rounded = shapely.transform(hull, lambda points: points.round(_DECIMALS))
        geometry = json.loads(shapely.to_geojson(shapely.orient_polygons(rounded)))
        bbox = {"bbox": [round(side, _DECIMALS) for side in bounds]}
    times = {
        "datetime": None,
        "start_datetime": f"{first_day(first)}T00:00:00Z",
        "end_datetime": f"{last_day(last)}T23:59:59Z",
    }
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(_EXTENSIONS),
        "id": record.name,
        "geometry": geometry,
        **bbox,
        "properties": times | _properties(landslides, record, statistics),
        "links": [],
        "assets": {
            name.replace(".", "-"): {
                "href": f"./{name}",
                "type": media_type,
                "title": title,
                "roles": [role],
                **({"proj:code": WGS84} if name in {names.GEOJSON, names.KMZ} else {}),
            }
            for name, (media_type, title, role) in _ASSETS.items()
            if name in files
        },
    }
    text = json.dumps(item, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return True


def first_day(day: str) -> str:
    """Return the first day of a year, a month or a day."""
    return (day + "-01-01")[:10]


def last_day(day: str) -> str:
    """Return the last day of a year, a month or a day."""
    year, month = int(day[:4]), int(day[5:7] or 12)
    return day if len(day) == 10 else f"{year:04}-{month:02}-{monthrange(year, month)[1]:02}"


def _properties(
    landslides: geopandas.GeoDataFrame,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
) -> dict[str, Any]:
    code = landslides.crs.to_epsg()
    columns = [
        {
            "name": field.name,
            "description": f"{field.meaning} [{field.unit}]" if field.unit else field.meaning,
            "type": _COLUMN_TYPES[field.kind],
        }
        for field in FIELDS
    ]
    columns += [
        {"name": name, "description": "A column of the polygons that were given."}
        for name in own_names(landslides)
    ]
    geometry = landslides.geometry.name
    columns.append({"name": geometry, "description": "Outline of the landslide.", "type": "binary"})
    found = (
        {
            "title": f"Landslide inventory {record.name}",
            "description": f"{record.landslides} landslides",
            "gsd": record.scene.resolution_m,
            "processing:software": {"landslip": record.code_version},
            "proj:code": None if code is None else f"EPSG:{code}",
            "table:columns": columns,
            "table:primary_geometry": geometry,
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
