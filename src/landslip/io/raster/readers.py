"""Readers of rasters without named bands: sensor images, masks, and elevation rasters."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.fill import fillnodata
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT

from landslip.core.crs import check_on_earth, height_unit_m, vertical_crs, whole_turn
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid, PixelTransform, window_around
from landslip.core.rpc import RPC
from landslip.core.transformations import datum_note, transformation
from landslip.core.window import Window
from landslip.io.raster.opening import grid_of, open_raster, rasterio_window, reading
from landslip.io.raster.validity import PixelValidity, Stored, Valid

LOWEST_M, HIGHEST_M = -500.0, 9000.0
_UNFILLED_M = -1e6
_RPC_NAMES = {"line": "line", "samp": "samp", "lat": "lat", "lon": "long", "height": "height"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterShape:
    """Size and data type of a raster; ``count`` is of its bands of data, without alpha."""

    count: int
    shape: tuple[int, int]
    dtype: str


def raster_shape(path: Path) -> RasterShape:
    """Return the size and type of a raster.

    Raises:
        InputError: it is no raster.
    """
    with open_raster(path) as file:
        bands = PixelValidity.of(file).data_bands
        return RasterShape(count=len(bands), shape=file.shape, dtype=file.dtypes[bands[0] - 1])


class SensorImage(Closeable):
    """An open image, mapped or in sensor geometry; a context manager. Several threads may read."""

    def __init__(self, path: Path, nodata: float | None = None) -> None:
        """Open an image.

        Args:
            path: any raster, mapped or not.
            nodata: number that marks missing data; takes precedence over the file's.

        Raises:
            InputError: it is no raster, or its bands differ in data type.
        """
        self.path = path
        self._one_at_a_time = threading.Lock()
        self._file = open_raster(path)
        self.validity = validity = PixelValidity.of(self._file, nodata=nodata)
        at = [index - 1 for index in validity.data_bands]
        self.count: int = len(at)
        self.shape: tuple[int, int] = self._file.shape
        self.dtype: str = self._file.dtypes[at[0]]
        self.grid: Grid = grid_of(self._file)
        self.nodata: float | None = validity.common_nodata
        self.descriptions: tuple[str | None, ...] = tuple(self._file.descriptions[n] for n in at)
        self.scales: tuple[float, ...] = tuple(self._file.scales[n] for n in at)
        self.offsets: tuple[float, ...] = tuple(self._file.offsets[n] for n in at)
        self.units: tuple[str | None, ...] = tuple(self._file.units[n] for n in at)
        dtypes = sorted({self._file.dtypes[n] for n in at})
        if len(dtypes) > 1:
            self._file.close()
            raise InputError(
                f"{path}: all bands need one data type; got {', '.join(dtypes)}. Bring them to one "
                "with gdal_translate -ot"
            )

    @property
    def rpc(self) -> RPC | None:
        """The camera model in the file's tags or beside the file."""
        if self._file.rpcs is None:
            return None
        values = self._file.rpcs.to_dict()
        scalars = {
            f"{ours}_{part}": float(values[f"{theirs}_{part}"])
            for ours, theirs in _RPC_NAMES.items()
            for part in ("off", "scale")
        }
        coefficients = {
            name: tuple(float(number) for number in values[f"{name}_coeff"])
            for name in ("line_num", "line_den", "samp_num", "samp_den")
        }
        return RPC(**scalars, **coefficients)  # type: ignore[arg-type]

    def read(self, window: Window) -> tuple[Stored, Valid]:
        """Return stored numbers (bands, height, width) and where they are valid (height, width).

        The window is inside the image; what is valid: `landslip.io.raster.validity`.
        """
        with self._one_at_a_time, reading(self.path, window):
            return self.validity.read(self._file, window)

    def read_small(self, longest_px: int) -> tuple[Stored, Valid]:
        """Do the same for all of the image, at most ``longest_px`` a side."""
        times = max(1, -(-max(self.shape) // longest_px))
        height, width = (max(length // times, 1) for length in self.shape)
        with self._one_at_a_time, reading(self.path, Window(0, 0, self.shape[1], self.shape[0])):
            return self.validity.read(self._file, shape=(height, width))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Mask(Closeable):
    """An open raster of one class code a pixel (a label or mask); a context manager."""

    def __init__(self, path: Path, grid: Grid | None = None) -> None:
        """Open a mask, resampled to ``grid`` by nearest neighbour if one is given.

        A mask or grid without a coordinate system matches by size, pixel on pixel. A palette of
        black and white alone is read as 0 and 255, whatever its order.

        Raises:
            InputError: it is no raster, or cannot be resampled to the grid.
        """
        self.path = path
        self._file = open_raster(path)
        self._validity = PixelValidity.of(self._file)
        self.is_lossy = self._file.driver == "JPEG"
        self.zero_is_nodata = self._file.nodata == 0
        self._grey = _black_and_white(self._file, self._validity.data_bands[0])
        self._view: DatasetReader | WarpedVRT = self._file
        self._to_file: PixelTransform | None = None  # from the grid, where it is another
        self._from_grid: PixelTransform | None = None
        self.notes: tuple[str, ...] = ()
        if grid is not None:
            unplaced = self._file.crs is None or grid.crs is None
            if not (self._file.shape == grid.shape if unplaced else grid == grid_of(self._file)):
                self._view = self._warped(grid)
        self.shape: tuple[int, int] = self._view.shape if grid is None else grid.shape

    def read(self, window: Window | None = None) -> tuple[Stored, Valid]:
        """Return the codes (height, width) and where they are valid.

        They are not where the file says so, where they are not finite, and where an alpha band is
        under half opaque, as on smoothed edges.

        Raises:
            InputError: the file has several bands that differ, or cannot be read.
        """
        window = window or Window(0, 0, self.shape[1], self.shape[0])
        codes = np.zeros(window.shape, dtype=self._view.dtypes[0])
        valid = np.zeros(window.shape, dtype=np.bool_)
        if self._from_grid is not None:
            row, col = np.indices(window.shape)
            centres = np.stack([col + window.col_off + 0.5, row + window.row_off + 0.5], axis=-1)
            places = self._from_grid(centres.reshape(-1, 2))
            places = np.floor(np.where(np.isfinite(places), places, -1)).astype(np.int64)
            inside = np.all((places >= 0) & (places < self._file.shape[::-1]), axis=1)
            if inside.any():
                source = window_around(places[inside].astype(np.float64) + 0.5, 0)
                found, known = self._stored(source)
                at = (places[inside] - (source.col_off, source.row_off)).T[::-1]
                codes.reshape(-1)[inside] = found[tuple(at)]
                valid.reshape(-1)[inside] = known[tuple(at)]
            return codes, valid
        held = window.clipped(self.shape)
        if held is not None:
            rows, cols = held.slices_in(window)
            codes[rows, cols], valid[rows, cols] = self._stored(held)
        return codes, valid

    def _stored(self, inside: Window) -> tuple[Stored, Valid]:
        """Return the codes and where they are valid at a window inside."""
        with reading(self.path, inside):
            indexes = self._validity.data_bands
            bands = self._view.read(indexes, window=rasterio_window(inside))
            known = self._view.read_masks(indexes[0], window=rasterio_window(inside)) != 0
            for index in self._validity.alpha_bands:
                opacity = self._view.read(index, window=rasterio_window(inside))
                known &= opacity > _full_opacity(opacity.dtype) / 2
        known &= np.isfinite(bands[0])
        if np.any((bands != bands[:1]) & known):
            raise InputError(
                f"{self.path}: a mask has one band or equal bands; this one has {len(bands)} "
                "bands that differ. Save it as a single-band image"
            )
        return bands[0] if self._grey is None else self._grey[bands[0]], known

    def covers(self, window: Window | None = None) -> Valid:
        """Return which pixels (height, width) of a window have their centre in the mask's file."""
        window = window or Window(0, 0, self.shape[1], self.shape[0])
        rows, cols = np.mgrid[: window.height, : window.width] + 0.5
        points = np.column_stack([(cols + window.col_off).ravel(), (rows + window.row_off).ravel()])
        if self._to_file is not None:
            points = self._to_file(points)
        height, width = self._file.shape
        inside = (points >= 0).all(axis=1) & (points[:, 0] < width) & (points[:, 1] < height)
        return np.asarray(inside.reshape(window.shape))

    def close(self) -> None:
        """Close the file."""
        if self._view is not self._file:
            self._view.close()
        self._file.close()

    def _warped(self, grid: Grid) -> DatasetReader | WarpedVRT:
        if self._file.crs is None or grid.crs is None:
            self._file.close()
            raise InputError(
                f"{self.path}: a label raster without a coordinate system must have the scene's "
                f"size; it has {self._file.shape}, the scene {grid.shape}"
            )
        own = grid_of(self._file)
        try:
            way = transformation(self._file.crs, grid.crs)
            place = np.array([shapely.Point(own.middle)], dtype=object)
            note = datum_note(self.path.name, self._file.crs, grid.crs, place)
        except InputError as error:
            self._file.close()
            raise InputError(f"{self.path}: {error}") from error
        self.notes = () if note is None else (note.text(),)
        self._to_file = PixelTransform(grid, own)
        # GDAL knows no such way, or loses what is beyond 180 degrees
        if way.shift is not None or len(way.steps) > 1 or _is_beyond(own) or _is_beyond(grid):
            self._from_grid = self._to_file
            return self._file
        height, width = grid.shape
        return WarpedVRT(
            self._file,
            crs=grid.crs,
            transform=grid.transform,
            width=width,
            height=height,
            resampling=Resampling.nearest,
            # marks what the mask does not cover, which would read as 0, the background
            add_alpha=not self._validity.alpha_bands,
        )


def _black_and_white(file: DatasetReader, band: int) -> NDArray[np.uint8] | None:
    """Return 0 or 255 by index for a palette of these colours alone, else None."""
    if file.colorinterp[band - 1] != ColorInterp.palette or file.dtypes[band - 1] != "uint8":
        return None
    colours = np.zeros((256, 3), dtype=np.uint8)
    for index, colour in file.colormap(band).items():
        colours[index] = colour[:3]
    if not np.isin(colours, (0, 255)).all() or np.any(colours != colours[:, :1]):
        return None
    return colours[:, 0] if colours.any() else None


def _full_opacity(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0


def _is_beyond(grid: Grid) -> bool:
    """Whether a grid reaches over 180 degrees east or west."""
    turn = whole_turn(grid.crs)
    reach = float(np.abs(grid.corners(grid.window)[:, 0]).max())
    return turn is not None and reach > turn / 2 * (1 + 1e-12)


class ElevationRaster(Closeable):
    """An open raster of heights (elevation model or geoid); a context manager.

    They are read as metres, whichever unit the band or the vertical coordinate system states.
    """

    def __init__(self, path: Path) -> None:
        """Open a raster of heights.

        Raises:
            InputError: it is no raster, has several bands, no coordinate system, or a unit that is
                no length, or two that differ.
        """
        self.path = path
        self._file = open_raster(path)
        self.grid: Grid = grid_of(self._file)
        self._validity = PixelValidity.of(self._file)
        bands = self._validity.data_bands
        self._at = bands[0] - 1
        problem = None
        if len(bands) != 1:
            problem = f"a raster of heights has one band; this one has {len(bands)}"
        elif self.grid.crs is None:
            problem = "a raster of heights needs a coordinate system and this one has none"
        if problem is not None:
            self._file.close()
            raise InputError(f"{path}: {problem}; assign or choose it with GDAL's gdal_translate")
        try:
            check_on_earth(self.grid.crs, path)
        except InputError:
            self._file.close()
            raise
        try:
            self._unit_m = height_unit_m(self.grid.crs, self._file.units[self._at])
        except InputError as error:
            self._file.close()
            raise InputError(f"{path}: {error}") from error

    @property
    def vertical(self) -> pyproj.CRS | None:
        """The heights' own coordinate system; None where it is not stated."""
        return vertical_crs(self.grid.crs)

    @property
    def is_flat(self) -> bool:
        """Whether the coordinate system is of two dimensions and says nothing of heights."""
        crs = self.grid.crs
        return crs is None or len(pyproj.CRS.from_user_input(crs.to_wkt()).axis_info) < 3

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return heights in metres (height, width) at a window inside; NaN where invalid.

        Invalid is declared nodata, not finite, or no height on Earth (below -500 m or above
        9000 m), such as an undeclared -32768.
        """
        with reading(self.path, window):
            (stored,), known = self._validity.read(self._file, window)
        heights: NDArray[np.float32] = stored.astype(np.float32)
        scale, offset = self._file.scales[self._at], self._file.offsets[self._at]
        if (scale, offset) != (1.0, 0.0):
            heights = heights * np.float32(scale) + np.float32(offset)
        if self._unit_m != 1.0:
            heights = heights * np.float32(self._unit_m)
        with np.errstate(invalid="ignore"):
            known &= (heights >= LOWEST_M) & (heights <= HIGHEST_M)
        heights[~known] = np.nan
        return heights

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def fill_gaps(heights: NDArray[np.float32], reach_px: int) -> NDArray[np.float32]:
    """Return heights (height, width) with NaN replaced by inverse-distance means around.

    Gaps farther than ``reach_px`` from any height stay NaN.
    """
    known = np.isfinite(heights)
    # gaps too far from any height keep this value
    blank = np.where(known, heights, np.float32(_UNFILLED_M))
    filled: NDArray[np.float32] = fillnodata(
        blank, mask=known.astype(np.uint8), max_search_distance=reach_px, smoothing_iterations=0
    )
    filled[filled == np.float32(_UNFILLED_M)] = np.nan
    return filled
