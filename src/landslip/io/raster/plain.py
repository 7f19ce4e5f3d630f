"""Rasters as they come: bands without names, mapped or in the geometry of their sensor."""

import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.rpc
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster.opening import grid_of, open_raster, rasterio_window, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterShape:
    """How large a raster is, and of what type."""

    count: int
    shape: tuple[int, int]
    dtype: str


def raster_shape(path: Path) -> RasterShape:
    """Return the size and type of a raster.

    Raises:
        InputError: it is no raster.
    """
    with open_raster(path) as file:
        return RasterShape(count=file.count, shape=file.shape, dtype=file.dtypes[0])


class SensorImage(Closeable):
    """An open image without names for its bands; a context manager. Several threads may read."""

    def __init__(self, path: Path, nodata: float | None = None) -> None:
        """Open an image.

        Args:
            path: any raster, mapped or not.
            nodata: number that marks missing data, over what the file says.

        Raises:
            InputError: it is no raster.
        """
        self.path = path
        self._one_at_a_time = threading.Lock()
        self._file = open_raster(path)
        self.count: int = self._file.count
        self.shape: tuple[int, int] = self._file.shape
        self.dtype: str = self._file.dtypes[0]
        self.grid: Grid = grid_of(self._file)
        self.nodata: float | None = self._file.nodata if nodata is None else nodata
        self.descriptions: tuple[str | None, ...] = self._file.descriptions

    @property
    def rpc(self) -> RPC | None:
        """The camera model in the file's tags or beside the file."""
        return None if self._file.rpcs is None else _from_rasterio(self._file.rpcs)

    def read(self, window: Window) -> NDArray[Any]:
        """Return stored numbers (bands, height, width) at a window inside the image."""
        with self._one_at_a_time, reading(self.path, window):
            values: NDArray[Any] = self._file.read(window=rasterio_window(window))
        return values

    def read_small(self, longest_px: int) -> NDArray[Any]:
        """Return all bands (bands, height, width) at no more than so many pixels a side."""
        times = max(1, -(-max(self.shape) // longest_px))
        size = tuple(max(length // times, 1) for length in self.shape)
        with reading(self.path, Window(0, 0, self.shape[1], self.shape[0])):
            values: NDArray[Any] = self._file.read(out_shape=(self.count, *size))
        return values

    def holds(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where numbers (bands, height, width) are data (height, width).

        They are not where every band is nodata, or any is not finite.
        """
        data = np.ones(stored.shape[1:], dtype=np.bool_)
        if self.nodata is not None:
            data = np.any(stored != self.nodata, axis=0)
        if np.issubdtype(stored.dtype, np.floating):
            data &= np.all(np.isfinite(stored), axis=0)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PlainOutput(Closeable):
    """An uncompressed GeoTIFF in strips without georeferencing, written window by window."""

    def __init__(self, path: Path, shape: tuple[int, int], count: int = 1) -> None:
        """Create the file of 16-bit numbers."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
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


def _from_rasterio(rpcs: rasterio.rpc.RPC) -> RPC:
    values = rpcs.to_dict()
    scalars = {
        f"{ours}_{part}": float(values[f"{theirs}_{part}"])
        for ours, theirs in _NAMES.items()
        for part in ("off", "scale")
    }
    coefficients = {
        f"{image}_{part}": tuple(float(number) for number in values[f"{image}_{part}_coeff"])
        for image in ("line", "samp")
        for part in ("num", "den")
    }
    return RPC(**scalars, **coefficients)  # type: ignore[arg-type]


_NAMES = {"line": "line", "samp": "samp", "lat": "lat", "lon": "long", "height": "height"}
