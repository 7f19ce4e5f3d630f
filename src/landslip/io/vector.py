"""Vector files: reading polygons from any of them, and writing them reproducibly."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from landslip.core.choices import Language
from landslip.core.crs import axis_unit, check_on_map, horizontal_crs
from landslip.core.errors import InputError, LandslipError, argument, excerpt
from landslip.core.geometries import gather, polygonal_part
from landslip.core.grid import MAX_COORDINATE
from landslip.core.messages import Message, catalogue, message, plain
from landslip.io.raster.opening import is_raster
from landslip.io.text_columns import BYTES, decode_columns
from landslip.io.vector_source import VectorSource, quiet_gdal, vector_source

FIXED_DATE = "2000-01-01T00:00:00.000Z"
_MAX_METRES = 1e8  # twice around the Earth, and past the numbers of zones before eastings
# files are written beside their place; SQLite would wait for the disk at each of many transactions
_WRITING = {"OGR_CURRENT_DATE": FIXED_DATE, "OGR_SQLITE_SYNCHRONOUS": "OFF"}
_LISTED = 5
LANDSLIDES_LAYER = "landslides"  # of an inventory, read where no layer is named
_NULLABLE = {"bool": "boolean", "int16": "Int64", "int32": "Int64", "int64": "Int64"}
# tried in this order
_OTHER_THAN_STATED = ("utf-8", "gb18030")
_UNSTATED = ("utf-8", "gb2312")  # GB 18030 has characters for nearly all bytes of other encodings


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonFile:
    """Valid polygons with their columns, and notes on what was repaired or left out.

    ``frame`` is in the file's coordinate system (or none) and order, indexed from 0, without
    heights. ``numbers`` are those in the file, from 1; ``total`` counts those left out too.
    """

    frame: geopandas.GeoDataFrame
    numbers: NDArray[np.int64]
    total: int
    notes: tuple[Message, ...]


def read_polygon_file(
    path: Path,
    layer: str | None = None,
    *,
    may_be_empty: bool = False,
    layer_argument: str | None = "layer",
) -> PolygonFile:
    """Read polygons with their columns.

    Self-intersecting ones are repaired, keeping what they enclose; empty ones, and ones that
    enclose no area, are left out; each is noted. ``may_be_empty`` accepts a file without any
    polygon; for the other arguments see `read_vector`.

    Raises:
        InputError: nothing can be read, there is no polygon, or something else than polygons.
    """
    frame, notes = _read_frame(path, layer, layer_argument)
    geometries = np.asarray(frame.geometry.values, dtype=object)
    empty = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    kinds = {str(geometry.geom_type) for geometry in geometries[~empty]}
    if others := sorted(kinds - {"Polygon", "MultiPolygon"}):
        raise InputError(f"{path}: landslides are polygons; there are also {', '.join(others)}")
    if shapely.has_z(geometries).any():
        geometries = shapely.force_2d(geometries)
    if frame.crs is not None:
        geometries = gather(geometries, frame.crs)
    invalid = ~empty & ~shapely.is_valid(geometries)
    if empty.any():
        notes.append(_note("file.empty", path, empty))
    if invalid.any():
        text = shapely.is_valid_reason(geometries[invalid][0])
        fault, _, at = text.rstrip("]").partition("[")
        is_known = (key := f"geometry.{fault}") in catalogue(Language.ENGLISH)
        reason = message(key, at=at) if is_known else plain(text)
        notes.append(_note("file.repaired", path, invalid, reason=reason))
        geometries = repair_polygons(geometries)
        gone = invalid & shapely.is_empty(geometries)
        if gone.any():
            notes.append(_note("file.without_area", path, gone))
        empty |= gone
    if empty.all() and not may_be_empty:
        raise InputError(f"{path}: contains no polygon; give a file with landslides as polygons")
    repaired = frame.set_geometry(geopandas.GeoSeries(geometries, index=frame.index, crs=frame.crs))
    return PolygonFile(
        frame=repaired[~empty].reset_index(drop=True),
        numbers=np.flatnonzero(~empty).astype(np.int64) + 1,
        total=len(frame),
        notes=tuple(notes),
    )


def repair_polygons(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return valid polygons that enclose the same area, without lines and points."""
    invalid = ~shapely.is_missing(polygons) & ~shapely.is_valid(polygons)
    result = polygons.copy()
    result[invalid] = [polygonal_part(shapely.make_valid(one)) for one in polygons[invalid]]
    return result


