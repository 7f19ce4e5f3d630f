"""The one module that opens rasters."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.shutil import copy as copy_raster
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterioWindow

from landslip.bands import Bands, Radiometry
from landslip.choices import Units
from landslip.closing import Closing
from landslip.errors import InputError
from landslip.grid import Grid
from landslip.window import Window

Stored = NDArray[Any]
Valid = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneOptions:
    """What the user states about a scene, over what the file says; None leaves it to the file."""

    bands: Bands | None = None
    units: Units | None = None
    nodata: float | None = None


class Scene(Closing):
    """An open multi-band raster with named bands; a context manager.

    Pixels come as stored numbers; `radiometry` says what they mean.
    """

    def __init__(self, path: Path, options: SceneOptions | None = None) -> None:
        """Open a raster.

        Raises:
            InputError: it is no raster, its bands have no names, or the options contradict it.
        """
        options = options or SceneOptions()
        self.path = path
        self._file = _open(path)
        try:
            self._indexes = _band_indexes(self._file, options.bands)
            self.bands = _named_bands(self._file, self._indexes, options.bands)
            self.radiometry = _radiometry(self._file, self._indexes, options.units)
            self._stated_nodata = options.nodata
            self.grid = _grid(self._file)
        except InputError:
            self._file.close()
            raise

    @property
    def _alpha_is_a_band(self) -> bool:
        return any(self._file.colorinterp[at - 1] == ColorInterp.alpha for at in self._indexes)

    @property
    def nodata(self) -> float | None:
        """The nodata value stated by the user, else by the file; None where neither states one."""
        if self._stated_nodata is not None:
            return self._stated_nodata
        value = self._file.nodatavals[self._indexes[0] - 1]
        return None if value is None else float(value)

    def read(self, window: Window, bands: Bands | None = None) -> tuple[Stored, Valid]:
        """Read the stored numbers (bands, height, width) and the valid mask (height, width).

        A pixel is valid where every band read holds data: no band is nodata, masked, transparent
        or not finite. What lies outside the scene is 0 and not valid.

        Raises:
            InputError: a band is missing, or the file cannot be read there.
        """
        indexes = self._indexes_of(bands)
        values = np.zeros((len(indexes), *window.shape), dtype=self.radiometry.dtype)
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.grid.shape)
        if inside is not None:
            rows, cols = inside.slices_in(window)
            values[:, rows, cols], valid[rows, cols] = self._read(indexes, inside)
        return values, valid

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _indexes_of(self, bands: Bands | None) -> list[int]:
        positions = self.bands.positions_of(bands or self.bands)
        return [self._indexes[position] for position in positions]

    def _read(self, indexes: list[int], window: Window) -> tuple[Stored, Valid]:
        with _reading(self.path, window):
            where = _rasterio_window(window)
            values = self._file.read(indexes, window=where)
            masks = self._file.read_masks(indexes, window=where)
        if self._alpha_is_a_band:
            flags = [self._file.mask_flag_enums[index - 1] for index in indexes]
            masks[[MaskFlags.alpha in flag for flag in flags]] = 255
        if self._stated_nodata is not None:
            flags = [self._file.mask_flag_enums[index - 1] for index in indexes]
            by_nodata = [MaskFlags.nodata in flag for flag in flags]
            masks[by_nodata] = 255
            masks[values == self._stated_nodata] = 0
        valid = np.all(masks != 0, axis=0)
        if np.issubdtype(values.dtype, np.floating):
            valid &= np.all(np.isfinite(values), axis=0)
        return values, valid


class Mask(Closing):
    """An open raster of one class code a pixel (a label or mask); a context manager."""

    def __init__(self, path: Path, grid: Grid | None = None) -> None:
        """Open a mask, seen on ``grid`` by nearest neighbour if one is given.

        A mask or grid without a coordinate system matches by size, pixel on pixel. Where a mask
        calls 0 nodata, 0 is background all the same: a mask without background says nothing.

        Raises:
            InputError: it is no raster, or cannot be brought onto the grid.
        """
        self.path = path
        self._file = _open(path)
        self.is_lossy = self._file.driver == "JPEG"
        self._zero_is_nodata = self._file.nodata == 0
        self._view: DatasetReader | WarpedVRT = self._file
        if grid is not None and not _lies_on(self._file, grid):
            self._view = self._warped(grid)
        self.shape: tuple[int, int] = self._view.shape

    def read(self, window: Window | None = None) -> tuple[Stored, Valid]:
        """Read the codes (height, width) and where they are known.

        Raises:
            InputError: the file has several bands that differ, or cannot be read.
        """
        window = window or Window(0, 0, self.shape[1], self.shape[0])
        codes = np.zeros(window.shape, dtype=self._view.dtypes[0])
        valid = np.zeros(window.shape, dtype=np.bool_)
        inside = window.clipped(self.shape)
        if inside is None:
            return codes, valid
        rows, cols = inside.slices_in(window)
        with _reading(self.path, inside):
            indexes = _colour_indexes(self._file)
            bands = self._view.read(indexes, window=_rasterio_window(inside))
            known = self._view.read_masks(indexes[0], window=_rasterio_window(inside))
        if np.any(bands != bands[:1]):
            raise InputError(
                f"{self.path}: a mask has one band or equal bands; this one has {len(bands)} "
                "bands that differ. Save it as a single-band image"
            )
        codes[rows, cols] = bands[0]
        valid[rows, cols] = (known != 0) | (self._zero_is_nodata & (bands[0] == 0))
        return codes, valid

    def close(self) -> None:
        """Close the file."""
        if self._view is not self._file:
            self._view.close()
        self._file.close()

    def _warped(self, grid: Grid) -> WarpedVRT:
        if self._file.crs is None or grid.crs is None:
            self._file.close()
            raise InputError(
                f"{self.path}: a label raster without a coordinate system must have the scene's "
                f"size; it has {self._file.shape}, the scene {grid.shape}"
            )
        if self._zero_is_nodata:
            self._file.close()
            raise InputError(
                f"{self.path}: 0 is background in a mask and this one calls it nodata, so that "
                "its edge cannot be told from background once it is brought onto the scene's grid; "
                "remove the nodata tag (gdal_edit.py -unsetnodata)"
            )
        height, width = grid.shape
        return WarpedVRT(
            self._file,
            crs=grid.crs,
            transform=grid.transform,
            width=width,
            height=height,
            resampling=Resampling.nearest,
            # marks what the mask does not cover, which would read as 0, background
            add_alpha=ColorInterp.alpha not in self._file.colorinterp,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A band to be written: its description, nodata value, and scale of stored numbers."""

    description: str
    dtype: str = "uint8"
    nodata: float | None = None
    scale: float = 1.0
    units: str | None = None


