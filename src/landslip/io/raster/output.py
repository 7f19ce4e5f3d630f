"""Writing rasters: GeoTIFFs window by window, and Cloud-Optimized GeoTIFFs with overviews.

Overviews of scenes are made here, as windows are written: GDAL's take several times as long, for
several bands with nodata, as all else that is done to a Cloud-Optimized GeoTIFF.
"""

import math
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from xml.etree import ElementTree

import cv2
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
from landslip.core.progress import Progress
from landslip.core.resources import parallel_map
from landslip.core.window import Window, tile_windows
from landslip.io.raster.opening import cause, rasterio_window
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
    "blocksize": 512,
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
        self._layers = layers
        with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
            self._file = rasterio.open(
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
                blockxsize=512,
                blockysize=512,
                sparse_ok=True,  # windows without data are not written
                bigtiff="if_safer",
            )
        self._file.descriptions = tuple(layer.description for layer in layers)
        self._file.scales = tuple(layer.scale for layer in layers)
        self._file.offsets = tuple(layer.offset for layer in layers)
        self._file.units = tuple(layer.units or "" for layer in layers)
        if tags:
            self._file.update_tags(**tags)

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
    except (RasterioError, CPLE_BaseError) as error:
        raise LandslipError(
            f"{path}: the raster cannot be written ({cause(error)}); check that there is room on "
            "the disk and run the same command again"
        ) from error


def write_scene(path: Path, values: Stored, grid: Grid, layers: tuple[OutputBand, ...]) -> None:
    """Write a whole scene (bands, height, width) as a Cloud-Optimized GeoTIFF."""
    output = RasterOutput(path.with_name(f".{path.name}.tif"), grid, layers)
    output.write(values, grid.window)
    output.finish(path, overviews="average")