def read_vector(
    path: Path, layer: str | None = None, layer_argument: str | None = None
) -> geopandas.GeoDataFrame:
    """Read geometries of any kind with their columns.

    Args:
        path: anything that GDAL reads, or GeoParquet.
        layer: which one, where the file has several.
        layer_argument: what the user names a layer by; None where the file must have only one.

    Raises:
        InputError: nothing can be read, or there is no geometry.
    """
    return _read_frame(path, layer, layer_argument)[0]


def _read_frame(
    path: Path, layer: str | None, layer_argument: str | None
) -> tuple[geopandas.GeoDataFrame, list[Message]]:
    """Read geometries with their columns, and notes on their texts; see `read_vector`."""
    source, notes = _vector_source(path), list[Message]()
    try:
        # coordinates that are not finite are refused below, unclosed rings are closed
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            if source.reader == "parquet":
                frame = geopandas.read_parquet(path)
            elif source.reader == "feather":
                frame = geopandas.read_feather(path)
            else:
                layer = _layer(path, source, layer, layer_argument)
                frame, notes = _read_layer(path, source.place, layer)
    except InputError:
        raise
    except Exception as error:  # pyogrio, pyarrow and geopandas share no base error
        raise InputError(
            f"{path}: not a vector file that can be read ({excerpt(error, 300)})"
        ) from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise InputError(f"{path}: a table without geometry; polygons are needed")
    coordinates = shapely.get_coordinates(np.asarray(frame.geometry.values, dtype=object))
    if frame.crs is not None:
        check_on_map(frame.crs, path, coordinates)
    most = MAX_COORDINATE
    if frame.crs is not None and horizontal_crs(frame.crs).is_projected:
        most = _MAX_METRES / axis_unit(frame.crs)
    if not (np.abs(coordinates) <= most).all():
        raise InputError(
            f"{path}: a geometry has coordinates that are not finite, or over {most:g}, which is "
            "not on the Earth; fix or remove it"
        )
    return frame, notes


def _vector_source(path: Path) -> VectorSource:
    try:
        return vector_source(path)
    except InputError as error:
        if path.is_file() and is_raster(path):
            raise InputError(f"{path}: is a raster; a vector file is needed here") from error
        raise


def _layer(path: Path, source: VectorSource, layer: str | None, layer_argument: str | None) -> str:
    """Return the layer to read: the one that is asked for, or the only one."""
    layers = [name for name, _ in source.layers]
    if layer is None and LANDSLIDES_LAYER in layers:
        layer = LANDSLIDES_LAYER
    if layer is None and len(layers) > 1:
        remedy = "give a file with one of them"
        if layer_argument:
            remedy = f"name one by {argument(layer_argument)}"
        raise InputError(f"{path}: has several layers, {remedy}: {', '.join(layers)}")
    if layer is not None and layer not in layers:
        raise InputError(f"{path}: has no layer {layer}; its layers are {', '.join(layers)}")
    if not layers:
        raise InputError(f"{path}: has no layer of vectors")
    return layer or layers[0]


