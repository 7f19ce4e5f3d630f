"""The files of histories: GeoPackage with styles and the meaning of columns, GeoParquet, CSV."""

from pathlib import Path

import geopandas
import numpy as np
import pandas as pd

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.inventory.formats.qgis_style import StyleRule, landslide_fill, render_style
from landslip.inventory.formats.vector_files import (
    GEOPACKAGE_VERSION,
    STYLE_NAMES,
    StyleRow,
    arrow_table,
    as_one_type,
    describe_columns,
    styles_table,
    write_layer,
)
from landslip.io.vector import gdal_crs
from landslip.multitemporal.tracking.fields import LANDSLIDES, TRACK_FIELDS, TRACKS
from landslip.multitemporal.tracking.record import GEOPACKAGE
from landslip.multitemporal.tracking.track_state import TrackState

STATE_COLOURS: dict[TrackState, tuple[int, int, int]] = {
    TrackState.NEW: (189, 0, 38),
    TrackState.ENLARGED: (240, 59, 32),
    TrackState.REACTIVATED: (122, 1, 119),
    TrackState.PERSISTING: (253, 141, 60),
    TrackState.SPLIT: (254, 204, 92),
    TrackState.MERGED: (166, 97, 26),
    TrackState.SHRINKING: (161, 207, 107),
    TrackState.RECOVERED: (35, 132, 67),
    TrackState.NOT_OBSERVED: (170, 176, 184),
}
_TIMES = {LANDSLIDES: ("date", "track_until"), TRACKS: ("first_seen", "gone_by")}


def write_files(
    landslides: geopandas.GeoDataFrame,
    tracks: geopandas.GeoDataFrame,
    folder: Path,
    language: Language,
) -> list[str]:
    """Write both layers in all formats and return the names of the files.

    Raises:
        LandslipError: one cannot be written.
    """
    tables = {LANDSLIDES: landslides, TRACKS: tracks}
    file = folder / GEOPACKAGE
    for name, frame in tables.items():
        geometries, kind = as_one_type(np.asarray(frame.geometry.values))
        write_layer(
            arrow_table(frame.set_geometry(geometries, crs=frame.crs)),
            file,
            "GPKG",
            kind,
            layer=name,
            crs=gdal_crs(frame.crs),
            VERSION=GEOPACKAGE_VERSION,
        )
    styles = [
        StyleRow(
            layer=name,
            name=style,
            qml=_style(name, one),
            is_default=one == language,
        )
        for name in tables
        for one, style in STYLE_NAMES.items()
    ]
    write_layer(
        styles_table(styles),
        file,
        "GPKG",
        None,
        layer="layer_styles",
        FID="id",
        ASPATIAL_VARIANT="GPKG_ATTRIBUTES",
        DATETIME_PRECISION="MILLISECOND",
    )
    describe_columns(file, tables, TRACK_FIELDS, language)
    written = [GEOPACKAGE]
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
        plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
        plain.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
        written += [f"{name}.parquet", f"{name}.csv"]
    return written


def _style(layer: str, language: Language) -> str:
    rules = [
        StyleRule(
            message(f"state.{state}").text(language),
            f"\"state\" = '{state}'",
            landslide_fill(colour),
        )
        for state, colour in STATE_COLOURS.items()
    ]
    columns = {field.name: field.label_with_unit(language) for field in TRACK_FIELDS[layer]}
    return render_style(rules, columns, times=_TIMES[layer])