class RasterOutput:
    """A tiled GeoTIFF written window by window, then turned into a Cloud-Optimized GeoTIFF."""

    def __init__(self, path: Path, grid: Grid, layers: tuple[Layer, ...]) -> None:
        """Create the file; every layer has the first one's dtype and nodata."""
        self._path = path
        self._layers = layers
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
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
                compress="zstd",
                bigtiff="if_safer",
            )
        self._file.descriptions = tuple(layer.description for layer in layers)
        self._file.scales = tuple(layer.scale for layer in layers)
        self._file.units = tuple(layer.units or "" for layer in layers)

    def write(self, values: Stored, window: Window) -> None:
        """Write (bands, height, width) or (height, width) at a window inside the grid."""
        stacked = values if values.ndim == 3 else values[np.newaxis]
        self._file.write(stacked, window=_rasterio_window(window))

    def finish(self, cog: Path, *, overviews: Resampling) -> None:
        """Close the file, write it as a COG with overviews, and remove it."""
        self._file.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            copy_raster(
                self._path,
                cog,
                driver="COG",
                compress="deflate",
                predictor="standard",
                blocksize=512,
                overview_resampling=overviews.name,
                num_threads="all_cpus",
                bigtiff="if_safer",
            )
        self._path.unlink()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()


def write_scene(path: Path, values: Stored, grid: Grid, layers: tuple[Layer, ...]) -> None:
    """Write a whole scene (bands, height, width) as a Cloud-Optimized GeoTIFF."""
    output = RasterOutput(path.with_name(f".{path.name}.tif"), grid, layers)
    output.write(values, grid.window)
    output.finish(path, overviews=Resampling.average)