def _read_layer(path: Path, place: str, layer: str) -> tuple[geopandas.GeoDataFrame, list[Message]]:
    notes, stated = list[Message](), None
    with quiet_gdal():
        try:
            frame, about = _read_as(place, layer, None)
            if about["driver"] == "ESRI Shapefile" and about["encoding"] == BYTES:
                stated = _UNSTATED  # GDAL takes this one where the file states none
        except UnicodeDecodeError:
            frame, about = _read_as(place, layer, BYTES)
            stated = _OTHER_THAN_STATED
    if not isinstance(frame, geopandas.GeoDataFrame):
        return frame, notes
    frame = _with_stored_types(frame, dict(zip(about["fields"], about["dtypes"], strict=True)))
    if stated is not None:
        frame, encoding = decode_columns(frame, stated)
        if stated == _OTHER_THAN_STATED:
            notes.append(message("file.encoding", file=path.name, encoding=encoding))
    if frame.crs is None and about["driver"] == "CSV" and _may_be_degrees(frame):
        frame = frame.set_crs("EPSG:4326")
        notes.append(message("file.degrees", file=path.name))
    return frame, notes


def _read_as(place: str, layer: str, encoding: str | None) -> tuple[Any, dict[str, Any]]:
    """Return the content and the description of a layer; None is the encoding that it states."""
    about = pyogrio.read_info(place, layer=layer, encoding=encoding)
    return geopandas.read_file(place, layer=layer, engine="pyogrio", encoding=encoding), about


def _with_stored_types(
    frame: geopandas.GeoDataFrame, stored: dict[str, str]
) -> geopandas.GeoDataFrame:
    """Return columns in the types that the file has, which gaps in them change."""
    # whole numbers and flags with gaps are read as floating-point numbers
    types = {
        name: _NULLABLE[stored[name]]
        for name in frame.columns.drop(frame.geometry.name)
        if stored.get(name) in _NULLABLE and frame[name].dtype.kind in "fO"
    }
    frame = frame.astype(types)
    for name in stored.keys() & {*frame.columns}:
        if stored[name] == "datetime64[D]":  # a day, which pandas reads as a time
            days = pd.to_datetime(frame[name])
            frame[name] = days.dt.date.astype(object).where(days.notna(), None)
    return frame


def _may_be_degrees(frame: geopandas.GeoDataFrame) -> bool:
    """Whether all coordinates may be longitude and latitude."""
    return len(frame) > 0 and bool((np.abs(frame.total_bounds) <= (180, 90, 180, 90)).all())


def _note(key: str, path: Path, which: NDArray[np.bool_], **values: Message) -> Message:
    """Return a message about some polygons, named by their numbers in the file, from 1."""
    numbers = (np.flatnonzero(which) + 1).tolist()
    shown = ", ".join(str(number) for number in numbers[:_LISTED])
    return message(
        key,
        file=path.name,
        count=len(numbers),
        total=len(which),
        numbers=shown + (", ..." if len(numbers) > _LISTED else ""),
        **values,
    )


@contextmanager
def vector_writing(path: Path, what: str) -> Iterator[None]:
    """Let GDAL write a file without today's date, and without a warning of a missing CRS.

    Raises:
        LandslipError: GDAL, or what is done meanwhile, fails with a RuntimeError.
    """
    before = {name: pyogrio.get_gdal_config_option(name) for name in _WRITING}
    pyogrio.set_gdal_config_options(_WRITING)
    try:
        with warnings.catch_warnings():
            # a missing coordinate system is reported elsewhere
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            yield
    except RuntimeError as error:
        raise write_error(path, what, error) from error
    finally:
        pyogrio.set_gdal_config_options(before)


def write_error(path: Path, what: str, error: Exception) -> LandslipError:
    """Return the error for a file that cannot be written."""
    return LandslipError(
        f"{path}: {what} cannot be written ({excerpt(error)}); check that there is room on the "
        "disk and run the same command again"
    )


def gdal_crs(crs: pyproj.CRS | None) -> str | None:
    """Return a coordinate system as GDAL takes it."""
    if crs is None:
        return None
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    try:
        return str(crs.to_wkt("WKT1_GDAL"))
    except CRSError:  # WKT 1 cannot express it
        return str(crs.to_wkt())
