"""What a vector input is, found by opening it: its name says little, and may have no ending."""

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

import pyogrio

from landslip.core.errors import InputError, excerpt
from landslip.core.paths import refuse_special_beside
from landslip.io.raster.opening import is_raster

_MAGIC = {b"PAR1": "parquet", b"ARROW1": "feather"}
# in archives, what is tried; other members belong to one of these
_MEMBERS = (".shp", ".gpkg", ".geojson", ".json", ".kml", ".gml", ".fgb", ".tab", ".mif", ".csv")
_LISTED = 5


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """Ignore warnings of GDAL that say nothing of polygons."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Measured")  # values along lines
        # a property may be called id, as of polygons that were split
        warnings.filterwarnings("ignore", message="Several features with id")
        warnings.filterwarnings("ignore", message=".*non conformant file extension")
        warnings.filterwarnings("ignore", message="Non closed ring")  # it is closed
        yield


class InputKind(StrEnum):
    """What a file or folder holds."""

    VECTOR = "vector"
    TABLE = "table"
    """Rows without geometry."""
    RASTER = "raster"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorSource:
    """What to open: its place as GDAL names it, who reads it, and its layers.

    Attributes:
        reader: ``gdal``, ``parquet`` or ``feather``.
        layers: names with their type of geometry, None for a table; empty for the other readers.
    """

    place: str
    reader: str
    layers: tuple[tuple[str, str | None], ...] = ()


def input_kind(path: Path) -> InputKind:
    """Decide what an input is; vector, where it holds polygons and a raster.

    Raises:
        InputError: nothing can open it.
    """
    try:
        source = vector_source(path)
    except InputError:
        if is_raster(path):
            return InputKind.RASTER
        raise
    if source.reader == "gdal" and all(kind is None for _, kind in source.layers):
        return InputKind.RASTER if is_raster(path) else InputKind.TABLE
    return InputKind.VECTOR


def is_vector(path: Path) -> bool:
    """Whether a file, or a folder such as a file geodatabase, has layers that GDAL reads."""
    try:
        source = vector_source(path)
    except InputError:
        return False
    return source.reader != "gdal" or len(source.layers) > 0


def vector_source(path: Path) -> VectorSource:
    """Find how to read a vector file, folder or archive.

    Raises:
        InputError: it does not exist, or is none.
    """
    refuse_special_beside(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if (reader := _columnar(path)) is not None:
        return VectorSource(place=str(path), reader=reader)
    try:
        return _opened(str(path))
    except Exception as error:  # pyogrio decodes names of layers
        failure = error
    members = [source for place in _members(path) for source in _those_that_open(place)]
    if len(members) > 1:
        names = ", ".join(PurePosixPath(one.place).name for one in members[:_LISTED])
        raise InputError(f"{path}: an archive of several files ({names}); unpack it and give one")
    if members:
        return members[0]
    cause = excerpt(str(failure).partition("; It might help")[0].rstrip("."), 300)
    raise InputError(f"{path}: not a vector file that can be read ({cause})") from failure


def _columnar(path: Path) -> str | None:
    """Return who reads a file of GeoParquet or GeoArrow; None for other files."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(max(map(len, _MAGIC)))
    return next((reader for magic, reader in _MAGIC.items() if head.startswith(magic)), None)


def _opened(place: str) -> VectorSource:
    with quiet_gdal():
        found = pyogrio.list_layers(place)
    layers = tuple((str(name), None if kind is None else str(kind)) for name, kind in found)
    return VectorSource(place=place, reader="gdal", layers=layers)


def _those_that_open(place: str) -> Iterator[VectorSource]:
    try:
        yield _opened(place)
    except pyogrio.errors.DataSourceError:
        return


def _members(path: Path) -> Iterator[str]:
    """Yield the vector files within the folders of a zip archive, as GDAL names them."""
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return
    for name in names:
        if PurePosixPath(name).suffix.lower() in _MEMBERS:
            yield f"/vsizip/{path.absolute()}/{name}"
