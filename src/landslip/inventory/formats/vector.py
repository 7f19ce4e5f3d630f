"""Layers as tables of Arrow, and the files that GDAL makes of them."""

from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray

from landslip.io.vector import vector_writing

GEOMETRY = "geom"
WHAT = "the layers of the inventory"
_MULTIPOLYGON = 6


def arrow_table(frame: geopandas.GeoDataFrame) -> pa.Table:
    """Return a layer's columns and, as ``geom``, its geometry in WKB; what is empty is null."""
    columns = {str(name): _array(frame[name]) for name in frame.columns.drop(frame.geometry.name)}
    wkb = shapely.to_wkb(np.asarray(frame.geometry.values), byte_order=1)
    return pa.table(columns | {GEOMETRY: pa.array(wkb, type=pa.binary())})


def _array(column: "pandas.Series[str]") -> pa.Array:
    if isinstance(column.dtype, pandas.BooleanDtype) or column.dtype == np.bool_:
        kind = pa.bool_()
    elif pandas.api.types.is_integer_dtype(column.dtype):
        kind = pa.int64()
    elif pandas.api.types.is_float_dtype(column.dtype):
        kind = pa.float64()
    else:
        kind = pa.string()
    return pa.array(column, type=kind, from_pandas=True)


def one_type(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.object_], str]:
    """Return polygons and ``Polygon``, or, where there is any multipolygon, all as such."""
    if not (shapely.get_type_id(geometries) == _MULTIPOLYGON).any():
        return geometries, "Polygon"
    single = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON
    promoted = geometries.copy()
    promoted[single] = shapely.multipolygons(geometries[single][:, np.newaxis])
    return promoted, "MultiPolygon"


def write_layer(
    table: pa.Table, path: Path, driver: str, geometry_type: str | None, **options: str | None
) -> None:
    """Write a table with GDAL, as a file or as a further layer of a GeoPackage.

    Args:
        table: as `arrow_table` gives it.
        path: of the file.
        driver: of GDAL.
        geometry_type: of the layer; None for a table without geometry.
        options: ``layer`` and ``crs``, and those of the driver.

    Raises:
        LandslipError: it could not be written.
    """
    geometry = {} if geometry_type is None else {"geometry_name": GEOMETRY}
    with vector_writing(path, WHAT):
        pyogrio.write_arrow(
            table, path, driver=driver, geometry_type=geometry_type, **geometry, **options
        )
