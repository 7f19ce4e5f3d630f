"""GDAL and PROJ: their versions and data, and whether files can be written and read."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas
import pyogrio
import pyproj
import shapely
from pyproj.transformer import TransformerGroup

from landslip.api.diagnosis.check import Check, Status
from landslip.core.errors import excerpt
from landslip.io.raster.self_check import gdal_version, write_and_read

_REINSTALL = "pip install --force-reinstall rasterio pyogrio pyproj"
_GEOIDS = {"egm96": 5773, "egm2008": 3855}
_FORMATS = {"GeoPackage": "gpkg", "GeoJSON": "geojson", "Shapefile": "shp", "GeoParquet": "parquet"}


def geodata_checks() -> Iterator[Check]:
    """Check GDAL and PROJ by using them."""
    yield Check(section="geodata", name="GDAL of rasters", value=gdal_version())
    yield Check(section="geodata", name="GDAL of polygons", value=pyogrio.__gdal_version_string__)
    yield Check(
        section="geodata",
        name="PROJ",
        value=f"{pyproj.proj_version_str}, {pyproj.datadir.get_data_dir()}",
    )
    yield _attempt("coordinate systems", _transform)
    yield _attempt("Cloud-Optimized GeoTIFF", _write_cog)
    for name, suffix in _FORMATS.items():
        yield _attempt(name, partial(_write_polygons, suffix))
    for name, code in _GEOIDS.items():
        yield _geoid(name, code)


def _attempt(name: str, work: Callable[[], str]) -> Check:
    try:
        value, status, advice = work(), Status.OK, None
    except Exception as error:  # whatever a broken installation raises is what to report
        value, status, advice = excerpt(str(error), 200), Status.BROKEN, _REINSTALL
    return Check(section="geodata", name=name, value=value, status=status, advice=advice)


def _transform() -> str:
    transformer = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32648", always_xy=True)
    x, y = transformer.transform(105.0, 0.0)
    if abs(x - 500_000) > 0.01 or abs(y) > 0.01:
        raise ValueError(f"the central meridian of zone 48 comes to {x}, {y}, not to 500000, 0")
    return "known"


def _write_cog() -> str:
    with TemporaryDirectory() as folder:
        write_and_read(Path(folder) / "written.tif", 64)
    return "written and read"


def _write_polygons(suffix: str) -> str:
    square = shapely.box(400_000, 3_000_000, 400_010, 3_000_010)
    frame = geopandas.GeoDataFrame({"id": ["LS-1"]}, geometry=[square], crs="EPSG:32648")
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"written.{suffix}"
        if suffix == "parquet":
            frame.to_parquet(file)
            read = geopandas.read_parquet(file)
        else:
            frame.to_file(file)
            read = geopandas.read_file(file)
    if list(read["id"]) != ["LS-1"]:
        raise ValueError("what was read is not what was written")
    return "written and read"


def _geoid(name: str, code: int) -> Check:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the missing grid, which is reported
        group = TransformerGroup(f"EPSG:4326+{code}", "EPSG:4979", always_xy=True)
    there = bool(group.transformers) and group.best_available
    return Check(
        section="geodata",
        name=f"geoid {name}",
        value="grid of PROJ" if there else "not here",
        status=Status.OK if there else Status.NOTE,
        advice=None
        if there
        else f"for --dem-heights {name} only: give a raster of geoid heights, or their metres",
    )
