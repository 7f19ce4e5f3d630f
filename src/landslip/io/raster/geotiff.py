"""GeoTIFFs of strangers, opened so that GDAL reads nothing but the file itself.

A sidecar (`.aux.xml`, `.ovr`, `.msk`) or a tag may name another file, or an address, as overviews.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.shutil import copy as copy_raster

from landslip.core.errors import InputError
from landslip.core.paths import refuse_special
from landslip.io.raster.opening import ONE_AT_A_TIME, cause
from landslip.io.raster.output import COG_OPTIONS, raster_writing

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_BANDS = 1000
_ONLY_ITSELF = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}


@contextmanager
def only_the_file(cache_megabytes: int = 128) -> Iterator[None]:
    """Let GDAL read only the file that is opened, in this thread, with a bounded block cache."""
    with rasterio.Env(GDAL_CACHEMAX=cache_megabytes * 2**20, **_ONLY_ITSELF):
        yield


def is_geotiff(path: Path) -> bool:
    """Whether a file begins as a TIFF."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def open_geotiff(path: Path, overview: int | None = None) -> DatasetReader:
    """Open a GeoTIFF, or one of its overviews; to be called, and used, within `only_the_file`.

    ``overview`` is counted from 0, the largest; None opens the raster itself.

    Raises:
        InputError: it is none that can be read, or names another file as its overviews.
    """
    refuse_special(path)
    try:
        if not is_geotiff(path):
            raise InputError(f"{path}: not a GeoTIFF; convert it to one")
        with (
            ONE_AT_A_TIME,
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
        ):
            options = {} if overview is None else {"overview_level": overview}
            file = rasterio.open(path, driver="GTiff", **options)
    except (RasterioError, OSError) as error:
        raise InputError(f"{path}: not a raster that can be read ({cause(error)})") from error
    if file.tags(ns="OVERVIEWS"):
        file.close()
        raise InputError(
            f"{path}: names another file as its overviews, which is not opened; write the raster "
            "again as a COG"
        )
    if file.count == 0 or any(dtype.startswith("complex") for dtype in file.dtypes):
        file.close()
        raise InputError(f"{path}: a raster of real numbers is needed")
    if file.count > MAX_BANDS:
        file.close()
        raise InputError(f"{path}: has {file.count:,} bands, and at most {MAX_BANDS:,} are shown")
    return file


def copy_with_overviews(source: Path, out: Path, resampling: str) -> None:
    """Write a GeoTIFF again as a COG with overviews, of the same numbers.

    ``resampling`` makes the overviews: ``average``, or ``mode`` of classes.

    Raises:
        InputError: the source cannot be read.
        LandslipError: it cannot be written.
    """
    with only_the_file(cache_megabytes=256), open_geotiff(source) as file, raster_writing(out):
        copy_raster(
            file,
            out,
            **{**COG_OPTIONS, "num_threads": "1"},
            compress="zstd",
            level=1,
            overviews="ignore_existing",
            overview_resampling=resampling,
        )


def read_window(
    file: DatasetReader,
    bands: tuple[int, ...],
    window: tuple[tuple[int, int], tuple[int, int]],
    shape: tuple[int, int],
    method: Literal["bilinear", "nearest"],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers (bands, height, width) of an opened file, and where each is missing.

    Args:
        file: of `open_geotiff`.
        bands: indexes from 1.
        window: first and last (exclusive) row, and column.
        shape: height and width to read it at.
        method: of the reading at another size than the window's.

    Raises:
        OSError: it cannot be read.
    """
    try:
        values = file.read(
            bands,
            window=window,
            out_shape=(len(bands), *shape),
            resampling=Resampling[method],
        )
        return values, _masks(file, bands, window, values)
    except RasterioError as error:
        raise OSError(cause(error)) from error


def _masks(
    file: DatasetReader,
    bands: tuple[int, ...],
    window: tuple[tuple[int, int], tuple[int, int]],
    values: NDArray[Any],
) -> NDArray[np.bool_]:
    """Return where each band is missing.

    GDAL takes as long to compare with nodata as to decode the numbers, so that is done here.
    """
    flags = [{*file.mask_flag_enums[band - 1]} for band in bands]
    if all(flag in ({MaskFlags.nodata}, {MaskFlags.all_valid}) for flag in flags):
        masks = np.zeros(values.shape, dtype=np.bool_)
        for mask, band, number in zip(masks, bands, values, strict=True):
            nodata = file.nodatavals[band - 1]
            if nodata is not None:
                mask[:] = np.isnan(number) if np.isnan(nodata) else number == nodata
        return masks
    return np.asarray(file.read_masks(bands, window=window, out_shape=values.shape) == 0)
