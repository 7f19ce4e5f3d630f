"""The landslides in files for other programs: GeoParquet, CSV and GeoJSON."""

from pathlib import Path

import geopandas
import numpy as np
import pandas

from landslip.inventory.fields import BY_NAME, Kind
from landslip.inventory.formats.layer_fields import CSV_FIELDS
from landslip.inventory.formats.vector import arrow_table, one_type, write_layer
from landslip.inventory.formats.wgs84 import WGS84, in_wgs84, points_in_wgs84
from landslip.inventory.layers import Layers
from landslip.inventory.record import LANDSLIDES

GEOJSON_DECIMALS = 7


def write_parquet(landslides: geopandas.GeoDataFrame, path: Path) -> None:
    """Write the landslides as GeoParquet, in their own coordinate system."""
    # a column of text without any text would else have no type
    texts = [
        name for name in landslides.columns if name in BY_NAME and BY_NAME[name].kind is Kind.TEXT
    ]
    typed = landslides.astype(dict.fromkeys(texts, "string"))
    typed.to_parquet(path, index=False, compression="zstd")


def write_csv(layers: Layers, path: Path) -> None:
    """Write the landslides as comma-separated values: all columns, no outlines.

    Crown and toe are given as longitude and latitude besides. The text is UTF-8 and begins with a
    byte order mark, without which spreadsheets do not see that.
    """
    plain = pandas.DataFrame(layers.landslides.drop(columns=layers.landslides.geometry.name))
    places = [_places(layers.crowns, plain["id"]), _places(layers.toes, plain["id"])]
    for field, values in zip(CSV_FIELDS, np.hstack(places).T, strict=True):
        plain[field.name] = values
    plain.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\n")


def _places(points: geopandas.GeoDataFrame, ids: "pandas.Series[int]") -> np.ndarray:
    """Return longitude and latitude (n, 2) of the points of some landslides, NaN without one."""
    lonlat = pandas.DataFrame(points_in_wgs84(points.geometry), index=points["id"].to_numpy())
    return lonlat.reindex(ids.to_numpy()).to_numpy(dtype=np.float64)


def write_geojson(landslides: geopandas.GeoDataFrame, path: Path) -> None:
    """Write the landslides as GeoJSON (RFC 7946): WGS 84, 7 decimals, about a centimetre.

    Raises:
        LandslipError: it could not be written.
    """
    geometries, kind = one_type(in_wgs84(landslides.geometry))
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
