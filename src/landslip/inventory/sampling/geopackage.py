"""The file of a sample: a GeoPackage with the points to judge, and tables of how they were drawn.

The layer ``points`` has no map class, and its order is random, so that whoever judges a point does
not know what the map says there. The table ``sample_design`` does; ids connect the two.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from pydantic import ValidationError

from landslip.core.choices import Language
from landslip.core.errors import InputError, excerpt
from landslip.core.messages import message
from landslip.core.text import first_problem
from landslip.inventory.formats.vector_files import (
    GEOMETRY_COLUMN,
    StyleRow,
    styles_table,
    write_layer,
)
from landslip.inventory.formats.xml_templates import render_xml
from landslip.inventory.sampling.design import SampleRecord
from landslip.io.sqlite import roll_back_interrupted
from landslip.io.vector import gdal_crs, read_vector
from landslip.io.vector_source import quiet_gdal, vector_source

POINTS, DESIGN, STRATA, RECORD = "points", "sample_design", "sample_strata", "sample_record"
REFERENCE = "reference"
_COLOURS = {
    "landslide": "214,39,40,255",
    "background": "44,160,44,255",
    "unclear": "127,127,127,255",
    "": "255,221,0,255",  # not judged
}
_VERSION = "1.2"
SAMPLE_FILES = threading.RLock()
"""Held while a sample is read or written: GDAL and Python have an SQLite each, and neither sees the
other's locks within one process. A read in the middle of a judgement would fail."""
_DESIGN_COLUMNS = ("id", "stratum", "mapped", "x", "y", "row", "col", "pixel_m2")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleFile:
    """A sample as it is read back.

    ``points`` are those that are still in the file, with id, reference and geometry; ``design`` is
    of all that were drawn.
    """

    record: SampleRecord
    points: geopandas.GeoDataFrame
    design: pd.DataFrame


def write_sample(
    path: Path,
    record: SampleRecord,
    design: pd.DataFrame,
    lonlat: NDArray[np.float64],
    *,
    hide_map: bool,
) -> None:
    """Write a sample.

    Args:
        path: a GeoPackage that does not exist.
        record: how it was drawn.
        design: columns id, stratum, mapped, x, y, row, col and pixel_m2, one row a point.
        lonlat: (n, 2) the same places in WGS 84.
        hide_map: leave stratum and map class out of the layer of points.

    Raises:
        LandslipError: it could not be written.
    """
    crs = gdal_crs(geopandas.GeoSeries(crs=record.crs).crs)
    columns: dict[str, Any] = {
        "id": pa.array(design["id"], pa.int64()),
        REFERENCE: pa.nulls(len(design), pa.string()),
        "comment": pa.nulls(len(design), pa.string()),
        "x": design["x"].to_numpy(),
        "y": design["y"].to_numpy(),
        "lon": lonlat[:, 0],
        "lat": lonlat[:, 1],
    }
    if not hide_map:
        columns |= {name: pa.array(design[name]) for name in ("stratum", "mapped")}
    places = np.asarray(shapely.points(design[["x", "y"]].to_numpy()), dtype=object)
    columns[GEOMETRY_COLUMN] = pa.array(shapely.to_wkb(places, byte_order=1), type=pa.binary())
    write_layer(pa.table(columns), path, "GPKG", "Point", layer=POINTS, crs=crs, VERSION=_VERSION)
    strata = pd.DataFrame([one.model_dump() for one in record.strata])
    strata.insert(0, "stratum", [one.name for one in record.strata])
    strata.insert(4, "weight", strata["area_m2"] / strata["area_m2"].sum())
    tables = {
        DESIGN: pa.Table.from_pandas(design, preserve_index=False),
        STRATA: pa.Table.from_pandas(
            strata.astype({"low": np.float64, "high": np.float64}), preserve_index=False
        ),
        RECORD: pa.table({"record": [record.model_dump_json()]}),
        "layer_styles": styles_table(
            [
                StyleRow(
                    layer=POINTS,
                    name=message("qgis.sample_style").text(language),
                    qml=_style(language),
                    is_default=language == Language.ENGLISH,
                )
                for language in Language
            ]
        ),
    }
    for name, table in tables.items():
        write_layer(
            table, path, "GPKG", None, layer=name, FID="fid", ASPATIAL_VARIANT="GPKG_ATTRIBUTES"
        )


def _style(language: Language) -> str:
    """Return how QGIS draws and asks for the points, as the text of a QML file."""
    classes = [
        {
            "value": value,
            "label": message(f"qgis.{value or 'unjudged'}").text(language),
            "colour": colour,
        }
        for value, colour in _COLOURS.items()
    ]
    text = render_xml("sample.qml.j2", classes=classes)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + text


def is_sample(path: Path) -> bool:
    """Whether a file is a sample that was drawn by a map."""
    try:
        with SAMPLE_FILES:
            source = vector_source(path)
    except InputError:
        return False
    return RECORD in {name for name, _ in source.layers}


def read_sample(path: Path) -> SampleFile:
    """Read a sample.

    Raises:
        InputError: it is damaged, or of another version.
    """
    with SAMPLE_FILES:
        roll_back_interrupted(path)
        try:
            with quiet_gdal():
                text = pyogrio.read_dataframe(path, layer=RECORD)["record"].iloc[0]
                design = pyogrio.read_dataframe(path, layer=DESIGN)
            record = SampleRecord.model_validate_json(text)
            missing = {*_DESIGN_COLUMNS} - {*design.columns}
            is_whole = not missing and not design[[*_DESIGN_COLUMNS]].isna().any(axis=None)
            if not is_whole or not {*design["stratum"]} <= {one.name for one in record.strata}:
                raise ValueError("its table of the design is incomplete")
        except ValidationError as error:
            raise _damaged(path, first_problem(error)) from error
        except Exception as error:  # of pyogrio and pandas, which share no base error
            raise _damaged(path, excerpt(error)) from error
        points = read_vector(path, POINTS)
    points = points.rename(columns={name: str(name).lower() for name in points.columns})
    if {"id", REFERENCE} - {*points.columns}:
        raise InputError(
            f"{path}: the layer {POINTS} has the columns id and {REFERENCE}, by which points and "
            f"judgements are known; this one has {', '.join(points.columns)}. Name them so again"
        )
    ids = pd.to_numeric(points["id"], errors="coerce")
    if ids.isna().any() or ids.duplicated().any() or not set(ids) <= set(design["id"]):
        raise InputError(
            f"{path}: each point has the id that it was drawn with; one has none, one that is "
            "twice, or one that was not drawn. Remove points that were added"
        )
    return SampleFile(record=record, points=points.assign(id=ids.astype(np.int64)), design=design)


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path}: not a sample of this version ({problem}); draw it again with `landslip sample`"
    )