@contextmanager
def bounded_cache(megabytes: int = 128) -> Iterator[None]:
    """Keep GDAL's block cache to a size; by itself it takes 5 % of the machine's memory."""
    with rasterio.Env(GDAL_CACHEMAX=megabytes * 2**20):
        yield


def _open(path: Path) -> DatasetReader:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            file = rasterio.open(path)
    except RasterioError as error:
        raise InputError(f"{path}: not a raster that can be read ({_cause(error)})") from error
    if file.count == 0 or any(dtype.startswith("complex") for dtype in file.dtypes):
        file.close()
        raise InputError(f"{path}: a raster of real numbers is needed; it has {file.dtypes}")
    return file


@contextmanager
def _reading(path: Path, window: Window) -> Iterator[None]:
    try:
        yield
    except RasterioError as error:
        raise InputError(
            f"{path}: the raster cannot be read at {window} ({_cause(error)}); "
            "the file may be damaged or truncated"
        ) from error


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def _band_indexes(file: DatasetReader, stated: Bands | None) -> list[int]:
    """Return the bands that hold data: all that are named, else all but alpha.

    A fourth band of 8 bits is called alpha by default when a GeoTIFF is written, also where it is
    near infrared.
    """
    if len(stated or file.descriptions) == file.count and (stated or all(file.descriptions)):
        return list(file.indexes)
    return _colour_indexes(file)


def _colour_indexes(file: DatasetReader) -> list[int]:
    interpretations = zip(file.indexes, file.colorinterp, strict=True)
    return [index for index, kind in interpretations if kind != ColorInterp.alpha]


def _named_bands(file: DatasetReader, indexes: list[int], stated: Bands | None) -> Bands:
    found = [file.descriptions[index - 1] for index in indexes]
    bands = stated or Bands.from_descriptions(found)
    if bands is None:
        raise InputError(
            f"{file.name}: every band needs a name, and the file's {len(indexes)} band "
            f"descriptions are {found}; name them in order with --bands, e.g. "
            "--bands blue,green,red,nir"
        )
    if len(bands) != len(indexes):
        raise InputError(
            f"{file.name}: --bands names {len(bands)} bands ({bands}) and the file has "
            f"{len(indexes)}; name each band of the file in its order"
        )
    return bands


def _radiometry(file: DatasetReader, indexes: list[int], stated: Units | None) -> Radiometry:
    dtypes = {file.dtypes[index - 1] for index in indexes}
    scalings = {(file.scales[index - 1], file.offsets[index - 1]) for index in indexes}
    if len(dtypes) > 1 or len(scalings) > 1:
        raise InputError(
            f"{file.name}: all bands need one data type, scale and offset; "
            f"got {sorted(dtypes)}, {sorted(scalings)}"
        )
    scale, offset = scalings.pop()
    tags = {(file.units[index - 1] or "").strip().lower() for index in indexes}
    tagged = Units.REFLECTANCE if tags == {"reflectance"} else None
    scaled = Units.REFLECTANCE if (scale, offset) != (1.0, 0.0) else Units.DN
    units = stated or tagged or scaled
    if units is Units.DN:
        return Radiometry(units=units, dtype=dtypes.pop())
    return Radiometry(units=units, dtype=dtypes.pop(), scale=scale, offset=offset)


def _grid(file: DatasetReader) -> Grid:
    return Grid(crs=file.crs, transform=file.transform, shape=file.shape)


def _lies_on(file: DatasetReader, grid: Grid) -> bool:
    """Whether pixel lies on pixel; where a coordinate system is missing, by size alone."""
    if file.crs is None or grid.crs is None:
        return bool(file.shape == grid.shape)
    return grid == _grid(file)


def _rasterio_window(window: Window) -> RasterioWindow:
    return RasterioWindow(window.col_off, window.row_off, window.width, window.height)