class PyramidOutput:
    """A raster of integers or floats with nodata, and its overviews by averaging.

    Windows are written once each; their offsets are multiples of a power of two, and so are their
    sizes except at the right and lower edge. There are overviews up to that power.
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        layers: tuple[OutputBand, ...],
        window_px: int,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Create files in a folder ``path`` that is removed at the end.

        All layers have a nodata value; ``window_px``, the side of windows, is a power of two.
        """
        self._folder = path
        path.mkdir()
        self._nodata = layers[0].nodata
        grids = [grid]
        while max(grids[-1].shape) > _SMALLEST_PX and 2 ** len(grids) <= window_px:
            grids.append(grids[-1].coarser(2, covering=True))
        self._paths = [path / f"{level}.tif" for level in range(len(grids))]
        self._levels = [
            RasterOutput(file, one, layers, tags)
            for file, one in zip(self._paths, grids, strict=True)
        ]

    def levels_of(self, stored: Stored) -> list[Stored]:
        """Return numbers (bands, height, width) and their averages for each overview.

        Several threads may do this at once.
        """
        levels = [stored]
        while len(levels) < len(self._levels):
            levels.append(halve(levels[-1], self._nodata))
        return levels

    def write(self, levels: list[Stored], window: Window) -> None:
        """Write a window and its overviews from `levels_of`."""
        for file, stored in zip(self._levels, levels, strict=True):
            height, width = stored.shape[1:]
            file.write(stored, Window(window.col_off, window.row_off, width, height))
            window = Window(window.col_off // 2, window.row_off // 2, width, height)

    def finish(
        self, cog: Path, *, compress: Literal["zstd", "deflate"] = "zstd", level: int = 1
    ) -> None:
        """Write all as a Cloud-Optimized GeoTIFF.

        By default zstd at its lowest level: several times as fast as deflate for files as large.
        """
        self.close()
        both = self._folder / "all.vrt"
        copy_raster(self._paths[0], both, driver="VRT")
        tree = ElementTree.parse(both)  # noqa: S314 - written by GDAL just now
        for band in tree.getroot().iter("VRTRasterBand"):
            for path in self._paths[1:]:
                overview = ElementTree.SubElement(band, "Overview")
                source = ElementTree.SubElement(overview, "SourceFilename", relativeToVRT="1")
                source.text = path.name
                ElementTree.SubElement(overview, "SourceBand").text = band.get("band")
        tree.write(both)
        with raster_writing(cog):
            copy_raster(both, cog, compress=compress, level=level, **COG_OPTIONS)
        shutil.rmtree(self._folder)

    def close(self) -> None:
        """Close the files as they are."""
        for level in self._levels:
            level.close()


def halve(stored: Stored, nodata: float | None) -> Stored:
    """Return means of blocks of 2 x 2 numbers (bands, height, width) that are not nodata.

    Odd sizes are rounded up. Where all four are nodata, so is the mean; a mean that would be
    nodata is moved to the number beside it.
    """
    dtype, (_, height, width) = stored.dtype, stored.shape
    size = -(-width // 2), -(-height // 2)
    means = np.empty((len(stored), size[1], size[0]), dtype=dtype)
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    # no mean of other numbers is nodata where that is the lowest or highest there is
    is_safe = nodata is None or np.isnan(nodata) or nodata in (limits.min, limits.max)
    is_plain = is_safe and not (height % 2 or width % 2) and dtype in _RESIZED
    for band, mean in zip(stored, means, strict=True):
        valid = np.ones(band.shape, dtype=np.bool_)
        if nodata is not None:
            valid = ~np.isnan(band) if np.isnan(nodata) else band != nodata
        if is_plain and valid.all():
            mean[:] = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        else:
            mean[:] = _means_of_valid(band, valid, nodata, size)
    return means


def _means_of_valid(
    band: Stored, valid: Flags, nodata: float | None, size: tuple[int, int]
) -> Pixels:
    fraction = _block_means(valid.astype(np.float32), size)
    sums = _block_means(np.where(valid, band, 0).astype(np.float32), size)
    values = np.asarray(sums / np.maximum(fraction, np.float32(0.25)), dtype=np.float32)
    if np.issubdtype(band.dtype, np.integer):
        np.rint(values, out=values)
        if nodata is not None:
            values[values == nodata] += 1 if nodata < np.iinfo(band.dtype).max else -1
    if nodata is not None:
        values[fraction == 0] = nodata
    return values


def _block_means(values: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a quarter of the sums of blocks of 2 x 2, zeros beyond the edge."""
    height, width = values.shape
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class WindowOutput(Generic[Note]):
    """A window's stored numbers (bands, height, width), None where all is nodata, and a note."""

    stored: Stored | None
    note: Note


def write_map(
    path: Path,
    grid: Grid,
    layers: tuple[OutputBand, ...],
    make: Callable[[Window], WindowOutput[Note]],
    progress: Progress,
    tags: Mapping[str, str] | None = None,
) -> list[Note]:
    """Write a Cloud-Optimized GeoTIFF and return the notes of its windows.

    A temporary folder is made beside it; several threads call ``make``; progress is in pixels.
    """
    output = PyramidOutput(path.with_name(f".{path.name}"), grid, layers, WINDOW_PX, tags)
    total, done = math.prod(grid.shape), 0
    notes = []

    def work(window: Window) -> tuple[list[Stored] | None, Note]:
        made = make(window)
        return None if made.stored is None else output.levels_of(made.stored), made.note

    try:
        for window, (levels, note) in parallel_map(work, map_windows(grid.shape)):
            if levels is not None:
                output.write(levels, window)
            notes.append(note)
            done += window.width * window.height
            progress(done, total)
        output.finish(path)
    finally:
        output.close()
    return notes


def map_windows(shape: tuple[int, int]) -> list[Window]:
    """Return windows that cover a map, cut off at its edge."""
    clipped = (window.clipped(shape) for window in tile_windows(shape, WINDOW_PX))
    return [window for window in clipped if window is not None]


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
