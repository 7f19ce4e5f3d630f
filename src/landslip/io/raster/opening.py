"""Opening rasters, and the errors that raises."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as RasterioWindow

from landslip.core.crs import check_on_map
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.paths import refuse_special_beside
from landslip.core.window import Window
from landslip.io.raster.location import Location, without_credentials
from landslip.io.raster.remote import (
    DEFAULT_RETRY,
    RemoteSources,
    RetryPolicy,
    private_gdal_name,
)

ONE_AT_A_TIME = Lock()  # filters of warnings are those of all threads


@contextmanager
def bounded_cache(megabytes: int = 128) -> Iterator[None]:
    """Limit GDAL's block cache; by default it takes 5 % of the machine's memory."""
    with rasterio.Env(GDAL_CACHEMAX=megabytes * 2**20):
        yield


@contextmanager
def decoding_threads(count: int) -> Iterator[None]:
    """Decompress GeoTIFFs that are opened meanwhile by several threads in each read."""
    with rasterio.Env(GDAL_NUM_THREADS=count):
        yield


def open_raster(place: Location | Path | str, retry: RetryPolicy = DEFAULT_RETRY) -> DatasetReader:
    """Open a file, an address, or a path of GDAL's own.

    Raises:
        InputError: it does not exist, or is no raster of real numbers.
    """
    location = Location.of(place)
    if location.path is not None:
        refuse_special_beside(location.path)
        if not location.path.exists():
            raise InputError(f"{location}: no such file")
    sources = RemoteSources.of(location, retry)
    try:
        file = sources.with_retries(lambda: _opened(location), is_opening=True)
    except RasterioError as error:
        failure = sources.failure(error)
        raise InputError(
            failure or f"{location}: not a raster that can be read ({cause(error)})"
        ) from error
    if file.count == 0 or any(dtype.startswith("complex") for dtype in file.dtypes):
        file.close()
        raise InputError(f"{location}: a raster of real numbers is needed; it has {file.dtypes}")
    return file


def is_raster(path: Path) -> bool:
    """Whether a file is a raster that `open_raster` opens."""
    try:
        open_raster(path).close()
    except InputError:
        return False
    return True


def _opened(location: Location) -> DatasetReader:
    with ONE_AT_A_TIME, warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
        return rasterio.open(private_gdal_name(location))


@contextmanager
def reading(
    place: Location | Path, window: Window, sources: RemoteSources | None = None
) -> Iterator[None]:
    """Turn errors of reading into an `InputError` that names file and window."""
    try:
        yield
    except RasterioError as error:
        if sources and (failure := sources.failure(error)):
            raise InputError(f"{failure} (read at {window})") from error
        raise InputError(
            f"{place}: the raster cannot be read at {window} ({cause(error)}); "
            "the file may be damaged or truncated"
        ) from error


def cause(error: BaseException) -> str:
    """Return the first cause's text of an error, in one line and without credentials."""
    while error.__cause__ is not None:
        error = error.__cause__
    return without_credentials(" ".join(str(error).split())) or type(error).__name__


def grid_of(file: DatasetReader) -> Grid:
    """Return a file's grid.

    Raises:
        InputError: its coordinate system is not one of maps, or its transform maps no pixels to
            the ground.
    """
    if file.crs is not None:
        check_on_map(file.crs, without_credentials(file.name))
    try:
        grid = Grid(crs=file.crs, transform=file.transform, shape=file.shape)
    except InputError as error:
        raise InputError(f"{without_credentials(file.name)}: {error}") from error
    if file.crs is not None and not file.transform.is_identity:  # of images in sensor geometry
        check_on_map(file.crs, without_credentials(file.name), grid.corners(grid.window))
    return grid


def rasterio_window(window: Window) -> RasterioWindow:
    """Return the same window as rasterio's class."""
    return RasterioWindow(window.col_off, window.row_off, window.width, window.height)
