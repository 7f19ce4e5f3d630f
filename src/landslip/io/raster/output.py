"""Writing rasters window by window: GeoTIFFs that GDAL then turns into Cloud-Optimized ones."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.shutil import copy as copy_raster

from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.core.errors import LandslipError
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster.opening import cause, rasterio_window
from landslip.io.raster.tile_codec import TILE_PX
from landslip.io.raster.validity import Stored, Valid

WINDOW_PX = 1024
_SMALLEST_PX = 512
_RESIZED = (np.uint8, np.uint16, np.float32)

Pixels = NDArray[np.float32]
Flags = NDArray[np.bool_]
Note = TypeVar("Note")

COG_OPTIONS = {
    "driver": "COG",
    "predictor": "standard",
    "blocksize": TILE_PX,
    "num_threads": "all_cpus",
    "bigtiff": "if_safer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBand:
    """A band to write, and what its stored numbers mean."""

    description: str
    dtype: str = "uint8"
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    units: str | None = None


def output_bands(
    names: Iterable[str], radiometry: Radiometry, nodata: float | None
) -> tuple[OutputBand, ...]:
    """Return bands of these names that store numbers as a scene does."""
    return tuple(
        OutputBand(
            description=name,
            dtype=radiometry.dtype,
            nodata=nodata,
            scale=radiometry.scale,
            offset=radiometry.offset,
            units=None if radiometry.units is Units.DN else radiometry.units.value,
        )
        for name in names
    )


def create_geotiff(
    path: Path,
    grid: Grid,
    layers: tuple[OutputBand, ...],
    tags: Mapping[str, str] | None,
    **options: Any,
) -> Any:
    """Create a tiled GeoTIFF for layers of one dtype and nodata; return rasterio's open file.

    Options are those of GDAL's driver.
    """
    with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
        file = rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=grid.shape[0],
            width=grid.shape[1],
            count=len(layers),
            dtype=layers[0].dtype,
            nodata=layers[0].nodata,
            crs=grid.crs,
            transform=grid.transform,
            tiled=True,
            blockxsize=TILE_PX,
            blockysize=TILE_PX,
            interleave="pixel",
            sparse_ok=True,  # windows without data are not written
            **options,
        )
    file.descriptions = tuple(layer.description for layer in layers)
    file.scales = tuple(layer.scale for layer in layers)
    file.offsets = tuple(layer.offset for layer in layers)
    file.units = tuple(layer.units or "" for layer in layers)
    if tags:
        file.update_tags(**tags)
    return file


class RasterOutput:
    """A tiled GeoTIFF written window by window, then turned into a Cloud-Optimized GeoTIFF."""

    def __init__(
        self,
        path: Path,
        grid: Grid,
        layers: tuple[OutputBand, ...],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Create the file; every layer has the first one's dtype and nodata."""
        self._path = path
        self._file = create_geotiff(path, grid, layers, tags, bigtiff="if_safer")

    def write(self, values: Stored, window: Window) -> None:
        """Write (bands, height, width) or (height, width) at a window inside the grid."""
        stacked = values if values.ndim == 3 else values[np.newaxis]
        self._file.write(stacked, window=rasterio_window(window))

    def finish(self, cog: Path, *, overviews: Literal["average", "mode"]) -> None:
        """Close the file, write it as a COG with overviews, and remove it.

        Raises:
            LandslipError: it cannot be written.
        """
        self._file.close()
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            raster_writing(cog),
        ):
            copy_raster(
                self._path,
                cog,
                compress="deflate",
                overview_resampling=overviews,
                **COG_OPTIONS,
            )
        self._path.unlink()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()


class PlainOutput(Closeable):
    """An uncompressed GeoTIFF in strips without georeferencing, written window by window."""

    def __init__(self, path: Path, shape: tuple[int, int], count: int = 1) -> None:
        """Create the file of 16-bit numbers."""
        with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
            self._file = rasterio.open(
                path,
                "w",
                driver="GTiff",
                height=shape[0],
                width=shape[1],
                count=count,
                dtype="uint16",
                interleave="pixel",
            )

    def write(self, values: NDArray[np.uint16], window: Window) -> None:
        """Write (bands, height, width) at a window."""
        self._file.write(values, window=rasterio_window(window))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sum_of_bytes(path: Path) -> int:
    """Return the sum of all bytes of a raster's pixels, read again from the file.

    GDAL does not report what it could not write when a file is closed; a missing block reads as
    nodata, and changes the sum.

    Raises:
        LandslipError: it cannot be read.
    """
    with raster_writing(path), rasterio.open(path) as file:
        rows = file.block_shapes[0][0]
        return sum(
            int(file.read(window=((row, row + rows), (0, file.width))).view(np.uint8).sum())
            for row in range(0, file.height, rows)
        )


@contextmanager
def raster_writing(path: Path) -> Iterator[None]:
    """Turn errors of writing into one that names the raster."""
    try:
        yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise LandslipError(
            f"{path}: the raster cannot be written ({cause(error)}); check that there is room on "
            "the disk and run the same command again"
        ) from error


def write_scene(path: Path, values: Stored, grid: Grid, layers: tuple[OutputBand, ...]) -> None:
    """Write a whole scene (bands, height, width) as a Cloud-Optimized GeoTIFF."""
    output = RasterOutput(path.with_name(f".{path.name}.tif"), grid, layers)
    output.write(values, grid.window)
    output.finish(path, overviews="average")


def to_dtype(values: NDArray[Any], valid: Valid, dtype: str, nodata: float | None) -> Stored:
    """Return values (bands, height, width) in a data type, nodata where they are not valid.

    For integer types values are rounded and clipped to the type's range. A valid number that would
    be nodata becomes the one beside it, so that none is lost. Without a nodata value, what is not
    valid becomes 0.
    """
    kind, fill = np.dtype(dtype), 0.0 if nodata is None else nodata
    if kind.kind == "f":
        stored = np.where(valid, values, fill).astype(kind)
        if nodata is not None and not np.isnan(nodata):
            number = kind.type(nodata)
            beside = np.nextafter(number, kind.type(0 if number else 1))
            stored[(stored == number) & valid] = beside
        return np.asarray(stored)
    limits = np.iinfo(kind)
    # float32 does not hold the largest 32-bit integer
    rounded = np.rint(values, dtype=np.float64 if kind.itemsize > 2 else None)
    least, most = rounded.min(), rounded.max()
    if not (least >= limits.min and most <= limits.max):  # also where one is NaN
        np.clip(rounded, limits.min, limits.max, out=rounded)
        least, most = limits.min, limits.max
    if not valid.all():
        rounded[:, ~valid] = fill
    stored = np.asarray(rounded.astype(kind))
    if nodata is not None and not (least > nodata or most < nodata):
        beside = nodata + 1 if nodata < limits.max else nodata - 1
        stored[(stored == nodata) & valid] = beside
    return stored
